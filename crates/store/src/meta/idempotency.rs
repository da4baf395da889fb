//! Rows of idempotency keys.

use std::collections::HashMap;

use futures_util::join;
use serde_json::Value;
use tokio_postgres::{Row, Statement};

use super::{
    connection::{Connection, Transaction},
    error::{PgError, from_pg},
    row::{Damage, at},
    time::millis,
};
use crate::model::{
    error::Result,
    id::TenantId,
    idempotency::{Claim, KeyRecord, LEASE},
};

fn read(row: &Row) -> Result<KeyRecord, Damage> {
    Ok(KeyRecord {
        owner: at(row, 0)?,
        request: at(row, 1)?,
        result: at(row, 2)?,
    })
}

/// The statements that join a write.
pub(super) struct Statements {
    claim: Statement,
    look: Statement,
    finish: Statement,
}

impl Statements {
    pub(super) async fn prepare(client: &Connection) -> Result<Self, PgError> {
        Ok(Self {
            // Waits for a transaction that is about to commit the same key.
            claim: client
                .prepare(
                    "INSERT INTO idempotency_keys AS k (tenant_id, key, request, owner, lease_until, expires_at)
                     SELECT $1, key, request, owner, now() + $5 * interval '1 ms', now() + $6 * interval '1 ms'
                     FROM unnest($2::text[], $3::jsonb[], $4::uuid[]) claim (key, request, owner)
                     ON CONFLICT (tenant_id, key) DO UPDATE SET request = excluded.request, owner = excluded.owner,
                         lease_until = excluded.lease_until, result = NULL, expires_at = excluded.expires_at
                     WHERE k.expires_at <= now() OR k.lease_until <= now()
                         OR (k.owner = excluded.owner AND k.lease_until IS NOT NULL)",
                )
                .await?,
            look: client
                .prepare(
                    "SELECT owner, request, result, key FROM idempotency_keys
                     WHERE tenant_id = $1 AND key = ANY ($2)",
                )
                .await?,
            finish: client
                .prepare(
                    "UPDATE idempotency_keys k SET lease_until = NULL, request = done.request, result = done.result
                     FROM unnest($2::text[], $3::uuid[], $4::jsonb[], $5::jsonb[]) done (key, owner, request, result)
                     WHERE k.tenant_id = $1 AND k.key = done.key AND k.owner = done.owner",
                )
                .await?,
        })
    }

    /// Claims a key and reads its row; there is none if its holder released it in between.
    pub(super) async fn claim(
        &self,
        client: &Connection,
        tenant: TenantId,
        claim: &Claim,
    ) -> Result<Option<KeyRecord>, PgError> {
        let mut held = self.claim_all(client, tenant, &[claim]).await?;
        Ok(held.remove(claim.key.as_str()))
    }

    /// Claims keys, each once and in one order, which every such transaction uses, and reads their rows.
    pub(super) async fn claim_all(
        &self,
        client: &Connection,
        tenant: TenantId,
        claims: &[&Claim],
    ) -> Result<HashMap<String, KeyRecord>, PgError> {
        let Some(window) = claims.first().map(|claim| millis(claim.window)) else {
            return Ok(HashMap::new());
        };
        let keys: Vec<_> = claims.iter().map(|claim| claim.key.as_str()).collect();
        let requests: Vec<_> = claims.iter().map(|claim| claim.request.to_json()).collect();
        let owners: Vec<_> = claims.iter().map(|claim| claim.owner).collect();
        let (claimed, held) = join!(
            async {
                client
                    .execute(
                        &self.claim,
                        &[
                            &tenant.0,
                            &keys,
                            &requests,
                            &owners,
                            &millis(LEASE),
                            &window,
                        ],
                    )
                    .await
            },
            async { client.query(&self.look, &[&tenant.0, &keys]).await },
        );
        claimed?;
        let by_key = |row: &Row| Ok((at(row, 3)?, read(row)?));
        held?.iter().map(by_key).collect()
    }

    /// Records the results of writes, with their complete requests.
    pub(super) async fn finish(
        &self,
        client: &Connection,
        tenant: TenantId,
        done: &[(&Claim, Value)],
    ) -> Result<(), PgError> {
        let keys: Vec<_> = done.iter().map(|(claim, _)| claim.key.as_str()).collect();
        let owners: Vec<_> = done.iter().map(|(claim, _)| claim.owner).collect();
        let requests: Vec<_> = done
            .iter()
            .map(|(claim, _)| claim.request.to_json())
            .collect();
        let results: Vec<_> = done.iter().map(|(_, result)| result).collect();
        client
            .execute(
                &self.finish,
                &[&tenant.0, &keys, &owners, &requests, &results],
            )
            .await?;
        Ok(())
    }
}

/// Claims a key in its own transaction, and returns its row.
#[tracing::instrument(target = "postgres", name = "idempotency.claim", skip_all)]
pub(crate) async fn claim(
    client: &Connection,
    tenant: TenantId,
    claim: &Claim,
) -> Result<Option<KeyRecord>> {
    let statements = Statements::prepare(client).await.map_err(from_pg)?;
    let held = statements.claim(client, tenant, claim).await;
    held.map_err(from_pg)
}

/// The request and result of a key, if it has a result.
#[tracing::instrument(target = "postgres", name = "idempotency.find", skip_all)]
pub(crate) async fn find(
    client: &Connection,
    tenant: TenantId,
    key: &str,
) -> Result<Option<(Value, Value)>> {
    let row = client
        .query_opt(
            "SELECT request, result FROM idempotency_keys
             WHERE tenant_id = $1 AND key = $2 AND result IS NOT NULL AND expires_at > now()",
            &[&tenant.0, &key],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| Ok((at(row, 0)?, at(row, 1)?));
    let read: Result<_, Damage> = row.as_ref().map(read).transpose();
    Ok(read?)
}

/// Extends a claim; false if another attempt has the key.
#[tracing::instrument(target = "postgres", name = "idempotency.renew", skip_all)]
pub(crate) async fn renew(client: &Connection, tenant: TenantId, claim: &Claim) -> Result<bool> {
    let rows = client
        .execute(
            "UPDATE idempotency_keys SET lease_until = now() + $4 * interval '1 ms'
             WHERE tenant_id = $1 AND key = $2 AND owner = $3 AND lease_until IS NOT NULL",
            &[&tenant.0, &claim.key.as_str(), &claim.owner, &millis(LEASE)],
        )
        .await
        .map_err(from_pg)?;
    Ok(rows > 0)
}

/// Releases a key whose write has failed.
#[tracing::instrument(target = "postgres", name = "idempotency.release", skip_all)]
pub(crate) async fn release(client: &Connection, tenant: TenantId, claim: &Claim) -> Result<()> {
    client
        .execute(
            "DELETE FROM idempotency_keys
             WHERE tenant_id = $1 AND key = $2 AND owner = $3 AND lease_until IS NOT NULL",
            &[&tenant.0, &claim.key.as_str(), &claim.owner],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}

/// Records the result of this transaction's write.
#[tracing::instrument(target = "postgres", name = "idempotency.finish", skip_all)]
pub(crate) async fn finish(
    tx: &Transaction<'_>,
    tenant: TenantId,
    claim: &Claim,
    result: &Value,
) -> Result<()> {
    let statements = Statements::prepare(tx).await.map_err(from_pg)?;
    let done = [(claim, result.clone())];
    statements.finish(tx, tenant, &done).await.map_err(from_pg)
}
