//! Stages of artifacts, and their history.

use tokio_postgres::Row;

use super::{
    artifact_row::{VISIBLE, artifact_id},
    connection::{Connection, Transaction},
    error::from_pg,
    row::{self, Damage, at, count, readable},
};
use crate::model::{
    change::StageChange,
    error::Result,
    id::{ArtifactId, TenantId, ids_of},
    record::Stage,
    tenant::Credential,
    text::Identifier,
};

/// Who changes a stage.
pub(crate) struct By<'a> {
    pub(crate) agent: Option<&'a Identifier>,
    pub(crate) credential: &'a Credential,
}

impl By<'_> {
    fn agent(&self) -> &str {
        self.agent.map_or("", Identifier::as_str)
    }
}

/// Records that an artifact has moved from one stage to another.
#[tracing::instrument(target = "postgres", name = "stages.note_stage", skip_all)]
pub(crate) async fn note_stage(
    tx: &Transaction<'_>,
    tenant: TenantId,
    id: &ArtifactId,
    from: Stage,
    to: Stage,
    by: &By<'_>,
) -> Result<()> {
    tx.execute(
        "INSERT INTO stage_changes (tenant_id, artifact_id, from_stage, to_stage, agent_id, key_last_4,
             workload)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &tenant.0,
            &id.as_str(),
            &from.as_str(),
            &to.as_str(),
            &by.agent(),
            &by.credential.key_last_4(),
            &by.credential.workload(),
        ],
    )
    .await
    .map_err(from_pg)?;
    Ok(())
}

/// What moving artifacts to a stage did.
pub(crate) struct Moved {
    /// How many were in another stage.
    pub(crate) changed: u64,
    /// The plans among them.
    pub(crate) plans: Vec<ArtifactId>,
}

/// Moves those of these artifacts that are visible and in another stage to a stage, and records it. They are locked in
/// one order, so that two calls for the same ones wait for each other instead of failing.
#[tracing::instrument(target = "postgres", name = "stages.set_stage", skip_all)]
pub(crate) async fn set_stage(
    tx: &Transaction<'_>,
    tenant: TenantId,
    ids: &[ArtifactId],
    stage: Stage,
    by: &By<'_>,
) -> Result<Moved> {
    let row = tx
        .query_one(
            &format!(
                "WITH was AS (
                     SELECT a.tenant_id, a.id, a.stage FROM artifacts a
                     WHERE a.tenant_id = $1 AND a.id = ANY ($2) AND a.stage <> $3 AND {VISIBLE}
                     ORDER BY a.id FOR NO KEY UPDATE
                 ), changed AS (
                     UPDATE artifacts a SET stage = $3, revision = a.revision + 1, updated_at = now()
                     FROM was WHERE a.tenant_id = was.tenant_id AND a.id = was.id
                     RETURNING a.tenant_id, a.id, was.stage, a.kind
                 ), noted AS (
                     INSERT INTO stage_changes (tenant_id, artifact_id, from_stage, to_stage, agent_id, key_last_4,
                         workload)
                     SELECT tenant_id, id, stage, $3, $4, $5, $6 FROM changed
                 )
                 SELECT count(*), coalesce(array_agg(id) FILTER (WHERE kind = 'plan'), '{{}}') FROM changed"
            ),
            &[
                &tenant.0,
                &ids_of(ids),
                &stage.as_str(),
                &by.agent(),
                &by.credential.key_last_4(),
                &by.credential.workload(),
            ],
        )
        .await
        .map_err(from_pg)?;
    let plans: Vec<&str> = at(&row, 1)?;
    let plans: Result<_> = plans.into_iter().map(artifact_id).collect();
    Ok(Moved {
        changed: count(&row, 0)?,
        plans: plans?,
    })
}

/// The stage changes of an artifact, latest first.
#[tracing::instrument(target = "postgres", name = "stages.stage_changes", skip_all)]
pub(crate) async fn stage_changes(
    client: &Connection,
    tenant: TenantId,
    id: &ArtifactId,
) -> Result<Vec<StageChange>> {
    let rows = client
        .query(
            "SELECT changed_at, from_stage, to_stage, agent_id, key_last_4, workload, artifact_id FROM stage_changes
             WHERE tenant_id = $1 AND artifact_id = $2 ORDER BY number DESC LIMIT 200",
            &[&tenant.0, &id.as_str()],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| {
        row::read(row, "artifact", 6, |row| {
            let stage = |column| {
                let name: &str = at(row, column)?;
                name.parse().map_err(|_| Damage::Malformed("stage"))
            };
            Ok(StageChange {
                changed_at: at(row, 0)?,
                from: stage(1)?,
                to: stage(2)?,
                agent_id: at(row, 3)?,
                credential: Credential::new(at(row, 4)?, at(row, 5)?),
            })
        })
    };
    let changes: Result<Vec<_>> = rows.iter().map(|row| readable(read(row))).collect();
    Ok(changes?.into_iter().flatten().collect())
}
