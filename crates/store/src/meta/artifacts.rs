//! Rows of artifacts, one at a time.

pub(crate) mod several;

use bytes::Bytes;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::{
    artifact_row::{
        COLUMNS, NAMED, PENDING_COLUMNS, VISIBLE, artifact_id, column, name_parameters, read,
        visible, with_state,
    },
    connection::{Connection, Transaction},
    error::{PgError, from_pg},
    reach,
    row::{self, Damage, at, count, listed},
};
use crate::model::{
    access::Reach,
    artifact::{Artifact, Created, Origin, State},
    change::Deleted,
    error::{Error, Result},
    id::{ArtifactId, ObjectId, TenantId, ids_of},
    page::PageSize,
    reference::{ArtifactRef, FileName},
};

/// Finds the artifact of a reference; with a version it need not be visible.
#[tracing::instrument(target = "postgres", name = "artifacts.resolve", skip_all)]
pub(crate) async fn resolve(
    client: &Connection,
    reach: Reach<'_>,
    wanted: &ArtifactRef,
) -> Result<ArtifactId> {
    let missing = || Error::ArtifactNotFound(wanted.to_string());
    let (name, version) = match wanted {
        ArtifactRef::Id(id) => {
            let within = reach::within(client, reach, std::slice::from_ref(id)).await?;
            return within.into_iter().next().ok_or_else(missing);
        }
        ArtifactRef::Name(name, version) => (name, version),
    };
    if !reach.narrowing.admits_file(name) {
        return Err(missing());
    }
    // All else that a reach looks at is part of the name.
    let agent = reach.narrowing.agent_id();
    let by = match agent {
        None => "",
        Some(_) => " AND a.agent_id = $7",
    };
    // Live versions and others have an index each.
    let statement = match version {
        None => format!(
            "SELECT a.id FROM artifacts a WHERE {NAMED} AND {VISIBLE} AND $6::bigint IS NULL{by}
             ORDER BY a.version DESC LIMIT 1"
        ),
        Some(_) => format!(
            "SELECT a.id FROM artifacts a WHERE {NAMED} AND a.version = $6 AND a.state = 'live'{by}
             UNION ALL
             SELECT a.id FROM artifacts a WHERE {NAMED} AND a.version = $6 AND a.state <> 'live'{by} LIMIT 1"
        ),
    };
    let statement = client.prepare(&statement).await.map_err(from_pg)?;
    let [filename, session, user, namespace] = name_parameters(name);
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![
        &reach.tenant.0,
        &filename,
        &session,
        &user,
        &namespace,
        version,
    ];
    if let Some(agent) = &agent {
        parameters.push(agent);
    }
    let row = client
        .query_opt(&statement, &parameters)
        .await
        .map_err(from_pg)?
        .ok_or_else(missing)?;
    artifact_id(at(&row, 0)?)
}

/// Where an artifact's bytes are.
pub(crate) struct Location {
    pub(crate) object: ObjectId,
    /// The bytes themselves, when they are small.
    pub(crate) inline: Option<Bytes>,
}

/// A visible artifact and the place of its bytes, or the error why it is not visible.
#[tracing::instrument(target = "postgres", name = "artifacts.locate", skip_all)]
pub(crate) async fn locate(
    client: &Connection,
    tenant: TenantId,
    id: &ArtifactId,
) -> Result<(Artifact, Location)> {
    let statement = client
        .prepare(&format!(
            "SELECT {COLUMNS}, {VISIBLE} AS visible, a.deleted_at, o.inline_data
             FROM artifacts a LEFT JOIN objects o
                 ON o.tenant_id = a.tenant_id AND o.id = a.object_id AND a.object_live
             WHERE a.tenant_id = $1 AND a.id = $2"
        ))
        .await
        .map_err(from_pg)?;
    let row = client
        .query_opt(&statement, &[&tenant.0, &id.as_str()])
        .await
        .map_err(from_pg)?
        .ok_or_else(|| Error::ArtifactNotFound(id.to_string()))?;
    let artifact = visible(&row)?;
    let location = Location {
        object: ObjectId(column(&row, "object_id")?),
        inline: column::<Option<Vec<u8>>>(&row, "inline_data")?.map(Bytes::from),
    };
    Ok((artifact, location))
}

/// A visible artifact, or the error why it is not visible.
#[tracing::instrument(target = "postgres", name = "artifacts.get", skip_all)]
pub(crate) async fn get(
    client: &Connection,
    tenant: TenantId,
    id: &ArtifactId,
) -> Result<Artifact> {
    let statement = client
        .prepare(&format!(
            "SELECT {COLUMNS}, {VISIBLE} AS visible, a.deleted_at
             FROM artifacts a WHERE a.tenant_id = $1 AND a.id = $2"
        ))
        .await
        .map_err(from_pg)?;
    let row = client
        .query_opt(&statement, &[&tenant.0, &id.as_str()])
        .await
        .map_err(from_pg)?
        .ok_or_else(|| Error::ArtifactNotFound(id.to_string()))?;
    visible(&row)
}

