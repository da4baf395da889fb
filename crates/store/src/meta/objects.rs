//! Rows of objects during their upload.

use std::time::Duration;

use super::{
    artifact_row::VISIBLE, connection::Connection, error::from_pg, filter::Query, row::each,
    time::millis,
};
use crate::model::{
    access::Reach,
    digest::ContentHash,
    error::Result,
    id::{ObjectId, TenantId},
};

/// Declares the intent to write bytes (T1 of the protocol). Once this is committed, bytes under the object's key always
/// have a row, and a row that is not renewed is collected.
#[tracing::instrument(target = "postgres", name = "objects.insert_staging", skip_all)]
pub(crate) async fn insert_staging(
    client: &Connection,
    tenant: TenantId,
    id: ObjectId,
    lease: Duration,
) -> Result<()> {
    let statement = client
        .prepare(
            "INSERT INTO objects (tenant_id, id, state, lease_until)
             VALUES ($1, $2, 'staging', now() + $3 * interval '1 ms')",
        )
        .await
        .map_err(from_pg)?;
    client
        .execute(&statement, &[&tenant.0, &id.0, &millis(lease)])
        .await
        .map_err(from_pg)?;
    Ok(())
}

/// Extends the lease of a running upload; false if the collector has condemned its object.
#[tracing::instrument(target = "postgres", name = "objects.renew", skip_all)]
pub(crate) async fn renew(
    client: &Connection,
    tenant: TenantId,
    id: ObjectId,
    lease: Duration,
) -> Result<bool> {
    let rows = client
        .execute(
            "UPDATE objects SET lease_until = now() + $3 * interval '1 ms'
             WHERE tenant_id = $1 AND id = $2 AND state = 'staging'",
            &[&tenant.0, &id.0, &millis(lease)],
        )
        .await
        .map_err(from_pg)?;
    Ok(rows > 0)
}

/// Records the blob store's id of a multipart upload, so that the collector can abort it; false if the collector has
/// condemned its object.
#[tracing::instrument(target = "postgres", name = "objects.record_multipart", skip_all)]
pub(crate) async fn record_multipart(
    client: &Connection,
    tenant: TenantId,
    id: ObjectId,
    multipart_id: &str,
) -> Result<bool> {
    let rows = client
        .execute(
            "UPDATE objects SET multipart_id = $3
             WHERE tenant_id = $1 AND id = $2 AND state = 'staging'",
            &[&tenant.0, &id.0, &multipart_id],
        )
        .await
        .map_err(from_pg)?;
    Ok(rows > 0)
}

/// Gives an upload up: its bytes may be reclaimed after the grace. False if it was settled already.
#[tracing::instrument(target = "postgres", name = "objects.abandon", skip_all)]
pub(crate) async fn abandon(
    client: &Connection,
    tenant: TenantId,
    id: ObjectId,
    grace: Duration,
) -> Result<bool> {
    let rows = client
        .execute(
            "UPDATE objects SET state = 'condemned', not_before = now() + $3 * interval '1 ms',
                 next_attempt_at = now() + $3 * interval '1 ms'
             WHERE tenant_id = $1 AND id = $2 AND state = 'staging'",
            &[&tenant.0, &id.0, &millis(grace)],
        )
        .await
        .map_err(from_pg)?;
    Ok(rows > 0)
}

/// Which of these contents no visible artifact within reach has, by their places.
#[tracing::instrument(target = "postgres", name = "objects.missing", skip_all)]
pub(crate) async fn missing(
    client: &Connection,
    reach: Reach<'_>,
    contents: &[(ContentHash, i64)],
) -> Result<Vec<usize>> {
    let (hashes, sizes): (Vec<Vec<u8>>, Vec<i64>) = contents
        .iter()
        .map(|(hash, size)| (hash.as_bytes().to_vec(), *size))
        .unzip();
    let mut query = Query::of(reach.tenant);
    let (hashes, sizes) = (query.byte_strings(hashes), query.numbers(sizes));
    let within = query.matches(&reach.narrowing.filter(), "a");
    query.sql = format!(
        "SELECT q.place FROM unnest({hashes}, {sizes}) WITH ORDINALITY q (sha256, size_bytes, place)
         WHERE NOT EXISTS (
             SELECT FROM objects o JOIN artifacts a
                 ON a.tenant_id = o.tenant_id AND a.object_id = o.id AND a.object_live
             WHERE o.tenant_id = $1 AND o.sha256 = q.sha256 AND o.size_bytes = q.size_bytes
                 AND o.state = 'live' AND {VISIBLE} AND {within})
         ORDER BY q.place"
    );
    let rows = client
        .query_typed(&query.sql, &query.parameters())
        .await
        .map_err(from_pg)?;
    let places: Vec<i64> = each(&rows, 0)?;
    let place = |place: i64| usize::try_from(place - 1).unwrap_or_default();
    Ok(places.into_iter().map(place).collect())
}
