//! Tenants, their limits, and their credentials.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    access::{Grant, Reach, Scope},
    call_origin::CallOrigin,
    error::{Error, Result},
    id::TenantId,
    limit::LimitKind,
    plan::{LimitChanges, Plan, PlanLimits},
    quota::{Limit, Quota},
    retention::RetentionPolicy,
    usage::Usage,
};

/// The unit of isolation and deduplication, with its limits.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub(crate) id: TenantId,
    /// Its name, unique in the deployment.
    pub name: String,
    /// How long it may keep artifacts.
    pub keeping: RetentionPolicy,
    /// Its quota.
    pub quota: Quota,
    /// The name of its plan.
    pub plan: String,
    /// What applies to it: the plan's limits with its own.
    pub limits: PlanLimits,
}

impl Tenant {
    /// Its id, which never changes.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.id.0
    }
}

/// The authenticated caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant that they act for.
    pub tenant: Tenant,
    /// The caller's credential.
    pub credential: Credential,
    /// The row of that: of a key or of a workload.
    pub(crate) row: Uuid,
    /// What they may do.
    pub(crate) grant: Grant,
    /// The id of the delegated token that they sent; empty without one.
    pub(crate) token_id: String,
    /// The limits of the key, beside those of the tenant.
    pub limits: PlanLimits,
    /// From where the call comes, for the audit trail.
    pub(crate) origin: CallOrigin,
}

impl Caller {
    /// What the caller may do.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The largest content that the caller may send, where the server allows so many bytes.
    #[must_use]
    pub fn max_file_bytes(&self, server: u64) -> u64 {
        let limits = [&self.tenant.limits, &self.limits];
        let set = limits
            .into_iter()
            .filter_map(|limits| limits.get(LimitKind::FileBytes));
        set.fold(server, u64::min)
    }

    /// The same caller, from there.
    #[must_use]
    pub fn with_origin(mut self, origin: CallOrigin) -> Self {
        self.origin = origin;
        self
    }

    /// The same caller with no more than another grant allows.
    #[must_use]
    pub fn narrowed(mut self, to: &Grant) -> Self {
        self.grant = self.grant.meet(to);
        self
    }

    /// The same caller through a delegated token with this id.
    #[must_use]
    pub fn through(mut self, token_id: String) -> Self {
        self.token_id = token_id;
        self
    }

    /// The id of the delegated token that the caller sent; empty without one.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// The row of the credential: of the API key or the workload.
    #[must_use]
    pub fn credential_id(&self) -> Uuid {
        self.row
    }

    /// Refuses a caller that has not this scope.
    ///
    /// # Errors
    /// `ScopeMissing`.
    pub fn require(&self, scope: Scope) -> Result<()> {
        match self.grant.scopes().has(scope) {
            true => Ok(()),
            false => Err(Error::ScopeMissing(scope)),
        }
    }

    /// Refuses a caller that does not have sessions as wholes.
    ///
    /// # Errors
    /// `OutOfReach`.
    pub fn require_whole_sessions(&self) -> Result<()> {
        self.reach().has_whole_sessions()
    }

    /// Refuses a caller that does not reach all that the tenant has.
    ///
    /// # Errors
    /// `OutOfReach`.
    pub fn require_everything(&self) -> Result<()> {
        self.reach().has_everything()
    }

    pub(crate) fn reach(&self) -> Reach<'_> {
        Reach {
            tenant: self.tenant.id,
            narrowing: self.grant.narrowing(),
        }
    }
}

/// A credential that acts for a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// An API key, by the last four characters of its secret.
    ApiKey(String),
    /// A token of a trusted issuer, by its subject.
    Workload(String),
}

impl Credential {
    /// The last four characters of the API key; empty for a workload.
    #[must_use]
    pub fn key_last_4(&self) -> &str {
        match self {
            Self::ApiKey(last_4) => last_4,
            Self::Workload(_) => "",
        }
    }

    /// The subject of the workload; empty for an API key.
    #[must_use]
    pub fn workload(&self) -> &str {
        match self {
            Self::ApiKey(_) => "",
            Self::Workload(subject) => subject,
        }
    }

    /// The credential from its two stored columns.
    pub(crate) fn new(key_last_4: String, workload: String) -> Self {
        if workload.is_empty() {
            Self::ApiKey(key_last_4)
        } else {
            Self::Workload(workload)
        }
    }
}

/// A workload that may act for a tenant by token.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Its id, for removing it.
    pub id: Uuid,
    /// The tokens' `iss`.
    pub issuer: String,
    /// The tokens' `sub`, or the prefix of several up to a `:`, with a `*`.
    pub subject: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// What it may do.
    pub grant: Grant,
}

/// A tenant with its limits and what it stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantUsage {
    /// The tenant's name.
    pub tenant: String,
    /// How long it may keep artifacts.
    pub keeping: RetentionPolicy,
    /// What it may store.
    pub quota: Quota,
    /// The name of its plan.
    pub plan: String,
    /// What applies to it: the plan's limits with its own.
    pub limits: PlanLimits,
    /// Its own limits.
    pub overrides: LimitChanges,
    /// What it stores.
    pub usage: Usage,
}

/// Changes of a tenant's limits; `None`: no change.
#[derive(Debug, Clone, Default)]
pub struct TenantUpdate {
    /// The name of another plan.
    pub plan: Option<String>,
    /// Limits of its own.
    pub limits: LimitChanges,
    /// Limits that are those of its plan again.
    pub reset: Vec<LimitKind>,
    /// The new limit, or none.
    pub max_stored_bytes: Option<Option<u64>>,
    /// The new limit, or none.
    pub max_artifacts: Option<Option<u64>>,
    /// The new default; none: artifacts do not expire.
    pub default_ttl: Option<Option<Duration>>,
    /// The new limit, or none.
    pub max_ttl: Option<Option<Duration>>,
    /// Whether artifacts may be kept without an expiry.
    pub never_expires_allowed: Option<bool>,
}

impl TenantUpdate {
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(plan) = &self.plan {
            Plan::check_name(plan)?;
        }
        for (limit, max) in [
            (Limit::StoredBytes, self.max_stored_bytes),
            (Limit::Artifacts, self.max_artifacts),
        ] {
            if let Some(Some(max)) = max
                && !(1..=i64::MAX.unsigned_abs()).contains(&max)
            {
                let rule = format!("must be 1 to {}, or none", i64::MAX);
                return Err(Error::invalid(limit.to_string(), rule));
            }
        }
        Ok(())
    }

    /// How long artifacts are kept after the change.
    ///
    /// # Errors
    /// `Invalid`.
    pub(crate) fn keeping(&self, keeping: RetentionPolicy) -> Result<RetentionPolicy> {
        let keeping = RetentionPolicy {
            default_ttl: self.default_ttl.unwrap_or(keeping.default_ttl),
            max_ttl: self.max_ttl.unwrap_or(keeping.max_ttl),
            never_expires_allowed: self
                .never_expires_allowed
                .unwrap_or(keeping.never_expires_allowed),
        };
        keeping.check()
    }

    /// The tenant's own limits after the change.
    pub(crate) fn overrides(&self, mut overrides: LimitChanges) -> LimitChanges {
        for kind in &self.reset {
            overrides.reset(*kind);
        }
        for (kind, max) in self.limits.iter() {
            overrides.set(kind, max);
        }
        for (kind, max) in [
            (LimitKind::StoredBytes, self.max_stored_bytes),
            (LimitKind::Artifacts, self.max_artifacts),
        ] {
            if let Some(max) = max {
                overrides.set(kind, max);
            }
        }
        overrides
    }
}
