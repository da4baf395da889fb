//! Several small commits of one tenant in one transaction, all or nothing.
//!
//! It takes the locks of a single commit in the same order, each kind sorted, and waits for none of them long. If it
//! conflicts with another transaction, or one of its commits fails a condition, it is rolled back and its commits run
//! one by one. Equal contents become one object.

use std::collections::HashMap;

use futures_util::join;
use serde_json::{Value, json};
use tokio_postgres::{Row, Statement, types::Json};
use uuid::Uuid;

use super::{
    created,
    new::{Failure, NewArtifact, Outcome, Payload},
    statements::TOUCHED,
};
use crate::{
    meta::{
        Meta,
        artifact_row::{COLUMNS, VISIBLE, stored},
        connection::Connection,
        error::PgError,
        idempotency::{self},
        quotas,
        row::{Damage, at, each},
        sessions::{CLOSED, Closed, lock_key},
        time::millis,
    },
    model::{
        artifact::Origin,
        digest::ContentHash,
        id::{TenantId, ids_of},
        idempotency::KeyRecord,
        quota::LockMode,
        text::text_of,
    },
};

/// The maximum commits of one transaction.
pub(crate) const MOST: usize = 64;
/// The maximum wait for a lock.
const SET_LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '100ms'";

/// The outcome of each commit, in order; `None`: run it alone.
pub(crate) type Outcomes = Vec<Option<Outcome>>;

impl NewArtifact {
    /// Whether it depends on nothing for which it would have to wait: neither a version nor bytes in the blob store.
    pub(crate) fn fits_together(&self) -> bool {
        matches!(self.payload, Payload::Inline(_))
            && !self.spec.is_conditional()
            && !self.spec.unpublished
    }

    fn session(&self) -> Option<&str> {
        self.spec.session_id.as_ref().map(|id| id.as_str())
    }

    fn content(&self) -> (ContentHash, i64) {
        (self.hash, i64::try_from(self.size).unwrap_or(i64::MAX))
    }

    fn bytes(&self) -> &[u8] {
        match &self.payload {
            Payload::Inline(bytes) => bytes,
            Payload::Staged | Payload::Existing => &[],
        }
    }
}

/// Commits, or returns what must run alone. After an error the outcome of all of them is unknown.
#[tracing::instrument(target = "postgres", name = "commit.together", skip_all, fields(count = new.len()))]
pub(crate) async fn commit(meta: &Meta, new: &[NewArtifact]) -> Result<Outcomes, Failure> {
    let client = meta.client().await.map_err(Failure::Final)?;
    let statements = Statements::prepare(&client).await?;
    let objects = match look(&client, &statements, new).await? {
        Found::Objects(objects) => objects,
        Found::Obstacles(outcomes) => {
            client.roll_back().await?;
            return Ok(outcomes);
        }
    };
    write(&client, &statements, new, &objects).await
}

/// What flight one found.
enum Found {
    /// All can be committed; the object of each commit.
    Objects(Vec<Placed>),
    Obstacles(Outcomes),
}

/// Where the bytes of a commit are to be.
struct Placed {
    object: Uuid,
    origin: Origin,
}

/// Locks, and looks.
async fn look(
    client: &Connection,
    statements: &Statements,
    new: &[NewArtifact],
) -> Result<Found, Failure> {
    let Some(tenant) = new.first().map(|new| new.tenant) else {
        return Ok(Found::Objects(Vec::new()));
    };
    let sessions = sessions_of(new);
    let (begun, timed, records, locked, entered, closed, duplicates, inputs, quota) = join!(
        client.begin(),
        client.batch_execute(SET_LOCK_TIMEOUT),
        claim_keys(client, statements, tenant, new),
        lock_sessions(client, statements, tenant, &sessions),
        enter_sessions(client, statements, tenant, &sessions),
        closed(client, statements, tenant, &sessions),
        duplicates(client, statements, tenant, new),
        visible_inputs(client, statements, tenant, new),
        statements
            .quotas
            .enter(client, tenant, LockMode::Exclusive, new[0].has_quota),
    );
    begun?;
    timed?;
    let records = records?;
    if !locked? {
        return Ok(Found::Obstacles(alone(new)));
    }
    entered?;
    let closed = closed?;
    let known = duplicates?;
    let visible = inputs?;
    if let Some(quota) = quota? {
        let bytes = new.iter().map(|new| new.size).sum();
        if quota.admit(new.len() as u64, bytes).is_err() {
            return Ok(Found::Obstacles(alone(new)));
        }
    }
    let refusals: Outcomes = new
        .iter()
        .map(|new| refusal(new, &records, &closed, &visible))
        .collect();
    if refusals.iter().any(Option::is_some) {
        return Ok(Found::Obstacles(refusals));
    }
    Ok(Found::Objects(place(new, known)))
}

