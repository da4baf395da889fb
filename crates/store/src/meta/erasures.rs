//! Erasures of tenants: what is deleted, in which order.
//!
//! Objects are released as always: artifacts are deleted and past their window at once, the passes of the collector purge
//! them, condemn their objects and delete the bytes after the grace. An erasure deletes the rows that are left.

use std::collections::BTreeMap;

use tokio_postgres::{Row, types::Json};
use uuid::Uuid;

use super::{
    connection::{Connection, Transaction},
    error::from_pg,
    row::{Damage, at, count},
    time::millis,
    usage,
};
use crate::model::{erasure::Erasure, error::Result, id::TenantId, times::Times};

/// Deletes rows of one table.
struct Step {
    /// The kind of the rows, in reports.
    kind: &'static str,
    table: &'static str,
}

const fn step(kind: &'static str, table: &'static str) -> Step {
    Step { kind, table }
}

/// Uploads are given up as by AbortUpload. $3 is the grace.
const GIVE_UP: &str = "UPDATE objects o SET state = 'condemned', not_before = now() + $3 * interval '1 ms',
         next_attempt_at = now() + $3 * interval '1 ms'
     FROM (SELECT id FROM objects WHERE tenant_id = $1 AND state = 'staging' LIMIT $2 FOR UPDATE SKIP LOCKED) staging
     WHERE o.tenant_id = $1 AND o.id = staging.id";

/// What can go while the collector still works on the tenant's objects. A later step begins when the earlier ones have
/// nothing left.
const FIRST: [Step; 6] = [
    step("idempotency_keys", "idempotency_keys"),
    step("links", "links"),
    step("jobs", "jobs"),
    step("uploads", "uploads"),
    step("todos", "todos"),
    // A trigger queues their objects.
    step("unpublished_artifacts", "pending_artifacts"),
];

/// What lets the collector purge all artifacts at once. Each order is that of a partial index, so that a step reads none
/// of the rows that earlier steps have changed.
const PREPARE: [&str; 2] = [
    "UPDATE artifacts SET state = 'deleted', deleted_at = clock_timestamp(), purge_after = now()
     WHERE tenant_id = $1 AND ctid = ANY (ARRAY(
         SELECT ctid FROM artifacts WHERE tenant_id = $1 AND state = 'live'
         ORDER BY created_at DESC, id DESC LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED))",
    "UPDATE artifacts SET purge_after = now()
     WHERE tenant_id = $1 AND ctid = ANY (ARRAY(
         SELECT ctid FROM artifacts WHERE tenant_id = $1 AND state = 'deleted' AND NOT held AND NOT session_held
             AND purge_after > now()
         ORDER BY purge_after LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED))",
];

/// Purged artifacts, when there are no others, so that a step reads none that it leaves. The first ones are looked at
/// before their state: by their state, Postgres may prefer to sort all of them.
const PURGED: &str = "WITH first AS MATERIALIZED (
         SELECT id, ctid, state FROM artifacts WHERE tenant_id = $1
             AND (SELECT id FROM artifacts WHERE tenant_id = $1 AND state = 'deleted' AND NOT held AND NOT session_held
                  ORDER BY purge_after LIMIT 1) IS NULL
         ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
     ), due AS MATERIALIZED (
         SELECT id, ctid FROM first WHERE state = 'purged'
     ), derived AS (
         DELETE FROM artifact_inputs WHERE tenant_id = $1 AND artifact_id = ANY (ARRAY(SELECT id FROM due))
     ), inputs AS (
         DELETE FROM artifact_inputs WHERE tenant_id = $1 AND input_id = ANY (ARRAY(SELECT id FROM due))
     ), staged AS (
         DELETE FROM stage_changes WHERE tenant_id = $1 AND artifact_id = ANY (ARRAY(SELECT id FROM due))
     )
     DELETE FROM artifacts WHERE tenant_id = $1 AND ctid = ANY (ARRAY(SELECT ctid FROM due))";

