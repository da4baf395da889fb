//! Quotas: the most that a tenant may store.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::usage::Usage;

/// The most that a tenant may store; 1 or more of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// Of [`Usage::stored_bytes`]; `None`: no limit.
    pub max_stored_bytes: Option<u64>,
    /// Of [`Usage::stored_artifacts`]; `None`: no limit.
    pub max_artifacts: Option<u64>,
}

/// A limit of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `max_stored_bytes`.
    StoredBytes,
    /// `max_artifacts`.
    Artifacts,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StoredBytes => "max_stored_bytes",
            Self::Artifacts => "max_artifacts",
        })
    }
}

/// What a quota has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the tenant's {limit} is {max}, it has {used}, and {needed} more were asked for; nothing was stored: delete artifacts, \
     or ask the operator for a larger quota"
)]
pub struct QuotaExceeded {
    /// The limit that is in the way.
    pub limit: Limit,
    /// How much it allows.
    pub max: u64,
    /// How much is stored already.
    pub used: u64,
    /// How much more was asked for.
    pub needed: u64,
}

/// How full the quotas of a deployment's tenants are.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Fullness {
    /// Of the tenant that has used most of its own, by the limit that it is nearest to: 1 is full. 0 without quotas.
    pub fullest_share: f64,
    /// How many tenants have used more than nine tenths of theirs.
    pub near_quota: u64,
}

impl Fullness {
    /// The share from which on a tenant is near its quota.
    pub(crate) const NEAR: f64 = 0.9;
}

/// A tenant's quota and what it has used of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuotaState {
    pub(crate) quota: Quota,
    pub(crate) usage: Usage,
    /// The most writes at a time: the connections of the Postgres server.
    pub(crate) writers: u64,
}

/// Whether a write takes the quota lock shared or exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockMode {
    /// Beside other small writes of one artifact each. The write must find room for all of them.
    Shared,
    /// Alone.
    Exclusive,
}

impl LockMode {
    /// The most bytes that a write may add under the shared lock.
    const SMALL: u64 = 128 << 10;

    /// The mode that a write of so many bytes tries first.
    pub(crate) fn of(bytes: u64) -> Self {
        if bytes <= Self::SMALL {
            Self::Shared
        } else {
            Self::Exclusive
        }
    }
}

impl Quota {
    /// Whether there is no limit at all.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl QuotaState {
    /// The same without one artifact of so many reserved bytes, if any.
    pub(crate) fn without(mut self, reserved: Option<u64>) -> Self {
        if let Some(bytes) = reserved {
            let usage = &mut self.usage;
            usage.stored_bytes = usage.stored_bytes.saturating_sub(bytes);
            usage.stored_artifacts = usage.stored_artifacts.saturating_sub(1);
        }
        self
    }

    /// The largest content for which there is room.
    pub(crate) fn room(&self) -> u64 {
        let max = self.quota.max_stored_bytes.unwrap_or(u64::MAX);
        max.saturating_sub(self.usage.stored_bytes)
    }

    /// Whether there is room for as many small writes as can run at a time. A write that has seen so much room fits in,
    /// whether the others are counted already or still running, and however they end.
    pub(crate) fn has_room_for_all(&self) -> bool {
        let bytes = self.writers.saturating_mul(LockMode::SMALL);
        self.admit(self.writers, bytes).is_ok()
    }

    /// Checks that there is room for so many more artifacts of so many bytes. Zero more always fit.
    ///
    /// # Errors
    /// The first limit that is exceeded.
    pub(crate) fn admit(&self, artifacts: u64, bytes: u64) -> Result<(), QuotaExceeded> {
        let Self { quota, usage, .. } = self;
        let limits = [
            (
                Limit::StoredBytes,
                quota.max_stored_bytes,
                usage.stored_bytes,
                bytes,
            ),
            (
                Limit::Artifacts,
                quota.max_artifacts,
                usage.stored_artifacts,
                artifacts,
            ),
        ];
        for (limit, max, used, needed) in limits {
            if let Some(max) = max
                && artifacts > 0
                && used.saturating_add(needed) > max
            {
                return Err(QuotaExceeded {
                    limit,
                    max,
                    used,
                    needed,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(bytes: Option<u64>, artifacts: Option<u64>) -> QuotaState {
        QuotaState {
            quota: Quota {
                max_stored_bytes: bytes,
                max_artifacts: artifacts,
            },
            usage: Usage {
                stored_artifacts: 3,
                stored_bytes: 70,
                ..Usage::default()
            },
            writers: 2,
        }
    }

    /// Writes share the lock as long as there is room for as many as there can be.
    #[test]
    fn writes_share_the_lock_while_all_would_fit() {
        let most = 70 + 2 * (128 << 10);
        assert!(state(Some(most), Some(5)).has_room_for_all());
        assert!(!state(Some(most - 1), None).has_room_for_all());
        assert!(!state(None, Some(4)).has_room_for_all());
    }

    /// A quota is filled to the last byte and artifact, and no further.
    #[test]
    fn quota_is_filled_exactly() {
        let state = state(Some(100), Some(4));
        assert_eq!(state.room(), 30);
        assert_eq!(state.admit(1, 30), Ok(()));
        let refused = state.admit(1, 31).unwrap_err();
        assert_eq!(
            (refused.limit, refused.max, refused.used, refused.needed),
            (Limit::StoredBytes, 100, 70, 31)
        );
        let refused = state.admit(2, 0).unwrap_err();
        assert_eq!(
            (refused.limit, refused.max, refused.used, refused.needed),
            (Limit::Artifacts, 4, 3, 2)
        );
    }

    /// A quota below what is stored accepts nothing, except a write that needs no room.
    #[test]
    fn quota_below_usage_accepts_only_empty_writes() {
        let state = state(Some(60), None);
        assert_eq!(state.room(), 0);
        assert!(state.admit(1, 0).is_err());
        assert_eq!(state.admit(0, 0), Ok(()));
    }

    #[test]
    fn without_a_limit_there_is_room_for_anything() {
        assert_eq!(state(None, None).admit(9, u64::MAX), Ok(()));
        assert_eq!(state(None, Some(4)).room(), u64::MAX - 70);
    }
}
