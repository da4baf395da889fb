//! Rows of tenants.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    connection::Connection,
    error::from_pg,
    quotas,
    row::{Damage, at, maybe_count},
    usage,
};
use crate::model::{
    error::Result,
    id::TenantId,
    quota::Quota,
    retention::Keeping,
    tenant::{Tenant, TenantUpdate, TenantUsage},
};

/// The columns that `limits` reads, of a tenant `t`.
const LIMITS: &str =
    "t.default_ttl_ms, t.max_ttl_ms, t.never_expires_allowed, t.max_stored_bytes, t.max_artifacts";

/// The columns that `read` reads, of a tenant `t`.
pub(crate) fn columns() -> String {
    format!("t.id, t.name, {LIMITS}")
}

pub(crate) fn read(row: &Row) -> Result<Tenant, Damage> {
    let (keeping, quota) = limits(row)?;
    Ok(Tenant {
        id: TenantId(at(row, "id")?),
        name: at(row, "name")?,
        keeping,
        quota,
    })
}

/// The limits of a row that has `LIMITS`.
fn limits(row: &Row) -> Result<(Keeping, Quota), Damage> {
    let ttl = |column: &str| {
        let ttl = maybe_count(row, column)?;
        Ok::<_, Damage>(ttl.map(Duration::from_millis))
    };
    let keeping = Keeping {
        default_ttl: ttl("default_ttl_ms")?,
        max_ttl: ttl("max_ttl_ms")?,
        never_expires_allowed: at(row, "never_expires_allowed")?,
    };
    Ok((keeping, quotas::read(row)?))
}

/// Creates a tenant if there is none of that name.
#[tracing::instrument(target = "postgres", name = "tenants.ensure", skip_all)]
pub(crate) async fn ensure(client: &Connection, tenant: &str) -> Result<()> {
    client
        .execute(
            "INSERT INTO tenants (id, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
            &[&Uuid::now_v7(), &tenant],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}

/// The tenant of this name, or those after one, or all, with their quotas and usage: at most so many, by name.
#[tracing::instrument(target = "postgres", name = "tenants.list", skip_all)]
pub(crate) async fn list(
    client: &Connection,
    name: Option<&str>,
    after: Option<&str>,
    most: i64,
) -> Result<Vec<TenantUsage>> {
    let rows = client
        .query(
            &format!(
                "SELECT t.name, {LIMITS}, {} FROM tenants t LEFT JOIN {} u ON u.tenant_id = t.id
                 WHERE ($1::text IS NULL OR t.name = $1) AND ($2::text IS NULL OR t.name > $2)
                 ORDER BY t.name LIMIT $3",
                usage::COLUMNS,
                *usage::USAGE
            ),
            &[&name, &after, &most],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| {
        let (keeping, quota) = limits(row)?;
        Ok(TenantUsage {
            tenant: at(row, "name")?,
            keeping,
            quota,
            usage: usage::read(row, "")?,
        })
    };
    let read: Result<_, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}

/// Changes a tenant's limits; false if there is no such tenant.
#[tracing::instrument(target = "postgres", name = "tenants.update", skip_all)]
pub(crate) async fn update(client: &Connection, name: &str, update: TenantUpdate) -> Result<bool> {
    let tx = client.transaction().await.map_err(from_pg)?;
    let locked = format!("SELECT {LIMITS} FROM tenants t WHERE t.name = $1 FOR NO KEY UPDATE");
    let row = tx.query_opt(&locked, &[&name]).await.map_err(from_pg)?;
    let Some(row) = row else {
        return Ok(false);
    };
    let (keeping, quota) = limits(&row)?;
    let (keeping, quota) = update.applied(keeping, quota)?;
    let ms = |ttl: Duration| i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
    let most = |limit: u64| i64::try_from(limit).unwrap_or(i64::MAX);
    tx.execute(
        "UPDATE tenants SET default_ttl_ms = $2, max_ttl_ms = $3, never_expires_allowed = $4,
             max_stored_bytes = $5, max_artifacts = $6
         WHERE name = $1",
        &[
            &name,
            &keeping.default_ttl.map(ms),
            &keeping.max_ttl.map(ms),
            &keeping.never_expires_allowed,
            &quota.max_stored_bytes.map(most),
            &quota.max_artifacts.map(most),
        ],
    )
    .await
    .map_err(from_pg)?;
    tx.commit().await.map_err(from_pg)?;
    Ok(true)
}
