//! Rows of resumable uploads. A writer and a finish take an upload by raising its fence, and every later statement of
//! theirs names the fence that they have. An upload's row is locked before its object.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::{Row, types::Json};

use super::{
    batch::{Batch, Taken},
    connection::{Connection, Transaction},
    due::DueRows,
    error::from_pg,
    filter::Query,
    row::{self, Damage, at, count, listed, maybe_count, position},
    time::millis,
};
use crate::model::{
    audit::Deed,
    error::{Error, Result},
    id::{ArtifactId, ObjectId, TenantId, UploadId},
    open_upload::Part,
    page::{PageSize, Position},
    spec::RawSpec,
};

/// The longest life of an upload, below the seven days after which buckets usually abort multipart uploads.
const LONGEST_LIFE: &str = "interval '6 days'";

/// The row of an upload.
#[derive(Debug, Clone)]
pub(crate) struct UploadRow {
    pub(crate) id: UploadId,
    pub(crate) spec: RawSpec,
    pub(crate) object: ObjectId,
    pub(crate) artifact: ArtifactId,
    pub(crate) declared: Option<u64>,
    pub(crate) parts_bytes: u64,
    pub(crate) tail_bytes: u64,
    pub(crate) content_type: Option<String>,
    /// The size of every part but the last, if strangers put them to signed URLs.
    pub(crate) presigned_part: Option<u64>,
    /// How long ago a finish began to combine the parts.
    pub(crate) finishing: Option<Duration>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// What its object reserves; `None` if the object is no longer staging.
    pub(crate) reserved: Option<u64>,
    /// The blob store's id of the multipart upload, once there is one.
    pub(crate) multipart_id: Option<String>,
    /// What a finish has made: the artifact, or another one that exists and was returned instead.
    pub(crate) made: Option<ArtifactId>,
    /// Whether a call has ever taken it; one that was finished when it was opened never is.
    pub(crate) taken: bool,
}

impl UploadRow {
    /// How many bytes are stored durably.
    pub(crate) fn committed(&self) -> u64 {
        self.parts_bytes + self.tail_bytes
    }
}

const COLUMNS: &str = "u.id, u.spec, u.object_id, u.artifact_id, u.declared_bytes, u.parts_bytes,
    coalesce(octet_length(u.tail), 0)::bigint AS tail_bytes, u.content_type, u.presigned_part_bytes,
    (extract(epoch FROM now() - u.finishing_since) * 1000)::bigint AS finishing, u.created_at, u.expires_at,
    CASE WHEN o.state = 'staging' THEN coalesce(o.reserved_bytes, 0) END AS reserved, o.multipart_id, u.fence > 0 AS taken,
    coalesce(u.made_id,
        (SELECT a.id FROM artifacts a WHERE a.tenant_id = u.tenant_id AND a.id = u.artifact_id),
        (SELECT p.id FROM pending_artifacts p WHERE p.tenant_id = u.tenant_id AND p.id = u.artifact_id)) AS made_id";

const FROM: &str =
    "uploads u LEFT JOIN objects o ON o.tenant_id = u.tenant_id AND o.id = u.object_id";

fn read(row: &Row) -> Result<UploadRow> {
    row::read(row, "upload", "id", |row| {
        let malformed = Damage::Malformed;
        let spec: Value = at(row, "spec")?;
        let finishing = maybe_count(row, "finishing")?;
        Ok(UploadRow {
            id: (at::<&str>(row, "id")?.parse()).map_err(|_| malformed("id"))?,
            spec: serde_json::from_value(spec).map_err(|_| malformed("spec"))?,
            object: ObjectId(at(row, "object_id")?),
            artifact: (at::<&str>(row, "artifact_id")?.parse())
                .map_err(|_| malformed("artifact_id"))?,
            declared: maybe_count(row, "declared_bytes")?,
            parts_bytes: count(row, "parts_bytes")?,
            tail_bytes: count(row, "tail_bytes")?,
            content_type: at(row, "content_type")?,
            presigned_part: maybe_count(row, "presigned_part_bytes")?,
            finishing: finishing.map(Duration::from_millis),
            created_at: at(row, "created_at")?,
            expires_at: at(row, "expires_at")?,
            reserved: maybe_count(row, "reserved")?,
            multipart_id: at(row, "multipart_id")?,
            made: (at::<Option<&str>>(row, "made_id")?
                .map(str::parse)
                .transpose())
            .map_err(|_| malformed("made_id"))?,
            taken: at(row, "taken")?,
        })
    })
}