/// Objects whose bytes are deleted. If bytes appear under such a key after all, the scan for orphans finds them.
const GONE: &str = "WITH gone AS (
         DELETE FROM objects o USING (SELECT id FROM objects
             WHERE tenant_id = $1 AND state = 'gone' LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE o.tenant_id = $1 AND o.id = due.id RETURNING o.size_bytes
     )
     SELECT count(*) AS objects, coalesce(sum(size_bytes), 0)::bigint AS bytes FROM gone";

/// Whether artifacts or objects are left, of which triggers still write.
const IN_USE: &str = "SELECT EXISTS (SELECT FROM artifacts WHERE tenant_id = $1)
     OR EXISTS (SELECT FROM pending_artifacts WHERE tenant_id = $1)
     OR EXISTS (SELECT FROM objects WHERE tenant_id = $1)";

/// What goes when no artifact and no object is left.
const LAST: [Step; 10] = [
    step("events", "session_events"),
    step("manifest_entries", "manifest_entries"),
    step("filenames", "filenames"),
    step("sessions", "sessions"),
    step("faults", "gc_ghosts"),
    step("queue", "gc_queue"),
    step("usage", "usage_changes"),
    step("usage", "usage_made"),
    step("usage", "usage_days"),
    step("usage", "usage_requests"),
];

/// The last rows of a tenant. The first five tables do not refer to tenants, so this waits for the rows of them that
/// another transaction has locked, which a step left. A row of another table, of a write that was under way, makes this
/// fail, and the next step deletes it.
const END: [&str; 7] = [
    "usage_changes",
    "usage_made",
    "gc_queue",
    "session_events",
    "gc_ghosts",
    "tenant_usage",
    "forgotten_events",
];

/// A tenant that may be erased, locked.
pub(crate) struct Found {
    pub(crate) tenant: TenantId,
    /// Its erasure was requested before.
    pub(crate) erasing: bool,
}

/// Locks the keys of the tenant of this name, before the tenant: RotateKey locks a key, and then the tenant for the new one.
#[tracing::instrument(target = "postgres", name = "erasures.lock_keys", skip_all)]
pub(crate) async fn lock_keys(tx: &Transaction<'_>, name: &str) -> Result<()> {
    let sql = "SELECT FROM api_keys WHERE tenant_id = (SELECT id FROM tenants WHERE name = $1) ORDER BY id FOR UPDATE";
    tx.execute(sql, &[&name]).await.map(drop).map_err(from_pg)
}

/// The tenant of this name. Until this transaction ends, nothing of it is put under a hold, and it gets no credential.
#[tracing::instrument(target = "postgres", name = "erasures.lock", skip_all)]
pub(crate) async fn lock(tx: &Transaction<'_>, name: &str) -> Result<Option<Found>> {
    let sql = "SELECT id, erasing_since IS NOT NULL FROM tenants WHERE name = $1 FOR NO KEY UPDATE";
    let row = tx.query_opt(sql, &[&name]).await.map_err(from_pg)?;
    let read = |row: Row| {
        Ok::<_, Damage>(Found {
            tenant: TenantId(at(&row, 0)?),
            erasing: at(&row, 1)?,
        })
    };
    Ok(row.map(read).transpose()?)
}

/// What is under a legal hold: an artifact, or a session.
pub(crate) enum Held {
    Artifact(String),
    Session(String),
}

/// Something that is under a legal hold.
#[tracing::instrument(target = "postgres", name = "erasures.held", skip_all)]
pub(crate) async fn held(tx: &Transaction<'_>, tenant: TenantId) -> Result<Option<Held>> {
    let row = tx
        .query_opt(
            "(SELECT true, id FROM artifacts
                 WHERE tenant_id = $1 AND state <> 'purged' AND (held OR session_held) LIMIT 1)
             UNION ALL (SELECT false, id FROM sessions WHERE tenant_id = $1 AND held LIMIT 1) LIMIT 1",
            &[&tenant.0],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: Row| {
        let id = at(&row, 1)?;
        Ok::<_, Damage>(match at(&row, 0)? {
            true => Held::Artifact(id),
            false => Held::Session(id),
        })
    };
    Ok(row.map(read).transpose()?)
}

