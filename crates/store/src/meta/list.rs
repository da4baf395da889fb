//! Lists of artifacts: one statement, made of the filter that was given.

use tokio_postgres::Row;

use super::{
    artifacts::{self, COLUMNS},
    connection::Connection,
    error::from_pg,
    filter::Query,
    row,
};
use crate::{
    artifact::Artifact,
    error::Result,
    filter::{Condition, Filter, TextMatch},
    id::TenantId,
    list::ArtifactList,
    page::{NamePosition, PageSize, Position},
};

/// That no later version of the file `a` is visible.
const IS_LATEST: &str = " AND NOT EXISTS (
     SELECT FROM artifacts n WHERE n.tenant_id = a.tenant_id AND n.filename = a.filename
         AND coalesce(n.session_id, '') = coalesce(a.session_id, '') AND n.user_id = a.user_id
         AND n.namespace = a.namespace AND n.version > a.version
         AND n.state = 'live' AND (n.expires_at IS NULL OR n.expires_at > now() OR n.held OR n.session_held))";

/// The artifacts of a list, newest first, each with its position.
///
/// The first metadata pair or label that must hold leads the search where there is one: its side table has the artifacts
/// in the order of the page.
#[tracing::instrument(target = "postgres", name = "list.newest", skip_all)]
pub(crate) async fn newest(
    client: &Connection,
    tenant: TenantId,
    list: &ArtifactList,
    after: Option<Position>,
    size: PageSize,
) -> Result<Vec<(Option<Artifact>, Position)>> {
    let leader = leader(&list.filter);
    let (join, order) = match leader {
        None => ("", ["a.created_at", "a.id"]),
        Some(Leader::Metadata(..)) => (
            " JOIN artifact_metadata l ON l.tenant_id = a.tenant_id AND l.artifact_id = a.id
                 AND l.created_at = a.created_at",
            ["l.created_at", "l.artifact_id"],
        ),
        Some(Leader::Label(_)) => (
            " JOIN artifact_labels l ON l.tenant_id = a.tenant_id AND l.artifact_id = a.id
                 AND l.created_at = a.created_at",
            ["l.created_at", "l.artifact_id"],
        ),
    };
    let mut query = select(
        &format!("SELECT {COLUMNS} FROM artifacts a{join}"),
        tenant,
        list,
    );
    match leader {
        None => {}
        Some(Leader::Metadata(key, value)) => {
            let (tenant, key, value) = (query.uuid(tenant.0), query.text(key), query.text(value));
            query.sql +=
                &format!(" AND l.tenant_id = {tenant} AND l.key = {key} AND l.value = {value}");
        }
        Some(Leader::Label(label)) => {
            let (tenant, label) = (query.uuid(tenant.0), query.text(label));
            query.sql += &format!(" AND l.tenant_id = {tenant} AND l.label = {label}");
        }
    }
    let [at, id] = order;
    if let Some(position) = &after {
        let (after_at, after_id) = (query.moment(position.at), query.text(&position.id));
        query.sql += &format!(" AND ({at}, {id}) < ({after_at}, {after_id})");
    }
    query.sql += &format!(" ORDER BY {at} DESC, {id} DESC");
    read(client, query, size, |row| {
        row::position(row, "artifact", [12, 0])
    })
    .await
}

/// The artifacts of a list by filename, each with its position.
#[tracing::instrument(target = "postgres", name = "list.by_name", skip_all)]
pub(crate) async fn by_name(
    client: &Connection,
    tenant: TenantId,
    list: &ArtifactList,
    after: Option<NamePosition>,
    size: PageSize,
) -> Result<Vec<(Option<Artifact>, NamePosition)>> {
    let mut query = select(&format!("SELECT {COLUMNS} FROM artifacts a"), tenant, list);
    if let Some(position) = &after {
        let (filename, id) = (query.text(&position.filename), query.text(&position.id));
        query.sql += &format!(" AND (a.filename, a.id) > ({filename}, {id})");
    }
    query.sql += " ORDER BY a.filename, a.id";
    read(client, query, size, |row| {
        Ok(NamePosition {
            filename: artifacts::column(row, 1)?,
            id: artifacts::column(row, 0)?,
        })
    })
    .await
}

/// How many artifacts a list has, up to a bound.
#[tracing::instrument(target = "postgres", name = "list.count", skip_all)]
pub(crate) async fn count(
    client: &Connection,
    tenant: TenantId,
    list: &ArtifactList,
    bound: i64,
) -> Result<i64> {
    let mut query = select(
        "SELECT count(*) FROM (SELECT FROM artifacts a",
        tenant,
        list,
    );
    let bound = query.number(bound);
    query.sql += &format!(" LIMIT {bound}) bounded");
    let counted = client
        .query_typed_one(&query.sql, &query.parameters())
        .await;
    Ok(counted.map_err(from_pg)?.get(0))
}

fn select(select: &str, tenant: TenantId, list: &ArtifactList) -> Query {
    let mut query = Query::visible(select, tenant, &list.filter);
    if list.latest_only {
        query.sql += IS_LATEST;
    }
    query
}

async fn read<P>(
    client: &Connection,
    mut query: Query,
    size: PageSize,
    position: impl Fn(&Row) -> Result<P>,
) -> Result<Vec<(Option<Artifact>, P)>> {
    let rows = query.number(size.rows());
    query.sql += &format!(" LIMIT {rows}");
    let rows = client
        .query_typed(&query.sql, &query.parameters())
        .await
        .map_err(from_pg)?;
    row::listed(&rows, artifacts::read, position)
}

/// A condition that has a table of its own.
#[derive(Clone, Copy)]
enum Leader<'a> {
    Metadata(&'a str, &'a str),
    Label(&'a str),
}

fn leader(filter: &Filter) -> Option<Leader<'_>> {
    match filter {
        Filter::All(parts) => parts.iter().find_map(leader),
        Filter::Is(Condition::Metadata(key, TextMatch::Exactly(value))) => {
            Some(Leader::Metadata(key, value))
        }
        Filter::Is(Condition::Label(label)) => Some(Leader::Label(label)),
        _ => None,
    }
}
