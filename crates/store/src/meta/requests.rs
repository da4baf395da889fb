//! The replicas of the API, and the calls that they have counted.

use jiff::civil::Date;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    connection::Connection,
    error::from_pg,
    row::{Damage, at, count},
};
use crate::model::{error::Result, id::TenantId, usage::DayOfCalls};

/// Notes that a replica is alive, and returns how many are: those that were seen within 30 seconds.
#[tracing::instrument(target = "postgres", name = "requests.alive", skip_all)]
pub(crate) async fn alive(client: &Connection, replica: Uuid) -> Result<u64> {
    let row = client
        .query_one(
            "WITH gone AS (
                 DELETE FROM replicas WHERE id IN
                     (SELECT id FROM replicas WHERE seen_at < now() - interval '1 h' FOR UPDATE SKIP LOCKED)
             ), seen AS (
                 INSERT INTO replicas (id, seen_at) VALUES ($1, now())
                 ON CONFLICT (id) DO UPDATE SET seen_at = now()
             )
             SELECT count(*) + 1 FROM replicas WHERE id <> $1 AND seen_at > now() - interval '30 s'",
            &[&replica],
        )
        .await
        .map_err(from_pg)?;
    Ok(count(&row, 0)?)
}

/// Forgets a replica that ends.
#[tracing::instrument(target = "postgres", name = "requests.leave", skip_all)]
pub(crate) async fn leave(client: &Connection, replica: Uuid) -> Result<()> {
    let sql = "DELETE FROM replicas WHERE id = $1";
    client.execute(sql, &[&replica]).await.map_err(from_pg)?;
    Ok(())
}

/// Adds calls to those of their days, and returns how many each of the tenants made in its month.
#[tracing::instrument(target = "postgres", name = "requests.add", skip_all)]
pub(crate) async fn add(client: &Connection, calls: &[DayOfCalls]) -> Result<Vec<(Uuid, u64)>> {
    let of = |count: fn(&DayOfCalls) -> u64| -> Vec<i64> {
        let counts = calls.iter().map(count);
        counts
            .map(|n| i64::try_from(n).unwrap_or(i64::MAX))
            .collect()
    };
    let tenants: Vec<Uuid> = calls.iter().map(|calls| calls.tenant).collect();
    let days: Vec<Date> = calls.iter().map(|calls| calls.day).collect();
    let rows = client
        .query(
            // All replicas take the rows in the same order. The months see the state before.
            "WITH new AS (
                 SELECT * FROM unnest($1::uuid[], $2::date[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
                     AS n (tenant_id, day, requests, refused, received_bytes, sent_bytes)
                 ORDER BY tenant_id, day
             ), added AS (
                 INSERT INTO usage_requests AS u (tenant_id, day, requests, refused, received_bytes, sent_bytes)
                 SELECT n.* FROM new n WHERE EXISTS (SELECT FROM tenants WHERE id = n.tenant_id)
                 ON CONFLICT (tenant_id, day) DO UPDATE SET
                     requests = u.requests + excluded.requests, refused = u.refused + excluded.refused,
                     received_bytes = u.received_bytes + excluded.received_bytes,
                     sent_bytes = u.sent_bytes + excluded.sent_bytes
             )
             SELECT n.tenant_id, (sum(n.requests) + coalesce((SELECT sum(u.requests) FROM usage_requests u
                 WHERE u.tenant_id = n.tenant_id AND u.day >= date_trunc('month', now())), 0))::bigint
             FROM new n GROUP BY n.tenant_id",
            &[
                &tenants,
                &days,
                &of(|calls| calls.requests),
                &of(|calls| calls.refused),
                &of(|calls| calls.received_bytes),
                &of(|calls| calls.sent_bytes),
            ],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| Ok((at(row, 0)?, count(row, 1)?));
    let read: Result<_, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}

/// A tenant's calls of today and of this month, as the replicas have added them.
#[tracing::instrument(target = "postgres", name = "requests.of", skip_all)]
pub(crate) async fn of(client: &Connection, tenant: TenantId) -> Result<(u64, u64)> {
    let row = client
        .query_one(
            "SELECT coalesce(sum(requests) FILTER (WHERE day = current_date), 0)::bigint,
                 coalesce(sum(requests), 0)::bigint
             FROM usage_requests WHERE tenant_id = $1 AND day >= date_trunc('month', now())",
            &[&tenant.0],
        )
        .await
        .map_err(from_pg)?;
    Ok((count(&row, 0)?, count(&row, 1)?))
}
