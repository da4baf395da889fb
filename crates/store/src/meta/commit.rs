//! The commit of an artifact (T2 of the protocol): the one transaction in which content becomes an artifact.
//!
//! Locks are taken in one order everywhere: idempotency key, session, resumable upload, own staging object, live
//! duplicate, the tenant's quota, filename, artifact. What a lock protects is read in a later statement than the one that took it, because only
//! then does READ COMMITTED show what the previous holder did. There are two flights, whatever the outcome: one locks
//! and reads, one writes and commits.

mod conditions;
mod insert;
mod new;
mod statements;
pub(crate) mod together;

use std::time::Duration;

use futures_util::join;
use serde_json::json;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use conditions::{current_version, hold_against, missing_inputs, take_version};
use insert::insert_artifact;
pub(crate) use new::{Attempt, Failure, NewArtifact, Outcome, Payload};
use statements::Statements;

use super::{
    Meta, artifact_row, artifacts,
    connection::Connection,
    error::{PgError, from_pg},
    row::at,
    sessions::{Closed, lock_key},
    time::millis,
};
use crate::model::{
    artifact::{Artifact, Created, Origin, State},
    error::{Error, Result},
    quota::LockMode,
};

/// How often the transaction is tried before its conflicts count as UNAVAILABLE.
const ATTEMPTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// Commits, exactly once however often a connection is lost: the artifact's id is the same in every attempt, so an
/// attempt whose answer was lost is found.
#[tracing::instrument(target = "postgres", name = "commit.commit", skip_all)]
pub(crate) async fn commit(meta: &Meta, new: &NewArtifact, first: Attempt) -> Result<Outcome> {
    let mut pause = FIRST_PAUSE;
    let mut last = None;
    let mut mode = LockMode::of(new.size);
    for _ in 0..ATTEMPTS {
        let repeated = last.is_some() || first == Attempt::InDoubt;
        match attempt(meta, new, repeated, mode).await {
            Ok(outcome) => return Ok(outcome),
            Err(Failure::Final(e)) => return Err(e),
            Err(Failure::Repeat(e)) => last = Some(e),
            Err(Failure::Crowded) => {
                mode = LockMode::Exclusive;
                continue;
            }
        }
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.5))).await;
        pause *= 2;
    }
    Err(last.map_or_else(|| Error::internal("no attempt was made"), from_pg))
}

async fn attempt(
    meta: &Meta,
    new: &NewArtifact,
    repeated: bool,
    mode: LockMode,
) -> Result<Outcome, Failure> {
    let client = meta.client().await.map_err(Failure::Final)?;
    if repeated && let Some(created) = committed_before(&client, new).await? {
        return Ok(Outcome::Created(created));
    }
    let statements = Statements::prepare(&client).await?;
    match run(&client, &statements, new, mode).await {
        Ok(RunOutcome::Committed(row, origin)) => created(&row, new, origin).map(Outcome::Created),
        Ok(RunOutcome::Existing(artifact)) => Ok(Outcome::Existing(artifact)),
        Ok(RunOutcome::Refused(outcome)) => {
            client.roll_back().await?;
            Ok(outcome)
        }
        Ok(RunOutcome::NoLongerStaging) => {
            let earlier = committed_before(&client, new).await?;
            client.roll_back().await?;
            Ok(earlier.map_or(Outcome::Lost, Outcome::Created))
        }
        Err(e) => Err(e), // the connection is rolled back where it is dropped
    }
}

enum RunOutcome {
    Committed(Row, Origin),
    Existing(Box<Artifact>),
    Refused(Outcome),
    NoLongerStaging,
}

