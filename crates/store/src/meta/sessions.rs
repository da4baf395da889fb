//! Sessions: their lock, their seal, their counts.

pub(crate) mod by_id;

use std::time::Duration;

use futures_util::join;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio_postgres::{Row, types::Type};

use super::{
    artifact_row::VISIBLE,
    batch::{Batch, Done, Taken},
    connection::{Connection, Transaction},
    error::from_pg,
    filter::Query,
    row::{self, Damage, at, count, each, listed, position},
    time::millis,
};
use crate::model::{
    access::Reach,
    digest::ContentHash,
    error::{Error, Result},
    id::{ArtifactId, TenantId, ids_of},
    page::{PageSize, Position},
    session::{Session, SessionFilter, SessionUpdate},
    text::Words,
};

/// The session's advisory lock: writers hold it shared until they commit, the sealer exclusively. It is first come,
/// first served, so overlapping writers cannot keep the sealer waiting, as they do with row locks. Two sessions whose
/// hashes collide only wait for each other sometimes.
pub(super) fn lock_key(tenant: TenantId, session: &str) -> i64 {
    let digest = Sha256::new()
        .chain_update(tenant.0.as_bytes())
        .chain_update(session)
        .finalize();
    let mut key = [0; 8];
    key.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(key)
}

/// Why no artifact enters a session.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Closed {
    Sealed(Timestamp),
    Full,
}

/// Which of these sessions are closed. `Closed::read` reads the rows.
pub(super) const CLOSED: &str = "SELECT id, sealed_at FROM sessions
    WHERE tenant_id = $1 AND id = ANY ($2) AND (sealed_at IS NOT NULL OR is_full)";

impl Closed {
    /// A session and why it is closed.
    pub(super) fn read(row: &Row) -> Result<(String, Self), Damage> {
        let sealed_at: Option<Timestamp> = at(row, 1)?;
        Ok((at(row, 0)?, sealed_at.map_or(Self::Full, Self::Sealed)))
    }
}

/// Why a session is closed; `None` if it is open or does not exist.
#[tracing::instrument(target = "postgres", name = "sessions.closed", skip_all)]
pub(crate) async fn closed(
    client: &Connection,
    tenant: TenantId,
    session: &str,
) -> Result<Option<Closed>> {
    let row = client
        .query_opt(CLOSED, &[&tenant.0, &[session].as_slice()])
        .await
        .map_err(from_pg)?;
    let closed = row.as_ref().map(Closed::read).transpose();
    Ok(row::of("session", session, closed)?.map(|(_, closed)| closed))
}

/// What is known of a session without counting its artifacts.
#[derive(Debug, Clone)]
pub(crate) struct Heading {
    pub(crate) display_name: String,
    pub(crate) sealed_at: Option<Timestamp>,
}

/// The heading of a session.
///
/// # Errors
/// `SessionNotFound`; `Unavailable`.
#[tracing::instrument(target = "postgres", name = "sessions.heading", skip_all)]
pub(crate) async fn heading(
    client: &Connection,
    tenant: TenantId,
    session: &str,
) -> Result<Heading> {
    let row = client
        .query_opt(
            "SELECT display_name, sealed_at FROM sessions WHERE tenant_id = $1 AND id = $2",
            &[&tenant.0, &session],
        )
        .await
        .map_err(from_pg)?
        .ok_or_else(|| Error::SessionNotFound(session.to_owned()))?;
    let read = |row: &Row| {
        Ok(Heading {
            display_name: at(row, 0)?,
            sealed_at: at(row, 1)?,
        })
    };
    row::of("session", session, read(&row))
}

/// The result of entering a session.
pub(crate) enum Entry {
    NotFound,
    Sealed(Timestamp),
    /// It cannot be sealed before this transaction ends.
    Open,
}

/// Locks a session shared, to write into it.
#[tracing::instrument(target = "postgres", name = "sessions.enter", skip_all)]
pub(crate) async fn enter(tx: &Transaction<'_>, tenant: TenantId, session: &str) -> Result<Entry> {
    enter_by(
        "SELECT pg_advisory_xact_lock_shared($1)",
        tx,
        tenant,
        session,
    )
    .await
}

/// Locks a session exclusively, to write into it and seal it. Two transactions that upgrade a shared lock would wait
/// for each other.
#[tracing::instrument(target = "postgres", name = "sessions.enter_alone", skip_all)]
pub(crate) async fn enter_alone(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
) -> Result<Entry> {
    enter_by("SELECT pg_advisory_xact_lock($1)", tx, tenant, session).await
}

