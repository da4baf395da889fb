//! On which artifacts a caller may act.
//!
//! A narrowing speaks of what never changes of an artifact: its scope, its name and the agent that made it. So what is
//! checked once holds until the end of a call, and no lock is needed for it.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::model::{
    artifact::Artifact,
    error::Result,
    filter::{Condition, Filter, TextField, TextMatch},
    reference::FileName,
    text::{Identifier, text_of},
    validate::Violations,
};

/// The most sessions that a narrowing names.
const MAX_SESSIONS: usize = 16;

/// Conditions that an artifact meets, all of which must hold. Without any, it is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Narrowing {
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<Sessions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<String>,
    /// Empty: any name.
    #[serde(skip_serializing_if = "String::is_empty")]
    filename_prefix: String,
}

/// In which sessions. Artifacts of no session are in none of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sessions {
    /// At least one.
    Named(BTreeSet<String>),
    /// Not empty.
    Prefix(String),
}

impl Sessions {
    fn has(&self, session: &str) -> bool {
        match self {
            Self::Named(named) => named.contains(session),
            Self::Prefix(prefix) => session.starts_with(&**prefix) && !session.is_empty(),
        }
    }

    /// The sessions of both; `None`: there is none.
    fn meet(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Prefix(a), Self::Prefix(b)) => longer(a, b).map(Self::Prefix),
            (Self::Named(named), of) | (of, Self::Named(named)) => {
                let both = named.iter().filter(|session| of.has(session));
                let both: BTreeSet<_> = both.cloned().collect();
                Some(Self::Named(both)).filter(|_| named.iter().any(|session| of.has(session)))
            }
        }
    }

    fn filter(&self) -> Filter {
        let is = |matching| Filter::Is(Condition::Text(TextField::SessionId, matching));
        match self {
            Self::Prefix(prefix) => is(TextMatch::Prefix(prefix.clone())),
            Self::Named(named) => {
                let mut each = named
                    .iter()
                    .map(|session| is(TextMatch::Exactly(session.clone())));
                match (each.next(), named.len()) {
                    (Some(only), 1) => only,
                    (first, _) => Filter::Any(first.into_iter().chain(each).collect()),
                }
            }
        }
    }
}

/// The longer of two prefixes if it starts with the other one.
fn longer(a: &str, b: &str) -> Option<String> {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    long.starts_with(short).then(|| long.to_owned())
}

/// What either demands; the outer `None`: they contradict each other.
fn same(a: Option<&String>, b: Option<&String>) -> Option<Option<String>> {
    match (a, b) {
        (Some(a), Some(b)) => (a == b).then(|| Some(a.clone())),
        (a, b) => Some(a.or(b).cloned()),
    }
}

/// A narrowing as a caller puts it. What is empty narrows nothing.
#[derive(Debug, Clone, Default)]
pub struct RawNarrowing {
    /// Only these sessions, at most 16.
    pub sessions: Vec<String>,
    /// Only sessions whose id starts with this.
    pub session_prefix: String,
    /// Only this namespace.
    pub namespace: String,
    /// Only this user.
    pub user_id: String,
    /// Only what this agent made.
    pub agent_id: String,
    /// Only filenames that start with this.
    pub filename_prefix: String,
}

/// What a narrowing looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// Empty: of no session.
    pub(crate) session_id: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) user_id: &'a str,
    pub(crate) agent_id: &'a str,
    pub(crate) filename: &'a str,
}

impl<'a> From<&'a Artifact> for Target<'a> {
    fn from(artifact: &'a Artifact) -> Self {
        Self {
            session_id: artifact.session_id.as_deref().unwrap_or_default(),
            namespace: &artifact.namespace,
            user_id: &artifact.user_id,
            agent_id: &artifact.agent_id,
            filename: &artifact.filename,
        }
    }
}

impl Narrowing {
    /// No condition.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Checks the conditions.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault.
    pub fn new(raw: RawNarrowing) -> Result<Self> {
        let mut faults = Violations::new();
        let label = |text: String| Identifier::new(text).map(|label| label.as_str().to_owned());
        let named = faults.each("sessions", raw.sessions, MAX_SESSIONS, label);
        let mut optional = |field: &str, text| {
            let label = faults.check(field, Identifier::optional(text)).flatten();
            label.map(|label| label.as_str().to_owned())
        };
        let prefix = optional("session_prefix", raw.session_prefix);
        let namespace = optional("namespace", raw.namespace);
        let user_id = optional("user_id", raw.user_id);
        let agent_id = optional("agent_id", raw.agent_id);
        let unprintable = raw.filename_prefix.chars().any(char::is_control);
        if raw.filename_prefix.len() > 1024 || unprintable {
            let rule = "must be at most 1024 bytes of UTF-8 without control characters";
            faults.add("filename_prefix", rule);
        }
        if prefix.is_some() && !named.is_empty() {
            faults.add("session_prefix", "must not be given beside sessions");
        }
        let sessions = match prefix {
            Some(prefix) => Some(Sessions::Prefix(prefix)),
            None if named.is_empty() => None,
            None => Some(Sessions::Named(named.into_iter().collect())),
        };
        faults.finish(Some(Self {
            sessions,
            namespace,
            user_id,
            agent_id,
            filename_prefix: raw.filename_prefix,
        }))
    }

