//! Batches of the collector: what one may take, and what it did.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::row::{Damage, at};
use crate::model::{error::Result, times::Times};

/// What a batch of a pass is to take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    /// At most so many rows.
    pub(crate) limit: i64,
    /// Behind so many, which cannot be worked on.
    pub(crate) skip: i64,
    pub(crate) times: Times,
    /// How long rows that stand for nothing any more are kept.
    pub(crate) record_retention: Duration,
    pub(crate) ledger_retention: Duration,
    /// How many visible artifacts a session may have.
    pub(crate) session_max_artifacts: i64,
}

/// What a batch did.
#[derive(Default)]
pub(crate) struct Taken {
    /// How many rows it looked at: fewer than it was allowed, and there are no more.
    pub(crate) taken: u64,
    pub(crate) done: Vec<Done>,
}

/// One thing that was done.
pub(crate) struct Done {
    pub(crate) tenant: Uuid,
    pub(crate) id: String,
    pub(crate) why: String,
}

impl Taken {
    /// Of a statement that returns tenant, id and reason of each row that it looked at, and did something to all.
    ///
    /// # Errors
    /// `Internal` when one of them cannot be read.
    pub(crate) fn all(rows: &[Row]) -> Result<Self> {
        Self::of(rows.len(), rows)
    }

    /// The same, where it looked at more.
    pub(crate) fn of(taken: usize, rows: &[Row]) -> Result<Self> {
        let read = |row: &Row| {
            Ok(Done {
                tenant: at(row, 0)?,
                id: at(row, 1)?,
                why: at(row, 2)?,
            })
        };
        let done: Result<_, Damage> = rows.iter().map(read).collect();
        Ok(Self {
            taken: taken as u64,
            done: done?,
        })
    }
}
