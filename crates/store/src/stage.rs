//! Moving artifacts from stage to stage.

use jiff::Timestamp;

use crate::{
    error::{Error, Result},
    id::ArtifactId,
    meta::{artifacts, selection, stages as rows},
    names::Label,
    record::Stage,
    reference::ArtifactRef,
    selection::Selection,
    store::Store,
    tenant::{Caller, Tenant},
};

/// One move of an artifact from one stage to another.
#[derive(Debug, Clone)]
pub struct StageChange {
    /// When.
    pub changed_at: Timestamp,
    /// The stage before.
    pub from: Stage,
    /// The stage since.
    pub to: Stage,
    /// Who made it, if that was said.
    pub agent_id: String,
    /// The last four characters of the key that was used.
    pub key_last_4: String,
}

/// What moving artifacts to a stage did.
#[derive(Debug, Clone, Default)]
pub struct Staged {
    /// How many were moved; those that were there already do not count.
    pub changed: u64,
    /// Of those that were named: the ones that are not visible.
    pub missing: Vec<ArtifactId>,
}

impl Store {
    /// Moves visible artifacts to a stage: some by their ids all together, any number by a filter batch by batch.
    ///
    /// # Errors
    /// `Invalid`, `Unavailable`, after which some batches may have been moved; moving them again is harmless.
    pub async fn set_stage(
        &self,
        caller: &Caller,
        selected: &Selection,
        stage: Stage,
        agent_id: String,
    ) -> Result<Staged> {
        const BATCH: i64 = 500;
        let agent = Label::optional(agent_id).map_err(|rule| Error::invalid("agent_id", rule))?;
        let by = rows::By {
            agent: agent.as_ref(),
            key_last_4: &caller.key_last_4,
        };
        let tenant = caller.tenant.id;
        let client = self.meta.client().await?;
        match selected {
            Selection::Ids(ids) => {
                let missing = selection::not_visible(&client, tenant, ids).await?;
                let changed = rows::set_stage(&client, tenant, ids, stage, &by).await?;
                Ok(Staged { changed, missing })
            }
            Selection::Matching(filter) => {
                let mut staged = Staged::default();
                let mut after = None;
                loop {
                    let ids =
                        selection::batch(&**client, tenant, filter, after.as_ref(), BATCH).await?;
                    let Some(last) = ids.last() else {
                        return Ok(staged);
                    };
                    staged.changed += rows::set_stage(&client, tenant, &ids, stage, &by).await?;
                    after = Some(last.clone());
                }
            }
        }
    }

    /// How a visible artifact came through its stages, the latest change first, at most 200.
    ///
    /// # Errors
    /// As `get_artifact`.
    pub async fn list_stage_changes(
        &self,
        tenant: &Tenant,
        wanted: &ArtifactRef,
    ) -> Result<Vec<StageChange>> {
        let client = self.meta.client().await?;
        let id = artifacts::resolve(&client, tenant.id, wanted).await?;
        artifacts::get(&client, tenant.id, &id).await?;
        rows::stage_changes(&client, tenant.id, &id).await
    }
}
