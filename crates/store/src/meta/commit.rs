//! The commit of an artifact (T2 of the protocol): the one transaction in which content becomes an artifact.
//!
//! Locks are taken in one order everywhere: session, own staging object, live duplicate, filename, artifact. What a lock
//! protects is read in a later statement than the one that took it, because only then does READ COMMITTED show what the
//! former holder did. Two flights, whatever the outcome: one locks and looks, one writes and commits.

use std::time::Duration;

use bytes::Bytes;
use deadpool_postgres::Object;
use futures_util::join;
use jiff::Timestamp;
use tokio_postgres::{Row, Statement, types::Json};
use uuid::Uuid;

use super::{
    Meta,
    artifacts::{self, COLUMNS},
    error::{from_pg, is_worth_repeating},
    millis,
    sessions::lock_key,
    tx::Tx,
};
use crate::{
    artifact::{ArtifactSpec, Created},
    digest::ContentHash,
    error::{Error, Result},
    id::{ArtifactId, ObjectId, TenantId},
    names::{ContentType, text_of},
};

/// How often the transaction is run before its conflicts count as unavailability.
const ATTEMPTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// The artifact to commit, all of it known.
pub(crate) struct NewArtifact<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) id: ArtifactId,
    pub(crate) spec: &'a ArtifactSpec,
    pub(crate) content_type: ContentType,
    pub(crate) ttl: Option<Duration>,
    pub(crate) hash: ContentHash,
    pub(crate) size: u64,
    /// This upload's own object.
    pub(crate) object: ObjectId,
    pub(crate) payload: Payload,
    /// How long condemned bytes are left alone.
    pub(crate) grace: Duration,
}

/// Where the bytes of this upload are.
pub(crate) enum Payload {
    /// Here; they go into the row.
    Inline(Bytes),
    /// In the blob store, under the key of the object, whose row is `staging`.
    Staged,
}

/// How the transaction ended.
pub(crate) enum Outcome {
    Created(Box<Created>),
    /// The session was sealed then; nothing was committed.
    Sealed(Timestamp),
    /// The collector took the staging object because its lease had run out; nothing was committed.
    Lost,
}

enum Failure {
    /// Nothing was committed, or it is not known; running it again tells.
    Repeat(tokio_postgres::Error),
    Final(Error),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(e: tokio_postgres::Error) -> Self {
        if is_worth_repeating(&e) {
            Self::Repeat(e)
        } else {
            Self::Final(from_pg(e))
        }
    }
}

/// Commits, exactly once however often a connection is lost on the way: the artifact's id is the same in every attempt,
/// so an attempt that was committed unheard is found.
pub(crate) async fn commit(meta: &Meta, new: &NewArtifact<'_>) -> Result<Outcome> {
    let mut pause = FIRST_PAUSE;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let repeated = last.is_some();
        match attempt(meta, new, repeated).await {
            Ok(outcome) => return Ok(outcome),
            Err(Failure::Final(e)) => return Err(e),
            Err(Failure::Repeat(e)) => last = Some(e),
        }
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.5))).await;
        pause *= 2;
    }
    Err(last.map_or_else(|| Error::internal("no attempt was made"), from_pg))
}

async fn attempt(meta: &Meta, new: &NewArtifact<'_>, repeated: bool) -> Result<Outcome, Failure> {
    let tx = Tx::open(meta).await.map_err(Failure::Final)?;
    if repeated && let Some(created) = committed_before(tx.client(), new).await? {
        tx.finish();
        return Ok(Outcome::Created(created));
    }
    let statements = Statements::prepare(tx.client()).await?;
    match run(&tx, &statements, new).await {
        Ok(Ran::Committed(row, deduplicated)) => {
            tx.finish();
            created(&row, deduplicated).map(Outcome::Created)
        }
        Ok(Ran::Sealed(sealed_at)) => {
            tx.roll_back().await;
            Ok(Outcome::Sealed(sealed_at))
        }
        Ok(Ran::NoLongerStaging) => {
            let earlier = committed_before(tx.client(), new).await;
            tx.roll_back().await;
            Ok(earlier?.map_or(Outcome::Lost, Outcome::Created))
        }
        Err(e) => {
            tx.roll_back().await;
            Err(e.into())
        }
    }
}

