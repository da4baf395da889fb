//! What a tenant made, day by day.

use jiff::civil::Date;

/// What usage is shown of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Days, newest first.
    Day,
    /// Sessions, by id.
    Session,
    /// Agents, by id.
    Agent,
}

/// Which usage is wanted.
#[derive(Debug, Clone)]
pub struct UsageQuery {
    /// Of what.
    pub part: Part,
    /// The first day in UTC.
    pub from: Date,
    /// The last day.
    pub until: Date,
    /// The key of the last row of the page before; empty for the first page.
    pub after: String,
    /// The most rows.
    pub most: usize,
}

/// What was made of one day, session or agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The day, as 2026-11-30, or the id.
    pub key: String,
    /// How many artifacts were made; deleted ones count too.
    pub artifacts: u64,
    /// The sum of their sizes.
    pub bytes: u64,
    /// Of a day: the calls.
    pub requests: u64,
    /// Of a day: how many of them a limit refused.
    pub refused: u64,
    /// Of a day: the bytes of their requests.
    pub received_bytes: u64,
    /// Of a day: the bytes of their answers.
    pub sent_bytes: u64,
}
