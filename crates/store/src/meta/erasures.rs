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

/// Deletes rows of one kind.
struct Step {
    /// The kind, in reports; `None`: nothing is deleted yet.
    kind: Option<&'static str>,
    /// Deletes or changes at most $2 rows of the tenant $1. Locked ones are left for the next time.
    sql: &'static str,
}

const fn step(kind: &'static str, sql: &'static str) -> Step {
    Step {
        kind: Some(kind),
        sql,
    }
}

const fn preparing(sql: &'static str) -> Step {
    Step { kind: None, sql }
}

/// Uploads are given up as by AbortUpload. $3 is the grace.
const GIVE_UP: &str = "UPDATE objects o SET state = 'condemned', not_before = now() + $3 * interval '1 ms',
         next_attempt_at = now() + $3 * interval '1 ms'
     FROM (SELECT id FROM objects WHERE tenant_id = $1 AND state = 'staging' LIMIT $2 FOR UPDATE SKIP LOCKED) staging
     WHERE o.tenant_id = $1 AND o.id = staging.id";

/// What can go while the collector still works on the tenant's objects. A later step begins when the earlier ones have
/// nothing left.
const FIRST: [Step; 11] = [
    step(
        "idempotency_keys",
        "DELETE FROM idempotency_keys k USING (SELECT key FROM idempotency_keys
             WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) some_keys
         WHERE k.tenant_id = $1 AND k.key = some_keys.key",
    ),
    step(
        "links",
        "DELETE FROM links l USING (SELECT id FROM links WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE l.id = due.id",
    ),
    step(
        "jobs",
        "DELETE FROM jobs j USING (SELECT id FROM jobs WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE j.tenant_id = $1 AND j.id = due.id",
    ),
    step(
        "uploads",
        "DELETE FROM uploads u USING (SELECT id FROM uploads WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE u.tenant_id = $1 AND u.id = due.id",
    ),
    step(
        "todos",
        "DELETE FROM todos t USING (SELECT id FROM todos WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE t.tenant_id = $1 AND t.id = due.id",
    ),
    // A trigger queues their objects.
    step(
        "unpublished_artifacts",
        "DELETE FROM pending_artifacts p USING (SELECT id FROM pending_artifacts
             WHERE tenant_id = $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE p.tenant_id = $1 AND p.id = due.id",
    ),
    preparing(
        "UPDATE artifacts a SET state = 'deleted', deleted_at = clock_timestamp(), purge_after = now()
         FROM (SELECT id FROM artifacts WHERE tenant_id = $1 AND state = 'live'
             ORDER BY id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
         WHERE a.tenant_id = $1 AND a.id = due.id",
    ),
    preparing(
        "UPDATE artifacts a SET purge_after = now()
         FROM (SELECT id FROM artifacts WHERE tenant_id = $1 AND state = 'deleted' AND purge_after > now()
             ORDER BY id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) due
         WHERE a.tenant_id = $1 AND a.id = due.id",
    ),
    step(
        "artifacts",
        "WITH due AS (
             SELECT id FROM artifacts WHERE tenant_id = $1 AND state = 'purged'
             ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
         ), derived AS (
             DELETE FROM artifact_inputs i USING due WHERE i.tenant_id = $1 AND i.artifact_id = due.id
         ), inputs AS (
             DELETE FROM artifact_inputs i USING due WHERE i.tenant_id = $1 AND i.input_id = due.id
         ), staged AS (
             DELETE FROM stage_changes s USING due WHERE s.tenant_id = $1 AND s.artifact_id = due.id
         )
         DELETE FROM artifacts a USING due WHERE a.tenant_id = $1 AND a.id = due.id",
    ),
    step(
        "faults",
        "DELETE FROM gc_ghosts g USING (SELECT object_id FROM gc_ghosts
             WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE g.tenant_id = $1 AND g.object_id = due.object_id",
    ),
    step(
        "events",
        "DELETE FROM session_events e USING (SELECT session_id, number FROM session_events
             WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE e.tenant_id = $1 AND e.session_id = due.session_id AND e.number = due.number",
    ),
];

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
const LAST: [Step; 9] = [
    step(
        "events",
        "DELETE FROM session_events e USING (SELECT session_id, number FROM session_events
             WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE e.tenant_id = $1 AND e.session_id = due.session_id AND e.number = due.number",
    ),
    step(
        "manifest_entries",
        "DELETE FROM manifest_entries m USING (SELECT session_id, artifact_id FROM manifest_entries
             WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE m.tenant_id = $1 AND m.session_id = due.session_id AND m.artifact_id = due.artifact_id",
    ),
    step(
        "filenames",
        "DELETE FROM filenames f USING (SELECT session_id, filename, user_id, namespace FROM filenames
             WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE f.tenant_id = $1 AND f.session_id = due.session_id AND f.filename COLLATE \"C\" = due.filename
             AND f.user_id = due.user_id AND f.namespace = due.namespace",
    ),
    step(
        "sessions",
        "DELETE FROM sessions s USING (SELECT id FROM sessions WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE s.tenant_id = $1 AND s.id = due.id",
    ),
    step(
        "usage",
        "DELETE FROM usage_changes u USING (SELECT id FROM usage_changes
             WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE u.tenant_id = $1 AND u.id = due.id",
    ),
    step(
        "usage",
        "DELETE FROM usage_made u USING (SELECT id FROM usage_made
             WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE u.tenant_id = $1 AND u.id = due.id",
    ),
    step(
        "usage",
        "DELETE FROM usage_days u USING (SELECT part, key, day FROM usage_days
             WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE u.tenant_id = $1 AND u.part = due.part AND u.key = due.key AND u.day = due.day",
    ),
    step(
        "usage",
        "DELETE FROM usage_requests u USING (SELECT day FROM usage_requests
             WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE u.tenant_id = $1 AND u.day = due.day",
    ),
    step(
        "queue",
        "DELETE FROM gc_queue q USING (SELECT object_id FROM gc_queue
             WHERE tenant_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED) due
         WHERE q.tenant_id = $1 AND q.object_id = due.object_id",
    ),
];

