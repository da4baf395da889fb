//! Creates artifacts in every possible way.

use std::{sync::Arc, time::Instant};

use cairn_proto::v1::{
    Artifact, ArtifactName, ArtifactSpec, BatchCreateArtifactsRequest, CopyArtifactRequest,
    CreateArtifactRequest, GetArtifactRequest, ItemError, UploadArtifactRequest, UploadEnd,
    UploadState, artifact_outcome::Outcome, artifact_spec::Expiry,
    upload_artifact_request::Message,
};
use rand::RngExt;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{
    caller::{Caller, Heard},
    contents::Content,
    journal::{Life, Record},
    tally::Broken,
};
use harness::{Client, part_of, put_to};

/// How the content reaches the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Create,
    /// With others that clients send at the same time.
    Batch,
    Upload,
    /// In several writes, each of which may be lost with its process.
    Resume,
    /// As parts that are put straight into S3.
    Presign,
    /// Only its hash is sent.
    Declare,
    /// By the id of an artifact that has it.
    Copy,
}

impl Way {
    fn operation(self) -> &'static str {
        match self {
            Self::Create => "operation: create",
            Self::Batch => "operation: create in a batch",
            Self::Upload => "operation: upload",
            Self::Resume => "operation: upload in several writes",
            Self::Presign => "operation: upload to signed URLs",
            Self::Declare => "operation: create by hash",
            Self::Copy => "operation: copy",
        }
    }
}

impl Caller {
    pub(super) async fn create(&mut self, way: Way) {
        let pool = Arc::clone(&self.world);
        let content = match way {
            Way::Upload | Way::Resume | Way::Presign if self.rng.random_bool(0.02) => {
                pool.pool.large(&mut self.rng)
            }
            _ => pool.pool.any(&mut self.rng),
        };
        let mut spec = self.spec();
        if self.rng.random_bool(0.15) {
            self.as_a_version(&mut spec).await;
        }
        self.make(way, spec, content, String::new()).await;
    }

    pub(super) async fn copy(&mut self) {
        let Some(source) = self.own_with(|record| record.life == Life::Live) else {
            return;
        };
        let spec = self.spec();
        self.make(Way::Copy, spec, source.content, source.id).await;
    }

    /// A spec that may belong to a session, have a time to live, or be unpublished.
    fn spec(&mut self) -> ArtifactSpec {
        let title = self.fresh();
        let mut spec = ArtifactSpec {
            filename: title.clone(),
            idempotency_key: title.clone(),
            title,
            ..ArtifactSpec::default()
        };
        if self.rng.random_bool(0.6) {
            spec.session_id = self.any_session();
            spec.unpublished = self.rng.random_bool(0.2);
        }
        if !spec.unpublished && self.rng.random_bool(0.1) {
            spec.expiry = Some(Expiry::Ttl(prost_types::Duration {
                seconds: self.rng.random_range(1..6),
                nanos: 0,
            }));
        }
        spec
    }

    /// Mostly an open session; sometimes a sealed one, which must accept nothing.
    pub(super) fn any_session(&mut self) -> String {
        let entries = self.world.journal.entries();
        let sealed = entries.sealed.len();
        if sealed > 0 && self.rng.random_bool(0.05) {
            return entries.sealed[self.rng.random_range(..sealed)].clone();
        }
        entries.open[self.rng.random_range(..entries.open.len())].clone()
    }

    /// A file with many writers, if its latest version is still the one that was seen.
    async fn as_a_version(&mut self, spec: &mut ArtifactSpec) {
        spec.filename = format!("shared-{}", self.rng.random_range(0..3));
        let name = ArtifactName {
            filename: spec.filename.clone(),
            session_id: spec.session_id.clone(),
            ..ArtifactName::default()
        };
        let request = GetArtifactRequest {
            name: Some(name),
            ..GetArtifactRequest::default()
        };
        let get = self.ask("operation: get by name", async |mut client: Client| {
            let response = client.artifacts.get_artifact(request.clone()).await;
            Ok(response?.into_inner().artifact.unwrap())
        });
        spec.if_version = match get.await {
            Heard::Answer(artifact) => Some(artifact.version),
            Heard::Refused { .. } => Some(0),
        };
    }

