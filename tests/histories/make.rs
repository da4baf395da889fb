//! Makes a call to a store.

use std::time::Duration;

use bytes::Bytes;
use cairn_store::{
    ArtifactRef, ArtifactSpec, ArtifactUpdate, Bulk, BulkDeleted, Caller, Created, Error, Expiry,
    FileName, Finish, GcConfig, IdempotencyKey, JobState, OnDuplicate, Origin, PartsWanted,
    RawName, RawSelection, RawSpec, RawUpdate, Result, Selection, Store, ToPublish, UploadState,
    gc::{Collector, Pass, Policy},
};

use super::{
    call::{
        Answer, CONFLICT, Call, DELETED, EXPIRED, Follows, HELD, INVALID, MISMATCH, MISSING,
        Matching, NO_SUCH_SESSION, NOT_FOUND, Sent, Spec, TOO_LATE, Ttl,
    },
    contents, hashes,
};
use harness::{eventually, put_to};

/// The answer to a call, and the id of the artifact that it was to create, if any.
pub(super) struct Outcome {
    pub(super) answer: Answer,
    pub(super) made: Option<String>,
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        let made = None;
        Self { answer, made }
    }
}

impl From<Created> for Outcome {
    fn from(created: Created) -> Self {
        let id = created.artifact.id.to_string();
        let existing = created.origin == Origin::Existing;
        Self {
            answer: Answer::Made {
                origin: created.origin,
                state: created.state,
                version: created.artifact.version,
                existing: existing.then(|| id.clone()),
            },
            made: Some(id),
        }
    }
}

/// Makes the call.
pub(super) async fn make(
    store: &Store,
    caller: &Caller,
    call: &Call<String>,
    key: &str,
) -> Outcome {
    // On the heap, as all steps are: together their states are more than the stack of a test holds.
    match Box::pin(try_to(store, caller, call, key)).await {
        Ok(outcome) => outcome,
        Err(e) => Answer::Refused(reason(&e)).into(),
    }
}

