//! What can be limited, and the error of a limit that is reached.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

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
    /// Sessions that exist.
    Sessions,
    /// Open uploads.
    OpenUploads,
}

impl LimitKind {
    /// All of them.
    pub const EVERY: [Self; 12] = [
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
        Self::Sessions,
        Self::OpenUploads,
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
            Self::Sessions => "sessions",
            Self::OpenUploads => "open_uploads",
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
            Self::RequestsPerMonth
            | Self::Links
            | Self::StoredBytes
            | Self::Artifacts
            | Self::Sessions
            | Self::OpenUploads => false,
        }
    }

    /// The least that it can be set to. An upload that is held back below the least rate of an upload would expire.
    fn least(self) -> u64 {
        match self {
            Self::ReceivedBytesPerSecond | Self::SentBytesPerSecond => 1 << 20,
            _ => 1,
        }
    }

    /// The most that it can be set to. Sessions and open uploads are counted each time one is made.
    fn most(self) -> u64 {
        match self {
            Self::Sessions => 100_000,
            Self::OpenUploads => 10_000,
            _ => i64::MAX.unsigned_abs(),
        }
    }

    pub(super) fn check(self, max: u64) -> Result<(), String> {
        let (least, most) = (self.least(), self.most());
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
        LimitKind::Sessions => "sessions",
        LimitKind::OpenUploads => "open uploads",
    }
}

/// The tenant has as many of something as its plan allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this tenant may have {max} {}, and has as many; {}, or ask the operator for a higher limit", words(.kind), remedy(.kind))]
pub struct CountReached {
    /// What is counted.
    pub kind: LimitKind,
    /// How many it may have.
    pub max: u64,
}

fn remedy(kind: &LimitKind) -> &'static str {
    match kind {
        LimitKind::Links => "revoke one",
        LimitKind::Sessions => "write into one that exists",
        LimitKind::OpenUploads => "finish or abort one",
        _ => "try again later",
    }
}

#[cfg(test)]
mod tests {
    use super::LimitKind;

    #[test]
    fn a_limit_is_kept_by_its_name() {
        for kind in LimitKind::EVERY {
            let written = serde_json::json!(kind);
            assert_eq!(written, kind.as_str());
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }
}