enum Ran {
    Committed(Row, bool),
    Sealed(Timestamp),
    NoLongerStaging,
}

async fn run(
    tx: &Tx,
    statements: &Statements,
    new: &NewArtifact<'_>,
) -> Result<Ran, tokio_postgres::Error> {
    let client = tx.client();
    let tenant = &new.tenant.0;
    let own = &new.object.0;
    let size = i64::try_from(new.size).unwrap_or(i64::MAX);
    let hash = new.hash.as_bytes();
    let staged = matches!(new.payload, Payload::Staged);

    // Each statement of a flight is a future of its own, so that all are sent at the first poll, in this order.
    // Flight one: lock, and look.
    let session = new.spec.session_id.as_ref().map(|id| id.as_str());
    let (begun, locked, entered, sealed_at, own_row, duplicate) = join!(
        tx.begin(),
        async {
            let Some(session) = session else { return Ok(0) };
            let key = lock_key(new.tenant, session);
            client.execute(&statements.lock_session, &[&key]).await
        },
        async {
            let Some(session) = session else { return Ok(0) };
            client
                .execute(&statements.enter_session, &[tenant, &session])
                .await
        },
        async {
            let Some(session) = session else {
                return Ok(None);
            };
            let row = client
                .query_one(&statements.sealed_at, &[tenant, &session])
                .await?;
            Ok(row.get::<_, Option<Timestamp>>(0))
        },
        async {
            if !staged {
                return Ok(None);
            }
            client.query_opt(&statements.lock_own, &[tenant, own]).await
        },
        async {
            let lock = &statements.lock_duplicate;
            client.query_opt(lock, &[tenant, &hash, &size]).await
        },
    );
    begun?;
    locked?;
    entered?;
    if let Some(sealed_at) = sealed_at? {
        return Ok(Ran::Sealed(sealed_at));
    }
    if own_row?.is_none() && staged {
        return Ok(Ran::NoLongerStaging);
    }
    let duplicate: Option<Uuid> = duplicate?.map(|row| row.get(0));

    // Flight two: settle the object, write the artifact, commit.
    let (settled, row, committed) = join!(
        async {
            match (&new.payload, duplicate.is_some()) {
                (Payload::Inline(_), true) => Ok(0),
                (Payload::Inline(content), false) => {
                    let insert = &statements.insert_inline;
                    let content: &[u8] = content;
                    client
                        .execute(insert, &[tenant, own, &hash, &size, &content])
                        .await
                }
                // The hash goes into the row all the same: it says that the upload itself was completed.
                (Payload::Staged, true) => {
                    let grace = millis(new.grace);
                    client
                        .execute(
                            &statements.condemn_own,
                            &[tenant, own, &hash, &size, &grace],
                        )
                        .await
                }
                (Payload::Staged, false) => {
                    client
                        .execute(&statements.promote_own, &[tenant, own, &hash, &size])
                        .await
                }
            }
        },
        async {
            let spec = new.spec;
            let session_text = session.unwrap_or_default();
            client
                .query_one(
                    &statements.insert_artifact,
                    &[
                        tenant,
                        &new.id.as_str(),
                        &session_text,
                        &text_of(&spec.namespace),
                        &text_of(&spec.user_id),
                        &text_of(&spec.agent_id),
                        &spec.filename.as_str(),
                        &new.content_type.as_str(),
                        &size,
                        &hash,
                        &Json(spec.metadata.pairs()),
                        duplicate.as_ref().unwrap_or(own),
                        &new.ttl.map(millis),
                    ],
                )
                .await
        },
        tx.commit(),
    );
    settled?;
    let row = row?;
    committed?;
    Ok(Ran::Committed(row, duplicate.is_some()))
}

/// The artifact, when an earlier attempt was committed and the answer lost.
async fn committed_before(
    client: &Object,
    new: &NewArtifact<'_>,
) -> Result<Option<Box<Created>>, Failure> {
    match artifacts::committed(client, new.tenant, &new.id).await? {
        None => Ok(None),
        Some((row, object)) => created(&row, object != new.object.0).map(Some),
    }
}

