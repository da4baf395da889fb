//! Rows of artifacts, one at a time.

pub(crate) mod several;

use bytes::Bytes;
use jiff::Timestamp;
use tokio_postgres::{
    Row,
    types::{FromSql, ToSql},
};
use uuid::Uuid;

use super::{
    connection::{Connection, Transaction},
    error::{PgError, from_pg},
    pending, reach,
    row::{self, Damage, at, count, listed},
};
use crate::model::{
    access::Reach,
    artifact::{Artifact, State},
    change::Deleted,
    error::{Error, Result},
    id::{ArtifactId, ObjectId, TenantId, ids_of},
    page::PageSize,
    reference::{ArtifactRef, FileName},
    text::text_of,
};

/// The columns that `read` reads, of a table or alias named `a`.
pub(super) const COLUMNS: &str = "a.id, a.filename, a.version, a.content_type, a.size_bytes, a.sha256, a.session_id, \
     a.namespace, a.user_id, a.agent_id, a.metadata, a.expires_at, a.created_at, a.title, a.kind, a.language, \
     a.change_summary, a.stage, a.labels, a.inputs, a.revision, a.updated_at, \
     a.held OR a.session_held, a.persistent";
/// How many they are, so that further columns of a query can be found behind them.
pub(super) const COLUMN_COUNT: usize = 24;

/// The rows `a` of one file: its scope from parameter $2 on, as `name_parameters` gives it.
pub(super) const NAMED: &str = "a.tenant_id = $1 AND a.filename COLLATE \"C\" = $2 AND coalesce(a.session_id, '') = $3 \
     AND a.user_id = $4 AND a.namespace = $5";

/// The parameters of `NAMED`, from $2 on.
pub(super) fn name_parameters(name: &FileName) -> [&str; 4] {
    [
        name.filename.as_str(),
        text_of(&name.session_id),
        text_of(&name.user_id),
        text_of(&name.namespace),
    ]
}

/// Finds which artifact is meant; it may no longer be visible when a version was asked for.
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
    let id: &str = at(&row, 0)?;
    id.parse()
        .map_err(|_| Error::internal("an artifact's row has a malformed id"))
}

/// What makes an artifact `a` visible. Expiry holds from its second on, whether or not the collector has been by.
pub(super) const VISIBLE: &str = "a.state = 'live' \
     AND (a.expires_at IS NULL OR a.expires_at > now() OR a.held OR a.session_held)";

/// Reads an artifact from a row that starts with `COLUMNS`.
///
/// # Errors
/// `RecordDamaged`.
pub(super) fn read(row: &Row) -> Result<Artifact> {
    row::read(row, "artifact", 0, |row| {
        let metadata: serde_json::Value = at(row, 10)?;
        let pairs = metadata.as_object().ok_or(Damage::Malformed("metadata"))?;
        Ok(Artifact {
            id: (at::<&str>(row, 0)?.parse()).map_err(|_| Damage::Malformed("id"))?,
            filename: at(row, 1)?,
            version: at(row, 2)?,
            content_type: at(row, 3)?,
            size_bytes: count(row, 4)?,
            content_hash: (at::<&[u8]>(row, 5)?.try_into())
                .map_err(|_| Damage::Malformed("sha256"))?,
            session_id: at(row, 6)?,
            namespace: at(row, 7)?,
            user_id: at(row, 8)?,
            agent_id: at(row, 9)?,
            metadata: pairs
                .iter()
                .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()))
                .collect(),
            expires_at: at(row, 11)?,
            created_at: at(row, 12)?,
            title: at(row, 13)?,
            kind: (at::<&str>(row, 14)?.parse()).map_err(|_| Damage::Malformed("kind"))?,
            language: at(row, 15)?,
            change_summary: at(row, 16)?,
            stage: (at::<&str>(row, 17)?.parse()).map_err(|_| Damage::Malformed("stage"))?,
            labels: at(row, 18)?,
            inputs: at(row, 19)?,
            revision: at(row, 20)?,
            updated_at: at(row, 21)?,
            legal_hold: at(row, 22)?,
            persistent: at(row, 23)?,
        })
    })
}

/// A column of an artifact's row, by which a list goes on.
pub(super) fn column<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T> {
    let id = at(row, 0).unwrap_or("unknown");
    row::of("artifact", id, at(row, column))
}

