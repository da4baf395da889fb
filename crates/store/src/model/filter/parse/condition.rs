//! Conditions: which fields there are, and what each makes of an operator and a value.

use super::{
    error::SyntaxError,
    field::{Field, KEY, LABEL, Operator, Subject, shortened, words_of},
    scanner::Scanner,
    value::Value,
};
use crate::model::filter::{Condition, Filter, TextField, TextMatch};

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

    /// Reads the rest of a metadata key: nothing, unless it is in quotes.
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

    /// The filter of this field with a value; for `!=`, the one to negate.
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

/// The probable field, if only one has the word in its name, or if few of its letters are wrong.
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

/// How many characters to insert, remove or replace to turn one into the other (Levenshtein).
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