/// Ends the tenant's credentials and links, and records its erasure.
#[tracing::instrument(target = "postgres", name = "erasures.begin", skip_all)]
pub(crate) async fn begin(tx: &Transaction<'_>, tenant: TenantId) -> Result<()> {
    tx.execute(
        "WITH keys AS (DELETE FROM api_keys WHERE tenant_id = $1 RETURNING id),
             workloads AS (DELETE FROM workloads WHERE tenant_id = $1 RETURNING id),
             erasing AS (UPDATE tenants SET erasing_since = now(), links_enabled = false WHERE id = $1 RETURNING name)
         INSERT INTO erasures (id, tenant_id, tenant_name, deleted)
         SELECT $2, $1, name, jsonb_build_object('keys', (SELECT count(*) FROM keys),
             'workloads', (SELECT count(*) FROM workloads)) FROM erasing",
        &[&tenant.0, &Uuid::now_v7()],
    )
    .await
    .map(drop)
    .map_err(from_pg)
}

/// The newest erasure of a tenant of this name.
#[tracing::instrument(target = "postgres", name = "erasures.newest", skip_all)]
pub(crate) async fn newest(client: &Connection, name: &str) -> Result<Option<Erasure>> {
    let row = client
        .query_opt(
            &format!(
                "SELECT e.id, e.tenant_name, e.requested_at, e.finished_at, e.deleted, e.released_bytes, e.last_error, {}
                 FROM (SELECT * FROM erasures WHERE tenant_name = $1 ORDER BY requested_at DESC LIMIT 1) e
                     LEFT JOIN {} u ON u.tenant_id = e.tenant_id",
                usage::COLUMNS,
                *usage::USAGE
            ),
            &[&name],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: Row| {
        let Json(deleted) = at::<Json<BTreeMap<String, u64>>>(&row, "deleted")?;
        let left = usage::read(&row, "")?;
        Ok::<_, Damage>(Erasure {
            id: at(&row, "id")?,
            tenant: at(&row, "tenant_name")?,
            requested_at: at(&row, "requested_at")?,
            finished_at: at(&row, "finished_at")?,
            deleted,
            released_bytes: count(&row, "released_bytes")?,
            remaining_objects: left.physical_objects,
            remaining_bytes: left.physical_bytes,
            last_error: at(&row, "last_error")?,
        })
    };
    Ok(row.map(read).transpose()?)
}

/// The tenant of the newest erasure of this name.
#[tracing::instrument(target = "postgres", name = "erasures.tenant_of", skip_all)]
pub(crate) async fn tenant_of(client: &Connection, name: &str) -> Result<Option<TenantId>> {
    let sql =
        "SELECT tenant_id FROM erasures WHERE tenant_name = $1 ORDER BY requested_at DESC LIMIT 1";
    let row = client.query_opt(sql, &[&name]).await.map_err(from_pg)?;
    Ok(row.map(|row| at(&row, 0).map(TenantId)).transpose()?)
}

/// What a rehearsal counts besides `FIRST` and `LAST`.
const OTHERS: [Step; 4] = [
    step("keys", "api_keys"),
    step("workloads", "workloads"),
    step("artifacts", "artifacts"),
    step("objects", "objects"),
];

/// The counts of a rehearsal, as JSON: each kind with its number, which is at most one more than `Erasure::COUNTED`.
fn counts() -> String {
    let most = Erasure::COUNTED + 1;
    let mut rows = BTreeMap::<_, Vec<_>>::new();
    for Step { kind, table } in OTHERS.iter().chain(&FIRST).chain(&LAST) {
        let of_table = format!("(SELECT FROM {table} WHERE tenant_id = t.id LIMIT {most})");
        rows.entry(kind).or_default().push(of_table);
    }
    let counts = rows.into_iter().map(|(kind, rows)| {
        let all = rows.join(" UNION ALL ");
        format!("'{kind}', (SELECT count(*) FROM (SELECT FROM ({all}) a LIMIT {most}) c)")
    });
    let counts: Vec<_> = counts.collect();
    format!("jsonb_build_object({})", counts.join(", "))
}

/// What an erasure of this tenant would delete.
#[tracing::instrument(target = "postgres", name = "erasures.rehearse", skip_all)]
pub(crate) async fn rehearse(tx: &Transaction<'_>, tenant: TenantId) -> Result<Erasure> {
    let sql = format!(
        "SELECT t.name, now(), {} AS counts, {} FROM tenants t
             LEFT JOIN {} u ON u.tenant_id = t.id WHERE t.id = $1",
        counts(),
        usage::COLUMNS,
        *usage::USAGE
    );
    let row = tx.query_one(&sql, &[&tenant.0]).await.map_err(from_pg)?;
    let read = || {
        let Json(deleted) = at::<Json<BTreeMap<String, u64>>>(&row, "counts")?;
        let left = usage::read(&row, "")?;
        Ok::<_, Damage>(Erasure {
            id: Uuid::nil(),
            tenant: at(&row, 0)?,
            requested_at: at(&row, 1)?,
            finished_at: None,
            deleted,
            released_bytes: 0,
            remaining_objects: left.physical_objects,
            remaining_bytes: left.physical_bytes,
            last_error: String::new(),
        })
    };
    Ok(read()?)
}

/// An erasure that has a step to do, locked.
pub(crate) struct Claimed {
    pub(crate) id: Uuid,
    pub(crate) tenant: TenantId,
    pub(crate) name: String,
}

/// Claims an erasure that has a step to do.
#[tracing::instrument(target = "postgres", name = "erasures.claim", skip_all)]
pub(crate) async fn claim(tx: &Transaction<'_>) -> Result<Option<Claimed>> {
    let row = tx
        .query_opt(
            "SELECT id, tenant_id, tenant_name FROM erasures WHERE finished_at IS NULL AND next_at <= clock_timestamp()
             ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED",
            &[],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: Row| {
        Ok::<_, Damage>(Claimed {
            id: at(&row, 0)?,
            tenant: TenantId(at(&row, 1)?),
            name: at(&row, 2)?,
        })
    };
    Ok(row.map(read).transpose()?)
}

/// What a step of an erasure did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stepped {
    /// Rows; there may be more.
    Rows,
    /// Nothing: the collector has to delete bytes first.
    Waits,
    /// The tenant is gone.
    Finished,
}

/// What a step deleted or changed.
struct Done {
    /// The kind of the rows; `None`: they were changed.
    kind: Option<&'static str>,
    rows: u64,
    bytes: i64,
}

/// Does one step of an erasure.
#[tracing::instrument(target = "postgres", name = "erasures.step", skip_all)]
pub(crate) async fn advance(
    tx: &Transaction<'_>,
    erasure: &Claimed,
    times: &Times,
    limit: i64,
) -> Result<Stepped> {
    let tenant = &erasure.tenant.0;
    if let Some(done) = release(tx, tenant, times, limit).await? {
        note(tx, erasure.id, &done).await?;
        return Ok(Stepped::Rows);
    }
    let in_use = tx.query_one(IN_USE, &[tenant]).await.map_err(from_pg)?;
    if at(&in_use, 0)? {
        wait(tx, erasure.id, "").await?;
        return Ok(Stepped::Waits);
    }
    if let Some(done) = delete_some(tx, tenant, &LAST, limit).await? {
        note(tx, erasure.id, &done).await?;
        return Ok(Stepped::Rows);
    }
    for table in END {
        let sql = format!("DELETE FROM {table} WHERE tenant_id = $1");
        tx.execute(&sql, &[tenant]).await.map_err(from_pg)?;
    }
    let end = "DELETE FROM tenants WHERE id = $1";
    tx.execute(end, &[tenant]).await.map_err(from_pg)?;
    let finish = "UPDATE erasures SET finished_at = now(), last_error = '' WHERE id = $1";
    tx.execute(finish, &[&erasure.id]).await.map_err(from_pg)?;
    Ok(Stepped::Finished)
}

/// Does the first of the steps that release the tenant's objects and that has something to do.
async fn release(
    tx: &Transaction<'_>,
    tenant: &Uuid,
    times: &Times,
    limit: i64,
) -> Result<Option<Done>> {
    let some = |kind, rows| Done {
        kind,
        rows,
        bytes: 0,
    };
    let grace = millis(times.grace);
    let given_up = tx.execute(GIVE_UP, &[tenant, &limit, &grace]).await;
    let rows = given_up.map_err(from_pg)?;
    if rows > 0 {
        return Ok(Some(some(None, rows)));
    }
    if let Some(done) = delete_some(tx, tenant, &FIRST, limit).await? {
        return Ok(Some(done));
    }
    let of_artifacts = PREPARE.map(|sql| (None, sql)).into_iter();
    for (kind, sql) in of_artifacts.chain([(Some("artifacts"), PURGED)]) {
        let rows = tx.execute(sql, &[tenant, &limit]).await.map_err(from_pg)?;
        if rows > 0 {
            return Ok(Some(some(kind, rows)));
        }
    }
    let gone = tx.query_one(GONE, &[tenant, &limit]).await;
    let gone = gone.map_err(from_pg)?;
    let done = Done {
        kind: Some("objects"),
        rows: count(&gone, "objects")?,
        bytes: at(&gone, "bytes")?,
    };
    Ok((done.rows > 0).then_some(done))
}

/// Deletes rows of the first of these tables that has some. Locked ones are left for the next time.
async fn delete_some(
    tx: &Transaction<'_>,
    tenant: &Uuid,
    steps: &[Step],
    limit: i64,
) -> Result<Option<Done>> {
    for Step { kind, table } in steps {
        let sql = format!(
            "DELETE FROM {table} WHERE tenant_id = $1 AND ctid = ANY (ARRAY(
                 SELECT ctid FROM {table} WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED))"
        );
        let rows = tx.execute(&sql, &[tenant, &limit]).await.map_err(from_pg)?;
        if rows > 0 {
            return Ok(Some(Done {
                kind: Some(kind),
                rows,
                bytes: 0,
            }));
        }
    }
    Ok(None)
}

