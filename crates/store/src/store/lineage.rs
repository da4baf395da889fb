//! Lineage: what artifacts were made from, and what was made from them.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{
    meta::{artifacts, connection::Connection, lineage as rows, reach},
    model::{
        access::Reach,
        error::{Error, Result},
        id::ArtifactId,
        lineage::{Derivation, Direction, Relative},
        page::{Page, PageSize},
        reference::ArtifactRef,
        tenant::Caller,
    },
    store::Store,
};

/// A page of an artifact's lineage.
#[derive(Debug, Clone)]
pub struct Lineage {
    /// The steps, nearest first, and the token of the next page.
    pub derivations: Page<Derivation>,
    /// The visible artifacts of these steps and the requested one; the others were deleted or have expired.
    pub artifacts: Vec<Relative>,
    /// On the last page: whether there is more beyond the limits.
    pub truncated: bool,
}

/// The default depth, and the maximum.
const DEFAULT_DEPTH: i32 = 4;
const MAX_DEPTH: i32 = 16;
/// The maximum steps of all pages.
const MAX_STEPS: usize = 10_000;

/// The position of a step: its depth, and which one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Place {
    #[serde(rename = "d")]
    depth: i32,
    #[serde(flatten)]
    step: Derivation,
}

impl Store {
    /// Follows derivations from a visible artifact, at most `depth` steps (1 to 16; 0: 4) and 10,000 derivations far.
    /// Every page starts from the beginning again.
    ///
    /// # Errors
    /// As `get_artifact`; `Invalid` for a depth that cannot be, or a token of another lineage.
    #[tracing::instrument(skip_all)]
    pub async fn lineage(
        &self,
        caller: &Caller,
        wanted: &ArtifactRef,
        direction: Direction,
        depth: i32,
        size: PageSize,
        token: &str,
    ) -> Result<Lineage> {
        let depth = match depth {
            0 => DEFAULT_DEPTH,
            1..=MAX_DEPTH => depth,
            _ => {
                let rule = format!("must be 1 to {MAX_DEPTH}, or 0 for {DEFAULT_DEPTH}");
                return Err(Error::invalid("max_depth", rule));
            }
        };
        let filters = ("lineage", caller.tenant.id, wanted, direction, depth);
        let listing = self.listing(&filters).await?;
        let after = listing.position::<Place>(token)?;
        let client = self.meta.client().await?;
        let start = artifacts::resolve(&client, caller.reach(), wanted).await?;
        let start = artifacts::get(&client, caller.tenant.id, &start).await?.id;
        let start = start.to_string();
        let wanted = Wanted {
            start: &start,
            direction,
            depth,
            rows: usize::try_from(size.rows()).unwrap_or(usize::MAX),
        };
        let (places, truncated) = follow(&client, caller.reach(), &wanted, after.as_ref()).await?;
        let rows = places
            .into_iter()
            .map(|place| (Some(place.step.clone()), place));
        let derivations = listing.page(rows.collect(), size, |_| 64);
        let mut named: HashSet<&str> = HashSet::from([start.as_str()]);
        for step in &derivations.items {
            named.extend([step.artifact_id.as_str(), step.input_id.as_str()]);
        }
        let named: Vec<_> = named.into_iter().collect();
        let artifacts = rows::visible(&client, caller.tenant.id, &named).await?;
        Ok(Lineage {
            artifacts,
            truncated: truncated && derivations.next.is_none(),
            derivations,
        })
    }
}

/// The requested steps.
struct Wanted<'a> {
    start: &'a str,
    direction: Direction,
    depth: i32,
    /// How many of them.
    rows: usize,
}

/// The steps after a position, in the order of their depths, and whether there are more beyond the limits. Each query
/// reads one level, so every step is bounded, however wide the graph is.
async fn follow(
    client: &Connection,
    reach: Reach<'_>,
    wanted: &Wanted<'_>,
    after: Option<&Place>,
) -> Result<(Vec<Place>, bool)> {
    let mut seen = HashSet::from([wanted.start.to_owned()]);
    let mut frontier = vec![wanted.start.to_owned()];
    let (mut behind, mut passed) = (Vec::new(), 0);
    for depth in 0..wanted.depth {
        let room = MAX_STEPS - passed;
        let mut found = step(client, reach, &frontier, wanted.direction, room + 1).await?;
        // Postgres may order texts differently from positions.
        found.sort_unstable();
        let full = found.len() > room;
        passed += found.len();
        frontier.clear();
        for step in found.into_iter().take(room) {
            let next = match wanted.direction {
                Direction::Inputs => &step.input_id,
                Direction::Outputs => &step.artifact_id,
            };
            if seen.insert(next.clone()) {
                frontier.push(next.clone());
            }
            let place = Place { depth, step };
            if after.is_none_or(|after| place > *after) && behind.len() < wanted.rows {
                behind.push(place);
            }
        }
        if full || frontier.is_empty() || behind.len() == wanted.rows {
            return Ok((behind, full));
        }
    }
    let most = if reach.is_all() { 1 } else { MAX_STEPS };
    let more = step(client, reach, &frontier, wanted.direction, most).await?;
    Ok((behind, !more.is_empty()))
}

/// The derivations that lead on from artifacts within reach, to others within it: no way leads through what lies outside.
async fn step(
    client: &Connection,
    reach: Reach<'_>,
    from: &[String],
    direction: Direction,
    limit: usize,
) -> Result<Vec<Derivation>> {
    let mut found = rows::step(client, reach.tenant, from, direction, limit).await?;
    if reach.is_all() {
        return Ok(found);
    }
    let there = |step: &Derivation| match direction {
        Direction::Inputs => step.input_id.clone(),
        Direction::Outputs => step.artifact_id.clone(),
    };
    let ids: HashSet<_> = found.iter().map(there).collect();
    let ids: Vec<_> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let within = reach::within(client, reach, &ids).await?;
    let within: HashSet<_> = within.iter().map(ArtifactId::as_str).collect();
    found.retain(|step| within.contains(&*there(step)));
    Ok(found)
}
