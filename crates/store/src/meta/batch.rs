//! Batches of the collector: what one may take, and what it did.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::row::{Damage, at};
use crate::model::{error::Result, times::Times};

/// The limits of a pass's batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    /// At most so many rows.
    pub(crate) limit: i64,
    /// After so many rows, which are faulty.
    pub(crate) skip: i64,
    pub(crate) times: Times,
    /// How long the rows of purged artifacts, deleted objects and ended links are kept.
    pub(crate) record_retention: Duration,
    pub(crate) ledger_retention: Duration,
    /// How many visible artifacts a session may have.
    pub(crate) session_max_artifacts: i64,
}

/// What a batch did.
#[derive(Default)]
pub(crate) struct Taken {
    /// How many rows it inspected: fewer than the limit means that there are no more.
    pub(crate) taken: u64,
    pub(crate) done: Vec<Done>,
}

/// One effect.
pub(crate) struct Done {
    pub(crate) tenant: Uuid,
    pub(crate) id: String,
    pub(crate) why: String,
}

impl Taken {
    /// From a statement that returns tenant, id and reason of each row that it inspected, and changed all of them.
    ///
    /// # Errors
    /// `Internal` when one of them cannot be read.
    pub(crate) fn all(rows: &[Row]) -> Result<Self> {
        Self::of(rows.len(), rows)
    }

    /// The same, if it inspected more.
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
