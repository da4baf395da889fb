//! Lists of artifacts, each by the index or the side table that has them in the order of the page.

use super::{
    artifact_row::{self, COLUMNS},
    connection::Connection,
    patience::Place,
    row,
};
use crate::model::{
    artifact::Artifact,
    error::Result,
    filter::{Condition, Filter, TextField, TextMatch},
    id::TenantId,
    list::{ArtifactList, Entry},
    page::{NamePosition, PageSize, Position},
};

mod by_name;
pub(super) mod leader;
pub(in crate::meta) mod names;
pub(super) mod newest;

/// The artifacts of a list, newest first, each with its position.
#[tracing::instrument(target = "postgres", name = "list.newest", skip_all)]
pub(crate) async fn newest(
    client: &Connection,
    tenant: TenantId,
    list: &ArtifactList,
    after: Option<Position>,
    size: PageSize,
) -> Result<Vec<(Option<Artifact>, Position)>> {
    let columns = COLUMNS.to_string();
    let mut found = Vec::new();
    for filter in alternatives(&list.filter) {
        let wanted = newest::Wanted {
            tenant,
            filter: &filter,
            latest_only: list.latest_only,
            columns: &columns,
            read: |row| row::readable(artifact_row::read(row)),
            after: after.clone(),
            rows: size.rows(),
            place: Place::Alone,
        };
        found.extend(Box::pin(wanted.find(client)).await?);
    }
    found.sort_by(|(_, a), (_, b)| (b.at, &b.id).cmp(&(a.at, &a.id)));
    found.dedup_by(|(_, a), (_, b)| a.id == b.id);
    Ok(found)
}

/// The entries of a list by filename, each with its position: artifacts, and with a delimiter the folders of the level.
#[tracing::instrument(target = "postgres", name = "list.by_name", skip_all)]
pub(crate) async fn by_name(
    client: &Connection,
    tenant: TenantId,
    list: &ArtifactList,
    after: Option<NamePosition>,
    size: PageSize,
) -> Result<Vec<(Option<Entry>, NamePosition)>> {
    let mut found = Vec::new();
    let alternatives = alternatives(&list.filter);
    for filter in &alternatives {
        let session = match (&alternatives[..], names::session(filter)) {
            ([_, _, ..], Some(session)) => Some(session),
            _ => None,
        };
        let after = after.as_ref().map(|after| match session {
            None => after.clone(),
            Some(session) => after.as_seen_from(session),
        });
        let wanted = by_name::Wanted {
            tenant,
            filter,
            latest_only: list.latest_only,
            level: list.level.as_deref(),
            after: after.as_ref(),
            rows: size.rows(),
        };
        found.extend(Box::pin(wanted.find(client)).await?);
    }
    if alternatives.len() > 1 {
        // Within a file they are in order, and stay so. A folder comes before the file with the next name.
        found.sort_by(|(_, a), (_, b)| a.file().cmp(&b.file()));
        found.dedup_by(|(_, a), (_, b)| a == b);
    }
    Ok(found)
}

/// How many artifacts a list has, up to a limit.
#[tracing::instrument(target = "postgres", name = "list.count", skip_all)]
pub(crate) async fn count(
    client: &Connection,
    tenant: TenantId,
    list: &ArtifactList,
    bound: i64,
) -> Result<i64> {
    let mut counted = 0;
    for filter in alternatives(&list.filter) {
        let wanted = newest::Wanted {
            tenant,
            filter: &filter,
            latest_only: list.latest_only,
            columns: "",
            read: |_| Ok(()),
            after: None,
            rows: bound,
            place: Place::Alone,
        };
        counted += Box::pin(wanted.count(client)).await?;
    }
    Ok(counted.min(bound))
}

/// Splits a filter by one of several sessions into one filter for each: together no index has them in order.
fn alternatives(filter: &Filter) -> Vec<Filter> {
    const MOST: usize = 4;
    let Filter::All(parts) = filter else {
        return vec![filter.clone()];
    };
    let sessions = |part: &Filter| match part {
        Filter::Any(any) if any.len() <= MOST && any.iter().all(is_a_session) => Some(any.clone()),
        _ => None,
    };
    let Some((at, any)) = parts
        .iter()
        .enumerate()
        .find_map(|(i, part)| Some((i, sessions(part)?)))
    else {
        return vec![filter.clone()];
    };
    let alternative = |session| {
        let mut parts = parts.clone();
        parts[at] = session;
        Filter::All(parts)
    };
    any.into_iter().map(alternative).collect()
}

fn is_a_session(filter: &Filter) -> bool {
    let session = |c: &Condition| {
        matches!(
            c,
            Condition::Text(TextField::SessionId, TextMatch::Exactly(_))
        )
    };
    matches!(filter, Filter::Is(condition) if session(condition))
}