/// Adds to the report, and gives other erasures their turn.
async fn note(tx: &Transaction<'_>, id: Uuid, done: &Done) -> Result<()> {
    let rows = i64::try_from(done.rows).unwrap_or(i64::MAX);
    tx.execute(
        "UPDATE erasures SET next_at = clock_timestamp(), last_error = '', released_bytes = released_bytes + $4,
             deleted = CASE WHEN $2::text IS NULL THEN deleted ELSE jsonb_set(deleted, ARRAY[$2::text],
                 to_jsonb(coalesce((deleted ->> $2::text)::bigint, 0) + $3::bigint)) END
         WHERE id = $1",
        &[&id, &done.kind, &rows, &done.bytes],
    )
    .await
    .map(drop)
    .map_err(from_pg)
}

/// Puts an erasure off: its next step has nothing to do yet, or failed.
#[tracing::instrument(target = "postgres", name = "erasures.wait", skip_all)]
pub(crate) async fn wait(client: &Connection, id: Uuid, error: &str) -> Result<()> {
    client
        .execute(
            "UPDATE erasures SET next_at = clock_timestamp() + interval '2 s', last_error = left($2, 500) WHERE id = $1",
            &[&id, &error],
        )
        .await
        .map(drop)
        .map_err(from_pg)
}
