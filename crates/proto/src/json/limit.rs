//! Limits of plans, tenants and keys.

use jiff::Timestamp;
use serde::Serialize;

use super::value::{timestamp, word};
use crate::v1;

/// A limit; the fields are those of [`v1::Limit`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Limit {
    /// What it limits, such as `calls`; `None` for one that this build does not know.
    pub kind: Option<String>,
    /// The most; `None`: no limit.
    pub max: Option<i64>,
}

impl From<v1::Limit> for Limit {
    fn from(limit: v1::Limit) -> Self {
        Self {
            kind: limit_kind(limit.kind),
            max: limit.max,
        }
    }
}

/// A limit of the caller and what is used of it; the fields are those of [`v1::LimitState`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LimitState {
    /// What it limits, such as `calls`; `None` for one that this build does not know.
    pub kind: Option<String>,
    /// The most.
    pub max: i64,
    /// How much is used; `None`: that is not counted.
    pub used: Option<i64>,
    /// How much is left.
    pub left: Option<i64>,
    /// When all of it is left again.
    pub resets_at: Option<Timestamp>,
    /// Whether it is one of the key.
    pub of_key: bool,
}

impl From<v1::LimitState> for LimitState {
    fn from(state: v1::LimitState) -> Self {
        Self {
            kind: limit_kind(state.kind),
            max: state.max,
            used: state.used,
            left: state.left,
            resets_at: timestamp(state.resets_at),
            of_key: state.of_key,
        }
    }
}

/// The name of a kind of limit, such as `requests_per_second`.
#[must_use]
pub fn limit_kind(number: i32) -> Option<String> {
    let kind = v1::LimitKind::try_from(number).ok()?;
    word(kind.as_str_name(), "LIMIT_KIND_")
}
