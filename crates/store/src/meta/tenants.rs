//! Rows of tenants.

use std::time::Duration;

use tokio_postgres::{Row, types::Json};
use uuid::Uuid;

use super::{
    connection::{Connection, Transaction},
    error::from_pg,
    plans, quotas,
    row::{Damage, at, maybe_count},
    usage,
};
use crate::model::{
    error::Result,
    id::TenantId,
    quota::Quota,
    retention::RetentionPolicy,
    tenant::{Tenant, TenantUpdate, TenantUsage},
};

/// The columns that `limits` reads, of a tenant `t`.
const LIMITS: &str = "t.default_ttl_ms, t.max_ttl_ms, t.never_expires_allowed, t.max_stored_bytes, t.max_artifacts, t.plan, t.limits";

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
        plan: at(row, "plan")?,
        limits: plans::changes(row, "limits")?.limits(),
    })
}

/// The limits of a row that has `LIMITS`.
fn limits(row: &Row) -> Result<(RetentionPolicy, Quota), Damage> {
    let ttl = |column: &str| {
        let ttl = maybe_count(row, column)?;
        Ok::<_, Damage>(ttl.map(Duration::from_millis))
    };
    let keeping = RetentionPolicy {
        default_ttl: ttl("default_ttl_ms")?,
        max_ttl: ttl("max_ttl_ms")?,
        never_expires_allowed: at(row, "never_expires_allowed")?,
    };
    Ok((keeping, quotas::read(row)?))
}

/// The id of the tenant of this name.
#[tracing::instrument(target = "postgres", name = "tenants.by_name", skip_all)]
pub(crate) async fn by_name(client: &Connection, name: &str) -> Result<Option<TenantId>> {
    let sql = "SELECT id FROM tenants WHERE name = $1";
    let row = client.query_opt(sql, &[&name]).await.map_err(from_pg)?;
    Ok(row.map(|row| at(&row, 0).map(TenantId)).transpose()?)
}

/// Makes other transactions that lock the tenant wait until this one ends. What is written about the tenant waits for none
/// of them.
#[tracing::instrument(target = "postgres", name = "tenants.lock", skip_all)]
pub(crate) async fn lock(tx: &Connection, id: TenantId) -> Result<()> {
    let sql = "SELECT FROM tenants WHERE id = $1 FOR NO KEY UPDATE";
    tx.execute(sql, &[&id.0]).await.map_err(from_pg)?;
    Ok(())
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
                "SELECT t.name, {LIMITS}, t.overrides, {} FROM tenants t LEFT JOIN {} u ON u.tenant_id = t.id
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
            plan: at(row, "plan")?,
            limits: plans::changes(row, "limits")?.limits(),
            overrides: plans::changes(row, "overrides")?,
            usage: usage::read(row, "")?,
        })
    };
    let read: Result<_, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}

/// Changes the limits of the tenant of this name, whose id it returns. The transaction has begun with `plans::enter`.
#[tracing::instrument(target = "postgres", name = "tenants.update", skip_all)]
pub(crate) async fn update(
    tx: &Transaction<'_>,
    name: &str,
    update: &TenantUpdate,
) -> Result<Option<TenantId>> {
    let locked = format!(
        "SELECT t.id, {LIMITS}, t.overrides FROM tenants t WHERE t.name = $1 FOR NO KEY UPDATE"
    );
    let row = tx.query_opt(&locked, &[&name]).await.map_err(from_pg)?;
    let Some(row) = row else {
        return Ok(None);
    };
    let (keeping, _) = limits(&row)?;
    let keeping = update.keeping(keeping)?;
    let overrides = update.overrides(plans::changes(&row, "overrides")?);
    let plan = match &update.plan {
        Some(plan) => {
            plans::lock(tx, plan).await?;
            plan.as_str()
        }
        None => at(&row, "plan")?,
    };
    let ms = |ttl: Duration| i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
    tx.execute(
        "UPDATE tenants SET default_ttl_ms = $2, max_ttl_ms = $3, never_expires_allowed = $4,
             plan = $5, overrides = $6
         WHERE name = $1",
        &[
            &name,
            &keeping.default_ttl.map(ms),
            &keeping.max_ttl.map(ms),
            &keeping.never_expires_allowed,
            &plan,
            &Json(&overrides),
        ],
    )
    .await
    .map_err(from_pg)?;
    Ok(Some(TenantId(at(&row, "id")?)))
}
