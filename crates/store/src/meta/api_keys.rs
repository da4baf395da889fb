//! Rows of API keys.

use std::time::Duration;

use tokio_postgres::{
    Row,
    types::{Json, ToSql},
};
use uuid::Uuid;

use super::{
    connection::{Connection, Transaction},
    error::from_pg,
    grants, plans,
    row::{self, Damage, at, legible},
    tenants,
    time::millis,
};
use crate::model::{
    access::Grant,
    api_key::{ApiKey, ApiKeySecret, NewApiKey},
    call_origin::CallOrigin,
    digest::ContentHash,
    error::Result,
    id::TenantId,
    tenant::{Caller, Credential},
};

/// What `read` reads of a key `k`, behind its grant.
const REST: &str =
    "k.id, k.name, k.last_4, k.expires_at, k.created_at, k.last_used_at, k.revoked_at, k.limits";

fn columns() -> String {
    format!("{}, {REST}", grants::COLUMNS)
}

fn read(row: &Row) -> Result<ApiKey> {
    let key = || {
        let grant = grants::read(row)?;
        Ok::<_, Damage>(ApiKey {
            id: at(row, 2)?,
            name: at(row, 3)?,
            last_4: at(row, 4)?,
            grant: Grant::new(grant.scopes(), grant.narrowing().clone(), at(row, 5)?),
            created_at: at(row, 6)?,
            last_used_at: at(row, 7)?,
            revoked_at: at(row, 8)?,
            limits: plans::changes(row, "limits")?,
        })
    };
    let id = at::<Uuid>(row, 2).map_or_else(|_| "unknown".to_owned(), |id| id.to_string());
    row::of("API key", &id, key())
}

/// A key that lets its holder in.
pub(crate) struct Found {
    pub(crate) caller: Caller,
    /// It is long enough since its last use was noted.
    pub(crate) use_is_news: bool,
}

/// Whose key has this hash, unless it was revoked or has expired.
#[tracing::instrument(target = "postgres", name = "api_keys.find", skip_all)]
pub(crate) async fn find(client: &Connection, hash: ContentHash) -> Result<Option<Found>> {
    working(client, "secret_sha256", &hash.as_bytes()).await
}

/// Whose key has this id, unless it was revoked or has expired.
#[tracing::instrument(target = "postgres", name = "api_keys.find_by_id", skip_all)]
pub(crate) async fn find_by_id(client: &Connection, id: Uuid) -> Result<Option<Found>> {
    working(client, "id", &id).await
}

async fn working(
    client: &Connection,
    column: &'static str,
    value: &(dyn ToSql + Sync),
) -> Result<Option<Found>> {
    let statement = client
        .prepare(&format!(
            "SELECT {}, {}, k.id AS credential_id, k.last_4, k.expires_at, k.limits AS key_limits,
                 k.last_used_at IS NULL OR k.last_used_at < now() - interval '10 min' AS use_is_news
             FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
             WHERE k.{column} = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())",
            tenants::columns(),
            grants::COLUMNS
        ))
        .await
        .map_err(from_pg)?;
    let row = client
        .query_opt(&statement, &[value])
        .await
        .map_err(from_pg)?;
    let Some(row) = row else {
        return Ok(None);
    };
    let read = || {
        let grant = grants::read(&row)?;
        let not_after = at(&row, "expires_at")?;
        Ok::<_, Damage>(Found {
            caller: Caller {
                tenant: tenants::read(&row)?,
                row: at(&row, "credential_id")?,
                credential: Credential::ApiKey(at(&row, "last_4")?),
                grant: Grant::new(grant.scopes(), grant.narrowing().clone(), not_after),
                token_id: String::new(),
                limits: plans::changes(&row, "key_limits")?.limits(),
                origin: CallOrigin::default(),
            },
            use_is_news: at(&row, "use_is_news")?,
        })
    };
    row::of("API key", "of this secret", read()).map(Some)
}

/// Notes that a key was used, unless that was noted in the last ten minutes.
#[tracing::instrument(target = "postgres", name = "api_keys.note_use", skip_all)]
pub(crate) async fn note_use(client: &Connection, id: Uuid) -> Result<()> {
    client
        .execute(
            "UPDATE api_keys SET last_used_at = now()
             WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '10 min')",
            &[&id],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}

