//! Values: words or quoted texts, and how a field reads them.

use jiff::Timestamp;

use super::{
    error::SyntaxError,
    field::{Field, Subject, quoted, shortened},
    scanner::{Scanner, is_of_value, is_space},
};
use crate::model::{
    digest::ContentHash,
    filter::{Glob, TextMatch},
    validate::within_reach,
};

/// A value, without quotes and backslashes.
pub(super) struct Value {
    at: usize,
    text: String,
    quoted: bool,
    wildcard: Option<Wildcard>,
}

/// The first `*` without a backslash before it.
struct Wildcard {
    at: usize,
    offset: usize,
}

impl Value {
    /// Takes the value of a condition on this field.
    pub(super) fn read(scanner: &mut Scanner<'_>, field: &Field) -> Result<Self, SyntaxError> {
        scanner.skip_spaces();
        let here = scanner.position();
        let value = match scanner.peek() {
            Some('"' | '\'') => Self::quoted(scanner)?,
            Some(c) if is_of_value(c) => Self::bare(scanner, field)?,
            Some('(') => return Err(SyntaxError::new(here, list_of_values(field))),
            None | Some(')') => return Err(SyntaxError::new(here, missing(field))),
            Some(c) => return Err(SyntaxError::new(here, unexpected(c, field))),
        };
        match scanner.peek() {
            Some(c) if c != ')' && !is_space(c) => {
                Err(SyntaxError::new(scanner.position(), unexpected(c, field)))
            }
            _ => Ok(value),
        }
    }

    /// Reads a text in quotes, at its opening quote.
    pub(super) fn quoted(scanner: &mut Scanner<'_>) -> Result<Self, SyntaxError> {
        let mut value = Self::new(scanner.position());
        value.quoted = true;
        let quote = scanner.take();
        loop {
            let at = scanner.position();
            match scanner.take() {
                None => return Err(unclosed(value.at)),
                end if end == quote => return Ok(value),
                Some('\0') => return Err(SyntaxError::new(at, "a value must not contain NUL")),
                Some('\\') => match escape(scanner, at, value.at)? {
                    '\0' => return Err(SyntaxError::new(at, "a value must not contain NUL")),
                    c => value.text.push(c),
                },
                Some(c) => value.push(c, at),
            }
        }
    }

    fn bare(scanner: &mut Scanner<'_>, field: &Field) -> Result<Self, SyntaxError> {
        let at = scanner.position();
        let word = scanner.take_while(is_of_value);
        if matches!(word, "AND" | "OR" | "NOT") {
            let rule = format!(
                "{}; put '{word}' in quotes if it is the value",
                missing(field)
            );
            return Err(SyntaxError::new(at, rule));
        }
        let mut value = Self::new(at);
        for (i, c) in word.chars().enumerate() {
            value.push(c, at + i);
        }
        Ok(value)
    }

    fn new(at: usize) -> Self {
        Self {
            at,
            text: String::new(),
            quoted: false,
            wildcard: None,
        }
    }

    fn push(&mut self, c: char, at: usize) {
        if c == '*' && self.wildcard.is_none() {
            let offset = self.text.len();
            self.wildcard = Some(Wildcard { at, offset });
        }
        self.text.push(c);
    }

    /// Whether this is `*`, which means any value.
    pub(super) fn is_any(&self) -> bool {
        self.wildcard.is_some() && self.text == "*"
    }

    /// A text to match as a whole. A `*` without quotes is refused, because it may be meant as a wildcard.
    pub(super) fn whole(self, field: &Field) -> Result<TextMatch, SyntaxError> {
        match self.wildcard {
            Some(Wildcard { at, .. }) if !self.quoted => {
                let name = &field.name;
                let rule = format!(
                    "'*' is no wildcard after =; for what starts so write {name}:value*, for the character itself put the value in quotes"
                );
                Err(SyntaxError::new(at, rule))
            }
            _ => Ok(TextMatch::Exactly(self.text)),
        }
    }

    /// The start of a text, before a `*`.
    pub(super) fn start(mut self, field: &Field) -> Result<TextMatch, SyntaxError> {
        match self.wildcard {
            Some(Wildcard { offset, .. }) if offset + 1 == self.text.len() => {
                self.text.truncate(offset);
                Ok(TextMatch::Prefix(self.text))
            }
            Some(Wildcard { at, .. }) => {
                let rule = r#"'*' must be the last of a value; for the character itself write "\*" in quotes"#;
                Err(SyntaxError::new(at, rule))
            }
            None => {
                let name = &field.name;
                let rule = format!(
                    "{name}: takes a beginning with a '*' behind it, as in {name}:value*; for the whole write {name} = value"
                );
                Err(SyntaxError::new(self.at, rule))
            }
        }
    }

    /// A pattern of filenames.
    pub(super) fn pattern(self) -> Result<TextMatch, SyntaxError> {
        let at = self.at;
        let glob = Glob::new(&self.text).map_err(|rule| SyntaxError::new(at, rule))?;
        Ok(TextMatch::Glob(glob))
    }

    /// The hash of a content, in hex digits.
    pub(super) fn hash(&self, field: &Field) -> Result<String, SyntaxError> {
        let hash: Result<ContentHash, _> = self.text.parse();
        hash.map(|hash| hash.to_hex())
            .map_err(|_| self.refuse(field))
    }

