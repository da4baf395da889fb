//! Limits between the wire and the store.

use cairn_proto::v1;
use cairn_store::{Counts, Error, LimitKind, Result};

use super::convert;
use crate::limits::Standing;

/// The most limits of a request: more than there are kinds.
const MOST: usize = 64;

/// The limits of a request, each with its number or none.
///
/// # Errors
/// `Invalid`.
pub(super) fn wanted(field: &str, limits: &[v1::Limit]) -> Result<Vec<(LimitKind, Option<u64>)>> {
    check_count(field, limits.len())?;
    let each = limits.iter().enumerate().map(|(i, limit)| {
        let kind = kind(&format!("{field}[{i}].kind"), limit.kind)?;
        // A negative number is none of the allowed ones.
        let max = limit.max.map(|max| u64::try_from(max).unwrap_or(0));
        Ok((kind, max))
    });
    each.collect()
}

/// Refuses a list of more limits than there can be.
///
/// # Errors
/// `Invalid`.
pub(super) fn check_count(field: &str, count: usize) -> Result<()> {
    match count <= MOST {
        true => Ok(()),
        false => Err(Error::invalid(field, format!("must be at most {MOST}"))),
    }
}

/// A kind of limit.
///
/// # Errors
/// `Invalid` for a number that this server does not know.
pub(super) fn kind(field: &str, number: i32) -> Result<LimitKind> {
    let known = v1::LimitKind::try_from(number).ok().and_then(known);
    known.ok_or_else(|| Error::invalid(field, "must be a limit that this server knows"))
}

fn known(kind: v1::LimitKind) -> Option<LimitKind> {
    Some(match kind {
        v1::LimitKind::Unspecified => return None,
        v1::LimitKind::Calls => LimitKind::Calls,
        v1::LimitKind::RequestsPerSecond => LimitKind::RequestsPerSecond,
        v1::LimitKind::RequestsPerMonth => LimitKind::RequestsPerMonth,
        v1::LimitKind::ReceivedBytesPerSecond => LimitKind::ReceivedBytesPerSecond,
        v1::LimitKind::SentBytesPerSecond => LimitKind::SentBytesPerSecond,
        v1::LimitKind::Watches => LimitKind::Watches,
        v1::LimitKind::Links => LimitKind::Links,
        v1::LimitKind::FileBytes => LimitKind::FileBytes,
        v1::LimitKind::StoredBytes => LimitKind::StoredBytes,
        v1::LimitKind::Artifacts => LimitKind::Artifacts,
        v1::LimitKind::Sessions => LimitKind::Sessions,
        v1::LimitKind::OpenUploads => LimitKind::OpenUploads,
    })
}

fn number(kind: LimitKind) -> i32 {
    let kind = match kind {
        LimitKind::Calls => v1::LimitKind::Calls,
        LimitKind::RequestsPerSecond => v1::LimitKind::RequestsPerSecond,
        LimitKind::RequestsPerMonth => v1::LimitKind::RequestsPerMonth,
        LimitKind::ReceivedBytesPerSecond => v1::LimitKind::ReceivedBytesPerSecond,
        LimitKind::SentBytesPerSecond => v1::LimitKind::SentBytesPerSecond,
        LimitKind::Watches => v1::LimitKind::Watches,
        LimitKind::Links => v1::LimitKind::Links,
        LimitKind::FileBytes => v1::LimitKind::FileBytes,
        LimitKind::StoredBytes => v1::LimitKind::StoredBytes,
        LimitKind::Artifacts => v1::LimitKind::Artifacts,
        LimitKind::Sessions => v1::LimitKind::Sessions,
        LimitKind::OpenUploads => v1::LimitKind::OpenUploads,
    };
    kind.into()
}

/// Limits on the wire.
pub(super) fn limits(of: impl IntoIterator<Item = (LimitKind, Option<u64>)>) -> Vec<v1::Limit> {
    let limit = |(kind, max): (LimitKind, Option<u64>)| v1::Limit {
        kind: number(kind),
        max: max.map(convert::size),
    };
    of.into_iter().map(limit).collect()
}

/// A limit with what is used of it, where that is counted by calls or in the tenant's records.
pub(super) fn state(of: &Standing, counted: &Counts) -> v1::LimitState {
    let usage = &counted.usage;
    let used = match of.kind {
        LimitKind::Links => counted.links,
        LimitKind::Sessions => counted.sessions,
        LimitKind::OpenUploads => counted.open_uploads,
        LimitKind::StoredBytes => Some(usage.stored_bytes),
        LimitKind::Artifacts => Some(usage.stored_artifacts),
        LimitKind::Calls
        | LimitKind::RequestsPerSecond
        | LimitKind::RequestsPerMonth
        | LimitKind::ReceivedBytesPerSecond
        | LimitKind::SentBytesPerSecond
        | LimitKind::Watches
        | LimitKind::FileBytes => of.used,
    };
    v1::LimitState {
        kind: number(of.kind),
        max: convert::size(of.max),
        used: used.map(convert::size),
        left: used.map(|used| convert::size(of.max.saturating_sub(used))),
        resets_at: of.resets_at.map(convert::timestamp),
        of_key: of.of_key,
    }
}
