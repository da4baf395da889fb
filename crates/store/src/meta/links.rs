//! Rows of links.

use std::time::Duration;

use tokio_postgres::Row;

use super::{
    connection::Connection,
    error::from_pg,
    filter::Query,
    row::{self, Damage, at, count, listed, maybe_count, position},
    time::millis,
};
use crate::model::{
    access::Reach,
    error::Result,
    id::{ArtifactId, LinkId, TenantId},
    link::{LINK_LOCK, Link, LinkTarget, LinksOf, MOST_ATTEMPTS, SessionFolder},
    page::{PageSize, Position},
};

/// What `read` reads of a link `l`.
const COLUMNS: &str = "l.id, l.artifact_id, l.expires_at, l.created_at, l.revoked_at, l.max_downloads, l.downloads, \
                       l.password IS NOT NULL, l.session_id, l.folder";
const COUNT: usize = 10;

fn read(row: &Row) -> Result<Link> {
    row::read(row, "link", 0, |row| {
        Ok(Link {
            id: (at::<&str>(row, 0)?.parse()).map_err(|_| Damage::Malformed("id"))?,
            target: target(row)?,
            expires_at: at(row, 2)?,
            created_at: at(row, 3)?,
            revoked_at: at(row, 4)?,
            max_downloads: maybe_count(row, 5)?,
            downloads: count(row, 6)?,
            password_protected: at(row, 7)?,
        })
    })
}

fn target(row: &Row) -> Result<LinkTarget<ArtifactId>, Damage> {
    let (session, folder): (Option<String>, Option<String>) = (at(row, 8)?, at(row, 9)?);
    if let Some(session) = session {
        let shared = SessionFolder::stored(session, folder.unwrap_or_default());
        return Ok(LinkTarget::Session(shared));
    }
    let artifact = at::<&str>(row, 1)?.parse();
    let artifact = artifact.map_err(|_| Damage::Malformed("artifact_id"))?;
    Ok(LinkTarget::Artifact(artifact))
}

/// What a new row holds.
pub(crate) struct Entry {
    pub(crate) life: Duration,
    pub(crate) max_downloads: Option<u64>,
    /// The hash of the password.
    pub(crate) password: Option<Vec<u8>>,
}

#[tracing::instrument(target = "postgres", name = "links.insert", skip_all)]
pub(crate) async fn insert(
    client: &Connection,
    tenant: TenantId,
    target: &LinkTarget<ArtifactId>,
    new: &Entry,
) -> Result<Link> {
    let statement = client
        .prepare(&format!(
            "INSERT INTO links AS l (id, tenant_id, artifact_id, expires_at, max_downloads, password, session_id, folder)
             VALUES ($1, $2, $3, now() + $4 * interval '1 ms', $5, $6, $7, $8) RETURNING {COLUMNS}"
        ))
        .await
        .map_err(from_pg)?;
    let id = LinkId::fresh();
    let (artifact, session, folder) = match target {
        LinkTarget::Artifact(artifact) => (Some(artifact.as_str()), None, None),
        LinkTarget::Session(shared) => (None, Some(shared.session_id()), Some(shared.folder())),
    };
    let max_downloads = new
        .max_downloads
        .map(|max| i64::try_from(max).unwrap_or(i64::MAX));
    let row = client
        .query_one(
            &statement,
            &[
                &id.as_str(),
                &tenant.0,
                &artifact,
                &millis(new.life),
                &max_downloads,
                &new.password,
                &session,
                &folder,
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
            &format!("SELECT {COLUMNS} FROM links l WHERE l.tenant_id = $1 AND l.id = $2"),
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
                "UPDATE links l SET revoked_at = coalesce(revoked_at, now())
                 WHERE tenant_id = $1 AND id = $2 RETURNING {COLUMNS}"
            ),
            &[&tenant.0, &id.as_str()],
        )
        .await
        .map_err(from_pg)?;
    row.as_ref().map(read).transpose()
}