/// A tenant of which nothing is left but these. Another row that refers to it, of a write that was under way, makes this
/// fail, and the next step deletes it.
const END: [&str; 3] = [
    "DELETE FROM tenant_usage WHERE tenant_id = $1",
    "DELETE FROM forgotten_events WHERE tenant_id = $1",
    "DELETE FROM tenants WHERE id = $1",
];

/// A tenant that may be erased, locked.
pub(crate) struct Found {
    pub(crate) tenant: TenantId,
    /// Its erasure was requested before.
    pub(crate) erasing: bool,
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

/// The tables that a rehearsal counts, by the kinds of the report.
const COUNTED: [(&str, &str); 13] = [
    ("keys", "api_keys"),
    ("workloads", "workloads"),
    ("idempotency_keys", "idempotency_keys"),
    ("links", "links"),
    ("jobs", "jobs"),
    ("uploads", "uploads"),
    ("todos", "todos"),
    ("unpublished_artifacts", "pending_artifacts"),
    ("artifacts", "artifacts"),
    ("objects", "objects"),
    ("events", "session_events"),
    ("manifest_entries", "manifest_entries"),
    ("sessions", "sessions"),
];

/// What an erasure of this tenant would delete.
#[tracing::instrument(target = "postgres", name = "erasures.rehearse", skip_all)]
pub(crate) async fn rehearse(tx: &Transaction<'_>, tenant: TenantId) -> Result<Erasure> {
    let counts = COUNTED.map(|(kind, table)| {
        let most = Erasure::COUNTED + 1;
        format!("'{kind}', (SELECT count(*) FROM (SELECT FROM {table} WHERE tenant_id = t.id LIMIT {most}) c)")
    });
    let sql = format!(
        "SELECT t.name, now(), jsonb_build_object({}) AS counts, {} FROM tenants t
             LEFT JOIN {} u ON u.tenant_id = t.id WHERE t.id = $1",
        counts.join(", "),
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

/// Does one step of an erasure.
#[tracing::instrument(target = "postgres", name = "erasures.step", skip_all)]
pub(crate) async fn advance(
    tx: &Transaction<'_>,
    erasure: &Claimed,
    times: &Times,
    limit: i64,
) -> Result<Stepped> {
    let tenant = &erasure.tenant.0;
    let given_up = tx
        .execute(GIVE_UP, &[tenant, &limit, &millis(times.grace)])
        .await
        .map_err(from_pg)?;
    if given_up > 0 || steps(tx, erasure, &FIRST, limit).await? {
        return Ok(Stepped::Rows);
    }
    let gone = tx
        .query_one(GONE, &[tenant, &limit])
        .await
        .map_err(from_pg)?;
    let objects = count(&gone, "objects")?;
    if objects > 0 {
        note(tx, erasure, "objects", objects, at(&gone, "bytes")?).await?;
        return Ok(Stepped::Rows);
    }
    let in_use = tx.query_one(IN_USE, &[tenant]).await.map_err(from_pg)?;
    if at(&in_use, 0)? {
        wait(tx, erasure.id, "").await?;
        return Ok(Stepped::Waits);
    }
    if steps(tx, erasure, &LAST, limit).await? {
        return Ok(Stepped::Rows);
    }
    for end in END {
        tx.execute(end, &[tenant]).await.map_err(from_pg)?;
    }
    let finish = "UPDATE erasures SET finished_at = now(), last_error = '' WHERE id = $1";
    tx.execute(finish, &[&erasure.id]).await.map_err(from_pg)?;
    Ok(Stepped::Finished)
}

/// Does the first of these steps that has something to do.
async fn steps(
    tx: &Transaction<'_>,
    erasure: &Claimed,
    steps: &[Step],
    limit: i64,
) -> Result<bool> {
    for step in steps {
        let rows = tx.execute(step.sql, &[&erasure.tenant.0, &limit]).await;
        let rows = rows.map_err(from_pg)?;
        if rows > 0 {
            if let Some(kind) = step.kind {
                note(tx, erasure, kind, rows, 0).await?;
            }
            return Ok(true);
        }
    }
    Ok(false)
}

/// Adds to the report.
async fn note(
    tx: &Transaction<'_>,
    erasure: &Claimed,
    kind: &str,
    rows: u64,
    bytes: i64,
) -> Result<()> {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    tx.execute(
        "UPDATE erasures SET last_error = '', released_bytes = released_bytes + $4,
             deleted = jsonb_set(deleted, ARRAY[$2::text], to_jsonb(coalesce((deleted ->> $2::text)::bigint, 0) + $3::bigint))
         WHERE id = $1",
        &[&erasure.id, &kind, &rows, &bytes],
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
