//! Fields and operators: what they are called, and which go together.

use super::{error::SyntaxError, scanner::Scanner};
use crate::model::{
    filter::{Comparison, Condition, TextField},
    record::{Kind, Stage},
};

/// A field of a condition.
pub(super) struct Field {
    /// Its name in errors.
    pub(super) name: String,
    /// What it is.
    pub(super) subject: Subject,
}

/// What a field is.
#[derive(Clone)]
pub(super) enum Subject {
    /// A text of the record.
    Text(TextField),
    /// When it was created.
    CreateTime,
    /// Its size.
    SizeBytes,
    /// Its version.
    Version,
    /// Its labels.
    Labels,
    /// The keys of its metadata.
    MetadataKeys,
    /// The metadata pair with this key.
    Metadata(String),
    /// The hash of its content.
    Content,
    /// A flag, and the condition that it is set.
    Flag(Condition),
}

/// How a field and a value are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `!=`
    NotEqual,
    /// `:`
    Has,
    /// `~`
    Matches,
    /// Any other.
    Compare(Comparison),
}

impl Subject {
    /// The expected form of its value.
    pub(super) fn expected(&self) -> String {
        let expected = match self {
            Self::Text(field) => match words_of(*field) {
                Some(words) => return one_of(&words),
                None => "a word, or a text in quotes",
            },
            Self::CreateTime => "an RFC 3339 timestamp such as 2026-01-31T09:30:00Z",
            Self::SizeBytes | Self::Version => {
                "a whole number from 0 to 9223372036854775807, such as 1024"
            }
            Self::Labels => LABEL,
            Self::MetadataKeys => KEY,
            Self::Metadata(_) => "a word, or a text in quotes",
            Self::Content => "sha256: and 64 lower-case hex digits",
            Self::Flag(_) => "true or false",
        };
        expected.to_owned()
    }

    fn takes(&self, operator: Operator) -> bool {
        match self {
            Self::Text(TextField::Kind | TextField::Stage) | Self::Content | Self::Flag(_) => {
                operator.is_equality()
            }
            Self::Text(TextField::Filename) => {
                operator.is_equality() || matches!(operator, Operator::Has | Operator::Matches)
            }
            Self::Text(_) => operator.is_equality() || operator == Operator::Has,
            Self::CreateTime | Self::SizeBytes | Self::Version => {
                !matches!(operator, Operator::Has | Operator::Matches)
            }
            Self::Labels | Self::MetadataKeys => operator == Operator::Has,
            Self::Metadata(_) => operator.is_equality() || operator == Operator::Has,
        }
    }

    /// The operators that [`Self::takes`] accepts, in words.
    fn operators(&self) -> &'static str {
        match self {
            Self::Text(TextField::Kind | TextField::Stage) | Self::Content | Self::Flag(_) => {
                "= or !="
            }
            Self::Text(TextField::Filename) => {
                "= or != and a name, ':' and its beginning with a '*' behind it, or ~ and a pattern"
            }
            Self::Text(_) => "= or !=, or ':' and a beginning with a '*' behind it",
            Self::CreateTime | Self::SizeBytes | Self::Version => "=, !=, <, <=, > or >=",
            Self::Labels => "':' and a label, as in labels:reviewed",
            Self::MetadataKeys => {
                "':' and a key, as in metadata:owner; for the value of a key, write metadata.owner = alice"
            }
            Self::Metadata(_) => {
                "= or != and a value, ':' and its beginning with a '*' behind it, or ':*' for any"
            }
        }
    }
}

impl Operator {
    /// Reads an operator that the field accepts.
    pub(super) fn read(scanner: &mut Scanner<'_>, field: &Field) -> Result<Self, SyntaxError> {
        scanner.skip_spaces();
        let at = scanner.position();
        let sign = match scanner.eat(':') {
            Some(_) => ":",
            None => scanner.take_while(|c| matches!(c, '=' | '!' | '<' | '>' | '~')),
        };
        let (name, operators) = (&field.name, field.subject.operators());
        let fault = match Self::named(sign) {
            Some(operator) if field.subject.takes(operator) => return Ok(operator),
            Some(_) => format!("{sign} does not fit {name}, which takes {operators}"),
            None if sign.is_empty() => {
                format!("an operator is missing after {name}, which takes {operators}")
            }
            None => format!(
                "{} is no operator; {name} takes {operators}",
                shortened(sign)
            ),
        };
        Err(SyntaxError::new(at, fault))
    }

    fn named(sign: &str) -> Option<Self> {
        Some(match sign {
            "=" => Self::Compare(Comparison::Equal),
            "!=" => Self::NotEqual,
            "<" => Self::Compare(Comparison::Less),
            "<=" => Self::Compare(Comparison::LessOrEqual),
            ">" => Self::Compare(Comparison::Greater),
            ">=" => Self::Compare(Comparison::GreaterOrEqual),
            ":" => Self::Has,
            "~" => Self::Matches,
            _ => return None,
        })
    }

    fn is_equality(self) -> bool {
        matches!(self, Self::NotEqual | Self::Compare(Comparison::Equal))
    }

    pub(super) fn comparison(self) -> Comparison {
        match self {
            Self::Compare(comparison) => comparison,
            Self::NotEqual | Self::Has | Self::Matches => Comparison::Equal,
        }
    }
}

pub(super) const LABEL: &str = "a label";
pub(super) const KEY: &str = "a key of metadata";

/// The allowed words of a text; `None` if it is free.
pub(super) fn words_of(field: TextField) -> Option<Vec<&'static str>> {
    match field {
        TextField::Kind => Some(Kind::ALL.map(Kind::as_str).to_vec()),
        TextField::Stage => Some(Stage::ALL.map(Stage::as_str).to_vec()),
        _ => None,
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        _ => words.concat(),
    }
}

/// A text from the caller, for an error: bounded, and without control characters for terminals.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    let start: String = text.chars().take(MOST).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("{}{more}", start.escape_debug())
}

/// A character from the caller, for an error.
pub(super) fn quoted(c: char) -> String {
    match c {
        '\'' => r#""'""#.to_owned(),
        '"' | '\\' => format!("'{c}'"),
        _ => format!("{c:?}"),
    }
}