    /// The conditions as a caller puts them.
    #[must_use]
    pub fn to_raw(&self) -> RawNarrowing {
        let (sessions, session_prefix) = match &self.sessions {
            None => (Vec::new(), String::new()),
            Some(Sessions::Named(named)) => (named.iter().cloned().collect(), String::new()),
            Some(Sessions::Prefix(prefix)) => (Vec::new(), prefix.clone()),
        };
        RawNarrowing {
            sessions,
            session_prefix,
            namespace: self.namespace.clone().unwrap_or_default(),
            user_id: self.user_id.clone().unwrap_or_default(),
            agent_id: self.agent_id.clone().unwrap_or_default(),
            filename_prefix: self.filename_prefix.clone(),
        }
    }

    /// Whether it has no condition.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::none()
    }

    /// The conditions of both; `None` where no artifact can meet them.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Option<Self> {
        let sessions = match (&self.sessions, &other.sessions) {
            (Some(a), Some(b)) => Some(a.meet(b)?),
            (a, b) => a.as_ref().or(b.as_ref()).cloned(),
        };
        Some(Self {
            sessions,
            namespace: same(self.namespace.as_ref(), other.namespace.as_ref())?,
            user_id: same(self.user_id.as_ref(), other.user_id.as_ref())?,
            agent_id: same(self.agent_id.as_ref(), other.agent_id.as_ref())?,
            filename_prefix: longer(&self.filename_prefix, &other.filename_prefix)?,
        })
    }

    /// Whether everything within the other narrowing is within this one.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.meet(other).as_ref() == Some(other)
    }

    /// Whether an artifact is within it.
    pub(crate) fn admits(&self, target: Target<'_>) -> bool {
        let is =
            |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|it| it == text);
        self.admits_session(target.session_id)
            && is(&self.namespace, target.namespace)
            && is(&self.user_id, target.user_id)
            && is(&self.agent_id, target.agent_id)
            && target.filename.starts_with(&*self.filename_prefix)
    }

    /// Whether versions of a file can be within it; whose they are is another matter.
    pub(crate) fn admits_file(&self, name: &FileName) -> bool {
        self.admits(Target {
            session_id: text_of(&name.session_id),
            namespace: text_of(&name.namespace),
            user_id: text_of(&name.user_id),
            agent_id: self.agent_id.as_deref().unwrap_or_default(),
            filename: name.filename.as_str(),
        })
    }

    /// Whether artifacts of a session can be within it.
    pub(crate) fn admits_session(&self, session: &str) -> bool {
        self.sessions
            .as_ref()
            .is_none_or(|these| these.has(session))
    }

    /// Whether it has sessions as wholes: then it has no other condition.
    pub(crate) fn is_of_whole_sessions(&self) -> bool {
        let sessions = self.sessions.clone();
        *self
            == Self {
                sessions,
                ..Self::default()
            }
    }

    /// The agent whose artifacts alone are within it.
    pub(crate) fn agent_id(&self) -> Option<&str> {
        self.agent_id.as_deref()
    }

    /// What the sessions within it meet, as a filter of artifacts has it.
    pub(crate) fn sessions(&self) -> Option<Filter> {
        self.sessions.as_ref().map(Sessions::filter)
    }

    /// The artifacts within it.
    pub(crate) fn filter(&self) -> Filter {
        let exactly = |field, text: &Option<String>| {
            let text = text.clone()?;
            let is = Condition::Text(field, TextMatch::Exactly(text));
            Some(Filter::Is(is))
        };
        let prefix = || {
            let prefix = TextMatch::Prefix(self.filename_prefix.clone());
            Filter::Is(Condition::Text(TextField::Filename, prefix))
        };
        let parts = [
            self.sessions(),
            exactly(TextField::Namespace, &self.namespace),
            exactly(TextField::UserId, &self.user_id),
            exactly(TextField::AgentId, &self.agent_id),
            (!self.filename_prefix.is_empty()).then(prefix),
        ];
        Filter::All(parts.into_iter().flatten().collect())
    }

    /// Of the artifacts that match, those within it.
    pub(crate) fn within(&self, matching: &Filter) -> Filter {
        match self.is_none() {
            true => matching.clone(),
            false => self.filter().and(matching.clone()),
        }
    }
}

impl fmt::Display for Narrowing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("everything");
        }
        f.write_str(&self.filter().written())
    }
}

#[cfg(test)]
mod tests;