fn alone(new: &[NewArtifact]) -> Outcomes {
    new.iter().map(|_| None).collect()
}

/// Why a commit is refused, as for a single commit.
fn refusal(
    new: &NewArtifact,
    records: &HashMap<String, KeyRecord>,
    closed: &HashMap<String, Closed>,
    visible: &[String],
) -> Option<Outcome> {
    if let Some(claim) = &new.claim {
        let record = records.get(claim.key.as_str());
        if !record.is_some_and(|record| record.is_claimed_by(claim.owner)) {
            return Some(Outcome::KeyTaken(record.cloned()));
        }
    }
    if let Some(closed) = new.session().and_then(|session| closed.get(session)) {
        return Some(Outcome::Closed(*closed));
    }
    let inputs = ids_of(&new.spec.inputs).into_iter();
    let missing: Vec<_> = inputs
        .filter(|input| !visible.iter().any(|id| id == input))
        .map(str::to_owned)
        .collect();
    (!missing.is_empty()).then_some(Outcome::InputsMissing(missing))
}

/// Assigns each commit its object: a live one with the same bytes, that of an earlier commit here, or its own.
fn place(new: &[NewArtifact], mut known: HashMap<(ContentHash, i64), Uuid>) -> Vec<Placed> {
    new.iter()
        .map(|new| match known.get(&new.content()) {
            Some(object) => Placed {
                object: *object,
                origin: Origin::Deduplicated,
            },
            None => {
                known.insert(new.content(), new.object.0);
                Placed {
                    object: new.object.0,
                    origin: Origin::New,
                }
            }
        })
        .collect()
}

/// The sessions of the commits, each once, in one order.
fn sessions_of(new: &[NewArtifact]) -> Vec<&str> {
    let mut sessions: Vec<_> = new.iter().filter_map(NewArtifact::session).collect();
    sessions.sort_unstable();
    sessions.dedup();
    sessions
}

async fn claim_keys(
    client: &Connection,
    statements: &Statements,
    tenant: TenantId,
    new: &[NewArtifact],
) -> Result<HashMap<String, KeyRecord>, PgError> {
    let mut claims: Vec<_> = new.iter().filter_map(|new| new.claim.as_ref()).collect();
    claims.sort_unstable_by(|a, b| a.key.as_str().cmp(b.key.as_str()));
    statements.keys.claim_all(client, tenant, &claims).await
}

/// False if another transaction has locked one of them exclusively, to seal or to hold it.
async fn lock_sessions(
    client: &Connection,
    statements: &Statements,
    tenant: TenantId,
    sessions: &[&str],
) -> Result<bool, PgError> {
    if sessions.is_empty() {
        return Ok(true);
    }
    let keys: Vec<_> = sessions.iter().map(|id| lock_key(tenant, id)).collect();
    let row = client
        .query_one(&statements.lock_sessions, &[&keys])
        .await?;
    Ok(at(&row, 0)?)
}

async fn enter_sessions(
    client: &Connection,
    statements: &Statements,
    tenant: TenantId,
    sessions: &[&str],
) -> Result<(), PgError> {
    if !sessions.is_empty() {
        let enter = &statements.enter_sessions;
        client.execute(enter, &[&tenant.0, &sessions]).await?;
    }
    Ok(())
}

async fn closed(
    client: &Connection,
    statements: &Statements,
    tenant: TenantId,
    sessions: &[&str],
) -> Result<HashMap<String, Closed>, PgError> {
    if sessions.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = client
        .query(&statements.closed, &[&tenant.0, &sessions])
        .await?;
    let closed: Result<_, Damage> = rows.iter().map(Closed::read).collect();
    Ok(closed?)
}

