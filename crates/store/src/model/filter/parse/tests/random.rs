//! What must hold of any text, tried with texts that chance makes.

use super::*;

/// A generator of numbers that are the same in every run (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

const TOKENS: [&str; 64] = [
    "session_id",
    "filename",
    "title",
    "kind",
    "stage",
    "create_time",
    "size_bytes",
    "version",
    "labels",
    "metadata",
    "metadata.",
    "metadata.k",
    "metadata.'k k'",
    "sesion",
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    ":",
    "==",
    "(",
    ")",
    "(",
    ")",
    "-",
    "AND",
    "OR",
    "NOT",
    "and",
    "or",
    "*",
    "a*",
    "code",
    "draft",
    "7",
    "99999999999999999999",
    "2026-01-31T09:30:00Z",
    "\"",
    "'",
    "\\",
    "'a b'",
    "\"\\*\"",
    "é",
    "日本",
    "👩‍💻",
    "“",
    ",",
    "&",
    "\0",
    "\u{a0}",
    "\n",
    ".",
    "kind=code",
    "version>1",
    "labels:x",
    "metadata:k",
    "metadata.k:*",
    "title:'a*'",
    "filename~'a*'",
    "\\u00e9",
    "title = 'é\\'\\\\\\*'",
    "kind=plan",
];

fn random(dice: &mut Dice, tokens: &[&str]) -> String {
    let length = dice.below(24);
    let mut text = String::new();
    for _ in 0..length {
        text += tokens[dice.below(tokens.len())];
        text += [" ", " ", ""][dice.below(3)];
    }
    text
}

#[test]
fn no_text_makes_it_panic_and_every_fault_is_within_the_text() {
    let mut dice = Dice(160);
    for _ in 0..20_000 {
        let text = random(&mut dice, &TOKENS);
        if let Err(fault) = parse(&text) {
            let within = 1..=text.chars().count() + 1;
            assert!(within.contains(&fault.position), "{text:?}: {fault}");
            assert!(fault.message.len() < 400, "{text:?}: {fault}");
            assert!(
                !fault.message.contains(char::is_control),
                "{text:?}: {fault}"
            );
        }
    }
}

#[test]
fn a_filter_written_out_is_read_as_the_same() {
    let valid = [
        "(",
        ")",
        "(",
        ")",
        "AND",
        "OR",
        "NOT",
        "-",
        "kind=code ",
        "version>1 ",
        "labels:x ",
        "metadata:k ",
        "metadata.k:* ",
        "title:'a*' ",
        "title!='a*' ",
        "title = 'é\\'\\\\\\*\\u202e\\n' ",
        "filename ~ 'a/**/[!b]*.{c,\\\\*}' ",
        "session_id:* ",
        "user_id = \"\" ",
        "persistent = true ",
        "legal_hold != true ",
        "stage=final ",
        "metadata.'k k'=\"\\\"*\" ",
        "metadata.'a:b':\"\\\"*\" ",
        "create_time<=2026-01-31T09:30:00.5+01:00 ",
        "size_bytes!=5 ",
    ];
    let mut dice = Dice(160);
    let filters = (0..20_000).filter_map(|_| parse(&random(&mut dice, &valid)).ok());
    let mut read = 0;
    for filter in filters {
        let text = filter.written();
        assert_eq!(parse_written(&text), Ok(filter), "{text}");
        read += 1;
    }
    assert!(read > 1000, "only {read} were filters");
}
