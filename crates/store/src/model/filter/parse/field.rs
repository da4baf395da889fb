//! Fields: what they are called, which operators they take, and what they make of a value.

use super::{SyntaxError, scanner::Scanner, value::Value};
use crate::model::{
    filter::{Comparison, Condition, Filter, TextField, TextMatch},
    record::{Kind, Stage},
};

/// A field of a condition.
pub(super) struct Field {
    /// As errors call it.
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
    /// Something that is so or is not, and the condition that it is so.
    Flag(Condition),
}

/// Every field but `metadata.KEY`.
static FIELDS: [(&str, Subject); 18] = [
    ("session_id", Subject::Text(TextField::SessionId)),
    ("namespace", Subject::Text(TextField::Namespace)),
    ("user_id", Subject::Text(TextField::UserId)),
    ("agent_id", Subject::Text(TextField::AgentId)),
    ("filename", Subject::Text(TextField::Filename)),
    ("content_type", Subject::Text(TextField::ContentType)),
    ("title", Subject::Text(TextField::Title)),
    ("language", Subject::Text(TextField::Language)),
    ("kind", Subject::Text(TextField::Kind)),
    ("stage", Subject::Text(TextField::Stage)),
    ("create_time", Subject::CreateTime),
    ("size_bytes", Subject::SizeBytes),
    ("version", Subject::Version),
    ("labels", Subject::Labels),
    ("metadata", Subject::MetadataKeys),
    ("content_hash", Subject::Content),
    ("persistent", Subject::Flag(Condition::Persistent)),
    ("legal_hold", Subject::Flag(Condition::LegalHold)),
];

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

impl Field {
    /// Takes a field.
    pub(super) fn read(scanner: &mut Scanner<'_>) -> Result<Self, SyntaxError> {
        let at = scanner.position();
        let word = scanner.take_word();
        if let Some(key) = word.strip_prefix("metadata.") {
            return Self::metadata(key, scanner);
        }
        let field = FIELDS.iter().find(|(name, _)| *name == word);
        let (name, subject) = field.ok_or_else(|| SyntaxError::new(at, unknown(word)))?;
        Ok(Self {
            name: (*name).to_owned(),
            subject: subject.clone(),
        })
    }

    /// Takes what is left of a key of metadata: nothing, unless it is in quotes.
    fn metadata(key: &str, scanner: &mut Scanner<'_>) -> Result<Self, SyntaxError> {
        let here = scanner.position();
        let key = match (key, scanner.peek()) {
            ("", Some('"' | '\'')) => Value::quoted(scanner)?.name(KEY)?,
            ("", _) => {
                let rule = "a key is missing after 'metadata.', as in metadata.owner = alice";
                return Err(SyntaxError::new(here, rule));
            }
            (key, _) => key.to_owned(),
        };
        Ok(Self {
            name: format!("metadata.{}", shortened(&key)),
            subject: Subject::Metadata(key),
        })
    }

    /// The filter that this is with a value; of `!=`, the one to negate.
    pub(super) fn condition(
        &self,
        operator: Operator,
        value: Value,
    ) -> Result<Filter, SyntaxError> {
        let comparison = operator.comparison();
        let condition = match &self.subject {
            Subject::Text(field) if operator == Operator::Has && value.is_any() => {
                let empty = Condition::Text(*field, TextMatch::Exactly(String::new()));
                return Ok(Filter::Not(Box::new(Filter::Is(empty))));
            }
            Subject::Text(field) => {
                Condition::Text(*field, self.text_match(*field, operator, value)?)
            }
            Subject::Content => Condition::Content(value.hash(self)?),
            Subject::Flag(condition) => match value.flag(self)? {
                true => condition.clone(),
                false => return Ok(Filter::Not(Box::new(Filter::Is(condition.clone())))),
            },
            Subject::CreateTime => Condition::Created(comparison, value.timestamp(self)?),
            Subject::SizeBytes => Condition::Size(comparison, value.number(self)?),
            Subject::Version => Condition::Version(comparison, value.number(self)?),
            Subject::Labels => Condition::Label(value.name(LABEL)?),
            Subject::MetadataKeys => Condition::MetadataKey(value.name(KEY)?),
            Subject::Metadata(key) => match operator {
                Operator::Has if value.is_any() => Condition::MetadataKey(key.clone()),
                Operator::Has => Condition::Metadata(key.clone(), value.start(self)?),
                _ => Condition::Metadata(key.clone(), value.whole(self)?),
            },
        };
        Ok(Filter::Is(condition))
    }

    fn text_match(
        &self,
        field: TextField,
        operator: Operator,
        value: Value,
    ) -> Result<TextMatch, SyntaxError> {
        match (words_of(field), operator) {
            (Some(words), _) => value.word(&words, self),
            (None, Operator::Has) => value.start(self),
            (None, Operator::Matches) => value.pattern(),
            (None, _) => value.whole(self),
        }
    }
}

impl Subject {
    /// What its value must be.
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

    /// What [`Self::takes`] holds of, in words.
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
    /// Takes an operator that fits a field.
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

    fn comparison(self) -> Comparison {
        match self {
            Self::Compare(comparison) => comparison,
            Self::NotEqual | Self::Has | Self::Matches => Comparison::Equal,
        }
    }
}

const LABEL: &str = "a label";
const KEY: &str = "a key of metadata";

/// The words that a text is one of; `None` if it is free.
fn words_of(field: TextField) -> Option<Vec<&'static str>> {
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

/// A text of the caller's, for an error: bounded, and without characters that a terminal obeys.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    let start: String = text.chars().take(MOST).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("{}{more}", start.escape_debug())
}

/// A character of the caller's, for an error.
pub(super) fn quoted(c: char) -> String {
    match c {
        '\'' => r#""'""#.to_owned(),
        '"' | '\\' => format!("'{c}'"),
        _ => format!("{c:?}"),
    }
}

fn unknown(word: &str) -> String {
    let fault = format!("there is no field '{}'", shortened(word));
    match nearest(word) {
        Some(name) => format!("{fault}; did you mean {name}?"),
        None => format!(
            "{fault}; the fields are {} and metadata.KEY",
            FIELDS.each_ref().map(|(name, _)| *name).join(", ")
        ),
    }
}

/// The field that was meant, if only one has the word in its name, or if few of its letters are wrong.
fn nearest(word: &str) -> Option<&'static str> {
    let given = word.split('.').next().unwrap_or(word).to_lowercase();
    let length = given.chars().count();
    let names = || FIELDS.iter().map(|(name, _)| *name);
    let mut parts = names().filter(|name| length >= 4 && name.contains(&given));
    if let (Some(only), None) = (parts.next(), parts.next()) {
        return Some(only);
    }
    let (distance, name) = names().map(|name| (distance(&given, name), name)).min()?;
    (distance <= length.div_ceil(3).min(2)).then_some(name)
}

/// How many characters to insert, remove or replace to make one of the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