/// Adds a key to a tenant, which is created if it does not exist.
#[tracing::instrument(target = "postgres", name = "api_keys.add", skip_all)]
pub(crate) async fn add(
    client: &Connection,
    tenant: &str,
    secret: &ApiKeySecret,
    new: &NewApiKey,
) -> Result<ApiKey> {
    tenants::ensure(client, tenant).await?;
    let row = client
        .query_one(
            &format!(
                "INSERT INTO api_keys AS k
                     (id, tenant_id, secret_sha256, last_4, name, scopes, narrowing, expires_at, limits)
                 SELECT $1, id, $3, $4, $5, $6, $7, now() + $8::float8 * interval '1 ms', $9
                 FROM tenants WHERE name = $2 RETURNING {}",
                columns()
            ),
            &[
                &Uuid::now_v7(),
                &tenant,
                &secret.sha256().as_bytes(),
                &secret.last_4(),
                &new.name,
                &grants::scopes(&new.grant),
                &grants::kept(new.grant.narrowing()),
                &new.expires_in.map(millis),
                &Json(&new.limits),
            ],
        )
        .await
        .map_err(from_pg)?;
    read(&row)
}

/// Which keys may operate the deployment.
pub(crate) enum Operators {
    None,
    /// The one with this secret does.
    This,
    Others,
}

/// Which keys may operate the deployment; no other transaction asks before this one ends.
#[tracing::instrument(target = "postgres", name = "api_keys.lock_operators", skip_all)]
pub(crate) async fn lock_operators(tx: &Transaction<'_>, secret: ContentHash) -> Result<Operators> {
    let lock = "LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE";
    tx.execute(lock, &[]).await.map_err(from_pg)?;
    let row = tx
        .query_one(
            "SELECT count(*), count(*) FILTER (WHERE secret_sha256 = $1) FROM api_keys
             WHERE 'operator' = ANY (scopes) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())",
            &[&secret.as_bytes()],
        )
        .await
        .map_err(from_pg)?;
    Ok(match (at::<i64>(&row, 0)?, at::<i64>(&row, 1)?) {
        (0, _) => Operators::None,
        (_, 0) => Operators::Others,
        _ => Operators::This,
    })
}

/// A tenant's keys, newest first.
#[tracing::instrument(target = "postgres", name = "api_keys.of_tenant", skip_all)]
pub(crate) async fn of_tenant(client: &Connection, tenant: &str) -> Result<Vec<ApiKey>> {
    let rows = client
        .query(
            &format!(
                "SELECT {} FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
                 WHERE t.name = $1 ORDER BY k.created_at DESC LIMIT 200",
                columns()
            ),
            &[&tenant],
        )
        .await
        .map_err(from_pg)?;
    legible(&rows, read)
}

/// Locks a tenant's key, unless it was revoked or has expired.
#[tracing::instrument(target = "postgres", name = "api_keys.lock_working", skip_all)]
pub(crate) async fn lock_working(
    tx: &Connection,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<ApiKey>> {
    let row = tx
        .query_opt(
            &format!(
                "SELECT {} FROM api_keys k WHERE k.tenant_id = $1 AND k.id = $2 AND k.revoked_at IS NULL
                     AND (k.expires_at IS NULL OR k.expires_at > now())
                 FOR NO KEY UPDATE",
                columns()
            ),
            &[&tenant.0, &id],
        )
        .await
        .map_err(from_pg)?;
    row.as_ref().map(read).transpose()
}

/// Lets a tenant's key expire in some time, unless it does so before.
#[tracing::instrument(target = "postgres", name = "api_keys.end_in", skip_all)]
pub(crate) async fn end_in(
    tx: &Connection,
    tenant: TenantId,
    id: Uuid,
    time: Duration,
) -> Result<Option<ApiKey>> {
    let row = tx
        .query_opt(
            &format!(
                "UPDATE api_keys k SET expires_at = least(k.expires_at, now() + $3 * interval '1 ms')
                 WHERE k.tenant_id = $1 AND k.id = $2 RETURNING {}",
                columns()
            ),
            &[&tenant.0, &id, &millis(time)],
        )
        .await
        .map_err(from_pg)?;
    row.as_ref().map(read).transpose()
}

/// Revokes a tenant's key.
#[tracing::instrument(target = "postgres", name = "api_keys.revoke_of", skip_all)]
pub(crate) async fn revoke_of(
    client: &Connection,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<ApiKey>> {
    let row = client
        .query_opt(
            &format!(
                "UPDATE api_keys k SET revoked_at = coalesce(k.revoked_at, now())
                 WHERE k.tenant_id = $1 AND k.id = $2 RETURNING {}",
                columns()
            ),
            &[&tenant.0, &id],
        )
        .await
        .map_err(from_pg)?;
    row.as_ref().map(read).transpose()
}

/// Revokes a key, and returns its tenant's id; `None` if there is none with that id.
#[tracing::instrument(target = "postgres", name = "api_keys.revoke", skip_all)]
pub(crate) async fn revoke(tx: &Connection, id: Uuid) -> Result<Option<TenantId>> {
    let row = tx
        .query_opt(
            "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING tenant_id",
            &[&id],
        )
        .await
        .map_err(from_pg)?;
    Ok(row.map(|row| at(&row, 0).map(TenantId)).transpose()?)
}