async fn run(
    client: &Connection,
    statements: &Statements,
    new: &NewArtifact,
    mode: LockMode,
) -> Result<RunOutcome, Failure> {
    let tenant = &new.tenant.0;
    let own = &new.object.0;
    let size = i64::try_from(new.size).unwrap_or(i64::MAX);
    let (hash, crc32) = (new.hash.as_bytes(), new.stored_crc32());
    let staged = matches!(new.payload, Payload::Staged);

    // Each statement of a flight is its own future, so all are sent at the first poll, in this order. Flight one: lock
    // and read.
    let session = new.spec.session_id.as_ref().map(|id| id.as_str());
    let (begun, record, locked, entered, closed, open, own_row, duplicate, missing, quota, current) = join!(
        client.begin(),
        async {
            let Some(claim) = &new.claim else {
                return Ok(None);
            };
            statements.keys.claim(client, new.tenant, claim).await
        },
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
                return Ok::<_, PgError>(None);
            };
            let row = client
                .query_opt(&statements.closed, &[tenant, &[session].as_slice()])
                .await?;
            let closed = row.as_ref().map(Closed::read).transpose()?;
            Ok(closed.map(|(_, closed)| closed))
        },
        is_open(client, statements, new),
        async {
            if !staged {
                return Ok(None);
            }
            client.query_opt(&statements.lock_own, &[tenant, own]).await
        },
        async {
            let lock = match new.payload {
                Payload::Existing => &statements.lock_readable,
                Payload::Inline(_) | Payload::Staged => &statements.lock_duplicate,
            };
            client.query_opt(lock, &[tenant, &hash, &size]).await
        },
        missing_inputs(client, statements, new),
        statements
            .quotas
            .enter(client, new.tenant, mode, new.has_quota),
        current_version(client, statements, new),
    );
    begun?;
    let record = record?;
    if let Some(claim) = &new.claim
        && !record
            .as_ref()
            .is_some_and(|record| record.is_claimed_by(claim.owner))
    {
        return Ok(RunOutcome::Refused(Outcome::KeyTaken(record)));
    }
    locked?;
    entered?;
    if let Some(closed) = closed? {
        return Ok(RunOutcome::Refused(Outcome::Closed(closed)));
    }
    let open = open?;
    if !open || (own_row?.is_none() && staged) {
        return Ok(RunOutcome::NoLongerStaging);
    }
    let duplicate: Option<Uuid> = duplicate?
        .map(|row| at(&row, 0))
        .transpose()
        .map_err(PgError::from)?;
    if duplicate.is_none() && matches!(new.payload, Payload::Existing) {
        return Ok(RunOutcome::Refused(Outcome::ContentMissing));
    }
    let missing = missing?;
    if !missing.is_empty() {
        return Ok(RunOutcome::Refused(Outcome::InputsMissing(missing)));
    }
    // In the order of sending: after a failed statement, the later ones only repeat the failure.
    let quota = quota?;
    match hold_against(new, current?).map_err(Failure::Final)? {
        None => {}
        Some(Outcome::Existing(artifact)) => {
            let (settled, finished, committed) = join!(
                async {
                    match staged {
                        true => condemn_own(client, statements, new).await,
                        false => Ok(0),
                    }
                },
                finish(
                    client,
                    statements,
                    new,
                    artifact.id.as_str(),
                    Origin::Existing
                ),
                client.commit()
            );
            settled?;
            finished?;
            committed?;
            return Ok(RunOutcome::Existing(artifact));
        }
        Some(refusal) => return Ok(RunOutcome::Refused(refusal)),
    }
    if let Some(quota) = quota.map(|quota| quota.without(new.reserved)) {
        if mode == LockMode::Shared && !quota.has_room_for_all() {
            return Err(Failure::Crowded);
        }
        if let Err(exceeded) = quota.admit(1, new.size) {
            return Ok(RunOutcome::Refused(Outcome::OverQuota(exceeded)));
        }
    }
    let origin = if duplicate.is_some() {
        Origin::Deduplicated
    } else {
        Origin::New
    };

    // Flight two: number the version, settle the object, write the artifact, record it under the key, commit.
    let (named, settled, row, finished, committed) = join!(
        take_version(client, statements, new),
        async {
            match (&new.payload, duplicate.is_some()) {
                (Payload::Inline(_), true) | (Payload::Existing, _) => Ok(0),
                (Payload::Inline(content), false) => {
                    let insert = &statements.insert_inline;
                    let content: &[u8] = content;
                    client
                        .execute(insert, &[tenant, own, &hash, &size, &content, &crc32])
                        .await
                }
                (Payload::Staged, true) => condemn_own(client, statements, new).await,
                (Payload::Staged, false) => {
                    client
                        .execute(
                            &statements.promote_own,
                            &[tenant, own, &hash, &size, &crc32],
                        )
                        .await
                }
            }
        },
        async {
            let object = duplicate.as_ref().unwrap_or(own);
            insert_artifact(client, statements, new, object).await
        },
        finish(client, statements, new, new.id.as_str(), origin),
        client.commit(),
    );
    named?;
    settled?;
    let row = row?;
    finished?;
    committed?;
    Ok(RunOutcome::Committed(row, origin))
}