/// A new upload.
pub(crate) struct NewUpload<'a> {
    pub(crate) id: &'a UploadId,
    pub(crate) object: ObjectId,
    pub(crate) artifact: &'a ArtifactId,
    pub(crate) spec: &'a RawSpec,
    pub(crate) declared: Option<u64>,
    pub(crate) window: Duration,
}

/// Opens an upload, with its staging object. False if the tenant has so many open ones already.
#[tracing::instrument(target = "postgres", name = "uploads.insert", skip_all)]
pub(crate) async fn insert(
    tx: &Transaction<'_>,
    tenant: TenantId,
    new: NewUpload<'_>,
    most: i64,
) -> Result<bool> {
    let spec = serde_json::to_value(new.spec).map_err(|e| Error::Internal(e.into()))?;
    let declared = new
        .declared
        .map(|size| i64::try_from(size).unwrap_or(i64::MAX));
    let rows = tx
        .execute(
            "WITH open AS (
                 SELECT count(*) AS uploads FROM objects
                 WHERE tenant_id = $1 AND state = 'staging' AND reserved_bytes IS NOT NULL
             ), object AS (
                 INSERT INTO objects (tenant_id, id, state, lease_until, reserved_bytes)
                 SELECT $1, $3::uuid, 'staging', now() + $7 * interval '1 ms', coalesce($6::bigint, 0)
                 FROM open WHERE uploads < $8
             )
             INSERT INTO uploads (tenant_id, id, object_id, artifact_id, spec, declared_bytes, expires_at)
             SELECT $1, $2::text, $3::uuid, $4::text, $5::jsonb, $6::bigint, now() + $7 * interval '1 ms' FROM open WHERE uploads < $8",
            &[
                &tenant.0,
                &new.id.as_str(),
                &new.object.0,
                &new.artifact.as_str(),
                &spec,
                &declared,
                &millis(new.window),
                &most,
            ],
        )
        .await
        .map_err(from_pg)?;
    Ok(rows > 0)
}

/// Counts a tenant's open uploads, up to so many.
#[tracing::instrument(target = "postgres", name = "uploads.count_open", skip_all)]
pub(crate) async fn count_open(client: &Connection, tenant: TenantId, most: i64) -> Result<i64> {
    let sql = "SELECT count(*), 'uploads' FROM (SELECT FROM objects
        WHERE tenant_id = $1 AND state = 'staging' AND reserved_bytes IS NOT NULL LIMIT $2) counted";
    let row = client.query_one(sql, &[&tenant.0, &most]).await;
    row::read(&row.map_err(from_pg)?, "uploads", 1, |row| at(row, 0))
}

/// An upload in any state.
#[tracing::instrument(target = "postgres", name = "uploads.find", skip_all)]
pub(crate) async fn find(
    client: &Connection,
    tenant: TenantId,
    id: &UploadId,
) -> Result<Option<UploadRow>> {
    let row = client
        .query_opt(
            &format!("SELECT {COLUMNS} FROM {FROM} WHERE u.tenant_id = $1 AND u.id = $2"),
            &[&tenant.0, &id.as_str()],
        )
        .await
        .map_err(from_pg)?;
    row.as_ref().map(read).transpose()
}

/// A tenant's open uploads, newest first, each with its position.
#[tracing::instrument(target = "postgres", name = "uploads.list", skip_all)]
pub(crate) async fn list(
    client: &Connection,
    tenant: TenantId,
    after: Option<&Position>,
    size: PageSize,
) -> Result<Vec<(Option<UploadRow>, Position)>> {
    let mut query = Query::of(tenant);
    let mut narrow = String::new();
    if let Some(after) = after {
        let (at, id) = (query.moment(after.at), query.text(&after.id));
        narrow = format!(" AND (u.created_at, u.id) < ({at}, {id})");
    }
    let rows = query.number(size.rows());
    query.sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE u.tenant_id = $1 AND o.state = 'staging'{narrow}
         ORDER BY u.created_at DESC, u.id DESC LIMIT {rows}"
    );
    let rows = client
        .query_typed(&query.sql, &query.parameters())
        .await
        .map_err(from_pg)?;
    listed(&rows, read, |row| {
        position(row, "upload", ["created_at", "id"])
    })
}

