//! Rows of derivations.

use super::{
    artifacts::{self, COLUMNS, VISIBLE},
    connection::Connection,
    error::from_pg,
    row::readable,
};
use crate::{
    artifact::Artifact,
    error::Result,
    id::TenantId,
    lineage::{Derivation, Direction},
};

/// The derivations that lead on from these artifacts, at most `limit`.
#[tracing::instrument(target = "postgres", name = "lineage.step", skip_all)]
pub(crate) async fn step(
    client: &Connection,
    tenant: TenantId,
    from: &[String],
    direction: Direction,
    limit: usize,
) -> Result<Vec<Derivation>> {
    let column = match direction {
        Direction::Inputs => "artifact_id",
        Direction::Outputs => "input_id",
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = client
        .query(
            &format!(
                "SELECT artifact_id, input_id FROM artifact_inputs
                 WHERE tenant_id = $1 AND {column} = ANY ($2) ORDER BY artifact_id, input_id LIMIT $3"
            ),
            &[&tenant.0, &from, &limit],
        )
        .await
        .map_err(from_pg)?;
    Ok(rows
        .iter()
        .map(|row| Derivation {
            artifact_id: row.get(0),
            input_id: row.get(1),
        })
        .collect())
}

/// Those of these artifacts that are visible, by their ids.
#[tracing::instrument(target = "postgres", name = "lineage.visible", skip_all)]
pub(crate) async fn visible(
    client: &Connection,
    tenant: TenantId,
    ids: &[String],
) -> Result<Vec<Artifact>> {
    let rows = client
        .query(
            &format!(
                "SELECT {COLUMNS} FROM artifacts a
                 WHERE a.tenant_id = $1 AND a.id = ANY ($2) AND {VISIBLE} ORDER BY a.id"
            ),
            &[&tenant.0, &ids],
        )
        .await
        .map_err(from_pg)?;
    let read: Result<Vec<_>> = rows
        .iter()
        .map(|row| readable(artifacts::read(row)))
        .collect();
    Ok(read?.into_iter().flatten().collect())
}
