//! Tenants and API keys.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::{connection::Connection, error::from_pg, quotas, usage};
use crate::{
    digest::ContentHash,
    error::Result,
    id::TenantId,
    quota::TenantUsage,
    tenant::{ApiKey, Caller, Credential, Tenant},
};

/// What `read` reads of a tenant `t`.
pub(crate) const TENANT: &str = "t.id, t.name, t.default_ttl_ms, t.max_ttl_ms, t.never_expires_allowed, \
     t.max_stored_bytes, t.max_artifacts";
const TENANT_COLUMNS: usize = 7;

pub(crate) fn read(row: &Row) -> Tenant {
    let duration = |ms: i64| Duration::from_millis(ms.unsigned_abs());
    Tenant {
        id: TenantId(row.get(0)),
        name: row.get(1),
        default_ttl: row.get::<_, Option<i64>>(2).map(duration),
        max_ttl: row.get::<_, Option<i64>>(3).map(duration),
        never_expires_allowed: row.get(4),
        quota: quotas::read(row, 5),
    }
}

/// Whose key has this hash, unless it was revoked.
#[tracing::instrument(target = "postgres", name = "tenants.by_key", skip_all)]
pub(crate) async fn by_key(client: &Connection, hash: ContentHash) -> Result<Option<Caller>> {
    let statement = client
        .prepare(&format!(
            "SELECT {TENANT}, k.last_4 FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
             WHERE k.secret_sha256 = $1 AND k.revoked_at IS NULL"
        ))
        .await
        .map_err(from_pg)?;
    let row = client
        .query_opt(&statement, &[&hash.as_bytes()])
        .await
        .map_err(from_pg)?;
    Ok(row.map(|row| Caller {
        tenant: read(&row),
        credential: Credential::ApiKey(row.get(TENANT_COLUMNS)),
    }))
}

/// Makes a tenant when there is none of that name.
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

/// Adds a key to a tenant, which is made when there is none of that name.
#[tracing::instrument(target = "postgres", name = "tenants.add_key", skip_all)]
pub(crate) async fn add_key(
    client: &Connection,
    tenant: &str,
    hash: ContentHash,
    last_4: &str,
) -> Result<()> {
    ensure(client, tenant).await?;
    client
        .execute(
            "INSERT INTO api_keys (id, tenant_id, secret_sha256, last_4)
             SELECT $1, id, $3, $4 FROM tenants WHERE name = $2",
            &[&Uuid::now_v7(), &tenant, &hash.as_bytes(), &last_4],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}

/// The tenants of this name, or after that one, or all, with their quotas and usage: so many at the most, by name.
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
                "SELECT t.name, {}, {} FROM tenants t LEFT JOIN {} u ON u.tenant_id = t.id
                 WHERE ($1::text IS NULL OR t.name = $1) AND ($2::text IS NULL OR t.name > $2)
                 ORDER BY t.name LIMIT $3",
                quotas::COLUMNS,
                usage::COLUMNS,
                *usage::USAGE
            ),
            &[&name, &after, &most],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| TenantUsage {
        tenant: row.get(0),
        quota: quotas::read(row, 1),
        usage: usage::read(row, 3),
    };
    Ok(rows.iter().map(read).collect())
}

/// A tenant's keys, newest first.
#[tracing::instrument(target = "postgres", name = "tenants.keys_of", skip_all)]
pub(crate) async fn keys_of(client: &Connection, tenant: &str) -> Result<Vec<ApiKey>> {
    let rows = client
        .query(
            "SELECT k.id, k.last_4, k.created_at, k.revoked_at
             FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
             WHERE t.name = $1 ORDER BY k.created_at DESC LIMIT 200",
            &[&tenant],
        )
        .await
        .map_err(from_pg)?;
    Ok(rows
        .iter()
        .map(|row| ApiKey {
            id: row.get(0),
            last_4: row.get(1),
            created_at: row.get(2),
            revoked_at: row.get(3),
        })
        .collect())
}

/// Revokes a key; false when there is none of that id.
#[tracing::instrument(target = "postgres", name = "tenants.revoke_key", skip_all)]
pub(crate) async fn revoke_key(client: &Connection, id: Uuid) -> Result<bool> {
    let rows = client
        .execute(
            "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1",
            &[&id],
        )
        .await
        .map_err(from_pg)?;
    Ok(rows > 0)
}
