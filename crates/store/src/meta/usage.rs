//! Tenants' usage, as triggers count it. A read takes the totals and the changes of one snapshot, in one statement, so
//! it is exact whenever changes are added up.

use std::sync::LazyLock;

use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    batch::{Batch, Taken},
    connection::{Connection, Transaction},
    error::from_pg,
    row::{Damage, at, count, each},
};
use crate::model::{
    error::Result,
    id::TenantId,
    quota::Fullness,
    usage::{Miscount, Usage},
};

/// The transaction from which on the changes of tenant usage `u` are not in its total. A database that was restored
/// elsewhere numbers its transactions from below the mark, which then means nothing.
const MARK: &str = "CASE WHEN u.added_up_to <= pg_snapshot_xmin(pg_current_snapshot()) THEN u.added_up_to ELSE '0'::xid8 END";

/// The usage of every tenant, as a table. A condition on the tenant reaches the indexes if it is a parameter and not a
/// column of another table.
pub(super) static USAGE: LazyLock<String> = LazyLock::new(|| {
    let sum = |of: &str| format!("coalesce(u.{of}, 0) + coalesce(c.{of}, 0) AS {of}");
    let sums = COUNTS.map(sum).join(", ");
    let changed = COUNTS
        .map(|of| format!("sum({of})::bigint AS {of}"))
        .join(", ");
    format!(
        "(SELECT t.id AS tenant_id, {sums}
          FROM tenants t LEFT JOIN tenant_usage u ON u.tenant_id = t.id
              CROSS JOIN LATERAL (SELECT {changed} FROM usage_changes
                  WHERE tenant_id = t.id AND made_by >= coalesce({MARK}, '0'::xid8)) c)"
    )
});

/// The maximum tenants of one batch.
const TENANTS_AT_ONCE: i64 = 100;

/// The counted columns of the tables.
const COUNTS: [&str; 4] = [
    "stored_artifacts",
    "stored_bytes",
    "physical_objects",
    "physical_bytes",
];

/// The columns that `read` reads, of usage `u`.
pub(super) const COLUMNS: &str =
    "u.stored_artifacts, u.stored_bytes, u.physical_objects, u.physical_bytes";

/// The usage of a row that has `COLUMNS`, with this before their names; nothing, when they are NULL.
pub(super) fn read(row: &Row, before: &str) -> Result<Usage, Damage> {
    let count = |column: &str| {
        let count: Option<i64> = at(row, &*format!("{before}{column}"))?;
        Ok::<_, Damage>(count.unwrap_or(0).max(0).unsigned_abs())
    };
    Ok(Usage {
        stored_artifacts: count("stored_artifacts")?,
        stored_bytes: count("stored_bytes")?,
        physical_objects: count("physical_objects")?,
        physical_bytes: count("physical_bytes")?,
    })
}

/// What a tenant stores.
#[tracing::instrument(target = "postgres", name = "usage.of", skip_all)]
pub(crate) async fn of(client: &Connection, tenant: TenantId) -> Result<Usage> {
    let statement = client
        .prepare(&format!(
            "SELECT {COLUMNS} FROM {} u WHERE u.tenant_id = $1",
            *USAGE
        ))
        .await
        .map_err(from_pg)?;
    let row = client
        .query_opt(&statement, &[&tenant.0])
        .await
        .map_err(from_pg)?;
    let usage = row.map(|row| read(&row, "")).transpose()?;
    Ok(usage.unwrap_or_default())
}

/// The usage of all tenants together, and how full quotas are.
#[tracing::instrument(target = "postgres", name = "usage.total", skip_all)]
pub(crate) async fn total(client: &Connection) -> Result<(Usage, Fullness)> {
    let row = client
        .query_one(
            &format!(
                "SELECT sum(stored_artifacts)::bigint AS stored_artifacts, sum(stored_bytes)::bigint AS stored_bytes,
                     sum(physical_objects)::bigint AS physical_objects, sum(physical_bytes)::bigint AS physical_bytes,
                     coalesce(max(share), 0)::float8 AS fullest_share,
                     count(*) FILTER (WHERE share > $1) AS near_quota
                 FROM (SELECT {COLUMNS}, greatest(u.stored_bytes::float8 / t.max_stored_bytes,
                           u.stored_artifacts::float8 / t.max_artifacts) AS share
                       FROM {} u JOIN tenants t ON t.id = u.tenant_id) every",
                *USAGE
            ),
            &[&Fullness::NEAR],
        )
        .await
        .map_err(from_pg)?;
    let fullness = Fullness {
        fullest_share: at(&row, "fullest_share")?,
        near_quota: count(&row, "near_quota")?,
    };
    Ok((read(&row, "")?, fullness))
}