async fn duplicates(
    client: &Connection,
    statements: &Statements,
    tenant: TenantId,
    new: &[NewArtifact],
) -> Result<HashMap<(ContentHash, i64), Uuid>, PgError> {
    let hashes: Vec<_> = new.iter().map(|new| new.hash.as_bytes()).collect();
    let sizes: Vec<_> = new.iter().map(|new| new.content().1).collect();
    let rows = client
        .query(&statements.duplicates, &[&tenant.0, &hashes, &sizes])
        .await?;
    let read = |row| {
        let hash = at::<&[u8]>(row, 1)?.try_into();
        let hash = hash.map_err(|_| Damage::Malformed("sha256"))?;
        Ok(((hash, at(row, 2)?), at(row, 0)?))
    };
    rows.iter().map(read).collect()
}

async fn visible_inputs(
    client: &Connection,
    statements: &Statements,
    tenant: TenantId,
    new: &[NewArtifact],
) -> Result<Vec<String>, PgError> {
    let inputs: Vec<_> = new
        .iter()
        .flat_map(|new| ids_of(&new.spec.inputs))
        .collect();
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    let rows = client
        .query(&statements.visible, &[&tenant.0, &inputs])
        .await?;
    Ok(each(&rows, 0)?)
}

/// Writes, and commits.
async fn write(
    client: &Connection,
    statements: &Statements,
    new: &[NewArtifact],
    placed: &[Placed],
) -> Result<Outcomes, Failure> {
    let (named, stored, rows, finished, committed) = join!(
        take_versions(client, statements, new),
        store_objects(client, statements, new, placed),
        insert_artifacts(client, statements, new, placed),
        finish_keys(client, statements, new, placed),
        client.commit(),
    );
    named?;
    stored?;
    let rows = rows?;
    finished?;
    committed?;
    let ids: Vec<&str> = each(&rows, 0).map_err(PgError::from)?;
    let rows: HashMap<&str, &Row> = ids.into_iter().zip(&rows).collect();
    new.iter()
        .zip(placed)
        .map(|(new, placed)| {
            let row = rows.get(new.id.as_str());
            row.map(|row| created(row, new, placed.origin).map(Outcome::Created))
                .transpose()
        })
        .collect()
}

/// Each file gets as many versions as there are commits with its name.
async fn take_versions(
    client: &Connection,
    statements: &Statements,
    new: &[NewArtifact],
) -> Result<(), PgError> {
    let of = |part: fn(&NewArtifact) -> &str| new.iter().map(part).collect::<Vec<_>>();
    let parameters = (
        of(|new| text_of(&new.spec.session_id)),
        of(|new| new.spec.filename.as_str()),
        of(|new| text_of(&new.spec.user_id)),
        of(|new| text_of(&new.spec.namespace)),
    );
    let (sessions, filenames, users, namespaces) = &parameters;
    client
        .execute(
            &statements.take_versions,
            &[&new[0].tenant.0, sessions, filenames, users, namespaces],
        )
        .await?;
    Ok(())
}

async fn store_objects(
    client: &Connection,
    statements: &Statements,
    new: &[NewArtifact],
    placed: &[Placed],
) -> Result<(), PgError> {
    let mut own: Vec<_> = new
        .iter()
        .zip(placed)
        .filter(|(_, placed)| placed.origin == Origin::New)
        .map(|(new, _)| new)
        .collect();
    if own.is_empty() {
        return Ok(());
    }
    // Two transactions that store the same contents wait for each other in one order.
    own.sort_unstable_by_key(|new| new.hash.as_bytes());
    let ids: Vec<_> = own.iter().map(|new| new.object.0).collect();
    let hashes: Vec<_> = own.iter().map(|new| new.hash.as_bytes()).collect();
    let sizes: Vec<_> = own.iter().map(|new| new.content().1).collect();
    let contents: Vec<_> = own.iter().map(|new| new.bytes()).collect();
    let crcs: Vec<_> = own.iter().map(|new| new.stored_crc32()).collect();
    client
        .execute(
            &statements.store_objects,
            &[&own[0].tenant.0, &ids, &hashes, &sizes, &contents, &crcs],
        )
        .await?;
    Ok(())
}