/// What a call has that has taken an upload.
pub(crate) struct Held {
    pub(crate) fence: i64,
    /// The first of the part numbers that are this call's own.
    pub(crate) first_part: i32,
    pub(crate) parts_bytes: u64,
    pub(crate) hash_state: Option<Vec<u8>>,
    pub(crate) tail: Vec<u8>,
}

/// Takes an upload, with so many part numbers, from its present writer, and keeps it open for at least `window`. `offset`:
/// for a write, which must continue there; `None`: for a finish. Nothing if the upload is not open, or continues
/// elsewhere.
#[tracing::instrument(target = "postgres", name = "uploads.take", skip_all)]
pub(crate) async fn take(
    client: &Connection,
    tenant: TenantId,
    id: &UploadId,
    offset: Option<u64>,
    numbers: i32,
    window: Duration,
) -> Result<Option<Held>> {
    let offset = offset.map(|offset| i64::try_from(offset).unwrap_or(i64::MAX));
    let row = client
        .query_opt(
            &format!(
                "WITH taken AS (
                     UPDATE uploads u SET fence = u.fence + 1, next_part = u.next_part + $4,
                         expires_at = greatest(u.expires_at,
                             least(now() + $5 * interval '1 ms', u.created_at + {LONGEST_LIFE}))
                     FROM objects o
                     WHERE u.tenant_id = $1 AND u.id = $2
                         AND o.tenant_id = u.tenant_id AND o.id = u.object_id AND o.state = 'staging'
                         AND ($3::bigint IS NULL OR (u.finishing_since IS NULL
                             AND u.presigned_part_bytes IS NULL AND u.parts_bytes + coalesce(octet_length(u.tail), 0) = $3))
                     RETURNING u.*
                 ), renewed AS (
                     UPDATE objects o SET lease_until = t.expires_at FROM taken t
                     WHERE o.tenant_id = $1 AND o.id = t.object_id AND o.state = 'staging'
                 )
                 SELECT fence, next_part - $4, parts_bytes, hash_state, tail FROM taken"
            ),
            &[&tenant.0, &id.as_str(), &offset, &numbers, &millis(window)],
        )
        .await
        .map_err(from_pg)?;
    let held = |row: Row| {
        Ok(Held {
            fence: at(&row, 0)?,
            first_part: at(&row, 1)?,
            parts_bytes: count(&row, 2)?,
            hash_state: at(&row, 3)?,
            tail: at::<Option<Vec<u8>>>(&row, 4)?.unwrap_or_default(),
        })
    };
    row.map(|row| row::of("upload", id.as_str(), held(row)))
        .transpose()
}

/// Settles that the content arrives in parts of this size at signed URLs, or that it goes on to do so, keeps the upload
/// open for at least `window`, and adds a line to the audit trail. Nothing if it is not open, is being finished, or a call
/// has taken it to write or finish it: so there is no writer whose fence had to be raised.
#[tracing::instrument(target = "postgres", name = "uploads.presign", skip_all)]
pub(crate) async fn presign(
    client: &Connection,
    id: &UploadId,
    part_bytes: u64,
    window: Duration,
    deed: &Deed,
) -> Result<Option<UploadRow>> {
    let part_bytes = i64::try_from(part_bytes).unwrap_or(i64::MAX);
    let row = client
        .query_opt(
            &format!(
                "WITH settled AS (
                     UPDATE uploads u SET presigned_part_bytes = coalesce(u.presigned_part_bytes, $3),
                         expires_at = greatest(u.expires_at,
                             least(now() + $4 * interval '1 ms', u.created_at + {LONGEST_LIFE}))
                     FROM objects o
                     WHERE u.tenant_id = $1 AND u.id = $2
                         AND o.tenant_id = u.tenant_id AND o.id = u.object_id AND o.state = 'staging'
                         AND u.finishing_since IS NULL AND (u.presigned_part_bytes IS NOT NULL OR u.next_part = 1)
                     RETURNING {COLUMNS}
                 ), renewed AS (
                     UPDATE objects o SET lease_until = s.expires_at FROM settled s
                     WHERE o.tenant_id = $1 AND o.id = s.object_id AND o.state = 'staging' RETURNING 1
                 ), noted AS (
                     INSERT INTO audit (tenant_id, operation, resource, result, actor)
                     SELECT $1, $5::text, $6::text, $7::text, $8::jsonb FROM renewed
                 )
                 SELECT s.* FROM settled s WHERE EXISTS (SELECT FROM renewed)"
            ),
            &[
                &deed.tenant.map(|tenant| tenant.0),
                &id.as_str(),
                &part_bytes,
                &millis(window),
                &deed.operation,
                &deed.resource,
                &deed.result,
                &Json(&deed.actor),
            ],
        )
        .await
        .map_err(from_pg)?;
    row.as_ref().map(read).transpose()
}

