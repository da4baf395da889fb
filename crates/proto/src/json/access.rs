//! What a credential allows.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    limit::Limit,
    value::{present, timestamp, word},
};
use crate::v1;

/// Which artifacts a credential reaches; the fields are those of [`v1::Narrowing`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Narrowing {
    /// One of these sessions; none: any.
    pub session_ids: Vec<String>,
    /// Sessions whose id starts with this.
    pub session_prefix: Option<String>,
    /// This namespace.
    pub namespace: Option<String>,
    /// This user.
    pub user_id: Option<String>,
    /// What this agent made.
    pub agent_id: Option<String>,
    /// Filenames that start with this.
    pub filename_prefix: Option<String>,
}

impl From<v1::Narrowing> for Narrowing {
    fn from(narrowing: v1::Narrowing) -> Self {
        Self {
            session_ids: narrowing.session_ids,
            session_prefix: present(narrowing.session_prefix),
            namespace: present(narrowing.namespace),
            user_id: present(narrowing.user_id),
            agent_id: present(narrowing.agent_id),
            filename_prefix: present(narrowing.filename_prefix),
        }
    }
}

/// The names of scopes, such as `read`; without those that this build does not know.
#[must_use]
pub fn scopes(numbers: &[i32]) -> Vec<String> {
    let known = numbers.iter().filter_map(|number| {
        let scope = v1::Scope::try_from(*number).ok()?;
        word(scope.as_str_name(), "SCOPE_")
    });
    known.collect()
}

/// An API key without its secret; the fields are those of [`v1::ApiKey`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ApiKey {
    /// Its id.
    pub key_id: String,
    /// What people call it.
    pub name: Option<String>,
    /// The last four characters of its secret.
    pub last_4: String,
    /// What it allows, such as `read`.
    pub scopes: Vec<String>,
    /// Which artifacts it reaches; `None`: all of the tenant's.
    pub narrowing: Option<Narrowing>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it expires; `None`: it does not.
    pub expires_at: Option<Timestamp>,
    /// When it was used last; `None`: never.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked; `None`: it was not.
    pub revoked_at: Option<Timestamp>,
    /// Its own limits, beside those of the tenant.
    pub limits: Vec<Limit>,
}

impl From<v1::ApiKey> for ApiKey {
    fn from(key: v1::ApiKey) -> Self {
        Self {
            key_id: key.key_id,
            name: present(key.name),
            last_4: key.last_4,
            scopes: scopes(&key.scopes),
            narrowing: key.narrowing.map(Into::into),
            created_at: timestamp(key.created_at),
            expires_at: timestamp(key.expires_at),
            last_used_at: timestamp(key.last_used_at),
            revoked_at: timestamp(key.revoked_at),
            limits: key.limits.into_iter().map(Into::into).collect(),
        }
    }
}

/// A program that acts for a tenant with tokens; the fields are those of [`v1::Workload`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// Its id.
    pub workload_id: String,
    /// The tokens' `iss`.
    pub issuer: String,
    /// The tokens' `sub`.
    pub subject: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Which artifacts it reaches; `None`: all of the tenant's.
    pub narrowing: Option<Narrowing>,
    /// When it was added.
    pub created_at: Option<Timestamp>,
}

impl From<v1::Workload> for Workload {
    fn from(workload: v1::Workload) -> Self {
        Self {
            workload_id: workload.workload_id,
            issuer: workload.issuer,
            subject: workload.subject,
            scopes: scopes(&workload.scopes),
            narrowing: workload.narrowing.map(Into::into),
            created_at: timestamp(workload.created_at),
        }
    }
}

/// A delegated token; the fields are those of [`v1::CreateTokenResponse`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct NewToken {
    /// The token itself, which is a secret.
    pub token: String,
    /// Its id.
    pub token_id: String,
    /// What it allows, such as `read`.
    pub scopes: Vec<String>,
    /// Which artifacts it reaches; `None`: all of the tenant's.
    pub narrowing: Option<Narrowing>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
}

impl From<v1::CreateTokenResponse> for NewToken {
    fn from(made: v1::CreateTokenResponse) -> Self {
        Self {
            token: made.token,
            token_id: made.token_id,
            scopes: scopes(&made.scopes),
            narrowing: made.narrowing.map(Into::into),
            expires_at: timestamp(made.expires_at),
        }
    }
}