async fn enter_by(
    lock: &str,
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
) -> Result<Entry> {
    let key = lock_key(tenant, session);
    tx.query_typed(lock, &[(&key, Type::INT8)])
        .await
        .map_err(from_pg)?;
    let row = tx
        .query_opt(
            "SELECT sealed_at FROM sessions WHERE tenant_id = $1 AND id = $2",
            &[&tenant.0, &session],
        )
        .await
        .map_err(from_pg)?;
    let Some(row) = row else {
        return Ok(Entry::NotFound);
    };
    Ok(match row::of("session", session, at(&row, 0))? {
        Some(sealed_at) => Entry::Sealed(sealed_at),
        None => Entry::Open,
    })
}

/// The result of sealing a session.
pub(crate) enum Sealing {
    NotFound,
    /// It was already sealed.
    Before,
    /// It is sealed when this transaction ends, and no writer enters it before that.
    Now,
}

/// Seals a session, after every running commit into it.
#[tracing::instrument(target = "postgres", name = "sessions.seal", skip_all)]
pub(crate) async fn seal(tx: &Transaction<'_>, tenant: TenantId, session: &str) -> Result<Sealing> {
    let key = lock_key(tenant, session);
    let (locked, sealed, found) = join!(
        async {
            let lock = "SELECT pg_advisory_xact_lock($1)";
            tx.query_typed(lock, &[(&key, Type::INT8)]).await
        },
        async {
            let seal = "UPDATE sessions SET sealed_at = clock_timestamp()
                        WHERE tenant_id = $1 AND id = $2 AND sealed_at IS NULL RETURNING id";
            tx.query_typed(seal, &[(&tenant.0, Type::UUID), (&session, Type::TEXT)])
                .await
        },
        async {
            let look = "SELECT id FROM sessions WHERE tenant_id = $1 AND id = $2";
            tx.query_typed(look, &[(&tenant.0, Type::UUID), (&session, Type::TEXT)])
                .await
        },
    );
    locked.map_err(from_pg)?;
    let (sealed, found) = (sealed.map_err(from_pg)?, found.map_err(from_pg)?);
    Ok(match (found.is_empty(), sealed.is_empty()) {
        (true, _) => Sealing::NotFound,
        (false, true) => Sealing::Before,
        (false, false) => Sealing::Now,
    })
}

/// Marks a session's expired artifacts as deleted, before the collector does: what is sealed or held afterwards is
/// visible and stays so. The rows are locked in the order of bulk operations.
#[tracing::instrument(target = "postgres", name = "sessions.end_expired", skip_all)]
pub(crate) async fn end_expired(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
    window: Duration,
) -> Result<()> {
    tx.execute(
        "WITH expired AS (
             SELECT tenant_id, id FROM artifacts
             WHERE tenant_id = $1 AND session_id = $2 AND state = 'live' AND expires_at <= clock_timestamp()
                 AND NOT held AND NOT session_held
             ORDER BY id FOR NO KEY UPDATE
         )
         UPDATE artifacts a SET state = 'deleted', deleted_at = clock_timestamp(),
             purge_after = now() + $3 * interval '1 ms'
         FROM expired e WHERE a.tenant_id = e.tenant_id AND a.id = e.id",
        &[&tenant.0, &session, &millis(window)],
    )
    .await
    .map_err(from_pg)?;
    Ok(())
}

/// Marks whether sessions in use, and sessions that were full, have as many artifacts as they may. It checks a thousand
/// of each tenant, the last written ones.
#[tracing::instrument(target = "postgres", name = "sessions.mark_full", skip_all)]
pub(crate) async fn mark_full(tx: &Transaction<'_>, batch: Batch) -> Result<Taken> {
    let mark = "UPDATE sessions s SET is_full = counted.is_full
         FROM (SELECT looked_at.tenant_id, looked_at.id, looked_at.is_full AS was_full, $1 <= (SELECT count(*) FROM (
                   SELECT FROM artifacts a
                   WHERE a.tenant_id = looked_at.tenant_id AND a.session_id = looked_at.id AND a.state = 'live'
                   LIMIT $1) visible) AS is_full
               FROM (SELECT recent.tenant_id, recent.id, recent.is_full FROM tenants t
                         CROSS JOIN LATERAL (SELECT tenant_id, id, is_full FROM sessions
                             WHERE tenant_id = t.id AND active_at > now() - interval '3 min'
                             ORDER BY active_at DESC, id DESC LIMIT 1000) recent
                     UNION SELECT tenant_id, id, is_full FROM sessions WHERE is_full) looked_at) counted
         WHERE s.tenant_id = counted.tenant_id AND s.id = counted.id AND counted.was_full <> counted.is_full
         RETURNING s.tenant_id, s.id, s.is_full";
    let rows = tx.query(mark, &[&batch.session_max_artifacts]).await;
    let done = |row: &Row| {
        let why = if at(row, 2)? {
            "it has as many artifacts as a session may have"
        } else {
            "it has fewer artifacts again than a session may have"
        };
        Ok(Done {
            tenant: at(row, 0)?,
            id: at(row, 1)?,
            why: why.to_owned(),
        })
    };
    let done: Result<_, Damage> = rows.map_err(from_pg)?.iter().map(done).collect();
    Ok(Taken {
        taken: 0,
        done: done?,
    })
}