/// A tenant's links, or one artifact's or session's, newest first, each with its position.
#[tracing::instrument(target = "postgres", name = "links.list", skip_all)]
pub(crate) async fn list(
    client: &Connection,
    reach: Reach<'_>,
    of: &LinksOf,
    after: Option<&Position>,
    size: PageSize,
) -> Result<Vec<(Option<Link>, Position)>> {
    let mut query = Query::of(reach.tenant);
    let mut narrow = String::new();
    match of {
        LinksOf::All => {}
        LinksOf::Artifact(artifact) => {
            let artifact = query.text(artifact.as_str());
            narrow += &format!(" AND artifact_id = {artifact}");
        }
        LinksOf::Session(session) => {
            let session = query.text(session);
            narrow += &format!(" AND session_id = {session}");
        }
    }
    if let Some(after) = after {
        let (at, id) = (query.moment(after.at), query.text(&after.id));
        narrow += &format!(" AND (created_at, id) < ({at}, {id})");
    }
    if !reach.is_all() {
        let matches = query.matches(&reach.narrowing.filter(), "a");
        // Sessions are within reach only as wholes.
        let sessions = match reach.narrowing.sessions() {
            Some(sessions) if reach.narrowing.is_of_whole_sessions() => {
                query.matches(&sessions, "l")
            }
            _ => "false".to_owned(),
        };
        narrow += &format!(
            " AND (l.session_id IS NOT NULL AND {sessions} OR EXISTS (SELECT FROM artifacts a
                  WHERE a.tenant_id = $1 AND a.id = l.artifact_id AND {matches}))"
        );
    }
    let rows = query.number(size.rows());
    query.sql = format!(
        "SELECT {COLUMNS} FROM links l WHERE tenant_id = $1{narrow}
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
    /// Whether the tenant's links open.
    pub(crate) enabled: bool,
    /// The hash of its password.
    pub(crate) password: Option<Vec<u8>>,
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
            "SELECT {COLUMNS}, l.tenant_id, l.revoked_at IS NULL AND l.expires_at > now(), t.links_enabled, l.password
             FROM links l JOIN tenants t ON t.id = l.tenant_id WHERE l.id = $1"
        ))
        .await
        .map_err(from_pg)?;
    let row = client
        .query_opt(&statement, &[&id.as_str()])
        .await
        .map_err(from_pg)?;
    row.map(|row| {
        Ok(Target {
            tenant: TenantId(at(&row, COUNT)?),
            link: read(&row)?,
            open: at(&row, COUNT + 1)?,
            enabled: at(&row, COUNT + 2)?,
            password: at(&row, COUNT + 3)?,
        })
    })
    .transpose()
}

/// Counts a download of a link that has a limit; the last one ends the link. False if it has ended.
#[tracing::instrument(target = "postgres", name = "links.count_download", skip_all)]
pub(crate) async fn count_download(client: &Connection, id: &LinkId) -> Result<bool> {
    let counted = client
        .execute(
            "UPDATE links SET downloads = downloads + 1,
                 expires_at = CASE WHEN downloads + 1 >= max_downloads THEN now() ELSE expires_at END
             WHERE id = $1 AND downloads < max_downloads AND revoked_at IS NULL AND expires_at > now()",
            &[&id.as_str()],
        )
        .await
        .map_err(from_pg)?;
    Ok(counted == 1)
}

/// Whether the wrong passwords of a link are as many as allowed.
#[tracing::instrument(target = "postgres", name = "links.is_locked", skip_all)]
pub(crate) async fn is_locked(client: &Connection, id: &LinkId) -> Result<bool> {
    let row = client
        .query_opt(
            &format!("SELECT FROM links WHERE id = $1 AND attempts >= $3 AND {LATELY}"),
            &[&id.as_str(), &millis(LINK_LOCK), &MOST_ATTEMPTS],
        )
        .await
        .map_err(from_pg)?;
    Ok(row.is_some())
}

/// Counts a wrong password of a link; false if there are as many as allowed.
#[tracing::instrument(target = "postgres", name = "links.count_wrong", skip_all)]
pub(crate) async fn count_wrong(client: &Connection, id: &LinkId) -> Result<bool> {
    let counted = client
        .execute(
            &format!(
                "UPDATE links SET
                     attempts = CASE WHEN {LATELY} THEN attempts + 1 ELSE 1 END,
                     attempts_since = CASE WHEN {LATELY} THEN attempts_since ELSE now() END
                 WHERE id = $1 AND (attempts < $3 OR NOT {LATELY})"
            ),
            &[&id.as_str(), &millis(LINK_LOCK), &MOST_ATTEMPTS],
        )
        .await
        .map_err(from_pg)?;
    Ok(counted == 1)
}

/// Whether the count of a link's wrong passwords is one of the last `LINK_LOCK`, which is $2.
const LATELY: &str = "coalesce(attempts_since > now() - $2 * interval '1 ms', false)";