/// Adds up a batch of changes, the same number for each of some tenants. Only one worker processes a tenant at a time;
/// a commit takes none of these rows.
#[tracing::instrument(target = "postgres", name = "usage.add_up", skip_all)]
pub(crate) async fn add_up(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let every = "INSERT INTO tenant_usage (tenant_id, stored_artifacts, stored_bytes, physical_objects, physical_bytes)
         SELECT id, 0, 0, 0, 0 FROM tenants t WHERE NOT EXISTS (SELECT FROM tenant_usage WHERE tenant_id = t.id)
         ON CONFLICT DO NOTHING";
    tx.execute(every, &[]).await.map_err(from_pg)?;
    let some = format!(
        "SELECT u.tenant_id FROM tenant_usage u
         WHERE EXISTS (SELECT FROM usage_changes c WHERE c.tenant_id = u.tenant_id AND c.made_by >= {MARK})
         ORDER BY random() LIMIT $1 OFFSET $2 FOR UPDATE SKIP LOCKED"
    );
    let most = batch.limit.min(TENANTS_AT_ONCE);
    let tenants = tx.query(&some, &[&most, &batch.skip]).await;
    let tenants = tenants.map_err(from_pg)?;
    let tenants: Vec<Uuid> = each(&tenants, 0)?;
    if tenants.is_empty() {
        return Ok(Taken::default());
    }
    let share = batch.limit / tenants.len() as i64 + 1;
    // Changes that were not taken limit the mark, and invisible ones belong to a transaction that is not below xmin.
    let add_up = format!(
        "WITH due AS (
             SELECT c.tenant_id, c.made_by, c.id FROM tenant_usage u
                 CROSS JOIN LATERAL (SELECT tenant_id, made_by, id FROM usage_changes
                     WHERE tenant_id = u.tenant_id AND made_by >= {MARK} ORDER BY made_by, id LIMIT $2) c
             WHERE u.tenant_id = ANY ($1)
         ), taken AS (
             DELETE FROM usage_changes c USING due
             WHERE c.tenant_id = due.tenant_id AND c.made_by = due.made_by AND c.id = due.id
             RETURNING c.*
         ), sums AS (
             SELECT tenant_id, count(*) AS changes, sum(stored_artifacts) AS stored_artifacts, sum(stored_bytes) AS stored_bytes,
                 sum(physical_objects) AS physical_objects, sum(physical_bytes) AS physical_bytes
             FROM taken GROUP BY tenant_id
         ), added AS (
             UPDATE tenant_usage u SET
                 stored_artifacts = u.stored_artifacts + s.stored_artifacts,
                 stored_bytes = u.stored_bytes + s.stored_bytes,
                 physical_objects = u.physical_objects + s.physical_objects,
                 physical_bytes = u.physical_bytes + s.physical_bytes,
                 added_up_to = least(pg_snapshot_xmin(pg_current_snapshot()),
                     (SELECT made_by FROM usage_changes WHERE tenant_id = u.tenant_id AND made_by >= {MARK}
                      ORDER BY made_by, id LIMIT 1 OFFSET $2))
             FROM sums s WHERE u.tenant_id = s.tenant_id
         )
         SELECT coalesce(sum(changes), 0)::bigint FROM sums"
    );
    let row = tx.query_one(&add_up, &[&tenants, &share]).await;
    Ok(Taken {
        taken: count(&row.map_err(from_pg)?, 0)?,
        done: Vec::new(),
    })
}

/// The tenants whose usage is not the sum of their rows. It is one statement, and so one snapshot; its time grows with
/// the rows.
#[tracing::instrument(target = "postgres", name = "usage.miscounts", skip_all)]
pub(crate) async fn miscounts(client: &mut Connection) -> Result<Vec<Miscount>> {
    client.lift_limits().await.map_err(from_pg)?;
    let values = |of: &str| COUNTS.map(|name| format!("coalesce({of}.{name}, 0)"));
    let columns = |of: &str, before: &str| {
        let named = values(of).into_iter().zip(COUNTS);
        let named = named.map(|(value, name)| format!("{value} AS {before}{name}"));
        named.collect::<Vec<_>>().join(", ")
    };
    let (counted, found) = (values("u").join(", "), values("f").join(", "));
    let (both, and) = (columns("u", "counted_"), columns("f", "found_"));
    let rows = client
        .query(
            &format!(
                "WITH found AS (
                     SELECT tenant_id, sum(stored_artifacts)::bigint AS stored_artifacts,
                         sum(stored_bytes)::bigint AS stored_bytes, sum(physical_objects)::bigint AS physical_objects,
                         sum(physical_bytes)::bigint AS physical_bytes
                     FROM (SELECT tenant_id, 1 AS stored_artifacts, size_bytes AS stored_bytes,
                               0 AS physical_objects, 0 AS physical_bytes
                           FROM artifacts WHERE state = 'live'
                           UNION ALL
                           SELECT tenant_id, 1, size_bytes, 0, 0 FROM pending_artifacts
                           UNION ALL
                           SELECT tenant_id, 0, 0, 1, size_bytes FROM objects WHERE state IN ('live', 'condemned')) each
                     GROUP BY tenant_id
                 )
                 SELECT t.name, {both}, {and}
                 FROM tenants t LEFT JOIN {} u ON u.tenant_id = t.id LEFT JOIN found f ON f.tenant_id = t.id
                 WHERE ({counted}) <> ({found}) ORDER BY t.name",
                *USAGE
            ),
            &[],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| {
        Ok(Miscount {
            tenant: at(row, "name")?,
            counted: read(row, "counted_")?,
            found: read(row, "found_")?,
        })
    };
    let read: Result<_, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}
