//! What a caller may do: scopes say which verbs, a narrowing says on which artifacts, and both say until when.
//!
//! A grant can only be narrowed. There is no way to add a scope to one, or to reach more with it.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    error::{Error, Result as StoreResult},
    id::TenantId,
    spec::{ArtifactSpec, OnDuplicate},
    text::text_of,
};

mod narrowing;
mod scope;

pub(crate) use narrowing::Target;
pub use narrowing::{Narrowing, RawNarrowing};
pub use scope::{Scope, Scopes};

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

    /// These verbs on these artifacts until then; `None`: without an end. A grant that is narrowed administers nothing: keys
    /// and tenants lie in no session.
    #[must_use]
    pub fn new(scopes: Scopes, narrowing: Narrowing, not_after: Option<Timestamp>) -> Self {
        let lasting = if narrowing.is_none() {
            scopes
        } else {
            let of_records = |scope: &Scope| !matches!(scope, Scope::Admin | Scope::Operator);
            let others = Scope::EVERY.into_iter().filter(of_records);
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

    /// Refuses callers that do not reach all artifacts of the tenant.
    ///
    /// # Errors
    /// `OutOfReach`.
    pub(crate) fn has_everything(self) -> StoreResult<()> {
        match self.is_all() {
            true => Ok(()),
            false => Err(self.refusal("this is about all that the tenant has")),
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
