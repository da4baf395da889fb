//! Live objects, to be checked one after the other, and those whose bytes were found missing or different.

use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    connection::Connection,
    error::from_pg,
    row::{self, Damage, at, count},
};
use crate::model::{
    collector::Ghost,
    digest::ContentHash,
    error::Result,
    id::{ObjectId, TenantId},
};

/// A live object, and its expected bytes.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) tenant: TenantId,
    pub(crate) object: ObjectId,
    pub(crate) size: u64,
    pub(crate) hash: ContentHash,
    /// The bytes are in the row.
    pub(crate) inline: bool,
}

const COLUMNS: &str = "o.tenant_id, o.id, o.size_bytes, o.sha256, o.inline_data IS NOT NULL";

fn live(row: &Row) -> Result<Live> {
    let object: Uuid = at(row, 1)?;
    let live = || {
        let hash = at::<&[u8]>(row, 3)?.try_into();
        Ok(Live {
            tenant: TenantId(at(row, 0)?),
            object: ObjectId(object),
            size: count(row, 2)?,
            hash: hash.map_err(|_| Damage::Malformed("sha256"))?,
            inline: at(row, 4)?,
        })
    };
    row::of("object", &object.to_string(), live())
}

/// The live objects after one, in the order of their ids.
#[tracing::instrument(target = "postgres", name = "ghosts.behind", skip_all)]
pub(crate) async fn behind(
    client: &Connection,
    after: (TenantId, ObjectId),
    limit: i64,
) -> Result<Vec<Live>> {
    let rows = client
        .query(
            &format!(
                "SELECT {COLUMNS} FROM objects o
                 WHERE (o.tenant_id, o.id) > ($1, $2) AND o.live ORDER BY o.tenant_id, o.id LIMIT $3"
            ),
            &[&after.0.0, &after.1.0, &limit],
        )
        .await
        .map_err(from_pg)?;
    rows.iter().map(live).collect()
}

/// The ghosts that are still live, at most `limit`. The others are no longer ghosts.
#[tracing::instrument(target = "postgres", name = "ghosts.known", skip_all)]
pub(crate) async fn known(client: &Connection, limit: i64) -> Result<Vec<Live>> {
    client
        .execute(
            "DELETE FROM gc_ghosts g WHERE NOT EXISTS (SELECT FROM objects o
                 WHERE o.tenant_id = g.tenant_id AND o.id = g.object_id AND o.live)",
            &[],
        )
        .await
        .map_err(from_pg)?;
    let rows = client
        .query(
            &format!(
                "SELECT {COLUMNS} FROM gc_ghosts g
                 JOIN objects o ON o.tenant_id = g.tenant_id AND o.id = g.object_id AND o.live
                 ORDER BY g.seen_at LIMIT $1"
            ),
            &[&limit],
        )
        .await
        .map_err(from_pg)?;
    rows.iter().map(live).collect()
}

/// Whether inline bytes have the object's hash; `None` if it is no longer live.
#[tracing::instrument(target = "postgres", name = "ghosts.inline_is_sound", skip_all)]
pub(crate) async fn inline_is_sound(client: &Connection, of: &Live) -> Result<Option<bool>> {
    let row = client
        .query_opt(
            "SELECT coalesce(sha256(inline_data) = sha256 AND octet_length(inline_data) = size_bytes, false)
             FROM objects WHERE tenant_id = $1 AND id = $2 AND live",
            &[&of.tenant.0, &of.object.0],
        )
        .await
        .map_err(from_pg)?;
    Ok(row.map(|row| at(&row, 0)).transpose()?)
}

/// Records what is wrong with an object's bytes, if it is still live: otherwise they may rightly be gone. Returns its
/// artifacts, at most ten; `None` if it is no longer live.
#[tracing::instrument(target = "postgres", name = "ghosts.accuse", skip_all)]
pub(crate) async fn accuse(
    client: &Connection,
    of: &Live,
    problem: &str,
) -> Result<Option<Vec<String>>> {
    let recorded = client
        .execute(
            "INSERT INTO gc_ghosts (tenant_id, object_id, problem)
             SELECT tenant_id, id, $3 FROM objects WHERE tenant_id = $1 AND id = $2 AND live
             ON CONFLICT (tenant_id, object_id) DO UPDATE SET problem = excluded.problem, seen_at = now()",
            &[&of.tenant.0, &of.object.0, &problem],
        )
        .await
        .map_err(from_pg)?;
    match recorded {
        0 => Ok(None),
        _ => victims(client, of).await,
    }
}

