//! What artifacts were made from, and what was made from them.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use crate::{
    artifact::Artifact,
    error::{Error, Result},
    meta::{artifacts, lineage as rows},
    page::MAX_PAGE_BYTES,
    reference::ArtifactRef,
    store::Store,
    tenant::Tenant,
};

/// Which way to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To what an artifact was made from, and what that was made from.
    Inputs,
    /// To what was made from an artifact, and what was made from that.
    Outputs,
}

/// That one artifact was made from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Derivation {
    /// What was made.
    pub artifact_id: String,
    /// What it was made from.
    pub input_id: String,
}

/// Where an artifact comes from, or where it went.
#[derive(Debug, Clone)]
pub struct Lineage {
    /// The steps, each once.
    pub derivations: Vec<Derivation>,
    /// The artifacts of the steps that are visible, the nearest first; those that are not have been deleted or have expired.
    /// As many as fit into one answer.
    pub artifacts: Vec<Artifact>,
    /// Whether there is more than the bounds let through.
    pub truncated: bool,
}

/// How far to follow when nothing is said, and at the most.
const DEFAULT_DEPTH: i32 = 4;
const MAX_DEPTH: i32 = 16;
/// The most steps of one answer.
const MAX_STEPS: usize = 1000;

/// Leaves out the last artifacts where all would be too large for one answer; whether it did.
fn cut(artifacts: &mut Vec<Artifact>) -> bool {
    let mut bytes = 0;
    let fits = artifacts.iter().position(|artifact| {
        bytes += artifact.weight();
        bytes > MAX_PAGE_BYTES
    });
    if let Some(fits) = fits {
        artifacts.truncate(fits);
    }
    fits.is_some()
}

impl Store {
    /// Follows derivations from a visible artifact, at most `depth` steps (1 to 16; 0: 4) and 1,000 derivations far.
    ///
    /// # Errors
    /// As `get_artifact`; `Invalid` for a depth that cannot be.
    #[tracing::instrument(skip_all)]
    pub async fn lineage(
        &self,
        tenant: &Tenant,
        wanted: &ArtifactRef,
        direction: Direction,
        depth: i32,
    ) -> Result<Lineage> {
        let depth = match depth {
            0 => DEFAULT_DEPTH,
            1..=MAX_DEPTH => depth,
            _ => {
                let rule = format!("must be 1 to {MAX_DEPTH}, or 0 for {DEFAULT_DEPTH}");
                return Err(Error::invalid("max_depth", rule));
            }
        };
        let client = self.meta.client().await?;
        let start = artifacts::resolve(&client, tenant.id, wanted).await?;
        let start = artifacts::get(&client, tenant.id, &start)
            .await?
            .id
            .to_string();
        // Each with how it was come by: what is nearest is most worth its place in the answer.
        let mut seen = HashMap::from([(start.clone(), 0)]);
        let mut frontier = vec![start];
        let mut derivations = BTreeSet::new();
        let mut truncated = false;
        // One level a query: what is asked for is bounded at every step, however wide the graph is.
        for _ in 0..depth {
            let room = MAX_STEPS - derivations.len();
            let mut found = rows::step(&client, tenant.id, &frontier, direction, room + 1).await?;
            truncated |= found.len() > room;
            found.truncate(room);
            frontier = found
                .iter()
                .map(|step| match direction {
                    Direction::Inputs => &step.input_id,
                    Direction::Outputs => &step.artifact_id,
                })
                .filter(|id| {
                    let rank = seen.len();
                    let place = seen.entry((*id).clone());
                    let fresh = matches!(place, Entry::Vacant(_));
                    place.or_insert(rank);
                    fresh
                })
                .cloned()
                .collect();
            derivations.extend(found);
            if frontier.is_empty() || truncated {
                break;
            }
        }
        if !frontier.is_empty() && !truncated {
            truncated = !rows::step(&client, tenant.id, &frontier, direction, 1)
                .await?
                .is_empty();
        }
        let ids: Vec<_> = seen.keys().cloned().collect();
        let mut artifacts = rows::visible(&client, tenant.id, &ids).await?;
        artifacts.sort_by_key(|artifact| seen.get(artifact.id.as_str()).copied());
        truncated |= cut(&mut artifacts);
        Ok(Lineage {
            derivations: derivations.into_iter().collect(),
            artifacts,
            truncated,
        })
    }
}