/// Where an artifact's bytes are.
pub(crate) struct Location {
    pub(crate) object: ObjectId,
    /// The bytes themselves, when they are small.
    pub(crate) inline: Option<Bytes>,
}

/// A visible artifact and where its bytes are; why not, when it is not visible.
#[tracing::instrument(target = "postgres", name = "artifacts.locate", skip_all)]
pub(crate) async fn locate(
    client: &Connection,
    tenant: TenantId,
    id: &ArtifactId,
) -> Result<(Artifact, Location)> {
    let statement = client
        .prepare(&format!(
            "SELECT {COLUMNS}, {VISIBLE}, a.deleted_at, a.object_id, o.inline_data
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
        object: ObjectId(column(&row, COLUMN_COUNT + 2)?),
        inline: column::<Option<Vec<u8>>>(&row, COLUMN_COUNT + 3)?.map(Bytes::from),
    };
    Ok((artifact, location))
}

/// A visible artifact; why not, when it is not visible.
#[tracing::instrument(target = "postgres", name = "artifacts.get", skip_all)]
pub(crate) async fn get(
    client: &Connection,
    tenant: TenantId,
    id: &ArtifactId,
) -> Result<Artifact> {
    let statement = client
        .prepare(&format!(
            "SELECT {COLUMNS}, {VISIBLE}, a.deleted_at
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
    listed(&rows, read, |row| column(row, 2))
}

/// The latest visible version of a file, as things are now.
#[tracing::instrument(target = "postgres", name = "artifacts.latest", skip_all)]
pub(crate) async fn latest(
    client: &Connection,
    tenant: TenantId,
    name: &FileName,
) -> Result<Option<Artifact>> {
    let newest = versions(client, tenant, name, None, None, PageSize::ONE).await?;
    Ok(newest.into_iter().next().and_then(|(artifact, _)| artifact))
}

/// The artifact of a row of `COLUMNS`, `VISIBLE` and `deleted_at`. A row that the expiry pass deleted counts as expired:
/// a caller can only delete what has not expired.
fn visible(row: &Row) -> Result<Artifact> {
    let artifact = read(row)?;
    if column(row, COLUMN_COUNT)? {
        return Ok(artifact);
    }
    let deleted_at: Option<Timestamp> = column(row, COLUMN_COUNT + 1)?;
    let id = artifact.id.to_string();
    Err(match (artifact.expires_at, deleted_at) {
        (Some(expires_at), None) => Error::ArtifactExpired { id, expires_at },
        (Some(expires_at), Some(deleted_at)) if deleted_at >= expires_at => {
            Error::ArtifactExpired { id, expires_at }
        }
        (_, Some(deleted_at)) => Error::ArtifactDeleted { id, deleted_at },
        (None, None) => Error::internal("an artifact is neither visible, expired nor deleted"),
    })
}

/// Deletes a visible artifact; it pins its object until the window is over. `None` when it is not visible, or held.
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

/// Deletes those of these artifacts that are visible and not held, and says which, with their sizes.
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
                "SELECT {COLUMNS}, {VISIBLE}, a.deleted_at, a.object_id
                 FROM artifacts a WHERE a.tenant_id = $1 AND a.id = $2
                 UNION ALL
                 SELECT {}, NULL, NULL, a.object_id
                 FROM pending_artifacts a WHERE a.tenant_id = $1 AND a.id = $2 AND a.discard_at > now()",
                pending::COLUMNS
            ),
            &[&tenant.0, &id],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let object = at(&row, COLUMN_COUNT + 2)?;
    Ok(Some((row, object)))
}

/// The record and the present state of an artifact that was committed.
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

/// An artifact and its state, of a row of `COLUMNS`, `VISIBLE`, which is NULL for what is unpublished, and `deleted_at`.
pub(super) fn with_state(row: &Row) -> Result<(Artifact, State)> {
    if column::<Option<bool>>(row, COLUMN_COUNT)?.is_none() {
        return Ok((read(row)?, State::Unpublished));
    }
    let state = match visible(row) {
        Ok(_) => State::Visible,
        Err(Error::ArtifactExpired { .. }) => State::Expired,
        Err(Error::ArtifactDeleted { .. }) => State::Deleted,
        Err(e) => return Err(e),
    };
    Ok((read(row)?, state))
}
