//! Quotas of tenants. Whoever adds live artifacts of a tenant that has one takes the tenant's lock, and reads in a later
//! statement what is stored: READ COMMITTED then shows what the former holder has committed. Small writes share the lock
//! while there is room for as many as there can be. It comes after the session's and those of objects, and before those of
//! filenames and artifacts; nobody who shares it takes it alone, which would wait for another who does the same.

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
    quota::{Company, Quota, Standing},
};

/// The columns that `read` reads, of a tenant `t`.
pub(super) const COLUMNS: &str = "t.max_stored_bytes, t.max_artifacts";
const HAS_ONE: &str = "(t.max_stored_bytes IS NOT NULL OR t.max_artifacts IS NOT NULL)";

/// The quota in the two `COLUMNS` of a row, from this one on.
pub(super) fn read(row: &Row, first: usize) -> Result<Quota, Damage> {
    Ok(Quota {
        max_stored_bytes: maybe_count(row, first)?,
        max_artifacts: maybe_count(row, first + 1)?,
    })
}

/// The statements that a write is joined with.
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
            "SELECT {COLUMNS}, {}, current_setting('max_connections')::bigint FROM tenants t LEFT JOIN {} u ON u.tenant_id = $1
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

    /// Waits until no other write of the tenant is between being let in and being committed, but for such company; false
    /// when it has no quota.
    pub(super) async fn lock(
        &self,
        client: &Connection,
        tenant: TenantId,
        company: Company,
    ) -> Result<bool, PgError> {
        // No session has an empty name.
        let key = sessions::lock_key(tenant, "");
        let lock = match company {
            Company::Others => &self.share,
            Company::None => &self.lock,
        };
        let rows = client.execute(lock, &[&tenant.0, &key]).await?;
        Ok(rows > 0)
    }

    /// Enters the tenant's quota, if it has one: until the end of the transaction no other write is let in, but for such
    /// company. `expected`: whether it had one a moment ago.
    pub(super) async fn enter(
        &self,
        client: &Connection,
        tenant: TenantId,
        company: Company,
        expected: bool,
    ) -> Result<Option<Standing>, PgError> {
        let lock = self.lock(client, tenant, company);
        let look = self.look(client, tenant);
        if expected {
            let (locked, standing) = join!(lock, look);
            locked?;
            return standing;
        }
        // To look is dear, even where there is nothing to see.
        if lock.await? { look.await } else { Ok(None) }
    }

    /// How the tenant stands against its quota, if it has one.
    pub(super) async fn look(
        &self,
        client: &Connection,
        tenant: TenantId,
    ) -> Result<Option<Standing>, PgError> {
        let row = client.query_opt(&self.look, &[&tenant.0]).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Standing {
            quota: read(&row, 0)?,
            usage: usage::read(&row, 2)?,
            writers: count(&row, 6)?,
        }))
    }
}

/// How a tenant stands against its quota as things are now, if it has one.
#[tracing::instrument(target = "postgres", name = "quotas.look", skip_all)]
pub(crate) async fn look(client: &Connection, tenant: TenantId) -> Result<Option<Standing>> {
    let statements = Statements::prepare(client).await.map_err(from_pg)?;
    statements.look(client, tenant).await.map_err(from_pg)
}

/// How a tenant stands against its quota, if it has one; no other write changes that before this transaction ends.
#[tracing::instrument(target = "postgres", name = "quotas.enter", skip_all)]
pub(crate) async fn enter(tx: &Transaction<'_>, tenant: TenantId) -> Result<Option<Standing>> {
    let statements = Statements::prepare(tx).await.map_err(from_pg)?;
    let locked = statements.lock(tx, tenant, Company::None).await;
    if !locked.map_err(from_pg)? {
        return Ok(None);
    }
    statements.look(tx, tenant).await.map_err(from_pg)
}
