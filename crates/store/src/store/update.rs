//! Changes the record of an artifact, never its bytes, name, scope or origin.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::json;

use crate::{
    meta::{artifacts, stages, update as rows},
    model::{
        access::Scope,
        artifact::Artifact,
        audit::Deed,
        error::{Error, Result},
        idempotency::{Fingerprint, IdempotencyKey},
        record::{Kind, Stage},
        reference::ArtifactRef,
        tenant::Caller,
        text::Metadata,
        update::ArtifactUpdate,
        validate::Violations,
    },
    store::{
        Store,
        idempotent::{IdempotentWrite, recorded},
    },
};

impl Store {
    /// Changes the record of a visible artifact, and returns it.
    ///
    /// # Errors
    /// As `get_artifact`; `VersionConflict` when its etag is another one; `TtlExceedsLimit`; `ScopeMissing` for an earlier
    /// expiry without the scope to delete; what a key answers.
    #[tracing::instrument(skip_all)]
    pub async fn update_artifact(
        &self,
        caller: &Caller,
        wanted: &ArtifactRef,
        update: &ArtifactUpdate,
        key: Option<&IdempotencyKey>,
    ) -> Result<Artifact> {
        let updated = self.update_record(caller, wanted, update, key).await?;
        if update.stage == Some(Stage::Final) && updated.kind == Kind::Plan {
            let plan = std::slice::from_ref(&updated.id);
            self.read_final_plans(caller.tenant.id, plan).await;
        }
        Ok(updated)
    }

    async fn update_record(
        &self,
        caller: &Caller,
        wanted: &ArtifactRef,
        update: &ArtifactUpdate,
        key: Option<&IdempotencyKey>,
    ) -> Result<Artifact> {
        let tenant = &caller.tenant;
        let ttl = match update.expiry {
            Some(expiry) => Some(expiry.resolve(tenant.keeping)?),
            None => None,
        };
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("UpdateArtifact")
            .with("artifact", wanted)
            .with("etag", &update.etag)
            .with_given("title", update.title.as_ref())
            .with_given("metadata", update.metadata.as_ref())
            .with("pairs", &update.pairs.iter().collect::<Vec<_>>())
            .with_given("labels", update.labels.as_ref())
            .with_given("stage", update.stage.as_ref())
            .with_given("expiry", update.expiry.as_ref())
            .with_given("persistent", update.persistent.as_ref())
            .with("agent_id", &update.agent_id);
        let earlier =
            match IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
                Ok(once) => return update_within(once, caller, wanted, update, ttl).await,
                Err(earlier) => earlier,
            };
        let id = recorded(&earlier, "artifact_id")?;
        let (artifact, _) = artifacts::get_any(&client, tenant.id, id).await?;
        Ok(artifact)
    }
}

async fn update_within(
    once: IdempotentWrite<'_>,
    caller: &Caller,
    wanted: &ArtifactRef,
    update: &ArtifactUpdate,
    ttl: Option<Option<Duration>>,
) -> Result<Artifact> {
    let (tx, tenant) = (&once.tx, caller.tenant.id);
    let id = artifacts::resolve(tx, caller.reach(), wanted).await?;
    rows::lock(tx, tenant, &id).await?;
    let current = artifacts::get(tx, tenant, &id).await?;
    if update
        .etag
        .as_ref()
        .is_some_and(|etag| *etag != current.etag())
    {
        return Err(Error::VersionConflict {
            filename: current.filename.clone(),
            current: Some(Box::new(current)),
        });
    }
    let merged = if update.pairs.is_empty() {
        None
    } else {
        Some(merged(&current, update)?)
    };
    let metadata = merged.as_ref().or(update.metadata.as_ref());
    let updated = rows::update(tx, tenant, &id, update, metadata, ttl).await?;
    let never = Timestamp::MAX;
    if updated.expires_at.unwrap_or(never) < current.expires_at.unwrap_or(never) {
        // It would be a deletion by another name.
        caller.require(Scope::Delete)?;
    }
    if updated.stage != current.stage {
        let by = stages::By {
            agent: update.agent_id.as_ref(),
            credential: &caller.credential,
        };
        stages::note_stage(tx, tenant, &id, current.stage, updated.stage, &by).await?;
    }
    once.commit(
        Deed::done(caller, "UpdateArtifact", id.as_str()),
        json!({"artifact_id": id.as_str()}),
    )
    .await?;
    Ok(updated)
}

/// The pairs of an artifact after the change.
///
/// # Errors
/// `Invalid`, with every pair at fault.
fn merged(current: &Artifact, update: &ArtifactUpdate) -> Result<Metadata> {
    let mut pairs: BTreeMap<_, _> = current.metadata.iter().cloned().collect();
    for (key, value) in &update.pairs {
        match value {
            Some(value) => pairs.insert(key.clone(), value.clone()),
            None => pairs.remove(key),
        };
    }
    Metadata::new(pairs.into_iter().collect()).map_err(|broken| {
        let mut faults = Violations::new();
        faults.add_pairs("metadata", broken);
        Error::from(faults)
    })
}