fn created(row: &Row, deduplicated: bool) -> Result<Box<Created>, Failure> {
    let artifact = artifacts::read(row).map_err(Failure::Final)?;
    Ok(Box::new(Created {
        artifact,
        deduplicated,
    }))
}

struct Statements {
    lock_session: Statement,
    enter_session: Statement,
    sealed_at: Statement,
    lock_own: Statement,
    lock_duplicate: Statement,
    insert_inline: Statement,
    condemn_own: Statement,
    promote_own: Statement,
    insert_artifact: Statement,
}

impl Statements {
    /// From the connection's cache but for its first commit, so that no flight waits for a statement to be prepared.
    async fn prepare(client: &Object) -> Result<Self, tokio_postgres::Error> {
        let insert_artifact = format!(
            "WITH touched AS (
                 UPDATE sessions s SET active_at = now()
                 FROM (SELECT tenant_id, id FROM sessions WHERE tenant_id = $1 AND id = $3
                       FOR NO KEY UPDATE SKIP LOCKED) free
                 WHERE s.tenant_id = free.tenant_id AND s.id = free.id
             ), numbered AS (
                 INSERT INTO filenames (tenant_id, session_id, namespace, user_id, filename, last_version)
                 VALUES ($1, $3, $4, $5, $7, 1)
                 ON CONFLICT (tenant_id, session_id, filename, user_id, namespace)
                 DO UPDATE SET last_version = filenames.last_version + 1
                 RETURNING last_version
             ), described AS (
                 INSERT INTO artifact_metadata (tenant_id, key, value, created_at, artifact_id)
                 SELECT $1, pair.key, pair.value, now(), $2 FROM jsonb_each_text($11) pair
             )
             INSERT INTO artifacts AS a (tenant_id, id, session_id, namespace, user_id, agent_id, filename, version,
                 content_type, size_bytes, sha256, metadata, object_id, expires_at)
             SELECT $1, $2, nullif($3, ''), $4, $5, $6, $7, last_version, $8, $9, $10, $11, $12,
                 now() + $13 * interval '1 ms'
             FROM numbered
             RETURNING {COLUMNS}"
        );
        Ok(Self {
            lock_session: client
                .prepare_cached("SELECT pg_advisory_xact_lock_shared($1)")
                .await?,
            enter_session: client
                .prepare_cached(
                    "INSERT INTO sessions (tenant_id, id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                )
                .await?,
            sealed_at: client
                .prepare_cached("SELECT sealed_at FROM sessions WHERE tenant_id = $1 AND id = $2")
                .await?,
            lock_own: client
                .prepare_cached(
                    "SELECT FROM objects WHERE tenant_id = $1 AND id = $2 AND state = 'staging' FOR UPDATE",
                )
                .await?,
            lock_duplicate: client
                .prepare_cached(
                    "SELECT id FROM objects
                     WHERE tenant_id = $1 AND sha256 = $2 AND size_bytes = $3 AND state = 'live' FOR KEY SHARE",
                )
                .await?,
            insert_inline: client
                .prepare_cached(
                    "INSERT INTO objects (tenant_id, id, state, sha256, size_bytes, inline_data)
                     VALUES ($1, $2, 'live', $3, $4, $5)",
                )
                .await?,
            condemn_own: client
                .prepare_cached(
                    "UPDATE objects SET state = 'condemned', sha256 = $3, size_bytes = $4,
                         not_before = now() + $5 * interval '1 ms', next_attempt_at = now() + $5 * interval '1 ms'
                     WHERE tenant_id = $1 AND id = $2",
                )
                .await?,
            promote_own: client
                .prepare_cached(
                    "UPDATE objects SET state = 'live', sha256 = $3, size_bytes = $4
                     WHERE tenant_id = $1 AND id = $2",
                )
                .await?,
            insert_artifact: client.prepare_cached(&insert_artifact).await?,
        })
    }
}