/// The upload that is to become this artifact, in any state.
#[tracing::instrument(target = "postgres", name = "uploads.of_artifact", skip_all)]
pub(crate) async fn of_artifact(
    client: &Connection,
    tenant: TenantId,
    artifact: &ArtifactId,
) -> Result<Option<UploadRow>> {
    let row = client
        .query_opt(
            &format!("SELECT {COLUMNS} FROM {FROM} WHERE u.tenant_id = $1 AND u.artifact_id = $2"),
            &[&tenant.0, &artifact.as_str()],
        )
        .await
        .map_err(from_pg)?;
    row.as_ref().map(read).transpose()
}

/// What became of a statement under a fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept<T> {
    Done(T),
    /// A later call has taken the upload.
    TakenOver,
    /// The object is no longer staging.
    Ended,
}

/// What a writer has stored: the bytes up to here, and how they go on.
pub(crate) enum Progress<'a> {
    /// A part; `bytes` is the sum of all parts.
    Part {
        part: &'a Part,
        size: u64,
        bytes: u64,
        hash_state: &'a [u8],
    },
    /// What was read back of the combined parts: the bytes up to here, and the state of their hash.
    Read { bytes: u64, hash_state: &'a [u8] },
    /// What follows the parts.
    Tail(&'a [u8]),
    /// Nothing more; the upload is alive.
    Alive,
}

/// Records what a writer has stored, renews the lease, and returns one more number for a part.
#[tracing::instrument(target = "postgres", name = "uploads.record", skip_all)]
pub(crate) async fn record(
    client: &Connection,
    tenant: TenantId,
    id: &UploadId,
    fence: i64,
    progress: Progress<'_>,
    content_type: Option<&str>,
    window: Duration,
) -> Result<Kept<i32>> {
    let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let (part, bytes, hash_state, tail) = match progress {
        Progress::Part {
            part,
            size,
            bytes,
            hash_state,
        } => {
            let part = (part.number, part.etag.as_str(), number(size));
            (Some(part), Some(number(bytes)), Some(hash_state), None)
        }
        Progress::Read { bytes, hash_state } => (None, Some(number(bytes)), Some(hash_state), None),
        Progress::Tail(tail) => (None, None, None, Some(tail)),
        Progress::Alive => (None, None, None, None),
    };
    let (part_number, etag, size) = part.map_or((None, None, None), |(number, etag, size)| {
        (Some(number), Some(etag), Some(size))
    });
    let row = client
        .query_opt(
            &format!(
                "WITH kept AS (
                     UPDATE uploads SET parts_bytes = coalesce($4::bigint, parts_bytes),
                         hash_state = coalesce($5::bytea, hash_state),
                         tail = CASE WHEN $4 IS NULL THEN coalesce($6::bytea, tail) END,
                         next_part = next_part + CASE WHEN $4 IS NULL THEN 0 ELSE 1 END,
                         content_type = coalesce($7, content_type),
                         expires_at = least(now() + $8 * interval '1 ms', created_at + {LONGEST_LIFE})
                     WHERE tenant_id = $1 AND id = $2 AND fence = $3
                     RETURNING object_id, next_part - 1 AS number, expires_at,
                         parts_bytes + coalesce(octet_length(tail), 0) AS bytes
                 ), part AS (
                     INSERT INTO upload_parts (tenant_id, upload_id, number, etag, size_bytes)
                     SELECT $1, $2, $9::integer, $10::text, $11::bigint FROM kept WHERE $9::integer IS NOT NULL
                 ), renewed AS (
                     UPDATE objects o SET lease_until = kept.expires_at,
                         reserved_bytes = greatest(o.reserved_bytes, kept.bytes)
                     FROM kept WHERE o.tenant_id = $1 AND o.id = kept.object_id AND o.state = 'staging' RETURNING 1
                 )
                 SELECT number, EXISTS (SELECT FROM renewed) FROM kept"
            ),
            &[
                &tenant.0,
                &id.as_str(),
                &fence,
                &bytes,
                &hash_state,
                &tail,
                &content_type,
                &millis(window),
                &part_number,
                &etag,
                &size,
            ],
        )
        .await
        .map_err(from_pg)?;
    let Some(row) = row else {
        return Ok(Kept::TakenOver);
    };
    match at(&row, 1)? {
        true => Ok(Kept::Done(at(&row, 0)?)),
        false => Ok(Kept::Ended),
    }
}

