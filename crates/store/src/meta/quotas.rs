//! Quotas of tenants. A write that adds live artifacts of a tenant with a quota takes the tenant's lock, and reads in a
//! later statement what is stored: READ COMMITTED then shows what the previous holder has committed. Small writes share
//! the lock while there is room for as many as there can be. The lock comes after the session's and those of objects,
//! and before those of filenames and artifacts. A holder of the shared lock never upgrades it, because two that do
//! would wait for each other.

use futures_util::join;
use tokio_postgres::{Row, Statement};

use super::{
    connection::{Connection, Transaction},
    error::{PgError, from_pg},
    row::{Damage, count, maybe_count},
    sessions, usage,
};
use crate::model::{
    error::Result,
    id::TenantId,
    quota::{LockMode, Quota, QuotaState},
};

/// The columns that `read` reads, of a tenant `t`.
pub(super) const COLUMNS: &str = "t.max_stored_bytes, t.max_artifacts";
const HAS_ONE: &str = "(t.max_stored_bytes IS NOT NULL OR t.max_artifacts IS NOT NULL)";

/// The quota of a row that has `COLUMNS`.
pub(super) fn read(row: &Row) -> Result<Quota, Damage> {
    Ok(Quota {
        max_stored_bytes: maybe_count(row, "max_stored_bytes")?,
        max_artifacts: maybe_count(row, "max_artifacts")?,
    })
}

/// The statements that join a write.
pub(super) struct Statements {
    lock: Statement,
    share: Statement,
    look: Statement,
}

impl Statements {
    pub(super) async fn prepare(client: &Connection) -> Result<Self, PgError> {
        let lock = |function: &str| {
            format!("SELECT {function}($2) FROM tenants t WHERE t.id = $1 AND {HAS_ONE}")
        };
        let look = format!(
            "SELECT {COLUMNS}, {}, current_setting('max_connections')::bigint AS writers,
                 r.reserved_artifacts, r.reserved_bytes
             FROM tenants t LEFT JOIN {} u ON u.tenant_id = $1
                 CROSS JOIN (SELECT count(*) AS reserved_artifacts,
                     coalesce(sum(reserved_bytes), 0)::bigint AS reserved_bytes FROM objects
                     WHERE tenant_id = $1 AND state = 'staging' AND reserved_bytes IS NOT NULL) r
             WHERE t.id = $1 AND {HAS_ONE}",
            usage::COLUMNS,
            *usage::USAGE
        );
        Ok(Self {
            lock: client.prepare(&lock("pg_advisory_xact_lock")).await?,
            share: client
                .prepare(&lock("pg_advisory_xact_lock_shared"))
                .await?,
            look: client.prepare(&look).await?,
        })
    }

    /// Takes the tenant's quota lock in this mode; false when it has no quota.
    pub(super) async fn lock(
        &self,
        client: &Connection,
        tenant: TenantId,
        mode: LockMode,
    ) -> Result<bool, PgError> {
        // No session has an empty name.
        let key = sessions::lock_key(tenant, "");
        let lock = match mode {
            LockMode::Shared => &self.share,
            LockMode::Exclusive => &self.lock,
        };
        let rows = client.execute(lock, &[&tenant.0, &key]).await?;
        Ok(rows > 0)
    }

    /// Takes the tenant's quota lock and reads its quota, if it has one. The transaction holds the lock until its end.
    /// `expected`: whether the tenant had a quota a moment ago.
    pub(super) async fn enter(
        &self,
        client: &Connection,
        tenant: TenantId,
        mode: LockMode,
        expected: bool,
    ) -> Result<Option<QuotaState>, PgError> {
        let lock = self.lock(client, tenant, mode);
        let look = self.look(client, tenant);
        if expected {
            let (locked, quota) = join!(lock, look);
            locked?;
            return quota;
        }
        // Reading usage is expensive even without a quota, so the lock comes first.
        if lock.await? { look.await } else { Ok(None) }
    }

    /// The tenant's quota and usage, if it has a quota.
    pub(super) async fn look(
        &self,
        client: &Connection,
        tenant: TenantId,
    ) -> Result<Option<QuotaState>, PgError> {
        let row = client.query_opt(&self.look, &[&tenant.0]).await?;
        let Some(row) = row else { return Ok(None) };
        // What open uploads reserve counts as stored.
        let mut used = usage::read(&row, "")?;
        used.stored_artifacts += count(&row, "reserved_artifacts")?;
        used.stored_bytes += count(&row, "reserved_bytes")?;
        Ok(Some(QuotaState {
            quota: read(&row)?,
            usage: used,
            writers: count(&row, "writers")?,
        }))
    }
}

/// A tenant's quota and usage now, without the lock, if it has a quota.
#[tracing::instrument(target = "postgres", name = "quotas.look", skip_all)]
pub(crate) async fn look(client: &Connection, tenant: TenantId) -> Result<Option<QuotaState>> {
    let statements = Statements::prepare(client).await.map_err(from_pg)?;
    statements.look(client, tenant).await.map_err(from_pg)
}

/// A tenant's quota and usage, if it has a quota; no other write changes them before this transaction ends.
#[tracing::instrument(target = "postgres", name = "quotas.enter", skip_all)]
pub(crate) async fn enter(tx: &Transaction<'_>, tenant: TenantId) -> Result<Option<QuotaState>> {
    let statements = Statements::prepare(tx).await.map_err(from_pg)?;
    let locked = statements.lock(tx, tenant, LockMode::Exclusive).await;
    if !locked.map_err(from_pg)? {
        return Ok(None);
    }
    statements.look(tx, tenant).await.map_err(from_pg)
}
