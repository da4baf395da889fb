//! Tenants, their limits, and who acts for them.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use rand::distr::{Alphanumeric, SampleString};
use uuid::Uuid;

use super::{
    digest::ContentHash,
    error::{Error, Result},
    id::TenantId,
    quota::{Limit, Quota},
    retention::Keeping,
    usage::Usage,
};

/// The unit of isolation and dedupe, and the limits that hold for it.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub(crate) id: TenantId,
    /// Its name, unique in the deployment.
    pub name: String,
    /// How long it may keep artifacts.
    pub keeping: Keeping,
    /// What it may store at the most.
    pub quota: Quota,
}

/// Who makes a call, as an API key or a token proved.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant that they act for.
    pub tenant: Tenant,
    /// What they proved it by.
    pub credential: Credential,
}

/// By what somebody acts for a tenant.
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

    /// The one of which both are kept.
    pub(crate) fn new(key_last_4: String, workload: String) -> Self {
        if workload.is_empty() {
            Self::ApiKey(key_last_4)
        } else {
            Self::Workload(workload)
        }
    }
}

/// What is known of an API key after its creation: not its secret.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Names the key, for revoking it.
    pub id: Uuid,
    /// The last four characters of the secret.
    pub last_4: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// The secret of an API key: `cairn_` and 40 characters of `[A-Za-z0-9]`. Stored as its SHA-256, which is enough for a
/// secret of this much randomness. `Debug` does not show it.
pub struct ApiKeySecret(String);

impl ApiKeySecret {
    pub(crate) fn fresh() -> Self {
        let mut secret = "cairn_".to_owned();
        Alphanumeric.append_string(&mut rand::rng(), &mut secret, 40);
        Self(secret)
    }

    pub(crate) fn sha256(&self) -> ContentHash {
        ContentHash::of(self.0.as_bytes())
    }

    pub(crate) fn last_4(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }

    /// The secret, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeySecret(…{})", self.last_4())
    }
}

/// Who may act for a tenant by a token.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Names it, for removing it.
    pub id: Uuid,
    /// The tokens' `iss`.
    pub issuer: String,
    /// The tokens' `sub`, or the beginning of several up to a `:` and a `*`.
    pub subject: String,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A tenant with its limits and what it stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantUsage {
    /// The tenant's name.
    pub tenant: String,
    /// How long it may keep artifacts.
    pub keeping: Keeping,
    /// What it may store.
    pub quota: Quota,
    /// What it stores.
    pub usage: Usage,
}

/// What to change of a tenant's limits; `None`: leave it as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct TenantUpdate {
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

    /// The limits of a tenant that had these, all of them.
    ///
    /// # Errors
    /// `Invalid`.
    pub(crate) fn applied(&self, keeping: Keeping, quota: Quota) -> Result<(Keeping, Quota)> {
        let keeping = Keeping {
            default_ttl: self.default_ttl.unwrap_or(keeping.default_ttl),
            max_ttl: self.max_ttl.unwrap_or(keeping.max_ttl),
            never_expires_allowed: self
                .never_expires_allowed
                .unwrap_or(keeping.never_expires_allowed),
        };
        let quota = Quota {
            max_stored_bytes: self.max_stored_bytes.unwrap_or(quota.max_stored_bytes),
            max_artifacts: self.max_artifacts.unwrap_or(quota.max_artifacts),
        };
        Ok((keeping.check()?, quota))
    }
}
