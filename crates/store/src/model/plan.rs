//! Plans: named sets of limits, which a tenant may have with changes, and the limits of keys.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    error::{Error, Result},
    text::check_tenant_name,
    validate::Violations,
};

/// What a plan can limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Calls under way.
    Calls,
    /// Calls each second; twice as many may come at once.
    RequestsPerSecond,
    /// Calls in a month of UTC.
    RequestsPerMonth,
    /// Bytes of requests each second.
    ReceivedBytesPerSecond,
    /// Bytes of answers each second.
    SentBytesPerSecond,
    /// Watches under way.
    Watches,
    /// Links that work.
    Links,
    /// The size of one content in bytes.
    FileBytes,
    /// The sum of the sizes of stored artifacts in bytes.
    StoredBytes,
    /// Stored artifacts.
    Artifacts,
}

impl LimitKind {
    /// All of them.
    pub const EVERY: [Self; 10] = [
        Self::Calls,
        Self::RequestsPerSecond,
        Self::RequestsPerMonth,
        Self::ReceivedBytesPerSecond,
        Self::SentBytesPerSecond,
        Self::Watches,
        Self::Links,
        Self::FileBytes,
        Self::StoredBytes,
        Self::Artifacts,
    ];

    /// The name, as plans and errors have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::RequestsPerSecond => "requests_per_second",
            Self::RequestsPerMonth => "requests_per_month",
            Self::ReceivedBytesPerSecond => "received_bytes_per_second",
            Self::SentBytesPerSecond => "sent_bytes_per_second",
            Self::Watches => "watches",
            Self::Links => "links",
            Self::FileBytes => "file_bytes",
            Self::StoredBytes => "stored_bytes",
            Self::Artifacts => "artifacts",
        }
    }

    /// Whether a key can have it too; the others are about what the tenant has altogether.
    #[must_use]
    pub fn is_of_keys(self) -> bool {
        match self {
            Self::Calls
            | Self::RequestsPerSecond
            | Self::ReceivedBytesPerSecond
            | Self::SentBytesPerSecond
            | Self::Watches
            | Self::FileBytes => true,
            Self::RequestsPerMonth | Self::Links | Self::StoredBytes | Self::Artifacts => false,
        }
    }

    /// The least that it can be set to. An upload that is held back below the least rate of an upload would expire.
    fn least(self) -> u64 {
        match self {
            Self::ReceivedBytesPerSecond | Self::SentBytesPerSecond => 1 << 20,
            _ => 1,
        }
    }

    fn check(self, max: u64) -> Result<(), String> {
        let (least, most) = (self.least(), i64::MAX.unsigned_abs());
        match (least..=most).contains(&max) {
            true => Ok(()),
            false => Err(format!("must be {least} to {most}, or none")),
        }
    }
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LimitKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = Self::EVERY.into_iter().find(|kind| kind.as_str() == name);
        named.ok_or_else(|| {
            let names = Self::EVERY.map(Self::as_str).join(", ");
            format!("must be one of {names}")
        })
    }
}

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

/// A call or a count that a limit of a tenant or of a key refuses for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit of {} is {max} {}, and is reached; try again later, or ask the operator for a higher limit", of(.of_key), words(.kind))]
pub struct LimitReached {
    /// Which limit.
    pub kind: LimitKind,
    /// How much it allows.
    pub max: u64,
    /// It is one of the key, and not of the tenant.
    pub of_key: bool,
    /// When the same call may succeed.
    pub retry_after: Duration,
}

fn of(of_key: &bool) -> &'static str {
    if *of_key { "this key" } else { "this tenant" }
}

fn words(kind: &LimitKind) -> &'static str {
    match kind {
        LimitKind::Calls => "calls under way",
        LimitKind::RequestsPerSecond => "calls each second",
        LimitKind::RequestsPerMonth => "calls each month",
        LimitKind::ReceivedBytesPerSecond => "bytes received each second",
        LimitKind::SentBytesPerSecond => "bytes sent each second",
        LimitKind::Watches => "watches under way",
        LimitKind::Links => "links that work",
        LimitKind::FileBytes => "bytes of one file",
        LimitKind::StoredBytes => "bytes stored",
        LimitKind::Artifacts => "artifacts",
    }
}

#[cfg(test)]
mod tests {
    use super::{LimitChanges, LimitKind};

    #[test]
    fn a_limit_is_kept_by_its_name() {
        for kind in LimitKind::EVERY {
            let written = serde_json::json!(kind);
            assert_eq!(written, kind.as_str());
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

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
