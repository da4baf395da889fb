mod random;

use super::*;
use crate::model::filter::{Comparison, Condition, Glob, TextField, TextMatch};

fn is(condition: Condition) -> Filter {
    Filter::Is(condition)
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

fn exactly(text: &str) -> TextMatch {
    TextMatch::Exactly(text.to_owned())
}

fn prefix(text: &str) -> TextMatch {
    TextMatch::Prefix(text.to_owned())
}

fn filename(matches: TextMatch) -> Filter {
    is(Condition::Text(TextField::Filename, matches))
}

/// `version = n`, the shortest condition.
fn v(n: i64) -> Filter {
    is(Condition::Version(Comparison::Equal, n))
}

/// Parses with `a`, `b` and so on for `version=1`, `version=2`.
fn shape(text: &str) -> Result<Filter, SyntaxError> {
    let letter = |c: char| match c {
        'a'..='e' => format!("version={}", u32::from(c) - u32::from('a') + 1),
        _ => c.to_string(),
    };
    parse(&text.chars().map(letter).collect::<String>())
}

fn fault(text: &str) -> SyntaxError {
    parse(text).expect_err(text)
}

/// Each text must fail at the position with a message that has all the words.
fn assert_faults(cases: &[(&str, usize, &[&str])]) {
    for (text, position, words) in cases {
        let fault = fault(text);
        assert_eq!(fault.position, *position, "{text:?}: {fault}");
        for word in *words {
            assert!(
                fault.message.contains(word),
                "{text:?}: {fault}, not {word:?}"
            );
        }
    }
}

#[test]
fn what_clients_quote_is_read_as_the_text() {
    let vectors = include_str!("../../../../../../tests/vectors/clients.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    for case in vectors["quoting"].as_array().unwrap() {
        let part = |name: &str| case[name].as_str().unwrap();
        let (equal, starts) = (
            format!("filename = {}", part("quoted")),
            format!("filename:{}", part("prefix")),
        );
        assert_eq!(parse(&equal), Ok(filename(exactly(part("text")))));
        assert_eq!(parse(&starts), Ok(filename(prefix(part("text")))));
    }
}

#[test]
fn text_without_conditions_is_everything() {
    for text in ["", " ", " \t\r\n "] {
        assert_eq!(parse(text), Ok(Filter::All(Vec::new())));
    }
}

#[test]
fn every_field_has_its_condition() {
    let text = |field, value| is(Condition::Text(field, exactly(value)));
    for (field, subject) in [
        ("session_id", TextField::SessionId),
        ("namespace", TextField::Namespace),
        ("user_id", TextField::UserId),
        ("agent_id", TextField::AgentId),
        ("filename", TextField::Filename),
        ("content_type", TextField::ContentType),
        ("title", TextField::Title),
        ("language", TextField::Language),
    ] {
        assert_eq!(parse(&format!("{field} = x")), Ok(text(subject, "x")));
    }
    let moment = "2026-01-31T09:30:00Z".parse().expect("a timestamp");
    for (given, condition) in [
        (
            "kind = plan",
            Condition::Text(TextField::Kind, exactly("plan")),
        ),
        (
            "stage = final",
            Condition::Text(TextField::Stage, exactly("final")),
        ),
        (
            "create_time < 2026-01-31T09:30:00Z",
            Condition::Created(Comparison::Less, moment),
        ),
        (
            "size_bytes >= 0",
            Condition::Size(Comparison::GreaterOrEqual, 0),
        ),
        (
            "version <= 7",
            Condition::Version(Comparison::LessOrEqual, 7),
        ),
        ("labels:reviewed", Condition::Label("reviewed".to_owned())),
        ("metadata:a.b-c", Condition::MetadataKey("a.b-c".to_owned())),
        ("metadata:'a b'", Condition::MetadataKey("a b".to_owned())),
        (
            "metadata.a.b-c:*",
            Condition::MetadataKey("a.b-c".to_owned()),
        ),
        (
            "metadata.owner:al*",
            Condition::Metadata("owner".to_owned(), prefix("al")),
        ),
        ("persistent = true", Condition::Persistent),
        ("legal_hold = true", Condition::LegalHold),
        (
            "metadata.\"my key\" = x",
            Condition::Metadata("my key".to_owned(), exactly("x")),
        ),
    ] {
        assert_eq!(parse(given), Ok(is(condition)), "{given}");
    }
}

/// Every comparison compares, and unequal is the negation of equal.
#[test]
fn unequal_is_the_negation_of_equal() {
    for (sign, comparison) in [
        ("=", Comparison::Equal),
        ("<", Comparison::Less),
        ("<=", Comparison::LessOrEqual),
        (">", Comparison::Greater),
        (">=", Comparison::GreaterOrEqual),
    ] {
        let expected = is(Condition::Size(comparison, 5));
        assert_eq!(parse(&format!("size_bytes{sign}5")), Ok(expected.clone()));
        assert_eq!(parse(&format!(" size_bytes  {sign}\n5 ")), Ok(expected));
    }
    assert_eq!(parse("version != 1"), Ok(not(v(1))));
    assert_eq!(parse("NOT filename:a*"), Ok(not(filename(prefix("a")))));
    assert_eq!(
        parse("persistent=false"),
        Ok(not(is(Condition::Persistent)))
    );
    let pair = Condition::Metadata("k".to_owned(), exactly("x"));
    assert_eq!(parse("metadata.k != x"), Ok(not(is(pair))));
}

#[test]
fn or_binds_tighter_than_and_and_neighbours_are_joined_by_and() {
    let all = |of: &[Filter]| Ok(Filter::All(of.to_vec()));
    let any = |of: &[Filter]| Filter::Any(of.to_vec());
    assert_eq!(shape("a AND b OR c"), all(&[v(1), any(&[v(2), v(3)])]));
    assert_eq!(shape("a OR b AND c"), all(&[any(&[v(1), v(2)]), v(3)]));
    assert_eq!(shape("a b OR c d"), all(&[v(1), any(&[v(2), v(3)]), v(4)]));
    assert_eq!(shape("a AND b AND c"), all(&[v(1), v(2), v(3)]));
    assert_eq!(shape("a OR b OR c"), Ok(any(&[v(1), v(2), v(3)])));
    assert_eq!(shape("(a)AND(b)"), all(&[v(1), v(2)]));
    assert_eq!(shape("(a)(b)"), all(&[v(1), v(2)]));
}

#[test]
fn parentheses_group_and_leave_no_trace() {
    let both = Filter::All(vec![v(1), v(2)]);
    assert_eq!(shape("((a))"), Ok(v(1)));
    assert_eq!(shape("(a AND b) OR c"), Ok(Filter::Any(vec![both, v(3)])));
    assert_eq!(shape("( a )"), Ok(v(1)));
}

#[test]
fn a_negation_is_of_one_term() {
    assert_eq!(shape("NOT a b"), Ok(Filter::All(vec![not(v(1)), v(2)])));
    assert_eq!(shape("-a OR b"), Ok(Filter::Any(vec![not(v(1)), v(2)])));
    assert_eq!(shape("a -b"), Ok(Filter::All(vec![v(1), not(v(2))])));
    assert_eq!(shape("NOT(a OR b)"), Ok(not(Filter::Any(vec![v(1), v(2)]))));
    assert_eq!(shape("-(a b)"), Ok(not(Filter::All(vec![v(1), v(2)]))));
    assert_eq!(shape("NOT NOT a"), Ok(not(not(v(1)))));
    assert_eq!(parse("NOT version != 1"), Ok(not(not(v(1)))));
}

#[test]
fn a_word_may_have_the_signs_of_names_types_and_times() {
    for word in [
        "a.b_c:d@e/f-g+h",
        "-x",
        "report",
        "été",
        "日本",
        "and",
        "a:",
        "NOTE",
    ] {
        assert_eq!(
            parse(&format!("filename={word}")),
            Ok(filename(exactly(word)))
        );
    }
    assert_eq!(parse("(filename=a)"), Ok(filename(exactly("a"))));
    let label = Condition::Label("AND:x".to_owned());
    assert_eq!(parse("labels:AND:x"), Ok(is(label)));
}

#[test]
fn quotes_hold_any_character_and_a_backslash_escapes() {
    for (value, meant) in [
        (r#""""#, exactly("")),
        (r#""a (b), c = d""#, exactly("a (b), c = d")),
        (r#"'say "hi"'"#, exactly(r#"say "hi""#)),
        (r#""it's""#, exactly("it's")),
        (r#""\"\'\\""#, exactly(r#""'\"#)),
        (r"'it\'s'", exactly("it's")),
        (r#""AND""#, exactly("AND")),
        ("\"a\nb\"", exactly("a\nb")),
    ] {
        assert_eq!(
            parse(&format!("filename={value}")),
            Ok(filename(meant)),
            "{value}"
        );
    }
}

#[test]
fn a_prefix_has_an_operator_of_its_own() {
    for (value, meant) in [
        ("a*", prefix("a")),
        ("'a b*'", prefix("a b")),
        (r"'a\**'", prefix("a*")),
        (r"'\\*'", prefix(r"\")),
    ] {
        let given = format!("filename:{value}");
        assert_eq!(parse(&given), Ok(filename(meant)), "{value}");
    }
    let given = not(filename(exactly("")));
    assert_eq!(parse("filename:*"), Ok(given), "any name at all");
    assert_faults(&[
        ("filename:*.md", 10, &["must be the last", r#""\*""#]),
        ("filename:'é**'", 12, &["must be the last"]),
        ("filename:a", 10, &["filename:value*", "filename = value"]),
        ("labels:a*", 9, &["a label", "without '*'"]),
        ("metadata:*", 10, &["a key", "without '*'"]),
        ("kind:co*", 5, &["does not fit kind"]),
    ]);
}

#[test]
fn equality_is_equality_whatever_is_in_quotes() {
    for (value, meant) in [
        ("'a*'", "a*"),
        (r"'a\*'", "a*"),
        ("'*'", "*"),
        ("'**/*.md'", "**/*.md"),
        (r#""tab\t\u00e9\ud83d\ude00\/""#, "tab\té😀/"),
    ] {
        let given = format!("filename={value}");
        assert_eq!(parse(&given), Ok(filename(exactly(meant))), "{value}");
        let label = Condition::Label(meant.to_owned());
        assert_eq!(parse(&format!("labels:{value}")), Ok(is(label)));
    }
    assert_faults(&[
        ("filename=a*", 11, &["filename:value*", "quotes"]),
        ("filename!=*", 11, &["filename:value*", "quotes"]),
        ("metadata.k = a*", 15, &["metadata.k:value*"]),
        (r"filename='\ud83d'", 11, &["four hex digits"]),
        (r"filename='\ud83d\u0041'", 11, &["four hex digits"]),
        (r"filename='\u12'", 11, &["four hex digits"]),
        (r"filename='\u0000'", 11, &["NUL"]),
        (r"filename='\x41'", 11, &["JSON"]),
    ]);
}

#[test]
fn a_pattern_matches_filenames_alone() {
    let glob = Glob::new("src/**/*.rs").expect("a pattern");
    let expected = filename(TextMatch::Glob(glob));
    assert_eq!(parse("filename ~ 'src/**/*.rs'"), Ok(expected.clone()));
    assert_eq!(parse("filename~src/**/*.rs"), Ok(expected));
    assert_faults(&[
        ("title ~ a", 7, &["~ does not fit title"]),
        ("filename ~ '{a'", 12, &["without its }"]),
    ]);
}

#[test]
fn a_timestamp_is_rfc_3339_in_quotes_or_not() {
    for text in [
        "2026-01-31T09:30:00Z",
        "2026-01-31t09:30:00z",
        "2026-01-31T10:30:00+01:00",
        "2026-01-31T08:00:00.000-01:30",
    ] {
        let moment = "2026-01-31T09:30:00Z".parse().expect("a timestamp");
        let expected = Ok(is(Condition::Created(Comparison::Greater, moment)));
        assert_eq!(parse(&format!("create_time>{text}")), expected, "{text}");
        assert_eq!(parse(&format!("create_time > '{text}'")), expected);
    }
    for text in [
        "2026-01-31",
        "2026-01-31T09:30:00",
        "2026-01-31T09:30Z",
        "2026-02-30T00:00:00Z",
        "2026-01-31T09:30:00.Z",
        "20260131T093000Z",
        "'2026-01-31 09:30:00Z'",
        "now",
        "''",
        "'2026-01-31T09:30:00Z[UTC]'",
        "'2026-01-31T09:30:00é'",
        "2026-01-31T09:30:00+01",
        "9999-12-31T23:59:59.9999999999Z",
        "2026-01-31T09:30:00*",
    ] {
        let fault = fault(&format!("create_time > {text}"));
        assert_eq!(fault.position, 15, "{text}");
        assert!(fault.message.contains("2026-01-31T09:30:00Z"), "{fault}");
    }
}

#[test]
fn a_number_is_whole_and_fits_64_bits() {
    let most = is(Condition::Size(Comparison::Equal, i64::MAX));
    assert_eq!(parse("size_bytes = 9223372036854775807"), Ok(most));
    assert_eq!(parse("version = '1'"), Ok(v(1)));
    for text in [
        "-1",
        "+1",
        "1.5",
        "1e3",
        "10MB",
        "9223372036854775808",
        "''",
        "1*",
        "٣",
    ] {
        let fault = fault(&format!("size_bytes = {text}"));
        assert_eq!(fault.position, 14, "{text}");
        assert!(fault.message.contains("such as 1024"), "{fault}");
    }
}

#[test]
fn a_kind_or_stage_is_one_of_its_words() {
    assert_faults(&[
        (
            "kind = Code",
            8,
            &[
                "code, document, config, plan, data, image or other",
                "'Code'",
            ],
        ),
        ("kind = co*", 8, &["code, document"]),
        ("stage = ''", 9, &["draft, review or final"]),
        ("stage != done", 10, &["draft, review or final", "'done'"]),
    ]);
}

#[test]
fn unknown_field_error_names_the_nearest_or_all() {
    assert_faults(&[
        (
            "sesion_id = x",
            1,
            &["'sesion_id'", "did you mean session_id?"],
        ),
        ("createTime > x", 1, &["did you mean create_time?"]),
        ("kind=code Kind=x", 11, &["did you mean kind?"]),
        ("size > 1", 1, &["did you mean size_bytes?"]),
        ("label:x", 1, &["did you mean labels?"]),
        ("type = x", 1, &["did you mean content_type?"]),
        ("name = x", 1, &["the fields are"]),
        ("metdata.owner = x", 1, &["did you mean metadata?"]),
        ("title.x = y", 1, &["did you mean title?"]),
        (
            "report",
            1,
            &[
                "the fields are session_id, namespace",
                "labels, metadata, content_hash, persistent, legal_hold and metadata.KEY",
            ],
        ),
        ("id = x", 1, &["the fields are"]),
        ("/ = x", 1, &["the fields are"]),
    ]);
    let long = fault(&"x".repeat(2000));
    assert!(long.message.len() < 400, "{long}");
}

#[test]
fn an_operator_must_be_there_and_fit_the_field() {
    assert_faults(&[
        ("kind", 5, &["operator is missing after kind", "= or !="]),
        ("kind ", 6, &["operator is missing"]),
        ("kind code", 6, &["operator is missing"]),
        ("kind IN (code)", 6, &["operator is missing"]),
        ("(kind)", 6, &["operator is missing"]),
        ("filename < b", 10, &["< does not fit filename", "= or !="]),
        ("persistent:true", 11, &[": does not fit persistent"]),
        ("persistent = yes", 14, &["true or false", "'yes'"]),
        ("version:1", 8, &["=, !=, <, <=, > or >="]),
        (
            "labels = x",
            8,
            &["= does not fit labels", "labels:reviewed"],
        ),
        (
            "metadata = x",
            10,
            &["metadata:owner", "metadata.owner = alice"],
        ),
        ("metadata.k > x", 12, &["metadata.k", "= or !=", ":*"]),
        ("kind == code", 6, &["== is no operator", "= or !="]),
        ("kind =~ code", 6, &["=~ is no operator"]),
        ("size_bytes => 1", 12, &["=> is no operator", ">="]),
        (
            "metadata.k:x",
            12,
            &["metadata.k:value*", "metadata.k = value"],
        ),
        ("metadata:k=x", 11, &["metadata.KEY = value"]),
        ("metadata. = x", 10, &["key is missing"]),
        ("metadata.'' = x", 10, &["must not be empty"]),
        ("labels:''", 8, &["must not be empty"]),
    ]);
}

#[test]
fn a_value_must_be_there() {
    assert_faults(&[
        ("filename =", 11, &["value is missing", "filename"]),
        ("filename = ", 12, &["value is missing"]),
        ("(filename =)", 12, &["value is missing"]),
        (
            "filename = AND kind = code",
            12,
            &["value is missing", "'AND' in quotes"],
        ),
        ("kind =", 7, &["code, document"]),
        ("labels:", 8, &["a label"]),
        ("kind = (code OR plan)", 8, &["(kind ... OR kind ...)"]),
    ]);
}

/// A quote or parenthesis must be closed, and the error shows the opening one.
#[test]
fn unclosed_quote_or_parenthesis_is_shown() {
    assert_faults(&[
        ("filename = 'é", 12, &["never closed"]),
        ("filename = \"a' kind=code", 12, &["never closed"]),
        (r"filename='a\", 10, &["never closed"]),
        (r"filename='a\'", 10, &["never closed"]),
        ("metadata.'k = x", 10, &["never closed"]),
        ("(kind=code", 1, &["never closed"]),
        (
            "kind=code AND (kind=plan OR (kind=data)",
            15,
            &["never closed"],
        ),
        ("(", 1, &["never closed"]),
        ("kind=code)", 10, &["closes no '('"]),
        (")", 1, &["closes no '('"]),
        ("kind=code AND ()", 15, &["empty"]),
    ]);
}

#[test]
fn a_keyword_must_have_its_conditions() {
    assert_faults(&[
        ("kind=code AND", 11, &["nothing follows AND"]),
        ("kind=code OR ", 11, &["nothing follows OR"]),
        ("NOT", 1, &["nothing follows NOT"]),
        ("kind=code -", 11, &["nothing follows -"]),
        ("(kind=code AND)", 15, &["between AND and ')'"]),
        ("AND kind=code", 1, &["missing before AND"]),
        ("kind=code AND OR kind=plan", 15, &["missing before OR"]),
        ("kind=code OR AND", 14, &["missing before AND"]),
        ("NOT AND", 5, &["missing before AND"]),
    ]);
}

#[test]
fn lower_case_keyword_error_names_the_upper_case() {
    assert_faults(&[
        ("kind=code and kind=plan", 11, &["write AND, not and"]),
        ("kind=code Or kind=plan", 11, &["write OR, not Or"]),
        ("not kind=code", 1, &["write NOT, not not"]),
        ("kind=code or", 11, &["write OR, not or"]),
    ]);
}

#[test]
fn unexpected_character_error_says_what_is_right() {
    assert_faults(&[
        ("kind=code && kind=plan", 11, &["'&'", "AND"]),
        ("kind=code || kind=plan", 11, &["'|'", "OR"]),
        ("!kind=code", 1, &["'!'", "NOT"]),
        ("= code", 1, &["'='", "field"]),
        ("'kind' = code", 1, &["not in quotes"]),
        ("kind=code, stage=draft", 10, &["','", "AND"]),
        ("filename=a=b", 11, &["'='", "in quotes"]),
        ("filename=“a”", 10, &["'“'", "\" or '"]),
        ("filename='a'b", 13, &["'b'", "space"]),
        ("filename='it's'", 14, &["'s'", "space"]),
        ("filename=a(b)", 11, &["'('", "in quotes"]),
        ("filename=it's", 12, &["\"'\" is unexpected", "in quotes"]),
        (r"filename=a\*", 11, &["within quotes"]),
        (r"filename='a\d'", 12, &["write \\\\"]),
        ("filename=a\u{a0}kind=code", 11, &["\\u{a0}"]),
        ("\u{7}", 1, &["\\u{7}"]),
    ]);
}

#[test]
fn a_value_never_has_nul() {
    assert_faults(&[
        ("filename='é\0'", 12, &["NUL"]),
        ("metadata.'\0' = x", 11, &["NUL"]),
        ("filename=a\0", 11, &["\\0", "NUL"]),
        ("filename=\0", 10, &["\\0"]),
    ]);
}

#[test]
fn positions_count_characters_not_bytes() {
    assert_faults(&[
        ("title='日本語' and kind=code", 13, &["AND"]),
        ("title=éé titel=x", 10, &["did you mean title?"]),
        ("title='👩‍💻' version>=x", 22, &["whole number"]),
    ]);
    let fault = fault("title=é AND");
    assert_eq!(
        fault.to_string(),
        format!("at position 9: {}", fault.message)
    );
}

#[test]
fn text_is_bounded_in_bytes() {
    let text = |bytes: usize| format!("title='{}'", "x".repeat(bytes - 8));
    assert!(parse(&text(8192)).is_ok());
    let fault = fault(&text(8193));
    assert_eq!(fault.position, 8193);
    assert!(fault.message.contains("8192 bytes"), "{fault}");
    let wide = super::parse(&"é".repeat(4097)).expect_err("too long");
    assert_eq!(wide.position, 4097);
}

#[test]
fn conditions_are_bounded_in_number() {
    let text = |n| vec!["version=1"; n].join(" ");
    assert_eq!(parse(&text(64)), Ok(Filter::All(vec![v(1); 64])));
    assert_faults(&[(&text(65), 641, &["at most 64 conditions"])]);
    assert_faults(&[(&vec!["version=1"; 65].join(" OR "), 833, &["at most 64"])]);
}

#[test]
fn nesting_is_bounded_in_depth() {
    let nested = |n| format!("{}version=1{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(parse(&nested(16)), Ok(v(1)));
    assert_faults(&[
        (&nested(17), 17, &["at most 16 deep"]),
        (&"(".repeat(2048), 17, &["at most 16 deep"]),
        (&"-".repeat(2048), 17, &["at most 16 deep"]),
        (&"NOT ".repeat(512), 65, &["at most 16 deep"]),
        (&"NOT(".repeat(9), 33, &["at most 16 deep"]),
    ]);
    assert!(
        parse(&"(version=1) ".repeat(60)).is_ok(),
        "depth is not length"
    );
    assert!(parse(&format!("{}version=1", "-".repeat(16))).is_ok());
}
