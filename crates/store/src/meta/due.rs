//! The due rows of the collector's passes: one SELECT each, whose rows a batch locks and processes, and a dry run only
//! reports.

use std::time::Duration;

use tokio_postgres::{Row, types::ToSql};

use super::{
    batch::{Batch, Done, Taken},
    connection::Connection,
    error::from_pg,
    row::{Damage, at},
    time::millis,
};
use crate::model::error::Result;

/// The rows that are due.
#[derive(Clone, Copy)]
pub(crate) struct DueRows {
    /// Selects `tenant_id`, `id` and `why` of at most $1 rows after $2; a row whose `why` is NULL is only inspected. It
    /// ends with LIMIT and OFFSET.
    pub(super) sql: &'static str,
    /// How long they must have waited, as $3 in milliseconds.
    pub(super) wait: Option<fn(&Batch) -> Duration>,
}

impl DueRows {
    /// These rows, locked, as a table; without those that another worker has locked.
    pub(super) fn locked(&self) -> String {
        format!("({} FOR UPDATE SKIP LOCKED)", self.sql)
    }

    /// Returns the rows of a batch, and locks nothing.
    #[tracing::instrument(target = "postgres", name = "due.look", skip_all)]
    pub(crate) async fn look(&self, client: &Connection, batch: Batch) -> Result<Taken> {
        let sql = format!("SELECT tenant_id, id::text, why FROM ({}) due", self.sql);
        let wait = self.wait.map(|wait| millis(wait(&batch)));
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&batch.limit, &batch.skip];
        parameters.extend(wait.iter().map(|wait| wait as &(dyn ToSql + Sync)));
        let rows = client.query(&sql, &parameters).await.map_err(from_pg)?;
        let read = |row: &Row| {
            let why: Option<String> = at(row, 2)?;
            let Some(why) = why else { return Ok(None) };
            Ok(Some(Done {
                tenant: at(row, 0)?,
                id: at(row, 1)?,
                why,
            }))
        };
        let done: Result<Vec<_>, Damage> = rows
            .iter()
            .filter_map(|row| read(row).transpose())
            .collect();
        Ok(Taken {
            taken: rows.len() as u64,
            done: done?,
        })
    }
}
