//! Bounds the size of errors, whatever was sent: they travel in headers, and clients accept few of those (grpc-java 8
//! KiB).

use std::{borrow::Cow, fmt::Write};

use cairn_store::Violation;

/// The maximum number of characters of any input that an error repeats.
const ECHO: usize = 64;
/// A longer word comes from the input; our own hashes and etags are shorter.
const WORD: usize = 80;
/// The maximum bytes of a message, as it is sent.
const MESSAGE: usize = 512;
/// The maximum number of invalid fields that are named one by one.
const FAULTS: usize = 16;
/// The maximum bytes of all of them, so that a status with its details stays under 4 KiB.
const FAULTS_BYTES: usize = 1400;
/// The maximum bytes of the rule that was broken.
const RULE: usize = 200;

/// A message of bounded length.
pub(super) fn message(text: &str) -> String {
    cut(&clip(text), MESSAGE)
}

/// The value of a detail, in full unless it is longer than any of ours.
pub(super) fn value(text: &str) -> String {
    clip(&cut_chars(text, WORD)).into_owned()
}

/// The first invalid fields, and a message that names them and says how many more there are.
pub(super) fn faults(all: &[Violation]) -> (Vec<Violation>, String) {
    let mut kept: Vec<Violation> = Vec::new();
    let (mut words, mut bytes) = (String::new(), 0);
    for fault in all.iter().take(FAULTS) {
        let field = value(&fault.field);
        let description = cut(&clip(head(&fault.description, 4 * RULE)), RULE);
        bytes += field.len() + description.len() + 8;
        if !kept.is_empty() && bytes > FAULTS_BYTES {
            break;
        }
        let separator = if kept.is_empty() { "" } else { "; " };
        let _ = write!(words, "{separator}{field}: {description}");
        kept.push(Violation { field, description });
    }
    let more = match all.len() - kept.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let words = cut(&words, MESSAGE - more.chars().map(sent).sum::<usize>()) + &more;
    (kept, words)
}

/// Shortens input: text in quotes, and words longer than any of ours.
fn clip(text: &str) -> Cow<'_, str> {
    let text = head(text, 8 * MESSAGE);
    if text.len() <= ECHO {
        return text.into();
    }
    let mut clipped = String::with_capacity(text.len().min(2 * MESSAGE));
    let mut rest = text;
    while let Some(open) = rest.find(['\'', '"']) {
        let (before, quoted) = rest.split_at(open);
        words(&mut clipped, before);
        let quote = &quoted[..1];
        let Some(close) = quoted[1..].find(quote) else {
            rest = quoted;
            break;
        };
        clipped.push_str(quote);
        clipped.push_str(&cut_chars(&quoted[1..=close], ECHO));
        clipped.push_str(quote);
        rest = &quoted[close + 2..];
    }
    words(&mut clipped, rest);
    clipped.into()
}

/// Adds text, its long words shortened.
fn words(to: &mut String, text: &str) {
    for word in text.split_inclusive(' ') {
        if word.chars().count() > WORD {
            to.push_str(&cut_chars(word, ECHO));
        } else {
            to.push_str(word);
        }
    }
}

fn cut_chars(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some((end, _)) => {
            let end = text.char_indices().nth(ECHO).map_or(end, |(end, _)| end);
            format!("{}…", &text[..end]).into()
        }
    }
}

/// At most so many bytes as they are sent: percent-encoding makes three of a space, of some signs and of every byte
/// that is not ASCII.
fn cut(text: &str, most: usize) -> String {
    if text.chars().map(sent).sum::<usize>() <= most {
        return text.to_owned();
    }
    let mut left = most - sent('…');
    let fits = text.chars().take_while(|&c| {
        let fits = sent(c) <= left;
        left = left.saturating_sub(sent(c));
        fits
    });
    fits.chain(['…']).collect()
}

/// The bytes of a character as it is sent.
fn sent(c: char) -> usize {
    match c {
        ' ' | '"' | '#' | '%' | '<' | '>' | '?' | '`' | '{' | '}' => 3,
        '!'..='~' => 1,
        c => 3 * c.len_utf8(),
    }
}

/// The first bytes, cut between characters: a long input takes no more time.
fn head(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_said_in_full() {
        let hash = format!("sha256:{}", "a".repeat(64));
        let words = format!("content {hash} is not held");
        assert_eq!(message(&words), words);
        assert_eq!(value(&hash), hash);
        let words =
            "'a' must be one of 'draft', 'review' or 'final', and not what it is now, I say";
        assert_eq!(message(words), words);
    }

    #[test]
    fn what_was_sent_is_repeated_in_part() {
        let long = "x".repeat(6000);
        for text in [
            format!("artifact '{long}' does not exist"),
            format!("no key {long} here"),
            format!("'{long}"),
            long.clone(),
        ] {
            let short = message(&text);
            assert!(short.matches('x').count() <= 64 + 4, "{short}");
        }
        assert_eq!(value(&long), "x".repeat(64) + "…");
        assert!(message(&"ü ".repeat(1000)).len() < 200);
    }

    #[test]
    fn sixteen_faults_are_named_and_the_others_counted() {
        let fault = |number| Violation {
            field: format!("f[{number}]"),
            description: "must be better".to_owned(),
        };
        let (kept, words) = faults(&(0..1000).map(fault).collect::<Vec<_>>());
        assert_eq!(kept.len(), 16);
        assert!(words.ends_with("; and 984 more"), "{words}");
        let (kept, words) = faults(&[fault(1), fault(2)]);
        assert_eq!(
            (kept.len(), &*words),
            (2, "f[1]: must be better; f[2]: must be better")
        );
    }
}
