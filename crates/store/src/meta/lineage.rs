//! Rows of derivations.

use tokio_postgres::Row;

use super::{
    artifact_row::VISIBLE,
    connection::Connection,
    error::from_pg,
    row::{Damage, at},
};
use crate::model::{
    error::Result,
    id::TenantId,
    lineage::{Derivation, Direction, Relative},
};

/// The derivations that start from these artifacts, at most `limit`.
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
    let read = |row: &Row| {
        Ok(Derivation {
            artifact_id: at(row, 0)?,
            input_id: at(row, 1)?,
        })
    };
    let read: Result<_, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}

/// The visible ones of these artifacts, by id.
#[tracing::instrument(target = "postgres", name = "lineage.visible", skip_all)]
pub(crate) async fn visible(
    client: &Connection,
    tenant: TenantId,
    ids: &[&str],
) -> Result<Vec<Relative>> {
    let sql = format!(
        "SELECT a.id, a.filename, a.version, a.agent_id FROM artifacts a
         WHERE a.tenant_id = $1 AND a.id = ANY ($2) AND {VISIBLE} ORDER BY a.id"
    );
    let rows = client.query(&sql, &[&tenant.0, &ids]).await;
    let read = |row: &Row| {
        Ok(Relative {
            artifact_id: at(row, 0)?,
            filename: at(row, 1)?,
            version: at(row, 2)?,
            agent_id: at(row, 3)?,
        })
    };
    let read: Result<_, Damage> = rows.map_err(from_pg)?.iter().map(read).collect();
    Ok(read?)
}
