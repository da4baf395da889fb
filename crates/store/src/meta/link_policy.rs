//! What tenants may do with links.

use std::time::Duration;

use tokio_postgres::Row;

use super::{
    connection::{Connection, Transaction},
    error::from_pg,
    row::{Damage, at, maybe_count},
};
use crate::model::{
    error::Result,
    id::TenantId,
    link::{LinkPolicy, LinkPolicyUpdate},
};

const COLUMNS: &str = "links_enabled, max_link_ttl_ms, max_link_downloads";

fn read(row: &Row) -> Result<LinkPolicy, Damage> {
    Ok(LinkPolicy {
        enabled: at(row, 0)?,
        max_ttl: maybe_count(row, 1)?.map(Duration::from_millis),
        max_downloads: maybe_count(row, 2)?,
    })
}

/// The policy of a tenant, in a transaction that creates a link.
#[tracing::instrument(target = "postgres", name = "link_policy.get", skip_all)]
pub(crate) async fn get(tx: &Transaction<'_>, tenant: TenantId) -> Result<LinkPolicy> {
    let sql = format!("SELECT {COLUMNS} FROM tenants WHERE id = $1");
    let row = tx.query_one(&sql, &[&tenant.0]).await.map_err(from_pg)?;
    Ok(read(&row)?)
}

/// The policy of the tenant of this name, if there is one.
#[tracing::instrument(target = "postgres", name = "link_policy.by_name", skip_all)]
pub(crate) async fn by_name(client: &Connection, name: &str) -> Result<Option<LinkPolicy>> {
    let sql = format!("SELECT {COLUMNS} FROM tenants WHERE name = $1");
    let row = client.query_opt(&sql, &[&name]).await.map_err(from_pg)?;
    Ok(row.as_ref().map(read).transpose()?)
}

/// Changes the policy of the tenant of this name, whose id it returns.
#[tracing::instrument(target = "postgres", name = "link_policy.update", skip_all)]
pub(crate) async fn update(
    tx: &Transaction<'_>,
    name: &str,
    update: LinkPolicyUpdate,
) -> Result<Option<TenantId>> {
    let locked = format!("SELECT {COLUMNS}, id FROM tenants WHERE name = $1 FOR NO KEY UPDATE");
    let row = tx.query_opt(&locked, &[&name]).await.map_err(from_pg)?;
    let Some(row) = row else {
        return Ok(None);
    };
    let policy = update.applied(read(&row)?)?;
    let most = |limit: u64| i64::try_from(limit).unwrap_or(i64::MAX);
    let ms = |ttl: Duration| i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
    tx.execute(
        "UPDATE tenants SET links_enabled = $2, max_link_ttl_ms = $3, max_link_downloads = $4
         WHERE name = $1",
        &[
            &name,
            &policy.enabled,
            &policy.max_ttl.map(ms),
            &policy.max_downloads.map(most),
        ],
    )
    .await
    .map_err(from_pg)?;
    Ok(Some(TenantId(at(&row, 3)?)))
}
