//! The artifacts of bulk operations.

use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

use super::{
    artifact_row::{VISIBLE, artifact_id},
    connection::Connection,
    error::from_pg,
    filter::Query,
    list::{
        leader::leaders,
        names::{Named, VERSIONS},
        newest::Wanted,
    },
    patience::{Place, ask},
    row::{at, count, each, position},
};
use crate::model::{
    error::{Error, Result},
    filter::Filter,
    id::{ArtifactId, TenantId, ids_of},
    page::{NamePosition, Position},
};

/// An artifact that matches.
pub(crate) struct Match {
    pub(crate) id: ArtifactId,
    pub(crate) size_bytes: u64,
    pub(crate) held: bool,
}

/// The result of searching for visible artifacts that match.
pub(crate) enum Survey {
    /// They are all.
    All(Vec<Match>),
    /// There are more, or too many had to be inspected.
    More(Vec<Match>),
}

/// Searches once for the visible artifacts that match, up to a limit.
#[tracing::instrument(target = "postgres", name = "selection.survey", skip_all)]
pub(crate) async fn survey(
    client: &Connection,
    tenant: TenantId,
    filter: &Filter,
    bound: usize,
) -> Result<Survey> {
    let wanted = Wanted {
        tenant,
        filter,
        latest_only: false,
        columns: "a.id, a.size_bytes, a.held OR a.session_held AS legal_hold",
        read: |row: &Row| {
            Ok(Match {
                id: artifact_id(at(row, 0)?)?,
                size_bytes: count(row, 1)?,
                held: at(row, 2)?,
            })
        },
        after: None,
        rows: i64::try_from(bound).unwrap_or(i64::MAX).saturating_add(1),
        place: Place::Within,
    };
    match Box::pin(wanted.find(client)).await {
        Ok(found) => {
            let mut all: Vec<_> = found.into_iter().map(|(found, _)| found).collect();
            if all.len() <= bound {
                return Ok(Survey::All(all));
            }
            all.truncate(bound);
            Ok(Survey::More(all))
        }
        Err(Error::FilterTooCostly) => Ok(Survey::More(Vec::new())),
        Err(e) => Err(e),
    }
}

/// Some of the visible artifacts that match, and the position of the search.
pub(crate) struct Batch {
    pub(crate) ids: Vec<ArtifactId>,
    /// Where the next batch continues; `None` at the end.
    pub(crate) reached: Option<String>,
}

/// The position of a search, in the order of its leader.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Reached {
    Named(NamePosition),
    Newest(Position),
}

/// How many artifacts are inspected for each that a batch may have.
const LOOKED_AT: i64 = 20;

/// The next visible artifacts that match, at most `size`. If few or none of the inspected ones match, the batch ends
/// anyway, so that each takes about as long whatever the filter is.
#[tracing::instrument(target = "postgres", name = "selection.batch", skip_all)]
pub(crate) async fn batch(
    client: &Connection,
    tenant: TenantId,
    filter: &Filter,
    reached: &str,
    size: i64,
) -> Result<Batch> {
    // From an earlier version, or absent: then from the start, which repeats work without an effect.
    let reached = serde_json::from_str(reached).ok();
    let most = size * LOOKED_AT;
    let leader = leaders(filter).remove(0);
    let mut query = Query::of(tenant);
    let (from, number, order, place) = match (Named::of(filter), leader) {
        (Some(named), leader) if leader.is_broad() => {
            let after = match &reached {
                Some(Reached::Named(after)) => Some(after),
                _ => None,
            };
            let from = named.stretch(&mut query, after, most);
            let place = "a.filename, coalesce(a.session_id, ''), a.user_id, a.namespace, a.version";
            (from, "a.number", VERSIONS.to_owned(), place.to_owned())
        }
        (_, leader) => {
            let after = match &reached {
                Some(Reached::Newest(after)) => Some(after),
                _ => None,
            };
            let stretch = leader.stretch(&mut query, filter, after, most);
            let [at, id] = stretch.order;
            let order = format!("{at} DESC, {id} DESC");
            (stretch.from, stretch.number, order, format!("{at}, {id}"))
        }
    };
    let condition = format!("({VISIBLE} AND {})", query.matches(filter, "a"));
    let (most_at, limit) = (query.number(most), query.number(size));
    query.sql = format!(
        "SELECT coalesce({condition}, false), {number}, a.id, {place} FROM {from}
         WHERE {condition} OR {number} = {most_at} ORDER BY {order} LIMIT {limit}"
    );
    let rows = ask(client, Place::Within, &query).await?;
    let mut ids = Vec::new();
    for row in &rows {
        if at(row, 0)? {
            ids.push(artifact_id(at(row, 2)?)?);
        }
    }
    let is_full = rows.len() as i64 == size;
    let reached = match rows.last() {
        Some(row) if is_full || at::<i64>(row, 1)? == most => Some(place_of(row)?),
        _ => None,
    };
    Ok(Batch { ids, reached })
}

fn place_of(row: &Row) -> Result<String> {
    let reached = if row.len() == 5 {
        Reached::Newest(position(row, "artifact", [3, 4])?)
    } else {
        Reached::Named(NamePosition {
            filename: at(row, 3)?,
            session: at(row, 4)?,
            user: at(row, 5)?,
            namespace: at(row, 6)?,
            version: at(row, 7)?,
        })
    };
    serde_json::to_string(&reached).map_err(|e| Error::Internal(e.into()))
}

/// Those of these artifacts that are not visible.
#[tracing::instrument(target = "postgres", name = "selection.not_visible", skip_all)]
pub(crate) async fn not_visible(
    client: &Connection,
    tenant: TenantId,
    ids: &[ArtifactId],
) -> Result<Vec<ArtifactId>> {
    let rows = client
        .query(
            &format!(
                "SELECT id FROM unnest($2::text[]) id WHERE NOT EXISTS (
                     SELECT FROM artifacts a WHERE a.tenant_id = $1 AND a.id = id.id AND {VISIBLE})"
            ),
            &[&tenant.0, &ids_of(ids)],
        )
        .await
        .map_err(from_pg)?;
    let unknown: Vec<&str> = each(&rows, 0)?;
    unknown.into_iter().map(artifact_id).collect()
}