/// Locks the sessions of these artifacts shared, so that none of them is sealed before this transaction ends.
#[tracing::instrument(target = "postgres", name = "sessions.enter_those_of", skip_all)]
pub(crate) async fn enter_those_of(
    tx: &Transaction<'_>,
    tenant: TenantId,
    ids: &[ArtifactId],
) -> Result<()> {
    let rows = tx
        .query(
            "SELECT DISTINCT session_id FROM artifacts
             WHERE tenant_id = $1 AND id = ANY ($2) AND session_id IS NOT NULL",
            &[&tenant.0, &ids_of(ids)],
        )
        .await
        .map_err(from_pg)?;
    let sessions: Vec<&str> = each(&rows, 0)?;
    let mut keys: Vec<_> = sessions.iter().map(|id| lock_key(tenant, id)).collect();
    keys.sort_unstable();
    for key in keys {
        let lock = "SELECT pg_advisory_xact_lock_shared($1)";
        tx.query_typed(lock, &[(&key, Type::INT8)])
            .await
            .map_err(from_pg)?;
    }
    Ok(())
}

/// Stores the digest of a session's manifest.
#[tracing::instrument(target = "postgres", name = "sessions.keep_digest", skip_all)]
pub(crate) async fn keep_digest(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
    digest: ContentHash,
) -> Result<()> {
    let hash: &[u8] = digest.as_bytes();
    tx.execute(
        "UPDATE sessions SET manifest_sha256 = $3 WHERE tenant_id = $1 AND id = $2",
        &[&tenant.0, &session, &hash],
    )
    .await
    .map_err(from_pg)?;
    Ok(())
}

/// Counts a tenant's sessions, up to so many.
#[tracing::instrument(target = "postgres", name = "sessions.count_up_to", skip_all)]
pub(crate) async fn count_up_to(client: &Connection, tenant: TenantId, most: i64) -> Result<i64> {
    let sql = "SELECT count(*), 'sessions' FROM (SELECT FROM sessions WHERE tenant_id = $1 LIMIT $2) counted";
    let row = client.query_one(sql, &[&tenant.0, &most]).await;
    row::read(&row.map_err(from_pg)?, "sessions", 1, |row| at(row, 0))
}

/// Updates a session; false if it does not exist.
#[tracing::instrument(target = "postgres", name = "sessions.update", skip_all)]
pub(crate) async fn update(
    tx: &Transaction<'_>,
    tenant: TenantId,
    session: &str,
    update: &SessionUpdate,
) -> Result<bool> {
    if update.allow_missing {
        tx.execute(
            "INSERT INTO sessions (tenant_id, id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &[&tenant.0, &session],
        )
        .await
        .map_err(from_pg)?;
    }
    let found = tx
        .execute(
            "UPDATE sessions SET display_name = coalesce($3, display_name), labels = coalesce($4, labels)
             WHERE tenant_id = $1 AND id = $2",
            &[
                &tenant.0,
                &session,
                &update.display_name.as_ref().map(Words::as_str),
                &update.labels,
            ],
        )
        .await
        .map_err(from_pg)?;
    Ok(found > 0)
}

/// The maximum artifacts of a session that are counted.
const COUNTED: u64 = Session::MAX_COUNT + 1;

/// A session of `s` with its counts, which are computed up to a limit and not stored. Its row is never committed alone:
/// a session whose first artifact failed does not exist, unless it was updated.
fn select(sessions: &str) -> String {
    let of_session = format!(
        "FROM artifacts a WHERE a.tenant_id = s.tenant_id AND a.session_id = s.id AND {VISIBLE}"
    );
    format!(
        "SELECT s.id, s.created_at, s.sealed_at, s.active_at, t.count, t.bytes,
             (SELECT a.created_at {of_session} ORDER BY a.created_at, a.id LIMIT 1),
             (SELECT a.created_at {of_session} ORDER BY a.created_at DESC, a.id DESC LIMIT 1),
             s.manifest_sha256, s.held, s.display_name, s.labels,
             (SELECT count(*) FROM (SELECT FROM pending_artifacts p
                 WHERE p.tenant_id = s.tenant_id AND p.session_id = s.id AND p.discard_at > now()
                 LIMIT {COUNTED}) pending)
         FROM {sessions} s CROSS JOIN LATERAL (
             SELECT count(*) AS count, coalesce(sum(counted.size_bytes), 0)::bigint AS bytes
             FROM (SELECT a.size_bytes {of_session} ORDER BY a.created_at DESC, a.id DESC LIMIT {COUNTED}) counted
         ) t"
    )
}

