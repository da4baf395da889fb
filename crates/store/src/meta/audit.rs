//! Rows of the audit trail.

use std::time::Duration;

use tokio_postgres::{Row, types::Json};
use uuid::Uuid;

use super::{
    connection::Connection,
    error::from_pg,
    row::{Damage, at, count},
    time::millis,
};
use crate::model::{
    audit::{AuditLine, AuditQuery, Deed},
    error::Result,
    id::TenantId,
};

/// Adds lines.
#[tracing::instrument(target = "postgres", name = "audit.add", skip_all)]
pub(crate) async fn add(client: &Connection, deeds: &[Deed]) -> Result<()> {
    let of = |part: fn(&Deed) -> &str| deeds.iter().map(part).collect::<Vec<_>>();
    let tenants: Vec<Option<Uuid>> = deeds
        .iter()
        .map(|deed| deed.tenant.map(|id| id.0))
        .collect();
    let actors: Vec<_> = deeds.iter().map(|deed| Json(&deed.actor)).collect();
    let statement = client
        .prepare(
            "INSERT INTO audit (tenant_id, operation, resource, result, actor)
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[])",
        )
        .await
        .map_err(from_pg)?;
    client
        .execute(
            &statement,
            &[
                &tenants,
                &of(|deed| &deed.operation),
                &of(|deed| &deed.resource),
                &of(|deed| &deed.result),
                &actors,
            ],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}

/// Lines, oldest first; of one tenant when it is given.
#[tracing::instrument(target = "postgres", name = "audit.list", skip_all)]
pub(crate) async fn list(
    client: &Connection,
    tenant: Option<TenantId>,
    query: &AuditQuery,
) -> Result<Vec<AuditLine>> {
    let of_tenant = match tenant {
        Some(_) => "a.tenant_id = $1",
        None => "$1::uuid IS NULL",
    };
    let sql = format!(
        "SELECT a.id, a.at, coalesce(t.name, e.tenant_name, '') AS tenant, a.operation, a.resource, a.result, a.actor
         FROM audit a LEFT JOIN tenants t ON t.id = a.tenant_id
             LEFT JOIN erasures e ON e.tenant_id = a.tenant_id
         WHERE {of_tenant} AND a.at >= coalesce($2, '-infinity'::timestamptz)
             AND a.at < coalesce($3, 'infinity'::timestamptz)
             AND (a.at, a.id) > (coalesce($4, '-infinity'::timestamptz), coalesce($5::bigint, 0))
         ORDER BY a.at, a.id LIMIT $6"
    );
    let (after_at, after_id) = query.after.unzip();
    let most = i64::try_from(query.most).unwrap_or(i64::MAX);
    let tenant = tenant.map(|tenant| tenant.0);
    let rows = client
        .query(
            &sql,
            &[
                &tenant,
                &query.since,
                &query.until,
                &after_at,
                &after_id,
                &most,
            ],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| {
        let Json(actor) = at(row, "actor")?;
        Ok(AuditLine {
            id: at(row, "id")?,
            at: at(row, "at")?,
            tenant: at(row, "tenant")?,
            actor,
            operation: at(row, "operation")?,
            resource: at(row, "resource")?,
            result: at(row, "result")?,
        })
    };
    let read: Result<_, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}

/// Prepares the days to come, and drops those that are no longer kept; returns how many these were.
#[tracing::instrument(target = "postgres", name = "audit.turn", skip_all)]
pub(crate) async fn turn(client: &Connection, kept: Duration) -> Result<u64> {
    let sql = "SELECT audit_turn($1 * interval '1 ms')";
    let row = client.query_one(sql, &[&millis(kept)]).await;
    Ok(count(&row.map_err(from_pg)?, 0)?)
}