    /// A boolean.
    pub(super) fn flag(&self, field: &Field) -> Result<bool, SyntaxError> {
        self.text.parse().map_err(|_| self.refuse(field))
    }

    /// A name that matches as a whole; `what` says of what.
    pub(super) fn name(self, what: &str) -> Result<String, SyntaxError> {
        if let Some(Wildcard { at, .. }) = self.wildcard.filter(|_| !self.quoted) {
            let rule = format!(
                "{what} matches as a whole, without '*'; for the character itself put it in quotes"
            );
            return Err(SyntaxError::new(at, rule));
        }
        if self.text.is_empty() {
            let rule = format!("{what} must not be empty");
            return Err(SyntaxError::new(self.at, rule));
        }
        Ok(self.text)
    }

    /// One of some words.
    pub(super) fn word(self, words: &[&str], field: &Field) -> Result<TextMatch, SyntaxError> {
        if words.contains(&self.text.as_str()) {
            Ok(TextMatch::Exactly(self.text))
        } else {
            Err(self.refuse(field))
        }
    }

    /// A whole number from 0.
    pub(super) fn number(&self, field: &Field) -> Result<i64, SyntaxError> {
        let digits = Some(&self.text).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let number = digits.and_then(|text| text.parse().ok());
        number.ok_or_else(|| self.refuse(field))
    }

    /// A moment.
    pub(super) fn timestamp(&self, field: &Field) -> Result<Timestamp, SyntaxError> {
        let text = Some(&self.text).filter(|text| looks_like_rfc_3339(text));
        let timestamp = text.and_then(|text| text.parse().ok());
        timestamp
            .map(within_reach)
            .ok_or_else(|| self.refuse(field))
    }

    fn refuse(&self, field: &Field) -> SyntaxError {
        let Field { name, subject } = field;
        let (text, expected) = (shortened(&self.text), subject.expected());
        SyntaxError::new(self.at, format!("{name} must be {expected}, not '{text}'"))
    }
}

/// jiff parses timestamps, and accepts more forms than RFC 3339, such as without the time.
fn looks_like_rfc_3339(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    let shape = |part: &str, shape: &str| {
        part.len() == shape.len()
            && part.bytes().zip(shape.bytes()).all(|(b, s)| match s {
                b'0' => b.is_ascii_digit(),
                _ => b == s,
            })
    };
    let Some((moment, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else {
        return false;
    };
    let offset = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
    };
    shape(moment, "0000-00-00T00:00:00")
        && (offset == "Z" || shape(offset, "+00:00") || shape(offset, "-00:00"))
}

/// The character of an escape, whose backslash at `at` was read, in a text that began at `start`.
fn escape(scanner: &mut Scanner<'_>, at: usize, start: usize) -> Result<char, SyntaxError> {
    Ok(match scanner.take() {
        None => return Err(unclosed(start)),
        Some(c @ ('"' | '\'' | '\\' | '*' | '/')) => c,
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => {
            let unknown = || SyntaxError::new(at, UNKNOWN_CODE);
            let mut units = vec![code(scanner).ok_or_else(unknown)?];
            if (0xd800..0xdc00).contains(&units[0]) {
                let goes_on = scanner.take() == Some('\\') && scanner.take() == Some('u');
                units.push(code(scanner).filter(|_| goes_on).ok_or_else(unknown)?);
            }
            String::from_utf16(&units)
                .ok()
                .and_then(|text| text.chars().next())
                .ok_or_else(unknown)?
        }
        Some(_) => return Err(SyntaxError::new(at, UNKNOWN_ESCAPE)),
    })
}

/// Four hex digits.
fn code(scanner: &mut Scanner<'_>) -> Option<u16> {
    (0..4).try_fold(0, |code, _| {
        let digit = scanner.take()?.to_digit(16)?;
        Some(code << 4 | digit as u16)
    })
}

const UNKNOWN_ESCAPE: &str = r"'\' can stand before a quote, '*', '\' and what JSON escapes only; for a backslash itself write \\";
const UNKNOWN_CODE: &str =
    r"\u takes four hex digits, and two of these for a character beyond U+FFFF";

fn unclosed(at: usize) -> SyntaxError {
    SyntaxError::new(at, "this quote is never closed; add one like it at the end")
}

fn missing(field: &Field) -> String {
    let expected = field.subject.expected();
    format!("a value is missing: {} must be {expected}", field.name)
}

fn list_of_values(field: &Field) -> String {
    let name = &field.name;
    format!("a condition has one value; write ({name} ... OR {name} ...) for several")
}

fn unexpected(found: char, field: &Field) -> String {
    let advice = match found {
        '=' | '<' | '>' | '!' if matches!(field.subject, Subject::MetadataKeys) => {
            "to look at the value of a key, write metadata.KEY = value"
        }
        ',' | ';' | '&' => {
            "join conditions with AND; if it belongs to the value, put that in quotes"
        }
        '|' => "join alternatives with OR; if it belongs to the value, put that in quotes",
        '\u{2018}'..='\u{201f}' => "the quotes of a value are \" or '",
        '\0' => "a value must not contain NUL",
        '\\' => "it escapes within quotes only; put the value in quotes",
        c if is_of_value(c) => "put a space after the value",
        _ => "if it belongs to the value, put that in quotes",
    };
    format!("{} is unexpected here: {advice}", quoted(found))
}
