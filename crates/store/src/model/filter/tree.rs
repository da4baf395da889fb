//! A filter as a tree of conditions.

use jiff::Timestamp;
use serde::Serialize;

use super::glob::Glob;

/// Conditions, joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Filter {
    /// Every one of these holds; of none, everything.
    All(Vec<Filter>),
    /// At least one of these holds.
    Any(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// One condition.
    Is(Condition),
}

impl Filter {
    /// Both, as one list of conditions.
    pub(crate) fn and(self, other: Self) -> Self {
        let parts = |filter| match filter {
            Self::All(parts) => parts,
            other => vec![other],
        };
        let mut all = parts(self);
        all.extend(parts(other));
        Self::All(all)
    }

    /// The one session whose artifacts match; empty: none. `None`: any.
    pub(crate) fn session(&self) -> Option<&str> {
        match self {
            Self::All(parts) => parts.iter().find_map(Self::session),
            Self::Is(Condition::Text(TextField::SessionId, TextMatch::Exactly(session))) => {
                Some(session)
            }
            Self::Is(_) | Self::Any(_) | Self::Not(_) => None,
        }
    }
}

/// One condition on an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Condition {
    /// A text of the record.
    Text(TextField, TextMatch),
    /// When it was created, against a moment.
    Created(Comparison, Timestamp),
    /// Its size in bytes, against a number.
    Size(Comparison, i64),
    /// Its version, against a number.
    Version(Comparison, i64),
    /// It has this label.
    Label(String),
    /// It has a metadata pair with this key, and a value that matches.
    Metadata(String, TextMatch),
    /// It has a metadata pair with this key.
    MetadataKey(String),
    /// Its content has this SHA-256, in hex digits.
    Content(String),
    /// It is under a legal hold, of its own or of its session.
    LegalHold,
    /// It stays when its session is deleted.
    Persistent,
}

/// A text of the record. Texts that were not given are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TextField {
    /// `session_id`.
    SessionId,
    /// `namespace`.
    Namespace,
    /// `user_id`.
    UserId,
    /// `agent_id`.
    AgentId,
    /// `filename`.
    Filename,
    /// `content_type`.
    ContentType,
    /// `title`.
    Title,
    /// `language`.
    Language,
    /// `kind`: the name of a kind.
    Kind,
    /// `stage`: the name of a stage.
    Stage,
}

/// How a text matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum TextMatch {
    /// It is this.
    Exactly(String),
    /// It starts with this.
    Prefix(String),
    /// It matches this pattern as a whole.
    Glob(Glob),
}

/// How a number or a moment compares to a given one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}
