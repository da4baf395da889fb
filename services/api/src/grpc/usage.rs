//! Usage by day, session and agent, between the wire and the store.

use cairn_proto::v1::{self, GetUsageRequest, GetUsageResponse};
use cairn_store::{Error, Made, Part, Result, UsageQuery, Violations};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::convert;

/// The rows of a page, when no number is given, and at the most.
const ROWS: usize = 100;
const MOST_ROWS: usize = 1000;
/// The days that are shown, when none is given.
const DAYS: i64 = 29;

/// What is wanted.
///
/// # Errors
/// `Invalid`, with every field at fault.
pub(super) fn query(request: &GetUsageRequest) -> Result<UsageQuery> {
    let mut faults = Violations::new();
    let day = |text: &str| match text {
        "" => Ok(None),
        text => text
            .parse::<Date>()
            .map(Some)
            .map_err(|_| "must be a day such as 2026-11-30"),
    };
    let from = faults.check("from_day", day(&request.from_day)).flatten();
    let until = faults.check("until_day", day(&request.until_day)).flatten();
    let until = until.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).date());
    let from = from.unwrap_or_else(|| until.saturating_sub(DAYS.days()));
    let most = match usize::try_from(request.page_size) {
        Ok(0) => Some(ROWS),
        Ok(size) if size <= MOST_ROWS => Some(size),
        _ => faults.check(
            "page_size",
            Err(format!("must be 1 to {MOST_ROWS}, or 0 for {ROWS}")),
        ),
    };
    let part = match request.part() {
        v1::UsagePart::Unspecified | v1::UsagePart::Day => Part::Day,
        v1::UsagePart::Session => Part::Session,
        v1::UsagePart::Agent => Part::Agent,
    };
    let after = match part == Part::Day && day(&request.page_token).is_err() {
        true => faults.check("page_token", Err("must be the next_page_token of a page")),
        false => Some(request.page_token.clone()),
    };
    let query = most.zip(after).map(|(most, after)| UsageQuery {
        part,
        from,
        until,
        after,
        most,
    });
    if v1::UsagePart::try_from(request.part).is_err() {
        return Err(Error::invalid("part", "must be one that this server knows"));
    }
    faults.finish(query)
}

/// A page of rows.
pub(super) fn page(query: &UsageQuery, rows: Vec<Made>) -> GetUsageResponse {
    let last = (rows.len() == query.most).then(|| rows.last()).flatten();
    GetUsageResponse {
        next_page_token: last.map_or_else(String::new, |row| row.key.clone()),
        rows: rows.into_iter().map(row).collect(),
    }
}

fn row(made: Made) -> v1::UsageRow {
    v1::UsageRow {
        artifacts: convert::size(made.artifacts),
        bytes: convert::size(made.bytes),
        requests: convert::size(made.requests),
        refused: convert::size(made.refused),
        received_bytes: convert::size(made.received_bytes),
        sent_bytes: convert::size(made.sent_bytes),
        key: made.key,
    }
}