    pub(super) async fn make(
        &mut self,
        way: Way,
        mut spec: ArtifactSpec,
        content: Arc<Content>,
        source: String,
    ) -> Option<String> {
        if way == Way::Declare {
            spec.content_hash = content.hash.clone();
        }
        if matches!(way, Way::Declare | Way::Presign) {
            spec.size_bytes = Some(content.bytes.len() as i64);
        }
        let asked = Instant::now();
        let call = async |client: Client| send(client, way, &spec, &content, &source).await;
        let made = match self.ask(way.operation(), call).await {
            Heard::Answer(made) => made,
            Heard::Refused { reason, doubtful } => {
                self.not_made(&spec, &reason, doubtful);
                return None;
            }
        };
        if made.content_hash != content.hash || made.title != spec.title {
            let words = format!("{} was asked for, {made:?} was made", spec.title);
            self.tally().broken(Broken::Other, words);
        }
        let id = made.artifact_id.clone();
        self.note(&spec, &content, made, asked);
        self.own.push(id.clone());
        if self.rng.random_bool(0.1) {
            self.hear_again(&id, way, call).await;
        }
        Some(id)
    }

    fn not_made(&mut self, spec: &ArtifactSpec, reason: &str, doubtful: bool) {
        let expected = [
            "SESSION_SEALED",
            "VERSION_CONFLICT",
            "CONTENT_MISSING",
            "ARTIFACT_NOT_FOUND",
            "ARTIFACT_EXPIRED",
            "ARTIFACT_DELETED",
        ];
        if !expected.contains(&reason) && reason != "NONE" {
            let words = format!("{} was refused: {reason}", spec.title);
            self.tally().broken(Broken::Other, words);
        }
        let mut entries = self.world.journal.entries();
        if doubtful {
            let session = entries.sessions.entry(spec.session_id.clone()).or_default();
            session.doubtful = true;
        } else {
            entries.refused.insert(spec.title.clone());
        }
    }

    fn note(
        &mut self,
        spec: &ArtifactSpec,
        content: &Arc<Content>,
        made: Artifact,
        asked: Instant,
    ) {
        let mut entries = self.world.journal.entries();
        let sealed = entries.sessions.get(&spec.session_id);
        if let Some(sealed) = sealed.and_then(|session| session.sealed)
            && asked > sealed
        {
            let words = format!("{made:?} came into a session that had been sealed");
            self.tally().broken(Broken::Seal, words);
        }
        if !spec.unpublished {
            let name = (spec.session_id.clone(), spec.filename.clone(), made.version);
            let id = made.artifact_id.clone();
            if let Some(other) = entries.versions.insert(name, id)
                && other != made.artifact_id
            {
                let words = format!("{other} and {made:?} have the same version");
                self.tally().broken(Broken::Once, words);
            }
            if spec.if_version.is_some_and(|seen| made.version <= seen) {
                let words = format!("{made:?} is no later version than {:?}", spec.if_version);
                self.tally().broken(Broken::Once, words);
            }
        }
        let mortal = spec.expiry.is_some();
        let record = Record {
            id: made.artifact_id.clone(),
            title: spec.title.clone(),
            content: Arc::clone(content),
            session: spec.session_id.clone(),
            filename: spec.filename.clone(),
            version: made.version,
            life: match (spec.unpublished, mortal) {
                (true, _) => Life::Unpublished,
                (false, true) => Life::Mortal,
                (false, false) => Life::Live,
            },
            held: false,
            asked,
            end_asked: mortal.then_some(asked),
            end_answered: None,
            restored: false,
            limited: mortal,
        };
        entries.records.insert(made.artifact_id, record);
    }

    /// Repeats a call with the same key, like a client that lost the answer.
    async fn hear_again(
        &mut self,
        id: &str,
        way: Way,
        call: impl AsyncFn(Client) -> Result<Artifact, Status>,
    ) {
        let again = self.ask("operation: the same again", call).await;
        let life = self.world.journal.record(id).map(|record| record.life);
        match again {
            Heard::Answer(again) if again.artifact_id == id => {
                self.tally().add("check: same answer to the same key")
            }
            Heard::Refused { reason, .. } if life != Some(Life::Live) => {
                self.tally().say(&format!("{id} again: {reason}"));
            }
            other => {
                let words = format!("{way:?} was answered {id} and then {other:?}");
                self.tally().broken(Broken::Once, words);
            }
        }
    }
}

