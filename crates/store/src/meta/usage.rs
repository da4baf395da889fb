//! What tenants store, as triggers count it. A read takes the totals and the changes of one snapshot, in one statement, and
//! so is exact at whatever moment changes are added up.

use tokio_postgres::Row;

use super::{
    connection::{Connection, Transaction},
    error::from_pg,
    gc::{Batch, Taken},
};
use crate::{
    error::Result,
    id::TenantId,
    quota::Fullness,
    usage::{Miscount, Usage},
};

/// The usage of every tenant that has stored anything, as a table. A condition on the tenant is pushed down to indexes, if
/// it is a parameter and not a column of another table.
pub(super) const USAGE: &str = "(SELECT tenant_id, sum(stored_artifacts)::bigint AS stored_artifacts,
        sum(stored_bytes)::bigint AS stored_bytes, sum(physical_objects)::bigint AS physical_objects,
        sum(physical_bytes)::bigint AS physical_bytes
    FROM (SELECT tenant_id, stored_artifacts, stored_bytes, physical_objects, physical_bytes FROM tenant_usage
          UNION ALL
          SELECT tenant_id, stored_artifacts, stored_bytes, physical_objects, physical_bytes FROM usage_changes) counted
    GROUP BY tenant_id)";

/// The columns that `read` reads, of usage `u`.
pub(super) const COLUMNS: &str =
    "u.stored_artifacts, u.stored_bytes, u.physical_objects, u.physical_bytes";

/// The usage in the four `COLUMNS` of a row, from this one on; nothing, when they are NULL.
pub(super) fn read(row: &Row, first: usize) -> Usage {
    let count = |column| {
        let count: Option<i64> = row.get(first + column);
        count.unwrap_or(0).max(0).unsigned_abs()
    };
    Usage {
        stored_artifacts: count(0),
        stored_bytes: count(1),
        physical_objects: count(2),
        physical_bytes: count(3),
    }
}

/// What a tenant stores.
#[tracing::instrument(target = "postgres", name = "usage.of", skip_all)]
pub(crate) async fn of(client: &Connection, tenant: TenantId) -> Result<Usage> {
    let statement = client
        .prepare(&format!(
            "SELECT {COLUMNS} FROM {USAGE} u WHERE u.tenant_id = $1"
        ))
        .await
        .map_err(from_pg)?;
    let row = client
        .query_opt(&statement, &[&tenant.0])
        .await
        .map_err(from_pg)?;
    Ok(row.map(|row| read(&row, 0)).unwrap_or_default())
}

/// What all tenants store together, and how full quotas are.
#[tracing::instrument(target = "postgres", name = "usage.total", skip_all)]
pub(crate) async fn total(client: &Connection) -> Result<(Usage, Fullness)> {
    let row = client
        .query_one(
            &format!(
                "SELECT sum(stored_artifacts)::bigint, sum(stored_bytes)::bigint,
                     sum(physical_objects)::bigint, sum(physical_bytes)::bigint,
                     coalesce(max(share), 0)::float8, count(*) FILTER (WHERE share > $1)
                 FROM (SELECT {COLUMNS}, greatest(u.stored_bytes::float8 / t.max_stored_bytes,
                           u.stored_artifacts::float8 / t.max_artifacts) AS share
                       FROM {USAGE} u JOIN tenants t ON t.id = u.tenant_id) every"
            ),
            &[&Fullness::NEAR],
        )
        .await
        .map_err(from_pg)?;
    let fullness = Fullness {
        fullest_share: row.get(4),
        near_quota: row.get::<_, i64>(5).unsigned_abs(),
    };
    Ok((read(&row, 0), fullness))
}

/// Adds a batch of changes up. Rows of tenants are taken in one order, so that two workers wait for each other instead of
/// failing; whoever writes an artifact takes none of them.
#[tracing::instrument(target = "postgres", name = "usage.add_up", skip_all)]
pub(crate) async fn add_up(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let row = tx
        .query_one(
            "WITH taken AS (
                 DELETE FROM usage_changes c
                 USING (SELECT tenant_id, id FROM usage_changes
                        ORDER BY tenant_id, id LIMIT $1 OFFSET $2 FOR UPDATE SKIP LOCKED) due
                 WHERE c.tenant_id = due.tenant_id AND c.id = due.id
                 RETURNING c.*
             ), added AS (
                 INSERT INTO tenant_usage AS u
                     (tenant_id, stored_artifacts, stored_bytes, physical_objects, physical_bytes)
                 SELECT tenant_id, sum(stored_artifacts), sum(stored_bytes), sum(physical_objects), sum(physical_bytes)
                 FROM taken GROUP BY tenant_id ORDER BY tenant_id
                 ON CONFLICT (tenant_id) DO UPDATE SET
                     stored_artifacts = u.stored_artifacts + excluded.stored_artifacts,
                     stored_bytes = u.stored_bytes + excluded.stored_bytes,
                     physical_objects = u.physical_objects + excluded.physical_objects,
                     physical_bytes = u.physical_bytes + excluded.physical_bytes
             )
             SELECT count(*) FROM taken",
            &[&batch.limit, &batch.skip],
        )
        .await
        .map_err(from_pg)?;
    Ok(Taken {
        taken: row.get::<_, i64>(0).unsigned_abs(),
        done: Vec::new(),
    })
}

/// The tenants whose usage is not the sum of their rows. All of it is one statement, and so of one moment; it takes as long
/// as there are rows.
#[tracing::instrument(target = "postgres", name = "usage.miscounts", skip_all)]
pub(crate) async fn miscounts(client: &mut Connection) -> Result<Vec<Miscount>> {
    client.lift_limits().await.map_err(from_pg)?;
    let columns = |of: &str| {
        format!(
            "coalesce({of}.stored_artifacts, 0), coalesce({of}.stored_bytes, 0),
             coalesce({of}.physical_objects, 0), coalesce({of}.physical_bytes, 0)"
        )
    };
    let (counted, found) = (columns("u"), columns("f"));
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
                 SELECT t.name, {counted}, {found}
                 FROM tenants t LEFT JOIN {USAGE} u ON u.tenant_id = t.id LEFT JOIN found f ON f.tenant_id = t.id
                 WHERE ({counted}) <> ({found}) ORDER BY t.name"
            ),
            &[],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| Miscount {
        tenant: row.get(0),
        counted: read(row, 1),
        found: read(row, 5),
    };
    Ok(rows.iter().map(read).collect())
}
