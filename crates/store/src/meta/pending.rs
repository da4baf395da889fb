//! Unpublished artifacts.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    artifact_row::{self, COLUMNS, VISIBLE, artifact_id, stored},
    batch::{Batch, Taken},
    connection::Transaction,
    due::DueRows,
    error::from_pg,
    row::{Damage, at, each},
};
use crate::model::{
    artifact::Artifact,
    change::{Deleted, Published},
    error::{Error, Result},
    id::{ArtifactId, TenantId, ids_of},
};

/// The file of which an unpublished artifact will be a version, within its session.
#[derive(PartialEq, Eq, Hash)]
struct File {
    filename: String,
    user_id: String,
    namespace: String,
}

/// The fields of an unpublished artifact that publishing needs.
pub(crate) struct Waiting {
    pub(crate) id: ArtifactId,
    file: File,
    if_version: Option<i64>,
}

impl Waiting {
    /// The length of its filename in bytes.
    pub(crate) fn name_bytes(&self) -> usize {
        self.file.filename.len()
    }
}

/// Locks the unpublished artifacts of a session, or those of them with these ids, in the order in which they were made.
#[tracing::instrument(target = "postgres", name = "pending.lock", skip_all)]
pub(crate) async fn lock(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
    ids: Option<&[ArtifactId]>,
    limit: i64,
) -> Result<Vec<Waiting>> {
    let rows = tx
        .query(
            "SELECT id, filename, user_id, namespace, if_version FROM pending_artifacts
             WHERE tenant_id = $1 AND session_id = $2 AND discard_at > now()
                 AND ($3::text[] IS NULL OR id = ANY ($3))
             ORDER BY number LIMIT $4 FOR UPDATE",
            &[&tenant.0, &session, &ids.map(ids_of), &limit],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| {
        Ok(Waiting {
            id: artifact_id(at(row, 0)?)?,
            file: File {
                filename: at(row, 1)?,
                user_id: at(row, 2)?,
                namespace: at(row, 3)?,
            },
            if_version: at(row, 4)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Takes as many versions of each file as there are unpublished artifacts of it, in the order of the names, so that two
/// commits wait for each other instead of failing.
#[tracing::instrument(target = "postgres", name = "pending.claim_versions", skip_all)]
pub(crate) async fn claim_versions(
    tx: &Transaction<'_>,
    tenant: TenantId,
    ids: &[ArtifactId],
) -> Result<()> {
    tx.execute(
        "INSERT INTO filenames AS f (tenant_id, session_id, filename, user_id, namespace, last_version)
         SELECT tenant_id, session_id, filename, user_id, namespace, count(*) FROM pending_artifacts
         WHERE tenant_id = $1 AND id = ANY ($2)
         GROUP BY tenant_id, session_id, filename, user_id, namespace
         ORDER BY filename, user_id, namespace
         ON CONFLICT (tenant_id, session_id, filename, user_id, namespace)
         DO UPDATE SET last_version = f.last_version + excluded.last_version",
        &[&tenant.0, &ids_of(ids)],
    )
    .await
    .map_err(from_pg)?;
    Ok(())
}

/// Compares each artifact's condition with its file, now that no other transaction can add a version to a file.
///
/// # Errors
/// `VersionConflict`; `Invalid` when two of them expect something of the same file, which cannot both come true.
#[tracing::instrument(target = "postgres", name = "pending.check_versions", skip_all)]
pub(crate) async fn check_versions(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
    waiting: &[Waiting],
) -> Result<()> {
    let mut seen = HashSet::new();
    let mut expecting = Vec::new();
    for one in waiting {
        let first = seen.insert(&one.file);
        let Some(expected) = one.if_version else {
            continue;
        };
        if !first {
            let words = format!(
                "{} expects to follow version {expected} of '{}', but another one comes before it",
                one.id, one.file.filename
            );
            return Err(Error::invalid("artifact_ids", words));
        }
        expecting.push((&one.file, expected));
    }
    let files: Vec<_> = expecting.iter().map(|(file, _)| *file).collect();
    let mut latest = latest(tx, tenant, session, &files).await?;
    for (place, (file, expected)) in expecting.into_iter().enumerate() {
        let current = latest.remove(&place);
        if current.as_ref().map_or(0, |current| current.version) != expected {
            return Err(Error::VersionConflict {
                filename: file.filename.clone(),
                current: current.map(Box::new),
            });
        }
    }
    Ok(())
}

/// The latest visible version of each of these files that has one, by the file's index.
async fn latest(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
    files: &[&File],
) -> Result<HashMap<usize, Artifact>> {
    if files.is_empty() {
        return Ok(HashMap::new());
    }
    let of = |part: fn(&File) -> &str| files.iter().map(|file| part(file)).collect::<Vec<_>>();
    let rows = tx
        .query(
            &format!(
                "SELECT {COLUMNS}, q.place - 1 AS place
                 FROM unnest($3::text[], $4::text[], $5::text[])
                     WITH ORDINALITY q (filename, user_id, namespace, place)
                 CROSS JOIN LATERAL (
                     SELECT * FROM artifacts a
                     WHERE a.tenant_id = $1 AND a.filename COLLATE \"C\" = q.filename
                         AND coalesce(a.session_id, '') = $2 AND a.user_id = q.user_id AND a.namespace = q.namespace
                         AND {VISIBLE}
                     ORDER BY a.version DESC LIMIT 1
                 ) a"
            ),
            &[
                &tenant.0,
                &session,
                &of(|file| &file.filename),
                &of(|file| &file.user_id),
                &of(|file| &file.namespace),
            ],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| {
        let place: i64 = at(row, "place")?;
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        Ok((place, artifact_row::read(row)?))
    };
    rows.iter().map(read).collect()
}

/// Inputs of these artifacts that are neither artifacts nor among them.
#[tracing::instrument(target = "postgres", name = "pending.unknown_inputs", skip_all)]
pub(crate) async fn unknown_inputs(
    tx: &Transaction<'_>,
    tenant: TenantId,
    ids: &[ArtifactId],
) -> Result<Vec<String>> {
    let rows = tx
        .query(
            "SELECT DISTINCT input FROM pending_artifacts p, unnest(p.inputs) input
             WHERE p.tenant_id = $1 AND p.id = ANY ($2) AND NOT input = ANY ($2)
                 AND NOT EXISTS (SELECT FROM artifacts a WHERE a.tenant_id = $1 AND a.id = input)
             ORDER BY input",
            &[&tenant.0, &ids_of(ids)],
        )
        .await
        .map_err(from_pg)?;
    Ok(each(&rows, 0)?)
}

/// Publishes unpublished artifacts, all at once. Their versions have been taken, so the last ones of a file are theirs.
#[tracing::instrument(target = "postgres", name = "pending.publish", skip_all)]
pub(crate) async fn publish(
    tx: &Transaction<'_>,
    tenant: TenantId,
    ids: &[ArtifactId],
) -> Result<Vec<Published>> {
    let ids = ids_of(ids);
    let rows = tx
        .query(
            &format!("INSERT INTO artifacts AS a (tenant_id, {}, version, expires_at, session_held)
             SELECT p.tenant_id, {},
                 f.last_version - count(*) OVER of_file + row_number() OVER (of_file ORDER BY p.number),
                 now() + p.ttl_ms * interval '1 ms', s.held
             FROM pending_artifacts p
                 JOIN filenames f ON f.tenant_id = p.tenant_id AND f.session_id = p.session_id
                     AND f.filename COLLATE \"C\" = p.filename AND f.user_id = p.user_id AND f.namespace = p.namespace
                 JOIN sessions s ON s.tenant_id = p.tenant_id AND s.id = p.session_id
             WHERE p.tenant_id = $1 AND p.id = ANY ($2)
             WINDOW of_file AS (PARTITION BY p.filename, p.user_id, p.namespace)
             ORDER BY p.number
             RETURNING a.id, a.filename, a.version",
                stored(""),
                stored("p.")
            ),
            &[&tenant.0, &ids],
        )
        .await
        .map_err(from_pg)?;
    for side_table in [
        "INSERT INTO artifact_metadata (tenant_id, key, value, created_at, artifact_id)
         SELECT p.tenant_id, pair.key, pair.value, now(), p.id
         FROM pending_artifacts p, jsonb_each_text(p.metadata) pair WHERE p.tenant_id = $1 AND p.id = ANY ($2)",
        "INSERT INTO artifact_labels (tenant_id, label, created_at, artifact_id)
         SELECT p.tenant_id, label, now(), p.id
         FROM pending_artifacts p, unnest(p.labels) label WHERE p.tenant_id = $1 AND p.id = ANY ($2)",
        "INSERT INTO artifact_inputs (tenant_id, input_id, artifact_id)
         SELECT p.tenant_id, input, p.id
         FROM pending_artifacts p, unnest(p.inputs) input WHERE p.tenant_id = $1 AND p.id = ANY ($2)",
        "DELETE FROM pending_artifacts WHERE tenant_id = $1 AND id = ANY ($2)",
    ] {
        tx.execute(side_table, &[&tenant.0, &ids])
            .await
            .map_err(from_pg)?;
    }
    let read = |row: &Row| {
        Ok(Published {
            artifact_id: at(row, 0)?,
            filename: at(row, 1)?,
            version: at(row, 2)?,
        })
    };
    let read: Result<_, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}

/// Discards an unpublished artifact; `None` if there is none.
#[tracing::instrument(target = "postgres", name = "pending.discard", skip_all)]
pub(crate) async fn discard(
    tx: &Transaction<'_>,
    tenant: TenantId,
    id: &ArtifactId,
) -> Result<Option<Deleted>> {
    let row = tx
        .query_opt(
            "DELETE FROM pending_artifacts WHERE tenant_id = $1 AND id = $2 RETURNING now()",
            &[&tenant.0, &id.as_str()],
        )
        .await
        .map_err(from_pg)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Deleted {
        artifact_id: id.to_string(),
        deleted_at: at(&row, 0)?,
        purge_after: at(&row, 0)?,
    }))
}

/// Discards some of a session's unpublished artifacts that existed at a time, except persistent ones and those of a
/// held session; returns how many, and their bytes.
#[tracing::instrument(target = "postgres", name = "pending.discard_of_session", skip_all)]
pub(crate) async fn discard_of_session(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
    at: Timestamp,
    limit: i64,
) -> Result<(u64, u64)> {
    let rows = tx
        .query(
            "DELETE FROM pending_artifacts p
             USING (SELECT tenant_id, id FROM pending_artifacts w
                    WHERE tenant_id = $1 AND session_id = $2 AND created_at <= $3 AND NOT persistent
                        AND NOT EXISTS (SELECT FROM sessions s WHERE s.tenant_id = $1 AND s.id = $2 AND s.held)
                    ORDER BY number LIMIT $4 FOR UPDATE) there
             WHERE p.tenant_id = there.tenant_id AND p.id = there.id
             RETURNING p.size_bytes",
            &[&tenant.0, &session, &at, &limit],
        )
        .await
        .map_err(from_pg)?;
    let bytes: Vec<i64> = each(&rows, 0)?;
    let bytes = bytes.into_iter().map(i64::unsigned_abs);
    Ok((rows.len() as u64, bytes.sum()))
}

/// Unpublished artifacts past their window.
pub(crate) const OVERDUE: DueRows = DueRows {
    sql: "SELECT tenant_id, id, 'it was not published by ' || discard_at AS why FROM pending_artifacts
         WHERE discard_at <= now() ORDER BY discard_at LIMIT $1 OFFSET $2",
    wait: None,
};

/// Discards unpublished artifacts past their window.
#[tracing::instrument(target = "postgres", name = "pending.discard_overdue", skip_all)]
pub(crate) async fn discard_overdue(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let rows = tx
        .query(
            &format!(
                "DELETE FROM pending_artifacts p USING {} due
                 WHERE p.tenant_id = due.tenant_id AND p.id = due.id RETURNING p.tenant_id, p.id, due.why",
                OVERDUE.locked()
            ),
            &[&batch.limit, &batch.skip],
        )
        .await
        .map_err(from_pg)?;
    Taken::all(&rows)
}
