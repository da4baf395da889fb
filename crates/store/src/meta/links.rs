//! Rows of links.

use std::time::Duration;

use tokio_postgres::Row;

use super::{
    connection::Connection,
    error::from_pg,
    filter::Query,
    row::{self, Damage, at, listed, position},
    time::millis,
};
use crate::model::{
    access::Reach,
    error::Result,
    id::{ArtifactId, LinkId, TenantId},
    link::Link,
    page::{PageSize, Position},
};

const COLUMNS: &str = "id, artifact_id, expires_at, created_at, revoked_at";

fn read(row: &Row) -> Result<Link> {
    row::read(row, "link", 0, |row| {
        Ok(Link {
            id: (at::<&str>(row, 0)?.parse()).map_err(|_| Damage::Malformed("id"))?,
            artifact_id: (at::<&str>(row, 1)?.parse())
                .map_err(|_| Damage::Malformed("artifact_id"))?,
            expires_at: at(row, 2)?,
            created_at: at(row, 3)?,
            revoked_at: at(row, 4)?,
        })
    })
}

#[tracing::instrument(target = "postgres", name = "links.insert", skip_all)]
pub(crate) async fn insert(
    client: &Connection,
    tenant: TenantId,
    artifact: &ArtifactId,
    expires_in: Duration,
) -> Result<Link> {
    let statement = client
        .prepare(&format!(
            "INSERT INTO links (id, tenant_id, artifact_id, expires_at)
             VALUES ($1, $2, $3, now() + $4 * interval '1 ms') RETURNING {COLUMNS}"
        ))
        .await
        .map_err(from_pg)?;
    let id = LinkId::fresh();
    let row = client
        .query_one(
            &statement,
            &[
                &id.as_str(),
                &tenant.0,
                &artifact.as_str(),
                &millis(expires_in),
            ],
        )
        .await
        .map_err(from_pg)?;
    read(&row)
}

#[tracing::instrument(target = "postgres", name = "links.get", skip_all)]
pub(crate) async fn get(
    client: &Connection,
    tenant: TenantId,
    id: &LinkId,
) -> Result<Option<Link>> {
    let row = client
        .query_opt(
            &format!("SELECT {COLUMNS} FROM links WHERE tenant_id = $1 AND id = $2"),
            &[&tenant.0, &id.as_str()],
        )
        .await
        .map_err(from_pg)?;
    row.as_ref().map(read).transpose()
}

#[tracing::instrument(target = "postgres", name = "links.revoke", skip_all)]
pub(crate) async fn revoke(
    client: &Connection,
    tenant: TenantId,
    id: &LinkId,
) -> Result<Option<Link>> {
    let row = client
        .query_opt(
            &format!(
                "UPDATE links SET revoked_at = coalesce(revoked_at, now())
                 WHERE tenant_id = $1 AND id = $2 RETURNING {COLUMNS}"
            ),
            &[&tenant.0, &id.as_str()],
        )
        .await
        .map_err(from_pg)?;
    row.as_ref().map(read).transpose()
}

/// A tenant's links, or one artifact's, newest first, each with its position.
#[tracing::instrument(target = "postgres", name = "links.list", skip_all)]
pub(crate) async fn list(
    client: &Connection,
    reach: Reach<'_>,
    artifact: Option<&ArtifactId>,
    after: Option<&Position>,
    size: PageSize,
) -> Result<Vec<(Option<Link>, Position)>> {
    let mut query = Query::of(reach.tenant);
    let mut narrow = String::new();
    if let Some(artifact) = artifact {
        let artifact = query.text(artifact.as_str());
        narrow += &format!(" AND artifact_id = {artifact}");
    }
    if let Some(after) = after {
        let (at, id) = (query.moment(after.at), query.text(&after.id));
        narrow += &format!(" AND (created_at, id) < ({at}, {id})");
    }
    if !reach.is_all() {
        let matches = query.matches(&reach.narrowing.filter(), "a");
        narrow += &format!(
            " AND EXISTS (SELECT FROM artifacts a
                  WHERE a.tenant_id = $1 AND a.id = links.artifact_id AND {matches})"
        );
    }
    let rows = query.number(size.rows());
    query.sql = format!(
        "SELECT {COLUMNS} FROM links WHERE tenant_id = $1{narrow}
         ORDER BY created_at DESC, id DESC LIMIT {rows}"
    );
    let rows = client
        .query_typed(&query.sql, &query.parameters())
        .await
        .map_err(from_pg)?;
    listed(&rows, read, |row| position(row, "link", [3, 0]))
}

/// The target of a link, as the public sees it: anyone who knows the link can read it.
pub(crate) struct Target {
    pub(crate) tenant: TenantId,
    pub(crate) link: Link,
    /// Whether it can still be followed.
    pub(crate) open: bool,
}

/// Counts the links of a tenant that work, up to so many.
#[tracing::instrument(target = "postgres", name = "links.count_active", skip_all)]
pub(crate) async fn count_active(client: &Connection, tenant: TenantId, most: i64) -> Result<i64> {
    let row = client
        .query_one(
            "SELECT count(*), 'links' FROM (
                 SELECT FROM links WHERE tenant_id = $1 AND least(expires_at, revoked_at) > now() LIMIT $2
             ) active",
            &[&tenant.0, &most],
        )
        .await
        .map_err(from_pg)?;
    row::read(&row, "links", 1, |row| at(row, 0))
}

#[tracing::instrument(target = "postgres", name = "links.follow", skip_all)]
pub(crate) async fn follow(client: &Connection, id: &LinkId) -> Result<Option<Target>> {
    let statement = client
        .prepare(&format!(
            "SELECT {COLUMNS}, tenant_id, revoked_at IS NULL AND expires_at > now()
             FROM links WHERE id = $1"
        ))
        .await
        .map_err(from_pg)?;
    let row = client
        .query_opt(&statement, &[&id.as_str()])
        .await
        .map_err(from_pg)?;
    row.map(|row| {
        Ok(Target {
            tenant: TenantId(at(&row, 5)?),
            link: read(&row)?,
            open: at(&row, 6)?,
        })
    })
    .transpose()
}
