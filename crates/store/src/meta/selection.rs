//! The artifacts of bulk operations.

use super::{artifacts::VISIBLE, connection::Connection, error::from_pg, filter::Query};
use crate::{
    error::{Error, Result},
    filter::Filter,
    id::{ArtifactId, TenantId},
};

/// The next visible artifacts that match, in the order of their ids.
#[tracing::instrument(target = "postgres", name = "selection.batch", skip_all)]
pub(crate) async fn batch(
    client: &Connection,
    tenant: TenantId,
    filter: &Filter,
    after: Option<&str>,
    size: i64,
) -> Result<Vec<ArtifactId>> {
    let mut query = Query::visible("SELECT a.id FROM artifacts a", tenant, filter);
    if let Some(after) = after {
        let after = query.text(after);
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

/// How many visible artifacts match, and the sum of their sizes, up to a bound.
#[tracing::instrument(target = "postgres", name = "selection.count", skip_all)]
pub(crate) async fn count(
    client: &Connection,
    tenant: TenantId,
    filter: &Filter,
    bound: i64,
) -> Result<(i64, i64)> {
    let select = "SELECT count(*), coalesce(sum(size_bytes), 0)::bigint FROM (SELECT a.size_bytes FROM artifacts a";
    let mut query = Query::visible(select, tenant, filter);
    let bound = query.number(bound);
    query.sql += &format!(" LIMIT {bound}) bounded");
    let counted = client
        .query_typed(&query.sql, &query.parameters())
        .await
        .map_err(from_pg)?;
    let row = counted
        .first()
        .ok_or_else(|| Error::internal("a count has no row"))?;
    Ok((row.get(0), row.get(1)))
}

/// Those of these artifacts that are not visible.
#[tracing::instrument(target = "postgres", name = "selection.not_visible", skip_all)]
pub(crate) async fn not_visible(
    client: &Connection,
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