async fn insert_artifacts(
    client: &Connection,
    statements: &Statements,
    new: &[NewArtifact],
    placed: &[Placed],
) -> Result<Vec<Row>, PgError> {
    let of = |part: fn(&NewArtifact) -> &str| new.iter().map(part).collect::<Vec<_>>();
    let metadata: Vec<_> = new
        .iter()
        .map(|new| Json(new.spec.metadata.pairs()))
        .collect();
    let hashes: Vec<_> = new.iter().map(|new| new.hash.as_bytes()).collect();
    let sizes: Vec<_> = new.iter().map(|new| new.content().1).collect();
    let objects: Vec<_> = placed.iter().map(|placed| placed.object).collect();
    let ttls: Vec<_> = new.iter().map(|new| new.ttl.map(millis)).collect();
    let labels: Vec<_> = new.iter().map(|new| Json(&new.spec.labels)).collect();
    let inputs: Vec<_> = new
        .iter()
        .map(|new| Json(ids_of(&new.spec.inputs)))
        .collect();
    let persistent: Vec<_> = new.iter().map(|new| new.spec.persistent).collect();
    let actors: Vec<_> = new.iter().map(|new| Json(&new.actor)).collect();
    client
        .query(
            &statements.insert_artifacts,
            &[
                &new[0].tenant.0,
                &of(|new| new.id.as_str()),
                &of(|new| text_of(&new.spec.session_id)),
                &of(|new| text_of(&new.spec.namespace)),
                &of(|new| text_of(&new.spec.user_id)),
                &of(|new| text_of(&new.spec.agent_id)),
                &of(|new| new.spec.filename.as_str()),
                &of(|new| new.content_type.as_str()),
                &sizes,
                &hashes,
                &metadata,
                &objects,
                &ttls,
                &of(|new| new.spec.title.as_str()),
                &of(|new| new.spec.kind.as_str()),
                &of(|new| new.spec.language.as_str()),
                &of(|new| new.spec.change_summary.as_str()),
                &of(|new| new.spec.stage.as_str()),
                &labels,
                &inputs,
                &persistent,
                &actors,
            ],
        )
        .await
}

/// Records the result of each commit under its key.
async fn finish_keys(
    client: &Connection,
    statements: &Statements,
    new: &[NewArtifact],
    placed: &[Placed],
) -> Result<(), PgError> {
    let done: Vec<(_, Value)> = new
        .iter()
        .zip(placed)
        .filter_map(|(new, placed)| {
            let result = json!({"artifact_id": new.id.as_str(), "origin": placed.origin});
            new.claim.as_ref().map(|claim| (claim, result))
        })
        .collect();
    if done.is_empty() {
        return Ok(());
    }
    statements.keys.finish(client, new[0].tenant, &done).await
}

/// Every statement of a batched commit, prepared on one connection. Lookups for each commit are subqueries that no plan
/// can turn into a join, which would read all files of a tenant if the planner assumes that there are few.
struct Statements {
    keys: idempotency::Statements,
    quotas: quotas::Statements,
    lock_sessions: Statement,
    enter_sessions: Statement,
    closed: Statement,
    duplicates: Statement,
    visible: Statement,
    take_versions: Statement,
    store_objects: Statement,
    insert_artifacts: Statement,
}