fn read(row: &Row) -> Result<Session> {
    row::read(row, "session", 0, |row| {
        let hash = at::<Option<&[u8]>>(row, 8)?.map(TryInto::try_into);
        Ok(Session {
            id: at(row, 0)?,
            created_at: at(row, 1)?,
            sealed_at: at(row, 2)?,
            artifact_count: count(row, 4)?,
            size_bytes: count(row, 5)?,
            first_artifact_at: at(row, 6)?,
            last_artifact_at: at(row, 7)?,
            legal_hold: at(row, 9)?,
            manifest_hash: (hash.transpose()).map_err(|_| Damage::Malformed("manifest_sha256"))?,
            display_name: at(row, 10)?,
            labels: at(row, 11)?,
            unpublished_count: count(row, 12)?,
        })
    })
}

#[tracing::instrument(target = "postgres", name = "sessions.get", skip_all)]
pub(crate) async fn get(client: &Connection, tenant: TenantId, session: &str) -> Result<Session> {
    let select = select("sessions");
    let row = client
        .query_opt(
            &format!("{select} WHERE s.tenant_id = $1 AND s.id = $2"),
            &[&tenant.0, &session],
        )
        .await
        .map_err(from_pg)?
        .ok_or_else(|| Error::SessionNotFound(session.to_owned()))?;
    read(&row)
}

/// Whether a session is sealed.
#[tracing::instrument(target = "postgres", name = "sessions.is_sealed", skip_all)]
pub(crate) async fn is_sealed(
    client: &Connection,
    tenant: TenantId,
    session: &str,
) -> Result<bool> {
    let sealed = "SELECT sealed_at IS NOT NULL FROM sessions WHERE tenant_id = $1 AND id = $2";
    let row = client
        .query_opt(sealed, &[&tenant.0, &session])
        .await
        .map_err(from_pg)?
        .ok_or_else(|| Error::SessionNotFound(session.to_owned()))?;
    Ok(at(&row, 0)?)
}

/// The conditions on a session's own row, each with an AND before it.
fn narrow(query: &mut Query, reach: Reach<'_>, filter: &SessionFilter) -> String {
    let mut narrow = String::new();
    if let Some(sessions) = reach.narrowing.sessions() {
        // The filter is one of artifacts, which have the id of their session under another name.
        let within = query.matches(&sessions, "of");
        narrow += &format!(" AND {}", within.replace("of.session_id", "id"));
    }
    for (comparison, moment) in [(">=", filter.created.from), ("<", filter.created.until)] {
        if let Some(moment) = moment {
            let moment = query.moment(moment);
            narrow += &format!(" AND created_at {comparison} {moment}");
        }
    }
    if !filter.labels.is_empty() {
        let labels = query.texts(&filter.labels);
        narrow += &format!(" AND labels <> '{{}}' AND labels @> {labels}");
    }
    narrow
}

/// Sessions in the order of their last activity, each with its position.
#[tracing::instrument(target = "postgres", name = "sessions.list", skip_all)]
pub(crate) async fn list(
    client: &Connection,
    reach: Reach<'_>,
    filter: &SessionFilter,
    after: Option<&Position>,
    size: PageSize,
) -> Result<Vec<(Option<Session>, Position)>> {
    let mut query = Query::of(reach.tenant);
    let mut narrow = narrow(&mut query, reach, filter);
    if let Some(position) = after {
        let (at, id) = (query.moment(position.at), query.text(&position.id));
        narrow += &format!(" AND (active_at, id) < ({at}, {id})");
    }
    let rows = query.number(size.rows());
    // Only those of the page are counted.
    let page = format!(
        "(SELECT * FROM sessions WHERE tenant_id = $1{narrow} ORDER BY active_at DESC, id DESC LIMIT {rows})"
    );
    query.sql = select(&page) + " ORDER BY s.active_at DESC, s.id DESC";
    let rows = client
        .query_typed(&query.sql, &query.parameters())
        .await
        .map_err(from_pg)?;
    listed(&rows, read, |row| position(row, "session", [3, 0]))
}
