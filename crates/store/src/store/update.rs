//! Changing what is said of an artifact: never its bytes, its name, its scope or where it came from.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use crate::{
    meta::{artifacts, stages, update as rows},
    model::{
        artifact::Artifact,
        error::{Error, Result},
        idempotency::{Fingerprint, IdempotencyKey, Once, recorded},
        record::Stage,
        reference::ArtifactRef,
        spec::{ArtifactSpec, Expiry, check_labels},
        text::{Label, Metadata, Words},
        validate::Violations,
    },
    store::{Store, tenants::Caller},
};

/// What to change, as a caller puts it; what is not given stays.
#[derive(Debug, Clone, Default)]
pub struct RawUpdate {
    /// The etag that the record must have; empty: any.
    pub etag: String,
    /// For people.
    pub title: Option<String>,
    /// All pairs, which replace those that are there.
    pub metadata: Option<Vec<(String, String)>>,
    /// Single pairs: a key, and its value or none, to take it away. Not beside all pairs.
    pub pairs: Vec<(String, Option<String>)>,
    /// All labels, which replace those that are there.
    pub labels: Option<Vec<String>>,
    /// The name of a stage.
    pub stage: Option<String>,
    /// From now on.
    pub expiry: Option<Expiry>,
    /// Whether it stays when its session is deleted.
    pub persistent: Option<bool>,
    /// Who makes the change; empty: unknown.
    pub agent_id: String,
}

/// What to change, all rules kept but those that need the tenant.
#[derive(Debug, Clone)]
pub struct ArtifactUpdate {
    pub(crate) etag: Option<String>,
    pub(crate) title: Option<Words>,
    pub(crate) metadata: Option<Metadata>,
    /// Single pairs, each with its value or none.
    pub(crate) pairs: BTreeMap<String, Option<String>>,
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) stage: Option<Stage>,
    pub(crate) expiry: Option<Expiry>,
    pub(crate) persistent: Option<bool>,
    pub(crate) agent_id: Option<Label>,
}

impl ArtifactUpdate {
    /// Checks every rule.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault, or when nothing is to be changed.
    pub fn new(raw: RawUpdate) -> Result<Self> {
        let mut faults = Violations::new();
        let title = raw
            .title
            .and_then(|title| faults.check("title", Words::new(title, ArtifactSpec::MAX_TITLE)));
        let metadata = raw.metadata.and_then(|pairs| {
            let checked = Metadata::new(pairs);
            checked
                .map_err(|broken| faults.add_pairs("metadata", broken))
                .ok()
        });
        let labels = raw
            .labels
            .map(|labels| check_labels(&mut faults, "labels", labels));
        let stage = raw
            .stage
            .and_then(|stage| faults.check("stage", stage.parse()));
        if let Some(Expiry::After(ttl)) = raw.expiry {
            faults.ttl("ttl", ttl);
        }
        let agent_id = faults
            .check("agent_id", Label::optional(raw.agent_id))
            .flatten();
        let update = Self {
            etag: Some(raw.etag).filter(|etag| !etag.is_empty()),
            title,
            metadata,
            pairs: raw.pairs.into_iter().collect(),
            labels,
            stage,
            expiry: raw.expiry,
            persistent: raw.persistent,
            agent_id,
        };
        let changes = [
            update.title.is_some(),
            update.metadata.is_some(),
            !update.pairs.is_empty(),
            update.labels.is_some(),
            update.stage.is_some(),
            update.expiry.is_some(),
            update.persistent.is_some(),
        ];
        if faults.is_empty() && !changes.contains(&true) {
            let rule =
                "must name at least one of title, metadata, labels, stage, expiry, persistent";
            faults.add("update_mask", rule);
        }
        faults.finish(Some(update))
    }
}

impl Store {
    /// Changes what is said of a visible artifact, and returns it.
    ///
    /// # Errors
    /// As `get_artifact`; `VersionConflict` when its etag is another one; `TtlExceedsLimit`; what a key answers.
    #[tracing::instrument(skip_all)]
    pub async fn update_artifact(
        &self,
        caller: &Caller,
        wanted: &ArtifactRef,
        update: &ArtifactUpdate,
        key: Option<&IdempotencyKey>,
    ) -> Result<Artifact> {
        let tenant = &caller.tenant;
        let ttl = match update.expiry {
            Some(expiry) => Some(expiry.resolve(tenant)?),
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
        let earlier = match Once::begin(self, &client, tenant.id, key, asked).await? {
            Ok(once) => return update_within(once, caller, wanted, update, ttl).await,
            Err(earlier) => earlier,
        };
        let id = recorded(&earlier, "artifact_id")?;
        let (artifact, _) = artifacts::get_any(&client, tenant.id, id).await?;
        Ok(artifact)
    }
}

async fn update_within(
    once: Once<'_>,
    caller: &Caller,
    wanted: &ArtifactRef,
    update: &ArtifactUpdate,
    ttl: Option<Option<Duration>>,
) -> Result<Artifact> {
    let (tx, tenant) = (&once.tx, caller.tenant.id);
    let id = artifacts::resolve(tx, tenant, wanted).await?;
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
    if updated.stage != current.stage {
        let by = stages::By {
            agent: update.agent_id.as_ref(),
            credential: &caller.credential,
        };
        stages::note_stage(tx, tenant, &id, current.stage, updated.stage, &by).await?;
    }
    once.commit(json!({"artifact_id": id.as_str()})).await?;
    Ok(updated)
}

/// The pairs of an artifact with those that are changed.
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
