//! What a caller may do: scopes say which verbs, a narrowing says on which artifacts, and both say until when.
//!
//! A grant can only be narrowed. There is no way to add a scope to one, or to reach more with it.

use std::{fmt, str::FromStr, sync::Arc};

use jiff::Timestamp;

use super::{
    error::{Error, Result as StoreResult},
    id::TenantId,
    spec::{ArtifactSpec, OnDuplicate},
    text::text_of,
};

mod narrowing;

pub(crate) use narrowing::Target;
pub use narrowing::{Narrowing, RawNarrowing};

/// One kind of thing that a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Read records and content.
    Read,
    /// Create artifacts, publish them, and change what is said of them.
    Write,
    /// Delete artifacts and sessions, restore them, and bring their expiry forward.
    Delete,
    /// Create, show and revoke public links.
    Link,
    /// Seal sessions.
    Seal,
    /// Set and release legal holds.
    Hold,
    /// Make and revoke the keys of the tenant.
    Admin,
}

impl Scope {
    /// All of them.
    pub const EVERY: [Self; 7] = [
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::Link,
        Self::Seal,
        Self::Hold,
        Self::Admin,
    ];

    /// The name, as keys and errors have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Link => "link",
            Self::Seal => "seal",
            Self::Hold => "hold",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = Self::EVERY.into_iter().find(|scope| scope.as_str() == name);
        named.ok_or("must be read, write, delete, link, seal, hold or admin")
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope.
    #[must_use]
    pub fn all() -> Self {
        Scope::EVERY.into_iter().collect()
    }

    /// No scope.
    #[must_use]
    pub fn none() -> Self {
        Self(0)
    }

    /// Whether a scope is among them.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::none()
    }

    /// Those that are in both sets.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::EVERY
            .into_iter()
            .filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { "," };
            write!(f, "{separator}{scope}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

/// What a credential lets its holder do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    scopes: Scopes,
    narrowing: Arc<Narrowing>,
    not_after: Option<Timestamp>,
}

impl Grant {
    /// Everything, without an end.
    #[must_use]
    pub fn all() -> Self {
        Self::new(Scopes::all(), Narrowing::none(), None)
    }

    /// These verbs on these artifacts until then; `None`: without an end. A grant that is narrowed has no admin scope: keys
    /// are the tenant's and lie in no session.
    #[must_use]
    pub fn new(scopes: Scopes, narrowing: Narrowing, not_after: Option<Timestamp>) -> Self {
        let lasting = if narrowing.is_none() {
            scopes
        } else {
            let others = Scope::EVERY.into_iter().filter(|one| *one != Scope::Admin);
            scopes.meet(others.collect())
        };
        Self {
            scopes: lasting,
            narrowing: Arc::new(narrowing),
            not_after,
        }
    }

    /// What both grants allow. Where no artifact is within both narrowings, that is nothing: it has no scope.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        let not_after = match (self.not_after, other.not_after) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        match self.narrowing.meet(&other.narrowing) {
            Some(narrowing) => Self::new(self.scopes.meet(other.scopes), narrowing, not_after),
            None => Self {
                scopes: Scopes::none(),
                narrowing: Arc::clone(&self.narrowing),
                not_after,
            },
        }
    }

    /// Whether everything that the other grant allows is allowed by this one too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.meet(other) == *other
    }

    /// The verbs.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// On what.
    #[must_use]
    pub fn narrowing(&self) -> &Narrowing {
        &self.narrowing
    }

    /// The moment after which it allows nothing.
    #[must_use]
    pub fn not_after(&self) -> Option<Timestamp> {
        self.not_after
    }
}

/// The artifacts of a tenant that a caller reaches. What it does not reach is the same to it as what is not there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) narrowing: &'a Narrowing,
}

impl Reach<'_> {
    /// Whether it is all of the tenant's.
    pub(crate) fn is_all(self) -> bool {
        self.narrowing.is_none()
    }

    /// Whether an artifact is within it.
    pub(crate) fn has<'a>(self, target: impl Into<Target<'a>>) -> bool {
        self.narrowing.admits(target.into())
    }

    /// Refuses to make an artifact that would lie outside.
    ///
    /// # Errors
    /// `OutOfReach`.
    pub(crate) fn may_create(self, spec: &ArtifactSpec) -> StoreResult<()> {
        let target = Target {
            session_id: text_of(&spec.session_id),
            namespace: text_of(&spec.namespace),
            user_id: text_of(&spec.user_id),
            agent_id: text_of(&spec.agent_id),
            filename: spec.filename.as_str(),
        };
        if !self.has(target) {
            return Err(self.refusal("the artifact would lie outside"));
        }
        // The latest version may be another agent's.
        if spec.on_duplicate == OnDuplicate::ReturnExisting && self.narrowing.agent_id().is_some() {
            return Err(
                self.refusal("on_duplicate RETURN_EXISTING may return what another agent made")
            );
        }
        Ok(())
    }

    /// Refuses a session that lies outside, and callers that do not have sessions as wholes, as if there were none of them.
    ///
    /// # Errors
    /// `SessionNotFound`; `OutOfReach`.
    pub(crate) fn has_session(self, session: &str) -> StoreResult<()> {
        self.has_whole_sessions()?;
        match self.narrowing.admits_session(session) {
            true => Ok(()),
            false => Err(Error::SessionNotFound(session.to_owned())),
        }
    }

    /// Refuses a session that lies outside, to a call for which it need not be there.
    ///
    /// # Errors
    /// `OutOfReach`.
    pub(crate) fn may_name_session(self, session: &str) -> StoreResult<()> {
        self.has_whole_sessions()?;
        match self.narrowing.admits_session(session) {
            true => Ok(()),
            false => Err(self.refusal("the session lies outside")),
        }
    }

    /// Refuses callers that do not have sessions as wholes: the record of a session summarizes everything in it.
    ///
    /// # Errors
    /// `OutOfReach`.
    pub(crate) fn has_whole_sessions(self) -> StoreResult<()> {
        match self.narrowing.is_of_whole_sessions() {
            true => Ok(()),
            false => Err(self.refusal(
                "calls about sessions need a credential that is narrowed by sessions alone",
            )),
        }
    }

    fn refusal(self, why: &'static str) -> Error {
        Error::OutOfReach {
            why,
            reach: self.narrowing.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for scope in Scope::EVERY {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert!("owner".parse::<Scope>().is_err());
        let two: Scopes = [Scope::Write, Scope::Read].into_iter().collect();
        assert_eq!(two.to_string(), "read,write");
        assert!(two.has(Scope::Read) && !two.has(Scope::Delete));
    }

    #[test]
    fn a_narrowed_grant_administrates_nothing() {
        let raw = RawNarrowing {
            sessions: vec!["s".to_owned()],
            ..RawNarrowing::default()
        };
        let narrowing = Narrowing::new(raw).unwrap();
        let narrowed = Grant::all().meet(&Grant::new(Scopes::all(), narrowing, None));
        assert!(!narrowed.scopes().has(Scope::Admin) && narrowed.scopes().has(Scope::Hold));
        assert!(Grant::all().covers(&narrowed) && !narrowed.covers(&Grant::all()));
    }
}
