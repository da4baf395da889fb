//! Which artifacts lie within a caller's reach.

use super::{
    artifact_row::artifact_id, connection::Connection, error::from_pg, filter::Query, row::each,
};
use crate::model::{
    access::Reach,
    error::Result,
    id::{ArtifactId, ids_of},
};

/// Those of these artifacts that lie within it, published or not, visible or not. That never changes, so it is asked once
/// for each call, and not at all for a caller that reaches everything.
#[tracing::instrument(target = "postgres", name = "reach.within", skip_all)]
pub(crate) async fn within(
    client: &Connection,
    reach: Reach<'_>,
    ids: &[ArtifactId],
) -> Result<Vec<ArtifactId>> {
    if reach.is_all() || ids.is_empty() {
        return Ok(ids.to_vec());
    }
    let mut query = Query::of(reach.tenant);
    let texts: Vec<_> = ids_of(ids).into_iter().map(str::to_owned).collect();
    let these = query.texts(&texts);
    let matches = query.matches(&reach.narrowing.filter(), "a");
    let of = |table| {
        format!(
            "SELECT a.id FROM {table} a WHERE a.tenant_id = $1 AND a.id = ANY ({these}) AND {matches}"
        )
    };
    query.sql = format!("{} UNION ALL {}", of("artifacts"), of("pending_artifacts"));
    let rows = client.query_typed(&query.sql, &query.parameters()).await;
    let rows = rows.map_err(from_pg)?;
    let within: Vec<&str> = each(&rows, 0)?;
    within.into_iter().map(artifact_id).collect()
}
