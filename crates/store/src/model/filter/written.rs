//! Writes filters out as text that is parsed to the same filter.

use super::tree::{Comparison, Condition, Filter, TextField, TextMatch};

impl Filter {
    /// The filter as text; empty if it matches everything. A star in a value is always escaped.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::All(of) => joined(of, " AND ", |of| matches!(of, Self::All(_))),
            Self::Any(of) => joined(of, " OR ", Self::is_joined),
            Self::Not(of) => format!("NOT {}", of.grouped(Self::is_joined)),
            Self::Is(condition) => condition.written(),
        }
    }

    fn is_joined(&self) -> bool {
        matches!(self, Self::All(_) | Self::Any(_))
    }

    fn grouped(&self, in_parentheses: impl Fn(&Self) -> bool) -> String {
        match in_parentheses(self) {
            true => format!("({})", self.written()),
            false => self.written(),
        }
    }
}

fn joined(parts: &[Filter], word: &str, in_parentheses: impl Fn(&Filter) -> bool) -> String {
    let parts = parts.iter().map(|part| part.grouped(&in_parentheses));
    parts.collect::<Vec<_>>().join(word)
}

impl Condition {
    fn written(&self) -> String {
        match self {
            Self::Text(field, TextMatch::Exactly(text)) => match field {
                // These are words, and need no quotes.
                TextField::Kind | TextField::Stage => format!("{} = {text}", field.name()),
                _ => format!("{} = {}", field.name(), quoted(text)),
            },
            Self::Text(field, matching) => format!("{} {}", field.name(), of_start(matching)),
            Self::Created(comparison, at) => format!("create_time {} {at}", comparison.sign()),
            Self::Size(comparison, size) => format!("size_bytes {} {size}", comparison.sign()),
            Self::Version(comparison, version) => {
                format!("version {} {version}", comparison.sign())
            }
            Self::Label(label) => format!("labels:{}", quoted(label)),
            Self::Metadata(key, TextMatch::Exactly(text)) => {
                format!("metadata.{} = {}", quoted(key), quoted(text))
            }
            Self::Metadata(key, matching) => {
                format!("metadata.{} {}", quoted(key), of_start(matching))
            }
            Self::MetadataKey(key) => format!("metadata:{}", quoted(key)),
            Self::Content(hash) => format!("content_hash = sha256:{hash}"),
            Self::LegalHold => "legal_hold = true".to_owned(),
            Self::Persistent => "persistent = true".to_owned(),
        }
    }
}

fn of_start(matching: &TextMatch) -> String {
    match matching {
        TextMatch::Exactly(text) => format!("= {}", quoted(text)),
        TextMatch::Prefix(text) => format!(": \"{}*\"", escaped(text)),
        TextMatch::Glob(glob) => format!("~ {}", quoted(glob.as_str())),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '*') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

impl TextField {
    /// Its name in filters.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SessionId => "session_id",
            Self::Namespace => "namespace",
            Self::UserId => "user_id",
            Self::AgentId => "agent_id",
            Self::Filename => "filename",
            Self::ContentType => "content_type",
            Self::Title => "title",
            Self::Language => "language",
            Self::Kind => "kind",
            Self::Stage => "stage",
        }
    }
}

impl Comparison {
    fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}