/// The artifacts of an object, at most ten; `None` if it is no longer live, and its bytes may rightly be gone.
#[tracing::instrument(target = "postgres", name = "ghosts.victims", skip_all)]
pub(crate) async fn victims(client: &Connection, of: &Live) -> Result<Option<Vec<String>>> {
    let row = client
        .query_opt(
            "SELECT ARRAY(SELECT a.id FROM artifacts a
                 WHERE a.tenant_id = o.tenant_id AND a.object_id = o.id AND a.object_live ORDER BY a.id LIMIT 10)
             FROM objects o WHERE o.tenant_id = $1 AND o.id = $2 AND o.live",
            &[&of.tenant.0, &of.object.0],
        )
        .await
        .map_err(from_pg)?;
    Ok(row.map(|row| at(&row, 0)).transpose()?)
}

/// Whether an object is known to be one.
#[tracing::instrument(target = "postgres", name = "ghosts.has", skip_all)]
pub(crate) async fn has(client: &Connection, tenant: TenantId, object: ObjectId) -> Result<bool> {
    let row = client
        .query_one(
            "SELECT EXISTS (SELECT FROM gc_ghosts WHERE tenant_id = $1 AND object_id = $2)",
            &[&tenant.0, &object.0],
        )
        .await
        .map_err(from_pg)?;
    Ok(at(&row, 0)?)
}

/// Removes an object from the ghosts: its bytes exist again.
#[tracing::instrument(target = "postgres", name = "ghosts.acquit", skip_all)]
pub(crate) async fn acquit(client: &Connection, of: &Live) -> Result<()> {
    client
        .execute(
            "DELETE FROM gc_ghosts WHERE tenant_id = $1 AND object_id = $2",
            &[&of.tenant.0, &of.object.0],
        )
        .await
        .map(drop)
        .map_err(from_pg)
}

/// The ghosts, oldest first, at most a thousand.
#[tracing::instrument(target = "postgres", name = "ghosts.all", skip_all)]
pub(crate) async fn all(client: &Connection) -> Result<Vec<Ghost>> {
    let rows = client
        .query(
            "SELECT t.name, g.object_id, g.problem, ARRAY(SELECT a.id FROM artifacts a
                 WHERE a.tenant_id = g.tenant_id AND a.object_id = g.object_id AND a.object_live
                 ORDER BY a.id LIMIT 10)
             FROM gc_ghosts g JOIN tenants t ON t.id = g.tenant_id ORDER BY g.found_at LIMIT 1000",
            &[],
        )
        .await
        .map_err(from_pg)?;
    let read = |row: &Row| {
        Ok(Ghost {
            tenant: at(row, 0)?,
            object: at(row, 1)?,
            problem: at(row, 2)?,
            artifacts: at(row, 3)?,
        })
    };
    let read: Result<_, Damage> = rows.iter().map(read).collect();
    Ok(read?)
}

/// The position of a walk through all live objects; initially before the first.
#[tracing::instrument(target = "postgres", name = "ghosts.cursor", skip_all)]
pub(crate) async fn cursor(client: &Connection, walk: &str) -> Result<(TenantId, ObjectId)> {
    let row = client
        .query_opt(
            "SELECT tenant_id, object_id FROM gc_cursors WHERE name = $1",
            &[&walk],
        )
        .await
        .map_err(from_pg)?;
    let (tenant, object) = match row {
        None => (Uuid::nil(), Uuid::nil()),
        Some(row) => (at(&row, 0)?, at(&row, 1)?),
    };
    Ok((TenantId(tenant), ObjectId(object)))
}

/// Records its position.
#[tracing::instrument(target = "postgres", name = "ghosts.move_cursor", skip_all)]
pub(crate) async fn move_cursor(
    client: &Connection,
    walk: &str,
    to: (TenantId, ObjectId),
) -> Result<()> {
    client
        .execute(
            "INSERT INTO gc_cursors (name, tenant_id, object_id, moved_at) VALUES ($1, $2, $3, now())
             ON CONFLICT (name) DO UPDATE SET tenant_id = excluded.tenant_id, object_id = excluded.object_id,
                 moved_at = excluded.moved_at",
            &[&walk, &to.0.0, &to.1.0],
        )
        .await
        .map(drop)
        .map_err(from_pg)
}
