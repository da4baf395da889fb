//! Who a caller is to the server, and what it may store.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    access::{Narrowing, scopes},
    limit::LimitState,
    value::{duration, present, timestamp},
};
use crate::v1::{self, WhoAmIResponse};

/// The tenant that the caller acts for, with its limits and its usage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Identity {
    /// The tenant's name.
    pub tenant_name: String,
    /// The last four characters of the API key; empty for a workload.
    pub api_key_last_4: String,
    /// The subject of the token that was used in place of a key.
    pub workload: Option<String>,
    /// How long an artifact is kept when its creator does not say, as `30d`; `never` when it does not expire.
    pub default_ttl: String,
    /// The longest time to live that is allowed; `None`: no limit.
    pub max_ttl: Option<String>,
    /// Whether an artifact may be kept without an end.
    pub never_expires_allowed: bool,
    /// The largest content that one message creates, in bytes.
    pub max_create_bytes: i64,
    /// The largest content that an upload creates, in bytes.
    pub max_upload_bytes: i64,
    /// The server's version.
    pub server_version: String,
    /// How many artifacts the tenant stores.
    pub stored_artifacts: i64,
    /// The sum of their sizes, in bytes.
    pub stored_bytes: i64,
    /// The most of `stored_bytes` that the quota allows; `None`: no limit.
    pub max_stored_bytes: Option<i64>,
    /// The most of `stored_artifacts` that the quota allows; `None`: no limit.
    pub max_artifacts: Option<i64>,
    /// What the credential allows, such as `read`.
    pub scopes: Vec<String>,
    /// Which artifacts it reaches; `None`: all of the tenant's.
    pub narrowing: Option<Narrowing>,
    /// When it expires; `None`: it does not.
    pub expires_at: Option<Timestamp>,
    /// The id of the delegated token that was used; `None`: none was.
    pub token_id: Option<String>,
    /// The name of the tenant's plan.
    pub plan: String,
    /// Every limit that applies to the caller.
    pub limits: Vec<LimitState>,
    /// The calls of the tenant today, in UTC.
    pub requests_today: i64,
    /// The calls of the tenant in this month, in UTC.
    pub requests_this_month: i64,
}

impl From<WhoAmIResponse> for Identity {
    fn from(answer: WhoAmIResponse) -> Self {
        let ttl = |ttl: Option<_>| ttl.as_ref().and_then(duration);
        Self {
            tenant_name: answer.tenant_name,
            api_key_last_4: answer.api_key_last_4,
            workload: present(answer.workload),
            default_ttl: ttl(answer.default_ttl).unwrap_or_else(|| "never".to_owned()),
            max_ttl: ttl(answer.max_ttl),
            never_expires_allowed: answer.never_expires_allowed,
            max_create_bytes: answer.max_create_bytes,
            max_upload_bytes: answer.max_upload_bytes,
            server_version: answer.server_version,
            stored_artifacts: answer.stored_artifacts,
            stored_bytes: answer.stored_bytes,
            max_stored_bytes: answer.max_stored_bytes,
            max_artifacts: answer.max_artifacts,
            scopes: scopes(&answer.scopes),
            narrowing: answer.narrowing.map(Into::into),
            expires_at: timestamp(answer.expires_at),
            token_id: present(answer.token_id),
            plan: answer.plan,
            limits: answer.limits.into_iter().map(Into::into).collect(),
            requests_today: answer.requests_today,
            requests_this_month: answer.requests_this_month,
        }
    }
}

/// Usage of one day, session or agent; the fields are those of [`v1::UsageRow`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct UsageRow {
    /// The day, as 2026-11-30, or the id.
    pub key: String,
    /// How many artifacts were made.
    pub artifacts: i64,
    /// The sum of their sizes in bytes.
    pub bytes: i64,
    /// Of a day: how many calls were made.
    pub requests: i64,
    /// Of a day: how many of them a limit refused.
    pub refused: i64,
    /// Of a day: the bytes of their requests.
    pub received_bytes: i64,
    /// Of a day: the bytes of their answers.
    pub sent_bytes: i64,
}

impl From<v1::UsageRow> for UsageRow {
    fn from(row: v1::UsageRow) -> Self {
        Self {
            key: row.key,
            artifacts: row.artifacts,
            bytes: row.bytes,
            requests: row.requests,
            refused: row.refused,
            received_bytes: row.received_bytes,
            sent_bytes: row.sent_bytes,
        }
    }
}