async fn try_to(store: &Store, caller: &Caller, call: &Call<String>, key: &str) -> Result<Outcome> {
    let once = IdempotencyKey::optional(key.to_owned()).unwrap();
    let once = once.as_ref();
    Ok(match call {
        Call::Create {
            spec,
            content,
            sent,
        } => {
            let created = create(store, caller, raw(spec, key), *content, *sent);
            created.await?.into()
        }
        Call::Copy { source, spec } => {
            let source = ArtifactRef::new(source, None)?;
            let copied = store.copy_artifact(caller, &source, raw(spec, key));
            copied.await?.into()
        }
        Call::Publish { session, ids, seal } => {
            let wanted = ToPublish::new(ids.clone(), *seal)?;
            let published = store.commit_session(caller, session, &wanted, once);
            let (published, _) = published.await?;
            let each = published
                .into_iter()
                .map(|one| (one.artifact_id, one.version));
            Answer::Published(each.collect()).into()
        }
        Call::Seal(session) => {
            store.seal_session(caller, session, once).await?;
            Answer::Session.into()
        }
        Call::Read(id) => {
            let id = ArtifactRef::new(id, None)?;
            let mut reading = store.open_artifact(caller, &id).await?.read(0, None);
            let mut bytes = Vec::new();
            while let Some(piece) = reading.next().await? {
                bytes.extend_from_slice(&piece);
            }
            let place = contents().iter().position(|content| *content == bytes);
            Answer::Bytes(place.expect("bytes that were sent")).into()
        }
        Call::Update { id, ttl, stage } => {
            let update = ArtifactUpdate::new(RawUpdate {
                stage: Some((*stage).to_owned()),
                expiry: ttl.map(Ttl::expiry),
                ..RawUpdate::default()
            })?;
            let id = ArtifactRef::new(id, None)?;
            let updated = store.update_artifact(caller, &id, &update, once).await?;
            let (version, stage) = (updated.version, updated.stage.as_str());
            Answer::Updated { version, stage }.into()
        }
        Call::Delete(id) => {
            let id = ArtifactRef::new(id, None)?;
            store.delete_artifact(caller, &id, once).await?;
            Answer::Deleted.into()
        }
        Call::DeleteFile(file) => {
            let name = RawName {
                filename: file.name.to_owned(),
                session_id: file.session.to_owned(),
                ..RawName::default()
            };
            let name = FileName::new("name", name)?;
            let deleted = store.delete_file(caller, &name, once).await?;
            deleted_many(deleted)
        }
        Call::DeleteSession(session) => {
            let job = store.delete_session(caller, session, once).await?;
            // Nothing else happens in a history until the job has done it. A crashed worker may hold its row for a
            // moment.
            let id = job.id.to_string();
            eventually("the job has ended", async || {
                Collector::new(store.clone(), GcConfig::default())
                    .run_passes(Policy::default(), Pass::named("jobs"))
                    .await;
                let job = store.get_job(caller, &id).await;
                job.is_ok_and(|job| job.state == JobState::Succeeded)
            })
            .await;
            let job = store.get_job(caller, &id).await?;
            Answer::SessionDeleted {
                count: job.done_count,
                bytes: job.size_bytes,
                held: job.held_count,
            }
            .into()
        }
        Call::DeleteThese(ids) => {
            let these = Selection::ids(ids.clone()).map(Selection::Ids)?;
            delete(store, caller, &these, once).await?
        }
        Call::DeleteMatching(matching) => {
            let filter = match matching {
                Matching::Session(id) => format!("session_id = {id}"),
                Matching::Filename(name) => format!("filename = {name}"),
                Matching::Stage(stage) => format!("stage = {stage}"),
            };
            let matching = Selection::new(RawSelection {
                expression: filter,
                ..RawSelection::default()
            })?;
            delete(store, caller, &matching, once).await?
        }
        Call::Restore(ids) => {
            let ids = Selection::ids(ids.clone()).map(Selection::Ids)?;
            let restored = store.restore_artifacts(caller, &ids, once).await?;
            Answer::Restored {
                count: restored.restored,
                not_restored: restored.not_restored.into_iter().collect(),
            }
            .into()
        }
        Call::Hold { ids, hold } => {
            let ids = Selection::ids(ids.clone()).map(Selection::Ids)?;
            let set = store.set_legal_hold(caller, &ids, *hold, once).await?;
            let Bulk::Done(set) = set else {
                panic!("they are few");
            };
            Answer::Held {
                changed: set.changed,
                missing: set.missing.into_iter().collect(),
            }
            .into()
        }
        Call::HoldSession { session, hold } => {
            let set = store.set_session_legal_hold(caller, session, *hold, once);
            set.await?;
            Answer::Session.into()
        }
    })
}

async fn create(
    store: &Store,
    caller: &Caller,
    mut raw: RawSpec,
    content: usize,
    sent: Sent,
) -> Result<Created> {
    let bytes = contents()[content].clone();
    let hash = |content: usize| hashes()[content % hashes().len()].clone();
    match sent {
        Sent::Whole | Sent::AsStream => {}
        Sent::InPieces | Sent::ToUrls => {
            raw.size_bytes = Some(bytes.len() as i64);
            return upload(store, caller, raw, bytes, sent).await;
        }
        Sent::Not | Sent::IfMissing => {
            raw.content_hash = hash(content);
            raw.size_bytes = Some(bytes.len() as i64);
        }
        Sent::Misdeclared => raw.content_hash = hash(content + 1),
    }
    let spec = ArtifactSpec::new(raw)?;
    let whole = match sent {
        Sent::Not => Some(Default::default()),
        Sent::Whole | Sent::Misdeclared => {
            Some(bytes.clone()).filter(|bytes| bytes.len() <= Store::CREATE_MAX_BYTES)
        }
        _ => None,
    };
    if let Some(whole) = whole {
        return store.create_artifact(caller, spec, whole).await;
    }
    let mut upload = store.begin_upload(caller, spec).await?;
    if let Some(created) = upload.finish_early().await? {
        return Ok(created);
    }
    upload.write(bytes).await?;
    upload.finish(cairn_store::UploadEnd::default()).await
}