impl Statements {
    async fn prepare(client: &Connection) -> Result<Self, PgError> {
        let visible = format!(
            "SELECT a.id FROM artifacts a WHERE a.tenant_id = $1 AND a.id = ANY ($2) AND {VISIBLE}"
        );
        let stored = stored("");
        let insert_artifacts = format!(
            "WITH new AS (
                 SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::bigint[], $10::bytea[], $11::jsonb[], $12::uuid[], $13::float8[], $14::text[],
                     $15::text[], $16::text[], $17::text[], $18::text[], $19::jsonb[], $20::jsonb[], $21::boolean[],
                     $22::jsonb[])
                 WITH ORDINALITY AS new (id, session_id, namespace, user_id, agent_id, filename, content_type,
                     size_bytes, sha256, metadata, object_id, ttl_ms, title, kind, language, change_summary, stage,
                     labels, inputs, persistent, actor, number)
             ), audited AS (
                 INSERT INTO audit (tenant_id, operation, resource, result, actor)
                 SELECT $1, 'CreateArtifact', id, 'OK', actor FROM new
             ), described AS (
                 INSERT INTO artifact_metadata (tenant_id, key, value, created_at, artifact_id)
                 SELECT $1, pair.key, pair.value, now(), id FROM new, jsonb_each_text(metadata) pair
             ), labelled AS (
                 INSERT INTO artifact_labels (tenant_id, label, created_at, artifact_id)
                 SELECT $1, label, now(), id FROM new, jsonb_array_elements_text(labels) label
             ), touched AS (
                 {TOUCHED} AND id = ANY ($3)
                     FOR NO KEY UPDATE SKIP LOCKED) idle
                 WHERE s.tenant_id = idle.tenant_id AND s.id = idle.id
             ), derived AS (
                 INSERT INTO artifact_inputs (tenant_id, input_id, artifact_id)
                 SELECT $1, input, id FROM new, jsonb_array_elements_text(inputs) input
             )
             INSERT INTO artifacts AS a (tenant_id, {stored}, version, expires_at, session_held)
             SELECT $1, n.id, nullif(n.session_id, ''), n.namespace, n.user_id, n.agent_id, n.filename,
                 n.content_type, n.size_bytes, n.sha256, n.metadata, n.object_id,
                 n.title, n.kind, n.language, n.change_summary, n.stage,
                 ARRAY(SELECT jsonb_array_elements_text(n.labels)), ARRAY(SELECT jsonb_array_elements_text(n.inputs)),
                 n.persistent,
                 f.last_version - count(*) OVER of_file + row_number() OVER (of_file ORDER BY n.number),
                 now() + n.ttl_ms * interval '1 ms', coalesce(s.held, false)
             FROM new n
                 CROSS JOIN LATERAL (SELECT last_version FROM filenames
                     WHERE tenant_id = $1 AND session_id = n.session_id AND filename COLLATE \"C\" = n.filename
                         AND user_id = n.user_id AND namespace = n.namespace LIMIT 1) f
                 LEFT JOIN LATERAL (SELECT held FROM sessions WHERE tenant_id = $1 AND id = n.session_id LIMIT 1) s
                     ON true
             WINDOW of_file AS (PARTITION BY n.session_id, n.filename, n.user_id, n.namespace)
             RETURNING {COLUMNS}"
        );
        Ok(Self {
            keys: idempotency::Statements::prepare(client).await?,
            quotas: quotas::Statements::prepare(client).await?,
            lock_sessions: client
                .prepare("SELECT bool_and(pg_try_advisory_xact_lock_shared(key)) FROM unnest($1::bigint[]) key")
                .await?,
            enter_sessions: client
                .prepare(
                    "INSERT INTO sessions (tenant_id, id) SELECT $1, id FROM unnest($2::text[]) id
                     ON CONFLICT DO NOTHING",
                )
                .await?,
            closed: client.prepare(CLOSED).await?,
            duplicates: client
                .prepare(
                    "SELECT o.id, content.sha256, content.size_bytes
                     FROM unnest($2::bytea[], $3::bigint[]) content (sha256, size_bytes)
                         CROSS JOIN LATERAL (SELECT id FROM objects
                             WHERE tenant_id = $1 AND sha256 = content.sha256 AND size_bytes = content.size_bytes
                                 AND state = 'live' FOR KEY SHARE) o",
                )
                .await?,
            visible: client.prepare(&visible).await?,
            take_versions: client
                .prepare(
                    "INSERT INTO filenames AS f
                         (tenant_id, session_id, filename, user_id, namespace, last_version)
                     SELECT $1, session_id, filename, user_id, namespace, count(*)
                     FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
                         new (session_id, filename, user_id, namespace)
                     GROUP BY session_id, filename, user_id, namespace
                     ORDER BY session_id, filename, user_id, namespace
                     ON CONFLICT (tenant_id, session_id, filename, user_id, namespace)
                     DO UPDATE SET last_version = f.last_version + excluded.last_version",
                )
                .await?,
            store_objects: client
                .prepare(
                    "INSERT INTO objects (tenant_id, id, state, sha256, size_bytes, inline_data, crc32)
                     SELECT $1, id, 'live', sha256, size_bytes, inline_data, crc32
                     FROM unnest($2::uuid[], $3::bytea[], $4::bigint[], $5::bytea[], $6::integer[])
                         own (id, sha256, size_bytes, inline_data, crc32)",
                )
                .await?,
            insert_artifacts: client.prepare(&insert_artifacts).await?,
        })
    }
}