/// Locks the resumable upload, if any; false: it has ended.
async fn is_open(
    client: &Connection,
    statements: &Statements,
    new: &NewArtifact,
) -> Result<bool, PgError> {
    let Some(upload) = &new.upload else {
        return Ok(true);
    };
    let parameters: [&(dyn ToSql + Sync); 2] = [&new.tenant.0, &upload.as_str()];
    let row = client.query_opt(&statements.lock_upload, &parameters);
    let row = row.await?;
    let made = row.map(|row| at::<Option<&str>>(&row, 0).map(|made| made.is_none()));
    Ok(made.transpose().map_err(PgError::from)?.unwrap_or(false))
}

/// Gives the own bytes up. The hash goes into the row anyway: it shows that the upload itself was complete.
async fn condemn_own(
    client: &Connection,
    statements: &Statements,
    new: &NewArtifact,
) -> Result<u64, PgError> {
    let size = i64::try_from(new.size).unwrap_or(i64::MAX);
    let (hash, grace) = (new.hash.as_bytes(), millis(new.grace));
    let parameters: [&(dyn ToSql + Sync); 5] = [&new.tenant.0, &new.object.0, &hash, &size, &grace];
    client.execute(&statements.condemn_own, &parameters).await
}

/// Records the write's result under the key and for the resumable upload, if any.
async fn finish(
    client: &Connection,
    statements: &Statements,
    new: &NewArtifact,
    id: &str,
    origin: Origin,
) -> Result<(), PgError> {
    if let Some(claim) = &new.claim {
        let done = [(claim, json!({"artifact_id": id, "origin": origin}))];
        statements.keys.finish(client, new.tenant, &done).await?;
    }
    if let Some(upload) = &new.upload {
        let parameters: [&(dyn ToSql + Sync); 3] = [&new.tenant.0, &upload.as_str(), &id];
        client.execute(&statements.end_upload, &parameters).await?;
    }
    Ok(())
}

/// The artifact, if an earlier attempt was committed and its answer lost.
async fn committed_before(
    client: &Connection,
    new: &NewArtifact,
) -> Result<Option<Box<Created>>, Failure> {
    match artifacts::committed(client, new.tenant, new.id.as_str()).await? {
        None => Ok(None),
        Some((row, object)) if object == new.object.0 => created(&row, new, Origin::New).map(Some),
        Some((row, _)) => created(&row, new, Origin::Deduplicated).map(Some),
    }
}

fn created(row: &Row, new: &NewArtifact, origin: Origin) -> Result<Box<Created>, Failure> {
    let artifact = artifact_row::read(row).map_err(Failure::Final)?;
    Ok(Box::new(Created {
        artifact,
        origin,
        state: if new.spec.unpublished {
            State::Unpublished
        } else {
            State::Visible
        },
    }))
}