/// Records the blob store's id of the multipart upload, if there is none yet; otherwise returns that one. `None`: the
/// object is no longer staging.
#[tracing::instrument(target = "postgres", name = "uploads.record_multipart", skip_all)]
pub(crate) async fn record_multipart(
    client: &Connection,
    tenant: TenantId,
    object: ObjectId,
    multipart_id: &str,
) -> Result<Option<String>> {
    let row = client
        .query_opt(
            "UPDATE objects SET multipart_id = coalesce(multipart_id, $3)
             WHERE tenant_id = $1 AND id = $2 AND state = 'staging' RETURNING multipart_id",
            &[&tenant.0, &object.0, &multipart_id],
        )
        .await
        .map_err(from_pg)?;
    Ok(row.map(|row| at(&row, 0)).transpose()?)
}

/// The recorded parts, in order.
#[tracing::instrument(target = "postgres", name = "uploads.parts", skip_all)]
pub(crate) async fn parts(
    client: &Connection,
    tenant: TenantId,
    id: &UploadId,
) -> Result<Vec<Part>> {
    let rows = client
        .query(
            "SELECT number, etag FROM upload_parts WHERE tenant_id = $1 AND upload_id = $2 ORDER BY number",
            &[&tenant.0, &id.as_str()],
        )
        .await
        .map_err(from_pg)?;
    let part = |row: &Row| {
        Ok(Part {
            number: at(row, 0)?,
            etag: at(row, 1)?,
        })
    };
    let parts: Result<_, Damage> = rows.iter().map(part).collect();
    Ok(parts?)
}

/// Records that the blob store is about to be asked to write the object's key, or that it has not done so. False if a later
/// call has taken the upload, or another has finished it: the key is then that of an artifact.
#[tracing::instrument(target = "postgres", name = "uploads.mark_finishing", skip_all)]
pub(crate) async fn mark_finishing(
    client: &Connection,
    tenant: TenantId,
    id: &UploadId,
    fence: i64,
    finishing: bool,
) -> Result<bool> {
    let rows = client
        .execute(
            "UPDATE uploads SET finishing_since = CASE WHEN $4 THEN now() END
             WHERE tenant_id = $1 AND id = $2 AND fence = $3 AND made_id IS NULL",
            &[&tenant.0, &id.as_str(), &fence, &finishing],
        )
        .await
        .map_err(from_pg)?;
    Ok(rows > 0)
}

/// Rows of uploads that have ended.
pub(crate) const ENDED: DueRows = DueRows {
    sql: "SELECT u.tenant_id, u.id, 'its upload was remembered until ' || u.expires_at AS why FROM uploads u
         WHERE u.expires_at <= now() AND NOT EXISTS (SELECT FROM objects o
             WHERE o.tenant_id = u.tenant_id AND o.id = u.object_id AND o.state = 'staging')
         ORDER BY u.expires_at LIMIT $1 OFFSET $2",
    wait: None,
};

/// Deletes rows of uploads that have ended, and their parts' rows. The bytes are their objects'.
#[tracing::instrument(target = "postgres", name = "uploads.forget", skip_all)]
pub(crate) async fn forget(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let rows = tx
        .query(
            &format!(
                "DELETE FROM uploads u USING {} due WHERE u.tenant_id = due.tenant_id AND u.id = due.id
                 RETURNING u.tenant_id, u.id, due.why",
                ENDED.locked()
            ),
            &[&batch.limit, &batch.skip],
        )
        .await
        .map_err(from_pg)?;
    Taken::all(&rows)
}
