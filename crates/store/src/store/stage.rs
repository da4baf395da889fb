//! Moves artifacts from stage to stage.

use serde::{Deserialize, Serialize};

use crate::{
    meta::{artifacts, stages as rows},
    model::{
        audit::Deed,
        change::StageChange,
        error::{Error, Result},
        idempotency::{Fingerprint, IdempotencyKey},
        job::{Bulk, Task},
        record::Stage,
        reference::ArtifactRef,
        selection::Selection,
        tenant::Caller,
        text::{Identifier, text_of},
    },
    store::{
        Store,
        idempotent::IdempotentWrite,
        jobs::{SelectedArtifacts, bulk_again},
        todos::PlansRead,
    },
};

/// The result of moving artifacts to a stage.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Staged {
    /// How many were moved, without those that were already there.
    pub changed: u64,
    /// The named artifacts that are not visible.
    pub missing: Vec<String>,
    /// What was made of the plans that are final now; nothing in the answer to a repeated call.
    #[serde(skip)]
    pub plans: PlansRead,
}

impl Store {
    /// Moves visible artifacts to a stage: those with these ids, or those that match; a job does more than a thousand.
    ///
    /// # Errors
    /// `Invalid`, what a key answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn set_stage(
        &self,
        caller: &Caller,
        selected: &Selection,
        stage: Stage,
        agent_id: String,
        key: Option<&IdempotencyKey>,
    ) -> Result<Bulk<Staged>> {
        let agent =
            Identifier::optional(agent_id).map_err(|rule| Error::invalid("agent_id", rule))?;
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("SetStage")
            .with("selection", selected)
            .with("stage", &stage)
            .with("agent_id", &agent);
        let once = match IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            Ok(once) => once,
            Err(earlier) => return bulk_again(&client, caller.reach(), earlier).await,
        };
        let agent_id = text_of(&agent).to_owned();
        let task = Task::SetStage { stage, agent_id };
        let by = rows::By {
            agent: agent.as_ref(),
            credential: &caller.credential,
        };
        let tenant = caller.tenant.id;
        let mut plans = Vec::new();
        let mut result = match SelectedArtifacts::of(&once, caller, selected, &task).await? {
            Err(job) => Bulk::Started(Box::new(job)),
            Ok(few) => {
                let moved = rows::set_stage(&once.tx, tenant, &few.ids, stage, &by).await?;
                if stage == Stage::Final {
                    plans = moved.plans;
                }
                Bulk::Done(Staged {
                    changed: moved.changed,
                    missing: few.missing,
                    plans: PlansRead::default(),
                })
            }
        };
        once.commit(
            Deed::done(caller, "SetStage", &selected.to_string()),
            result.to_json(),
        )
        .await?;
        drop(client);
        if let Bulk::Done(staged) = &mut result {
            staged.plans = self.read_final_plans(tenant, &plans).await;
        }
        Ok(result)
    }

    /// The stage changes of a visible artifact, latest first, at most 200.
    ///
    /// # Errors
    /// As `get_artifact`.
    #[tracing::instrument(skip_all)]
    pub async fn list_stage_changes(
        &self,
        caller: &Caller,
        wanted: &ArtifactRef,
    ) -> Result<Vec<StageChange>> {
        let client = self.meta.client().await?;
        let id = artifacts::resolve(&client, caller.reach(), wanted).await?;
        artifacts::get(&client, caller.tenant.id, &id).await?;
        rows::stage_changes(&client, caller.tenant.id, &id).await
    }
}
