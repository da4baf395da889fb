//! The SQL of the commit.

use tokio_postgres::Statement;

use crate::meta::{
    artifact_row::{COLUMNS, NAMED, PENDING_COLUMNS, VISIBLE, stored},
    connection::Connection,
    error::PgError,
    idempotency, quotas,
    sessions::CLOSED,
};

/// The beginning of a statement that records the activity of sessions `s`. It leaves out those that another transaction
/// has locked, and those recorded within ten seconds: a row that every commit rewrites would leave as many dead
/// versions, which every later commit reads while any old snapshot is open.
pub(super) const TOUCHED: &str = "UPDATE sessions s SET active_at = now()
    FROM (SELECT tenant_id, id FROM sessions
          WHERE tenant_id = $1 AND active_at < now() - interval '10 s'";

/// Every statement of the commit, prepared on one connection.
pub(super) struct Statements {
    pub(super) keys: idempotency::Statements,
    pub(super) quotas: quotas::Statements,
    pub(super) lock_session: Statement,
    pub(super) enter_session: Statement,
    pub(super) closed: Statement,
    pub(super) lock_upload: Statement,
    pub(super) end_upload: Statement,
    pub(super) lock_own: Statement,
    pub(super) lock_duplicate: Statement,
    pub(super) lock_readable: Statement,
    pub(super) insert_inline: Statement,
    pub(super) condemn_own: Statement,
    pub(super) promote_own: Statement,
    pub(super) missing_inputs: Statement,
    pub(super) take_version: Statement,
    pub(super) claim_name: Statement,
    pub(super) current: Statement,
    pub(super) insert_artifact: Statement,
    pub(super) insert_pending: Statement,
}

impl Statements {
    /// From the connection's cache, except for its first commit, so that no flight waits for a statement to be
    /// prepared.
    pub(super) async fn prepare(client: &Connection) -> Result<Self, PgError> {
        let touched = format!(
            "touched AS (
                 {TOUCHED} AND id = $3
                     FOR NO KEY UPDATE SKIP LOCKED) idle
                 WHERE s.tenant_id = idle.tenant_id AND s.id = idle.id
             )"
        );
        let audited = "audited AS (
                 INSERT INTO audit (tenant_id, operation, resource, result, actor)
                 SELECT $1, 'CreateArtifact', $2, 'OK', $22
             )";
        let stored = stored("");
        let insert_artifact = format!(
            "WITH {touched}, {audited}, described AS (
                 INSERT INTO artifact_metadata (tenant_id, key, value, created_at, artifact_id)
                 SELECT $1, pair.key, pair.value, now(), $2 FROM jsonb_each_text($11) pair
             ), labelled AS (
                 INSERT INTO artifact_labels (tenant_id, label, created_at, artifact_id)
                 SELECT $1, label, now(), $2 FROM unnest($19::text[]) label
             ), derived AS (
                 INSERT INTO artifact_inputs (tenant_id, input_id, artifact_id)
                 SELECT $1, input, $2 FROM unnest($20::text[]) input
             )
             INSERT INTO artifacts AS a (tenant_id, {stored}, version, expires_at, session_held)
             SELECT $1, $2, nullif($3, ''), $4, $5, $6, $7, $8, $9, $10, $11, $12, $14, $15, $16, $17, $18, $19, $20,
                 $21, last_version, now() + $13 * interval '1 ms', coalesce((SELECT held FROM sessions WHERE tenant_id = $1 AND id = $3), false)
             FROM filenames
             WHERE tenant_id = $1 AND session_id = $3 AND filename COLLATE \"C\" = $7 AND user_id = $5 AND namespace = $4
             RETURNING {COLUMNS}"
        );
        let insert_pending = format!(
            "WITH {touched}, {audited}
             INSERT INTO pending_artifacts AS a (tenant_id, {stored}, ttl_ms, if_version, discard_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $14, $15, $16, $17, $18, $19, $20, $21, $13, $23,
                 now() + $24 * interval '1 ms')
             RETURNING {PENDING_COLUMNS}"
        );
        Ok(Self {
            keys: idempotency::Statements::prepare(client).await?,
            quotas: quotas::Statements::prepare(client).await?,
            lock_session: client
                .prepare("SELECT pg_advisory_xact_lock_shared($1)")
                .await?,
            enter_session: client
                .prepare(
                    "INSERT INTO sessions (tenant_id, id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                )
                .await?,
            closed: client.prepare(CLOSED).await?,
            lock_upload: client
                .prepare(
                    "SELECT made_id FROM uploads WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
                )
                .await?,
            end_upload: client
                .prepare(
                    "WITH parts AS (DELETE FROM upload_parts WHERE tenant_id = $1 AND upload_id = $2)
                     UPDATE uploads SET made_id = $3, parts_bytes = parts_bytes + coalesce(octet_length(tail), 0),
                         tail = NULL, hash_state = NULL
                     WHERE tenant_id = $1 AND id = $2",
                )
                .await?,
            lock_own: client
                .prepare(
                    "SELECT FROM objects WHERE tenant_id = $1 AND id = $2 AND state = 'staging' FOR UPDATE",
                )
                .await?,
            lock_duplicate: client
                .prepare(
                    "SELECT id FROM objects
                     WHERE tenant_id = $1 AND sha256 = $2 AND size_bytes = $3 AND state = 'live' FOR KEY SHARE",
                )
                .await?,
            lock_readable: client
                .prepare(&format!(
                    "SELECT o.id FROM objects o
                     WHERE o.tenant_id = $1 AND o.sha256 = $2 AND o.size_bytes = $3 AND o.state = 'live'
                         AND EXISTS (SELECT FROM artifacts a WHERE a.tenant_id = o.tenant_id
                             AND a.object_id = o.id AND a.object_live AND {VISIBLE})
                     FOR KEY SHARE OF o"
                ))
                .await?,
            insert_inline: client
                .prepare(
                    "INSERT INTO objects (tenant_id, id, state, sha256, size_bytes, inline_data, crc32)
                     VALUES ($1, $2, 'live', $3, $4, $5, $6)",
                )
                .await?,
            condemn_own: client
                .prepare(
                    "UPDATE objects SET state = 'condemned', sha256 = $3, size_bytes = $4,
                         not_before = now() + $5 * interval '1 ms', next_attempt_at = now() + $5 * interval '1 ms'
                     WHERE tenant_id = $1 AND id = $2",
                )
                .await?,
            promote_own: client
                .prepare(
                    "UPDATE objects SET state = 'live', sha256 = $3, size_bytes = $4, crc32 = $5
                     WHERE tenant_id = $1 AND id = $2",
                )
                .await?,
            missing_inputs: client
                .prepare(&format!(
                    "SELECT input FROM unnest($2::text[]) input
                     WHERE NOT EXISTS (SELECT FROM artifacts a
                         WHERE a.tenant_id = $1 AND a.id = input AND {VISIBLE})
                     AND NOT EXISTS (SELECT FROM pending_artifacts p
                         WHERE p.tenant_id = $1 AND p.id = input AND p.session_id = $3)"
                ))
                .await?,
            take_version: client
                .prepare(
                    "INSERT INTO filenames AS f (tenant_id, filename, session_id, user_id, namespace, last_version)
                     VALUES ($1, $2, $3, $4, $5, 1)
                     ON CONFLICT (tenant_id, session_id, filename, user_id, namespace)
                     DO UPDATE SET last_version = f.last_version + 1",
                )
                .await?,
            // A missing row cannot be locked, so it is created.
            claim_name: client
                .prepare(
                    "INSERT INTO filenames AS f (tenant_id, filename, session_id, user_id, namespace, last_version)
                     VALUES ($1, $2, $3, $4, $5, 0)
                     ON CONFLICT (tenant_id, session_id, filename, user_id, namespace)
                     DO UPDATE SET last_version = f.last_version",
                )
                .await?,
            current: client
                .prepare(&format!(
                    "SELECT {COLUMNS} FROM artifacts a WHERE {NAMED} AND {VISIBLE}
                     ORDER BY a.version DESC LIMIT 1"
                ))
                .await?,
            insert_artifact: client.prepare(&insert_artifact).await?,
            insert_pending: client.prepare(&insert_pending).await?,
        })
    }
}
