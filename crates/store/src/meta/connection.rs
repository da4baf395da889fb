//! One connection to Postgres, lent to one task.

use std::{
    collections::HashSet,
    future::Future,
    ops::Deref,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::Object;
use futures_util::{FutureExt, TryStreamExt, future::BoxFuture};
use tokio::{runtime::Handle, task, time::timeout};
use tokio_postgres::{
    Row, Statement,
    types::{ToSql, Type},
};

use super::{error::PgError, time::STATEMENT_TIMEOUT, tls::Tls};
use crate::model::error::{Error, Result};

/// How long an answer may take. Postgres ends its statement before that; this limit is for a Postgres that does not
/// answer.
const ANSWER_TIMEOUT: Duration = STATEMENT_TIMEOUT.saturating_add(Duration::from_secs(5));
/// How long an abandoned statement may take to end by itself before it is cancelled.
const GRACE: Duration = Duration::from_millis(50);
/// How long each step of a cancellation may take before the connection is closed.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);
/// The poll interval for whether a backend has closed its connection.
const CLOSING: Duration = Duration::from_millis(5);

/// Terminates the backend, so that the place in the pool is free only once the backend is gone.
const LEAVE: &str = "ROLLBACK; SELECT pg_terminate_backend(pg_backend_pid())";

/// The tasks that hold a connection.
pub(super) type Holders = Arc<Mutex<HashSet<task::Id>>>;

/// A task's entry among the holders.
struct Place {
    holders: Holders,
    task: Option<task::Id>,
}

impl Place {
    /// Tasks with two connections could wait for each other: with a pool of n, n such tasks stop everything.
    fn take(holders: &Holders) -> Result<Self> {
        let task = task::try_id();
        if let Some(task) = task
            && !lock(holders).insert(task)
        {
            return Err(Error::internal(
                "a task asked for a second connection to Postgres",
            ));
        }
        let holders = Arc::clone(holders);
        Ok(Self { holders, task })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(task) = self.task {
            lock(&self.holders).remove(&task);
        }
    }
}

fn lock(holders: &Holders) -> std::sync::MutexGuard<'_, HashSet<task::Id>> {
    holders.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A permission to take a connection, for a task that holds none.
pub(super) struct Turn(Place);

impl Turn {
    /// # Errors
    /// `Internal` for a task that holds a connection already.
    pub(super) fn take(holders: &Holders) -> Result<Self> {
        Place::take(holders).map(Self)
    }

    pub(super) fn with(self, object: Object, tls: Tls) -> Connection {
        Connection {
            object: Some(object),
            tls,
            unanswered: AtomicU32::new(0),
            in_transaction: AtomicBool::new(false),
            limit: Some(ANSWER_TIMEOUT),
            _place: self.0,
        }
    }
}

/// The only way to run a statement. It bounds how long an answer may take. A connection that is dropped with a running
/// statement or an open transaction returns to the pool only when Postgres has ended both, because dropping a future of
/// the driver cancels nothing on the server.
pub(crate) struct Connection {
    object: Option<Object>,
    tls: Tls,
    /// Sent statements whose answer was abandoned, or has not arrived yet.
    unanswered: AtomicU32,
    in_transaction: AtomicBool,
    /// How long an answer may take.
    limit: Option<Duration>,
    _place: Place,
}

impl Connection {
    fn object(&self) -> &Object {
        self.object
            .as_ref()
            .expect("a connection has its object until it is dropped")
    }

    /// Removes the time limits of statements, here and on the server: for migrations and for checks that read whole
    /// tables. The settings stay with the connection, which therefore does not return to the pool.
    pub(super) async fn lift_limits(&mut self) -> Result<(), PgError> {
        self.limit = None;
        self.batch_execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
            .await
    }

    /// Whether no further statement can run on it: it is closed, or an answer did not arrive.
    pub(crate) fn is_lost(&self) -> bool {
        self.object().is_closed() || self.unanswered.load(Ordering::Relaxed) > 0
    }

    /// Boxed, because a flight joins many of these futures, and each would take kilobytes of the caller's stack.
    async fn run<T>(
        &self,
        statement: BoxFuture<'_, Result<T, tokio_postgres::Error>>,
    ) -> Result<T, PgError> {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        let answer = match self.limit {
            None => statement.await,
            Some(limit) => match timeout(limit, statement).await {
                Ok(answer) => answer,
                Err(_) => return Err(PgError::Silent(limit)),
            },
        };
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        Ok(answer?)
    }

    /// Prepares a statement, or finds it prepared on this connection: then nothing is sent.
    pub(crate) async fn prepare(&self, sql: &str) -> Result<Statement, PgError> {
        self.run(self.object().prepare_cached(sql).boxed()).await
    }

    pub(crate) async fn query(
        &self,
        statement: &(impl Sql + ?Sized),
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, PgError> {
        let statement = statement.prepared(self).await?;
        self.run(self.object().query(&statement, params).boxed())
            .await
    }

    pub(crate) async fn query_one(
        &self,
        statement: &(impl Sql + ?Sized),
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, PgError> {
        let statement = statement.prepared(self).await?;
        self.run(self.object().query_one(&statement, params).boxed())
            .await
    }

    pub(crate) async fn query_opt(
        &self,
        statement: &(impl Sql + ?Sized),
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, PgError> {
        let statement = statement.prepared(self).await?;
        self.run(self.object().query_opt(&statement, params).boxed())
            .await
    }

    pub(crate) async fn execute(
        &self,
        statement: &(impl Sql + ?Sized),
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, PgError> {
        let statement = statement.prepared(self).await?;
        self.run(self.object().execute(&statement, params).boxed())
            .await
    }

    /// Runs a statement that is planned for exactly these values, without caching the plan.
    pub(crate) async fn query_typed(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, PgError> {
        self.run(self.object().query_typed(sql, params).boxed())
            .await
    }

    /// As `query_typed`, row by row: a few of them are in memory at a time.
    pub(crate) async fn query_each(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
        mut each: impl FnMut(&Row) -> Result<(), tokio_postgres::Error> + Send,
    ) -> Result<(), PgError> {
        let params = params.iter().map(|(value, of)| (*value, of.clone()));
        let all = async {
            let mut rows = pin!(self.object().query_typed_raw(sql, params).await?);
            while let Some(row) = rows.try_next().await? {
                each(&row)?;
            }
            Ok(())
        };
        self.run(all.boxed()).await
    }

    /// As `query_typed`, for exactly one row.
    pub(crate) async fn query_typed_one(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Row, PgError> {
        self.run(self.object().query_typed_one(sql, params).boxed())
            .await
    }

    /// Runs statements without parameters.
    pub(crate) async fn batch_execute(&self, sql: &str) -> Result<(), PgError> {
        self.run(self.object().batch_execute(sql).boxed()).await
    }

    /// Begins a transaction that ends with the answer of `commit` or `roll_back`. A round trip to Postgres costs more
    /// than most statements, so a caller may join this with its first statements and `commit` with its last; Postgres
    /// runs them in the order of their first polls.
    pub(crate) async fn begin(&self) -> Result<(), PgError> {
        self.in_transaction.store(true, Ordering::Relaxed);
        self.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            .await
    }

    /// Commits. After a failed statement Postgres rolls back instead and reports no error here: a caller that joins this
    /// with statements must look at their results first.
    pub(crate) async fn commit(&self) -> Result<(), PgError> {
        self.end("COMMIT").await
    }

    pub(crate) async fn roll_back(&self) -> Result<(), PgError> {
        self.end("ROLLBACK").await
    }

    async fn end(&self, sql: &str) -> Result<(), PgError> {
        self.batch_execute(sql).await?;
        self.in_transaction.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Begins a transaction that is rolled back when it is dropped; one at a time.
    pub(crate) async fn transaction(&self) -> Result<Transaction<'_>, PgError> {
        self.begin().await?;
        Ok(Transaction {
            connection: self,
            ended: false,
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else {
            return;
        };
        let unanswered = *self.unanswered.get_mut() > 0;
        let keeps_its_settings = self.limit.is_some();
        if !unanswered && !*self.in_transaction.get_mut() && keeps_its_settings {
            return; // `object` goes back to the pool
        }
        let tls = self.tls.clone();
        match Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(tidy_up(object, tls, keeps_its_settings));
            }
            Err(_) => drop(Object::take(object)),
        }
    }
}

/// Ends what was still running. The connection keeps its place in the pool until then, so there are never more backends
/// than places.
async fn tidy_up(object: Object, tls: Tls, reusable: bool) {
    let ended = timeout(GRACE, object.batch_execute("ROLLBACK")).await;
    if reusable && matches!(ended, Ok(Ok(()))) {
        return;
    }
    // A cancel request may reach the backend late and would then end the statement of the next user, so such a
    // connection is not used again.
    if ended.is_err() {
        let _ = timeout(CANCEL_TIMEOUT, tls.cancel(object.cancel_token())).await;
    }
    let left = timeout(CANCEL_TIMEOUT, async {
        let _ = object.batch_execute(LEAVE).await;
        while !object.is_closed() {
            tokio::time::sleep(CLOSING).await;
        }
    });
    let _ = left.await;
    drop(Object::take(object));
}

/// A transaction, rolled back when it is dropped before `commit`.
pub(crate) struct Transaction<'a> {
    connection: &'a Connection,
    ended: bool,
}

impl Transaction<'_> {
    pub(crate) async fn commit(mut self) -> Result<(), PgError> {
        self.connection.commit().await?;
        self.ended = true;
        Ok(())
    }

    pub(crate) async fn rollback(mut self) -> Result<(), PgError> {
        self.connection.roll_back().await?;
        self.ended = true;
        Ok(())
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // Polled once, so that it is sent before any later use of the connection.
            let _ = self
                .connection
                .object()
                .batch_execute("ROLLBACK")
                .now_or_never();
        }
    }
}

/// A statement by its text, which is prepared once for each connection, or prepared already.
pub(crate) trait Sql: Sync {
    fn prepared(
        &self,
        connection: &Connection,
    ) -> impl Future<Output = Result<Statement, PgError>> + Send;
}

impl Sql for str {
    fn prepared(
        &self,
        connection: &Connection,
    ) -> impl Future<Output = Result<Statement, PgError>> + Send {
        connection.prepare(self)
    }
}

impl Sql for String {
    fn prepared(
        &self,
        connection: &Connection,
    ) -> impl Future<Output = Result<Statement, PgError>> + Send {
        connection.prepare(self)
    }
}

impl Sql for Statement {
    async fn prepared(&self, _: &Connection) -> Result<Statement, PgError> {
        Ok(self.clone())
    }
}