async fn send(
    client: Client,
    way: Way,
    spec: &ArtifactSpec,
    content: &Content,
    source: &str,
) -> Result<Artifact, Status> {
    let mut artifacts = client.artifacts.clone();
    let made = match way {
        Way::Create | Way::Declare => {
            let request = CreateArtifactRequest {
                spec: Some(spec.clone()),
                content: if way == Way::Create {
                    content.bytes.clone()
                } else {
                    bytes::Bytes::new()
                },
                preview_bytes: 0,
            };
            artifacts
                .create_artifact(request)
                .await?
                .into_inner()
                .artifact
        }
        Way::Batch => {
            let request = BatchCreateArtifactsRequest {
                requests: vec![CreateArtifactRequest {
                    spec: Some(spec.clone()),
                    content: content.bytes.clone(),
                    preview_bytes: 0,
                }],
            };
            let made = artifacts
                .batch_create_artifacts(request)
                .await?
                .into_inner();
            match made.outcomes.into_iter().next().and_then(|it| it.outcome) {
                Some(Outcome::Artifact(artifact)) => Some(artifact),
                Some(Outcome::Error(error)) => return Err(status(error)),
                None => None,
            }
        }
        Way::Upload => {
            let mut messages = vec![Message::Spec(spec.clone())];
            let mut rest = content.bytes.clone();
            while !rest.is_empty() {
                messages.push(Message::Data(rest.split_to(rest.len().min(256 << 10))));
            }
            messages.push(Message::End(UploadEnd::default()));
            let messages = messages.into_iter().map(|message| UploadArtifactRequest {
                message: Some(message),
            });
            let sent = artifacts.upload_artifact(tokio_stream::iter(messages));
            sent.await?.into_inner().artifact
        }
        Way::Resume => Some(resume(&client, spec, content).await?),
        Way::Presign => Some(put_parts(&client, spec, content).await?),
        Way::Copy => {
            let request = CopyArtifactRequest {
                artifact_id: source.to_owned(),
                name: None,
                spec: Some(spec.clone()),
            };
            artifacts
                .copy_artifact(request)
                .await?
                .into_inner()
                .artifact
        }
    };
    Ok(made.unwrap())
}

/// Continues the upload of this key where it is, in writes of a third.
async fn resume(
    client: &Client,
    spec: &ArtifactSpec,
    content: &Content,
) -> Result<Artifact, Status> {
    let mut upload = client.start_upload(spec.clone()).await?;
    let bytes = &content.bytes;
    let third = bytes.len() / 3 + 1;
    loop {
        let at = upload.committed_bytes as usize;
        if at >= bytes.len() || upload.state() != UploadState::Open {
            return client.finish_upload(&upload.upload_id).await;
        }
        let piece = bytes.slice(at..bytes.len().min(at + third));
        let written = client.write_upload(&upload.upload_id, at as i64, piece);
        upload = match written.await {
            Ok(upload) => upload,
            // What an earlier attempt sent was stored meanwhile.
            Err(status) if status.code() == Code::OutOfRange => {
                client.get_upload(&upload.upload_id).await?
            }
            Err(status) => return Err(status),
        };
    }
}

/// Puts every part of the upload of this key, and finishes it.
async fn put_parts(
    client: &Client,
    spec: &ArtifactSpec,
    content: &Content,
) -> Result<Artifact, Status> {
    let upload = client.start_upload(spec.clone()).await?;
    if upload.state() == UploadState::Open && !content.bytes.is_empty() {
        for part in client.presign(&upload.upload_id).await? {
            let bytes = content.bytes.slice_ref(part_of(&content.bytes, &part));
            // S3 may be down, or an earlier attempt may have combined the parts: the end tells.
            put_to(&part.url, bytes).await;
        }
    }
    client.finish_upload(&upload.upload_id).await
}

/// The error that a call of its own would have.
fn status(error: ItemError) -> Status {
    let info = ErrorDetails::with_error_info(error.reason, "cairn.dev", error.metadata);
    Status::with_error_details(error.code.into(), error.message, info)
}
