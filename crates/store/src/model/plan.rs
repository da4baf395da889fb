//! Plans: named sets of limits, which a tenant may have with changes, and the limits of keys.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    error::{Error, Result},
    limit::LimitKind,
    text::check_tenant_name,
    validate::Violations,
};

/// The limits that apply: of a tenant, or of a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanLimits([Option<u64>; LimitKind::EVERY.len()]);

impl PlanLimits {
    /// The most of something; `None`: no limit.
    #[must_use]
    pub fn get(&self, kind: LimitKind) -> Option<u64> {
        self.0[kind as usize]
    }

    /// Those that are set.
    pub fn iter(&self) -> impl Iterator<Item = (LimitKind, u64)> {
        let kinds = LimitKind::EVERY.into_iter();
        kinds.filter_map(|kind| Some((kind, self.get(kind)?)))
    }
}

/// Limits that are set, each to a number or to none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LimitChanges(BTreeMap<LimitKind, Option<u64>>);

impl LimitChanges {
    /// From what a caller sent: each kind at most once, within its bounds.
    ///
    /// # Errors
    /// `Invalid`, with every limit at fault, as fields of `field`.
    pub fn new(
        field: &str,
        wanted: impl IntoIterator<Item = (LimitKind, Option<u64>)>,
    ) -> Result<Self> {
        let mut faults = Violations::new();
        let mut set = BTreeMap::new();
        for (kind, max) in wanted {
            let name = format!("{field}.{kind}");
            if let Some(max) = max {
                faults.check(&name, kind.check(max));
            }
            if set.insert(kind, max).is_some() {
                faults.check(&name, Err::<(), _>("must be given once"));
            }
        }
        faults.finish(Some(Self(set)))
    }

    /// The same of a key.
    ///
    /// # Errors
    /// `Invalid`, also for a limit that a key cannot have.
    pub fn of_key(
        field: &str,
        wanted: impl IntoIterator<Item = (LimitKind, Option<u64>)>,
    ) -> Result<Self> {
        let all = Self::new(field, wanted)?;
        match all.0.keys().find(|kind| !kind.is_of_keys()) {
            Some(kind) => Err(Error::invalid(
                format!("{field}.{kind}"),
                "is a limit of tenants, which a key cannot have",
            )),
            None => Ok(all),
        }
    }

    /// Those that are set, each with its number.
    pub fn iter(&self) -> impl Iterator<Item = (LimitKind, Option<u64>)> {
        self.0.iter().map(|(kind, max)| (*kind, *max))
    }

    /// Sets one of them.
    pub(crate) fn set(&mut self, kind: LimitKind, max: Option<u64>) {
        self.0.insert(kind, max);
    }

    /// Takes one of them away.
    pub(crate) fn reset(&mut self, kind: LimitKind) {
        self.0.remove(&kind);
    }

    /// What applies where nothing else does.
    #[must_use]
    pub fn limits(&self) -> PlanLimits {
        let mut limits = PlanLimits::default();
        for (kind, max) in &self.0 {
            limits.0[*kind as usize] = *max;
        }
        limits
    }
}

/// As they are read: the last one of a kind counts.
impl FromIterator<(LimitKind, Option<u64>)> for LimitChanges {
    fn from_iter<I: IntoIterator<Item = (LimitKind, Option<u64>)>>(limits: I) -> Self {
        Self(limits.into_iter().collect())
    }
}

/// A named set of limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name, by the rules of a tenant's.
    pub name: String,
    /// Its limits.
    pub limits: PlanLimits,
    /// How many tenants have it.
    pub tenants: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Plan {
    /// The plan of a tenant that was given no other. It cannot be deleted.
    pub const DEFAULT: &'static str = "default";

    pub(crate) fn unknown(name: &str) -> Error {
        let rule = format!("there is no plan '{name}'; `cairn admin plans list` shows all");
        Error::invalid("plan", rule)
    }

    pub(crate) fn check_name(name: &str) -> Result<()> {
        check_tenant_name(name).map_err(|rule| Error::invalid("plan", rule))
    }
}

#[cfg(test)]
mod tests {
    use super::{LimitChanges, LimitKind};

    #[test]
    fn a_limit_is_within_its_bounds_and_given_once() {
        let all = |wanted: &[(LimitKind, Option<u64>)]| {
            LimitChanges::new("limits", wanted.iter().copied()).is_ok()
        };
        assert!(all(&[
            (LimitKind::Calls, Some(1)),
            (LimitKind::Links, None)
        ]));
        assert!(!all(&[(LimitKind::Calls, Some(0))]));
        assert!(!all(&[(LimitKind::SentBytesPerSecond, Some(1000))]));
        assert!(!all(&[
            (LimitKind::Calls, Some(1)),
            (LimitKind::Calls, None)
        ]));
        assert!(LimitChanges::of_key("limits", [(LimitKind::Links, Some(1))]).is_err());
    }
}