/// Continues the upload of this key where it is.
async fn upload(
    store: &Store,
    caller: &Caller,
    raw: RawSpec,
    bytes: Bytes,
    sent: Sent,
) -> Result<Created> {
    let opened = store.start_upload(caller, raw).await?;
    let id = opened.id.as_str();
    let is_open = opened.state == UploadState::Open;
    match sent {
        Sent::ToUrls if is_open && !bytes.is_empty() => {
            let all = PartsWanted::new(0, 0, None)?;
            let signed = store.presign_upload_parts(caller, id, all).await?;
            for part in signed.parts {
                let start = part.offset as usize;
                let part_bytes = bytes.slice(start..start + part.size_bytes as usize);
                assert_eq!(put_to(&part.url, part_bytes).await, 200);
            }
        }
        Sent::InPieces if is_open => {
            let half = bytes.len() / 2;
            let mut at = opened.committed_bytes;
            while (at as usize) < bytes.len() {
                let start = at as usize;
                let end = if start < half { half } else { bytes.len() };
                let mut writer = store.write_upload(caller, id, at).await?;
                writer.write(bytes.slice(start..end)).await?;
                at = writer.pause().await?.committed_bytes;
            }
        }
        _ => {}
    }
    store.finish_upload(caller, id, Finish::default()).await
}

async fn delete(
    store: &Store,
    caller: &Caller,
    selected: &Selection,
    key: Option<&IdempotencyKey>,
) -> Result<Outcome> {
    let deleted = store.delete_artifacts(caller, selected, false, key).await?;
    Ok(deleted_many(deleted))
}

fn deleted_many(deleted: Bulk<BulkDeleted>) -> Outcome {
    let Bulk::Done(deleted) = deleted else {
        panic!("they are few");
    };
    Answer::DeletedMany {
        count: deleted.count,
        bytes: deleted.bytes,
        not_deleted: deleted.not_deleted.into_iter().collect(),
    }
    .into()
}

fn raw(spec: &Spec, key: &str) -> RawSpec {
    RawSpec {
        filename: spec.file.name.to_owned(),
        content_type: String::new(),
        session_id: spec.file.session.to_owned(),
        namespace: String::new(),
        user_id: String::new(),
        agent_id: String::new(),
        metadata: vec![],
        expiry: spec.ttl.expiry(),
        content_hash: String::new(),
        size_bytes: None,
        title: String::new(),
        kind: String::new(),
        language: String::new(),
        change_summary: String::new(),
        stage: String::new(),
        labels: vec![],
        inputs: vec![],
        if_version: match spec.follows {
            Follows::Version(version) => Some(version),
            _ => None,
        },
        on_duplicate: if spec.return_existing {
            OnDuplicate::ReturnExisting
        } else {
            OnDuplicate::CreateNew
        },
        idempotency_key: key.to_owned(),
        unpublished: spec.unpublished,
        persistent: spec.persistent,
    }
}

impl Ttl {
    fn expiry(self) -> Expiry {
        match self {
            Self::Short => Expiry::After(Duration::from_secs(3600)),
            Self::Long => Expiry::Default,
            Self::Never => Expiry::Never,
        }
    }
}

pub(super) fn reason(error: &Error) -> String {
    let name = match error {
        Error::ArtifactNotFound(_) => NOT_FOUND,
        Error::ArtifactExpired { .. } => EXPIRED,
        Error::ArtifactDeleted { .. } => DELETED,
        Error::SessionNotFound(_) => NO_SUCH_SESSION,
        Error::SessionSealed { .. } => TOO_LATE,
        Error::LegalHold(_) => HELD,
        Error::VersionConflict { .. } => CONFLICT,
        Error::ContentMismatch { .. } => MISMATCH,
        Error::ContentMissing(_) => MISSING,
        Error::Invalid(_) => INVALID,
        other => return cairn_store::describe(other),
    };
    name.to_owned()
}
