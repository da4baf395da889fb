//! What archives of many artifacts need of their rows.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    artifact_row::artifact_id,
    connection::Connection,
    error::from_pg,
    filter::Query,
    list::names::{Files, file_matches, versions},
    patience::{Place, ask},
    row::{self, Damage, at, count},
};
use crate::model::{
    digest::ContentHash,
    error::Result,
    filter::{Condition, Filter, TextField, TextMatch},
    id::{ArtifactId, ObjectId, TenantId},
    link::SessionFolder,
};

/// The latest visible version of a file.
pub(crate) struct ArchivedFile {
    pub(crate) filename: String,
    pub(crate) artifact: ArtifactId,
    pub(crate) size: u64,
    pub(crate) hash: ContentHash,
    pub(crate) created_at: Timestamp,
    pub(crate) object: ObjectId,
    pub(crate) crc32: Option<u32>,
    /// Whether the bytes are in Postgres.
    pub(crate) is_inline: bool,
}

/// The files of a folder and of those in it, in the order of their names, at most so many. One statement, so they are those
/// of one moment.
///
/// # Errors
/// `FilterTooCostly`, `RecordDamaged`, `Unavailable`.
#[tracing::instrument(target = "postgres", name = "archive.files", skip_all)]
pub(crate) async fn files(
    client: &Connection,
    tenant: TenantId,
    of: &SessionFolder,
    most: usize,
) -> Result<Vec<ArchivedFile>> {
    let mut query = Query::of(tenant);
    let files = Files::Session(of.session_id());
    let narrow = files.narrow(&mut query);
    let prefix = Filter::All(match of.folder() {
        "" => vec![],
        folder => {
            let prefix = TextMatch::Prefix(folder.to_owned());
            vec![Filter::Is(Condition::Text(TextField::Filename, prefix))]
        }
    });
    let within = file_matches(&mut query, &prefix);
    let (order, _) = files.order();
    let latest = versions("f", true, "", "true");
    let most = query.number(i64::try_from(most).unwrap_or(i64::MAX));
    query.sql = format!(
        "SELECT a.id, a.filename, a.size_bytes, a.sha256, a.created_at, a.object_id, o.crc32,
             o.inline_data IS NOT NULL AS is_inline
         FROM (SELECT f.filename COLLATE \"C\" AS filename, f.session_id, f.user_id, f.namespace FROM filenames f
               WHERE f.tenant_id = $1 AND {narrow}{within} ORDER BY {order} OFFSET 0) f
             CROSS JOIN LATERAL ({latest}) a
             JOIN objects o ON o.tenant_id = a.tenant_id AND o.id = a.object_id
         LIMIT {most}"
    );
    let rows = ask(client, Place::Alone, &query).await?;
    rows.iter().map(file).collect()
}

fn file(row: &Row) -> Result<ArchivedFile> {
    let artifact = row::read(row, "artifact", "id", |row| at::<String>(row, "id"))?;
    let artifact = artifact_id(&artifact)?;
    row::read(row, "artifact", "id", |row| {
        let hash: &[u8] = at(row, "sha256")?;
        Ok(ArchivedFile {
            filename: at(row, "filename")?,
            artifact,
            size: count(row, "size_bytes")?,
            hash: hash.try_into().map_err(|_| Damage::Malformed("sha256"))?,
            created_at: at(row, "created_at")?,
            object: ObjectId(at(row, "object_id")?),
            crc32: at::<Option<i32>>(row, "crc32")?.map(i32::cast_unsigned),
            is_inline: at(row, "is_inline")?,
        })
    })
}

/// The bytes of objects that are in Postgres. One whose bytes are gone is missing.
#[tracing::instrument(target = "postgres", name = "archive.inline", skip_all)]
pub(crate) async fn inline(
    client: &Connection,
    tenant: TenantId,
    objects: &[ObjectId],
) -> Result<HashMap<ObjectId, Bytes>> {
    let ids: Vec<_> = objects.iter().map(|object| object.0).collect();
    let statement = client
        .prepare(
            "SELECT id, inline_data FROM objects
             WHERE tenant_id = $1 AND id = ANY ($2) AND inline_data IS NOT NULL",
        )
        .await
        .map_err(from_pg)?;
    let rows = client
        .query(&statement, &[&tenant.0, &ids])
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| {
        let bytes: Vec<u8> = at(row, 1)?;
        Ok::<_, Damage>((ObjectId(at(row, 0)?), Bytes::from(bytes)))
    };
    let read: Result<_, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}

/// Records the CRC-32 of a live object that was stored without one.
#[tracing::instrument(target = "postgres", name = "archive.record_crc32", skip_all)]
pub(crate) async fn record_crc32(
    client: &Connection,
    tenant: TenantId,
    object: ObjectId,
    crc32: u32,
) -> Result<()> {
    let statement = client
        .prepare(
            "UPDATE objects SET crc32 = $3
             WHERE tenant_id = $1 AND id = $2 AND state = 'live' AND crc32 IS NULL",
        )
        .await
        .map_err(from_pg)?;
    client
        .execute(&statement, &[&tenant.0, &object.0, &crc32.cast_signed()])
        .await
        .map_err(from_pg)?;
    Ok(())
}
