//! Rows of objects, while their upload is under way.

use std::time::Duration;

use deadpool_postgres::Object;

use super::{error::from_pg, millis};
use crate::{
    error::Result,
    id::{ObjectId, TenantId},
};

/// Declares the intent to write bytes (T1 of the protocol). Once this is committed, bytes under the object's key can
/// always be traced to a row, and a row that is not renewed is collected.
pub(crate) async fn stage(
    client: &Object,
    tenant: TenantId,
    id: ObjectId,
    lease: Duration,
) -> Result<()> {
    let statement = client
        .prepare_cached(
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

/// Extends the lease of an upload under way; false when the collector has taken it.
pub(crate) async fn renew(
    client: &Object,
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

/// Records the blob store's name for a multipart upload, so that the collector can end it; false when the collector has
/// taken the upload.
pub(crate) async fn record_multipart(
    client: &Object,
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

/// Gives an upload up: its bytes may be reclaimed after the grace.
pub(crate) async fn abandon(
    client: &Object,
    tenant: TenantId,
    id: ObjectId,
    grace: Duration,
) -> Result<()> {
    client
        .execute(
            "UPDATE objects SET state = 'condemned', not_before = now() + $3 * interval '1 ms',
                 next_attempt_at = now() + $3 * interval '1 ms'
             WHERE tenant_id = $1 AND id = $2 AND state = 'staging'",
            &[&tenant.0, &id.0, &millis(grace)],
        )
        .await
        .map_err(from_pg)?;
    Ok(())
}
