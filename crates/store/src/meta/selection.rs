//! The artifacts of bulk operations.

use deadpool_postgres::Object;
use tokio_postgres::GenericClient;

use super::{artifacts::VISIBLE, error::from_pg, filter::Query};
use crate::{
    error::{Error, Result},
    filter::Filter,
    id::{ArtifactId, TenantId},
};

/// The next visible artifacts that match, in the order of their ids.
pub(crate) async fn batch(
    client: &impl GenericClient,
    tenant: TenantId,
    filter: &Filter,
    after: Option<&ArtifactId>,
    size: i64,
) -> Result<Vec<ArtifactId>> {
    let mut query = Query::visible("SELECT a.id FROM artifacts a", tenant, filter);
    if let Some(after) = after {
        let after = query.text(after.as_str());
        query.sql += &format!(" AND a.id > {after}");
    }
    let size = query.number(size);
    query.sql += &format!(" ORDER BY a.id LIMIT {size}");
    let rows = client
        .query_typed(&query.sql, &query.parameters())
        .await
        .map_err(from_pg)?;
    rows.iter().map(|row| known(row.get(0))).collect()
}

/// Those of these artifacts that are not visible.
pub(crate) async fn not_visible(
    client: &Object,
    tenant: TenantId,
    ids: &[ArtifactId],
) -> Result<Vec<ArtifactId>> {
    let rows = client
        .query(
            &format!(
                "SELECT id FROM unnest($2::text[]) id WHERE NOT EXISTS (
                     SELECT FROM artifacts a WHERE a.tenant_id = $1 AND a.id = id.id AND {VISIBLE})"
            ),
            &[&tenant.0, &ids_of(ids)],
        )
        .await
        .map_err(from_pg)?;
    rows.iter().map(|row| known(row.get(0))).collect()
}

pub(super) fn ids_of(ids: &[ArtifactId]) -> Vec<&str> {
    ids.iter().map(ArtifactId::as_str).collect()
}

pub(super) fn known(id: &str) -> Result<ArtifactId> {
    id.parse()
        .map_err(|_| Error::internal("an artifact's row has a malformed id"))
}