/// The visible versions of a file, newest first, from below a version on; those of one agent when it is given. Each has its
/// version as its position.
#[tracing::instrument(target = "postgres", name = "artifacts.versions", skip_all)]
pub(crate) async fn versions(
    client: &Connection,
    tenant: TenantId,
    name: &FileName,
    agent: Option<&str>,
    below: Option<i64>,
    size: PageSize,
) -> Result<Vec<(Option<Artifact>, i64)>> {
    let by = match agent {
        None => "",
        Some(_) => " AND a.agent_id = $8",
    };
    let statement = client
        .prepare(&format!(
            "SELECT {COLUMNS} FROM artifacts a
             WHERE {NAMED} AND {VISIBLE} AND ($6::bigint IS NULL OR a.version < $6){by}
             ORDER BY a.version DESC LIMIT $7"
        ))
        .await
        .map_err(from_pg)?;
    let [filename, session, user, namespace] = name_parameters(name);
    let rows = size.rows();
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![
        &tenant.0, &filename, &session, &user, &namespace, &below, &rows,
    ];
    if let Some(agent) = &agent {
        parameters.push(agent);
    }
    let rows = client
        .query(&statement, &parameters)
        .await
        .map_err(from_pg)?;
    listed(&rows, read, |row| column(row, "version"))
}

/// The latest visible version of a file now.
#[tracing::instrument(target = "postgres", name = "artifacts.latest", skip_all)]
pub(crate) async fn latest(
    client: &Connection,
    tenant: TenantId,
    name: &FileName,
) -> Result<Option<Artifact>> {
    let newest = versions(client, tenant, name, None, None, PageSize::ONE).await?;
    Ok(newest.into_iter().next().and_then(|(artifact, _)| artifact))
}

/// Deletes a visible artifact, which pins its object until the delete window is over. `None` if it is not visible, or
/// held.
#[tracing::instrument(target = "postgres", name = "artifacts.delete", skip_all)]
pub(crate) async fn delete(
    client: &Connection,
    tenant: TenantId,
    id: &ArtifactId,
    window: std::time::Duration,
) -> Result<Option<Deleted>> {
    let statement = client
        .prepare(&format!(
            "UPDATE artifacts a
             SET state = 'deleted', deleted_at = clock_timestamp(), purge_after = now() + $3 * interval '1 ms'
             WHERE a.tenant_id = $1 AND a.id = $2 AND NOT a.held AND NOT a.session_held AND {VISIBLE}
             RETURNING a.deleted_at, a.purge_after"
        ))
        .await
        .map_err(from_pg)?;
    let row = client
        .query_opt(
            &statement,
            &[&tenant.0, &id.as_str(), &super::time::millis(window)],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| {
        Ok(Deleted {
            artifact_id: id.to_string(),
            deleted_at: at(row, 0)?,
            purge_after: at(row, 1)?,
        })
    };
    let deleted: Result<_, Damage> = row.as_ref().map(read).transpose();
    row::of("artifact", id.as_str(), deleted)
}

/// Deletes the visible and not held ones of these artifacts, and returns which, with their sizes.
#[tracing::instrument(target = "postgres", name = "artifacts.delete_all", skip_all)]
pub(crate) async fn delete_all(
    tx: &Transaction<'_>,
    tenant: TenantId,
    ids: &[ArtifactId],
    window: std::time::Duration,
) -> Result<Vec<(String, u64)>> {
    let rows = tx
        .query(
            &format!(
                "WITH visible AS (
                     SELECT a.tenant_id, a.id FROM artifacts a
                     WHERE a.tenant_id = $1 AND a.id = ANY ($2) AND NOT a.held AND NOT a.session_held AND {VISIBLE}
                     ORDER BY a.id FOR NO KEY UPDATE
                 )
                 UPDATE artifacts a SET state = 'deleted', deleted_at = clock_timestamp(),
                     purge_after = now() + $3 * interval '1 ms'
                 FROM visible v WHERE a.tenant_id = v.tenant_id AND a.id = v.id
                 RETURNING a.id, a.size_bytes"
            ),
            &[&tenant.0, &ids_of(ids), &super::time::millis(window)],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| Ok((at(row, 0)?, count(row, 1)?));
    let read: Result<_, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}

/// An artifact that was committed, visible or not, or unpublished: its record, its state and its object.
pub(super) async fn committed(
    client: &Connection,
    tenant: TenantId,
    id: &str,
) -> std::result::Result<Option<(Row, Uuid)>, PgError> {
    let row = client
        .query_opt(
            &format!(
                "SELECT {COLUMNS}, {VISIBLE} AS visible, a.deleted_at
                 FROM artifacts a WHERE a.tenant_id = $1 AND a.id = $2
                 UNION ALL
                 SELECT {PENDING_COLUMNS}, NULL, NULL
                 FROM pending_artifacts a WHERE a.tenant_id = $1 AND a.id = $2 AND a.discard_at > now()"
            ),
            &[&tenant.0, &id],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let object = at(&row, "object_id")?;
    Ok(Some((row, object)))
}

/// A committed artifact as it is now, and whether it has the bytes of this object.
#[tracing::instrument(target = "postgres", name = "artifacts.get_made", skip_all)]
pub(crate) async fn get_made(
    client: &Connection,
    tenant: TenantId,
    id: &str,
    own: ObjectId,
) -> Result<Created> {
    let found = committed(client, tenant, id).await.map_err(from_pg)?;
    let (row, object) = found.ok_or_else(|| Error::ArtifactNotFound(id.to_owned()))?;
    let (artifact, state) = with_state(&row)?;
    let origin = match object == own.0 {
        true => Origin::New,
        false => Origin::Deduplicated,
    };
    Ok(Created {
        artifact,
        origin,
        state,
    })
}

/// The record and the current state of a committed artifact.
#[tracing::instrument(target = "postgres", name = "artifacts.get_any", skip_all)]
pub(crate) async fn get_any(
    client: &Connection,
    tenant: TenantId,
    id: &str,
) -> Result<(Artifact, State)> {
    let found = committed(client, tenant, id).await.map_err(from_pg)?;
    let (row, _) = found.ok_or_else(|| Error::ArtifactNotFound(id.to_owned()))?;
    with_state(&row)
}
