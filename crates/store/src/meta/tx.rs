//! A transaction whose `BEGIN` and `COMMIT` travel in the same flights as its statements.

use deadpool_postgres::Object;
use tokio_postgres::Error;

use super::Meta;
use crate::error::Result;

/// One transaction on one connection. A round trip to Postgres costs more than most statements, so the caller joins
/// `begin` with its first statements and `commit` with its last; Postgres runs them in the order they were polled.
///
/// Dropped before `finish`, it gives its connection up instead of returning it to the pool: Postgres then rolls back,
/// and no later user finds a transaction open.
pub(crate) struct Tx {
    connection: Option<Object>,
}

impl Tx {
    /// Takes a connection; nothing is sent.
    pub(crate) async fn open(meta: &Meta) -> Result<Self> {
        let connection = Some(meta.client().await?);
        Ok(Self { connection })
    }

    /// The connection, to run statements on.
    pub(crate) fn client(&self) -> &Object {
        self.connection
            .as_ref()
            .expect("a transaction has its connection until it is finished or dropped")
    }

    pub(crate) async fn begin(&self) -> std::result::Result<(), Error> {
        self.client().batch_execute("BEGIN").await
    }

    /// Commits. After a failed statement Postgres rolls back instead and reports no error here: a caller that joins this
    /// with statements must look at their results first.
    pub(crate) async fn commit(&self) -> std::result::Result<(), Error> {
        self.client().batch_execute("COMMIT").await
    }

    /// Returns the connection to the pool. Only after `commit` or `roll_back` has answered.
    pub(crate) fn finish(mut self) {
        drop(self.connection.take());
    }

    /// Rolls back and returns the connection to the pool.
    pub(crate) async fn roll_back(self) {
        if self.client().batch_execute("ROLLBACK").await.is_ok() {
            self.finish();
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}
