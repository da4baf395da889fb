//! Whatever is accepted is returned by every read as it was written: random values at their extremes in every field of
//! every request.
//!
//! The values are the same each time. `PROPTEST_CASES` gives more cases and `PROPTEST_RNG_SEED` others. The seed of a
//! failing case goes into tests/api/extremes/seeds.txt, which is played first the next time.

use std::{collections::BTreeSet, env};

use cairn_proto::v1::{
    Artifact, ArtifactName, ArtifactSpec, ArtifactStage, BatchCreateArtifactsRequest,
    BatchGetArtifactsRequest, CommitSessionRequest, CopyArtifactRequest, CreateArtifactRequest,
    CreateLinkRequest, DeleteArtifactRequest, DeleteArtifactsRequest, DeleteSessionRequest,
    DownloadArtifactsRequest, FinishUploadRequest, GetArtifactRequest, GetLineageRequest,
    GetLinkRequest, GetSessionRequest, LineageDirection, Link, ListLinksRequest,
    ListManifestRequest, ListSessionsRequest, ListStageChangesRequest, RestoreArtifactsRequest,
    RevokeLinkRequest, SealSessionRequest, SetLegalHoldRequest, SetSessionLegalHoldRequest,
    SetStageRequest, StartUploadRequest, UpdateArtifactRequest, UpdateSessionRequest, UploadEnd,
    download_artifacts_response,
};
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestError, TestRunner};
use prost_types::FieldMask;

use super::{
    coverage::{Sent, Specification},
    drawn::{Case, Update, Way, cases},
    every_read,
    expected::{assert_same, is_as_given, lists, name_of, only},
    is_relative, started,
};
use harness::{Cairn, Client, content, spec};

const CASES: u32 = 40;

/// Requests that only read, what the harness sends, and requests about keys and tokens, which `access` tests.
const NOTHING_WRITTEN: [&str; 49] = [
    "AbortUploadRequest",
    "ArtifactFilter",
    "BatchGetArtifactsRequest",
    "CancelJobRequest",
    "Content",
    "CreateDownloadUrlRequest",
    "CreateKeyRequest",
    "CreateTokenRequest",
    "DiffVersionsRequest",
    "DownloadArtifactRequest",
    "DownloadArtifactsRequest",
    "EditArtifactRequest",
    "FindMissingContentRequest",
    "GetArtifactRequest",
    "GetJobRequest",
    "GetLineageRequest",
    "GetLinkRequest",
    "GetSessionRequest",
    "GetUploadRequest",
    "GetUsageRequest",
    "GrepArtifactRequest",
    "GrepQuery",
    "GrepSessionRequest",
    "Limit",
    "ListArtifactsRequest",
    "ListAuditRequest",
    "ListJobsRequest",
    "ListLinksRequest",
    "ListManifestRequest",
    "ListSessionsRequest",
    "ListStageChangesRequest",
    "ListTodosRequest",
    "ListUploadsRequest",
    "ListVersionsRequest",
    "Narrowing",
    "PreviewArtifactRequest",
    "PresignUploadPartsRequest",
    "ReadBytesRequest",
    "ReadLinesRequest",
    "ReplaceLines",
    "ReplaceText",
    "RevokeKeyRequest",
    "RotateKeyRequest",
    "UploadArtifactRequest",
    "UploadEnd",
    "UploadPosition",
    "WatchSessionRequest",
    "WatchSessionsRequest",
    "WriteUploadRequest",
];

/// The calls that return artifacts. Each is made here, so a new one must be added to the reads.
const READS: [&str; 14] = [
    "BatchCreateArtifacts",
    "BatchGetArtifacts",
    "CopyArtifact",
    "CreateArtifact",
    "DownloadArtifact",
    "DownloadArtifacts",
    "EditArtifact",
    "FinishUpload",
    "GetArtifact",
    "ListArtifacts",
    "ListVersions",
    "UpdateArtifact",
    "WatchSession",
    "WatchSessions",
];
/// By the harness.
const UPLOAD: &str = "UploadArtifact";

#[test]
fn whatever_is_accepted_is_read_by_every_read() {
    let answering = Specification::read().calls_that_answer("Artifact");
    let known = READS.iter().chain([&UPLOAD]).map(|call| (*call).to_owned());
    assert_eq!(answering, known.collect::<BTreeSet<_>>());

    let mut config = Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/api/extremes/seeds.txt"
        )))),
        max_shrink_iters: 60,
        ..Config::default()
    };
    if env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(1);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let cairn = runtime.block_on(started());
    let sent = Sent::nothing();
    let outcome = TestRunner::new(config).run(&cases(), |case| {
        runtime.block_on(write_and_read(&cairn, &sent, case));
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Abort(why)) => panic!("{why}"),
        Err(TestError::Fail(why, case)) => panic!("{why} for {case:#?}"),
    }
    assert_eq!(
        sent.missing(&NOTHING_WRITTEN),
        Vec::<String>::new(),
        "draw these fields and read them back"
    );
}

/// One tenant's life.
async fn write_and_read(cairn: &Cairn, sent: &Sent, case: Case) {
    let client = cairn
        .client_of(&format!("t{:x}", rand::random::<u64>()))
        .await;
    let life = Life {
        client: &client,
        sent,
    };
    let mut inputs = Vec::new();
    // The source of a copy is one of the inputs.
    let most = if matches!(case.way, Way::Copy) {
        63
    } else {
        64
    };
    for name in 0..case.inputs.min(most) {
        let input = client.create(spec(&format!("input-{name}")), "").await;
        inputs.push(input.unwrap().artifact_id);
    }
    let given = ArtifactSpec {
        inputs,
        ..case.spec.clone()
    };
    let bytes = content(case.content);
    if !given.session_id.is_empty() && case.update.persistent {
        life.session_first(&given.session_id).await;
    }
    let made = life.make(case.way, given.clone(), bytes.clone()).await;
    is_as_given(&given, &made);
    life.reads(&made, &bytes).await;
    let changed = life.change(&made, &case.update).await;
    life.reads(&changed, &bytes).await;
    life.link(&made, case.link).await;
    life.todos(&changed).await;
    life.hold_and_delete(&changed).await;
    life.bulk(&changed).await;
    if !made.session_id.is_empty() {
        life.session(&made, case.session).await;
    }
}

/// A client, and what it has sent.
pub(super) struct Life<'a> {
    pub(super) client: &'a Client,
    pub(super) sent: &'a Sent,
}

impl Life<'_> {
    async fn make(&self, way: Way, given: ArtifactSpec, bytes: Vec<u8>) -> Artifact {
        let mut artifacts = self.client.artifacts.clone();
        let declared = ArtifactSpec {
            size_bytes: Some(bytes.len() as i64),
            content_hash: cairn_store::ContentHash::of(&bytes).to_string(),
            ..given.clone()
        };
        match way {
            Way::Create => {
                let request = self.sent.note(CreateArtifactRequest {
                    spec: Some(declared),
                    content: bytes.into(),
                    preview_bytes: 300,
                });
                let made = artifacts.create_artifact(request.clone()).await;
                let made = made.unwrap().into_inner().artifact.unwrap();
                let again = artifacts.create_artifact(request).await.unwrap();
                let again = again.into_inner().artifact.unwrap();
                assert_eq!(again.artifact_id, made.artifact_id, "under the same key");
                made
            }
            Way::Batch => {
                let request = self.sent.note(BatchCreateArtifactsRequest {
                    requests: vec![CreateArtifactRequest {
                        spec: Some(declared),
                        content: bytes.into(),
                        preview_bytes: 0,
                    }],
                });
                let made = artifacts.batch_create_artifacts(request).await.unwrap();
                only(made.into_inner().outcomes)
            }
            Way::Upload => self.client.upload(declared, bytes).await.unwrap(),
            Way::Resumable => {
                let end = UploadEnd {
                    content_hash: declared.content_hash.clone(),
                    size_bytes: declared.size_bytes,
                };
                let (metadata, labels) = (declared.metadata.clone(), declared.labels.clone());
                let (stage, mut spec) = (declared.stage, declared);
                // With it, content that is there needs no upload.
                spec.content_hash.clear();
                spec.metadata.clear();
                spec.labels.clear();
                spec.stage = ArtifactStage::Unspecified.into();
                let request = self.sent.note(StartUploadRequest { spec: Some(spec) });
                let mut uploads = self.client.uploads.clone();
                let open = uploads.start_upload(request).await.unwrap();
                let upload_id = open.into_inner().upload.unwrap().upload_id;
                let written = self.client.write_upload(&upload_id, 0, bytes).await;
                written.unwrap();
                let request = self.sent.note(FinishUploadRequest {
                    upload_id,
                    end: Some(end),
                    metadata,
                    labels,
                    stage,
                });
                let made = uploads.finish_upload(request).await.unwrap();
                made.into_inner().artifact.unwrap()
            }
            Way::Copy => {
                let source = self.client.create(spec("source"), bytes).await.unwrap();
                let (artifact_id, name) = self.one_of(given.title.is_empty(), &source);
                let request = self.sent.note(CopyArtifactRequest {
                    artifact_id,
                    name,
                    spec: Some(given),
                });
                let made = artifacts.copy_artifact(request).await.unwrap();
                made.into_inner().artifact.unwrap()
            }
            Way::Commit => {
                let session_id = match given.session_id.as_str() {
                    "" => return self.client.create(declared, bytes).await.unwrap(),
                    session => session.to_owned(),
                };
                let request = self.sent.note(CreateArtifactRequest {
                    spec: Some(ArtifactSpec {
                        unpublished: true,
                        ..declared
                    }),
                    content: bytes.into(),
                    preview_bytes: 0,
                });
                let made = artifacts.create_artifact(request).await.unwrap();
                let id = made.into_inner().artifact.unwrap().artifact_id;
                let commit = self.sent.note(CommitSessionRequest {
                    session_id,
                    artifact_ids: vec![id.clone()],
                    idempotency_key: format!("commit {id}"),
                    ..CommitSessionRequest::default()
                });
                let mut sessions = self.client.sessions.clone();
                sessions.commit_session(commit).await.unwrap();
                self.client.get(&id).await.unwrap()
            }
        }
    }

    /// The name of an artifact in a request: its id, or its name and version.
    fn one_of(&self, by_name: bool, artifact: &Artifact) -> (String, Option<ArtifactName>) {
        if by_name {
            (String::new(), Some(name_of(artifact)))
        } else {
            (artifact.artifact_id.clone(), None)
        }
    }

    /// By every read and by every filter.
    async fn reads(&self, made: &Artifact, bytes: &[u8]) {
        let as_read = self.client.get(&made.artifact_id).await.unwrap();
        every_read(self.client, &as_read).await;
        assert_same(made, &as_read);
        let content = self.client.download(&made.artifact_id).await.unwrap();
        assert!(content == bytes);
        let mut artifacts = self.client.artifacts.clone();
        let name = name_of(made);
        let request = GetArtifactRequest {
            name: Some(name.clone()),
            ..GetArtifactRequest::default()
        };
        let named = artifacts.get_artifact(request).await.unwrap();
        assert_eq!(named.into_inner().artifact.unwrap(), as_read);
        let request = BatchGetArtifactsRequest {
            artifact_ids: vec![made.artifact_id.clone()],
            ..BatchGetArtifactsRequest::default()
        };
        let batch = artifacts.batch_get_artifacts(request).await.unwrap();
        assert_eq!(only(batch.into_inner().outcomes), as_read);
        let request = DownloadArtifactsRequest {
            artifact_ids: vec![made.artifact_id.clone()],
        };
        let download = artifacts.download_artifacts(request).await.unwrap();
        let first = download.into_inner().message().await.unwrap().unwrap();
        let expected = download_artifacts_response::Message::Artifact(as_read.clone());
        assert_eq!(first.message, Some(expected));
        for request in lists(made) {
            let listed = artifacts.list_artifacts(request.clone()).await.unwrap();
            let listed = listed.into_inner().artifacts;
            assert!(listed.contains(&as_read), "{request:?}");
        }
        for input in &made.inputs {
            let request = GetLineageRequest {
                artifact_id: input.clone(),
                direction: LineageDirection::Outputs.into(),
                ..GetLineageRequest::default()
            };
            let outputs = artifacts.get_lineage(request).await.unwrap().into_inner();
            let known = &outputs.artifacts;
            assert!(known.iter().any(|known| is_relative(known, &as_read)));
        }
    }

    async fn change(&self, made: &Artifact, update: &Update) -> Artifact {
        let mut artifacts = self.client.artifacts.clone();
        let [first, second] = update.stages;
        let (artifact_id, name) = self.one_of(update.title.is_empty(), made);
        let request = self.sent.note(UpdateArtifactRequest {
            artifact_id,
            name,
            update_mask: Some(FieldMask {
                paths: [
                    "title",
                    "metadata",
                    "labels",
                    "stage",
                    "expiry",
                    "persistent",
                ]
                .map(str::to_owned)
                .into(),
            }),
            title: update.title.clone(),
            metadata: update.metadata.clone(),
            labels: update.labels.clone(),
            stage: first.into(),
            expiry: Some(update.expiry),
            etag: made.etag.clone(),
            agent_id: update.agent_id.clone(),
            persistent: update.persistent,
            idempotency_key: format!("update {}", made.artifact_id),
        });
        let changed = artifacts.update_artifact(request).await.unwrap();
        let changed = changed.into_inner().artifact.unwrap();
        assert_eq!(changed.title, update.title);
        assert_eq!(changed.metadata, update.metadata);
        assert_eq!(changed.labels, update.labels);
        assert_eq!(changed.stage(), first);
        assert_eq!(changed.persistent, update.persistent);
        let set = self.sent.note(SetStageRequest {
            stage: second.into(),
            artifact_ids: vec![made.artifact_id.clone()],
            agent_id: update.agent_id.clone(),
            idempotency_key: format!("stage {}", made.artifact_id),
            ..SetStageRequest::default()
        });
        artifacts.set_stage(set).await.unwrap();
        let request = ListStageChangesRequest {
            artifact_id: made.artifact_id.clone(),
            ..ListStageChangesRequest::default()
        };
        let changes = artifacts.list_stage_changes(request).await.unwrap();
        let told = changes.into_inner().changes;
        let told: Vec<_> = told
            .iter()
            .map(|change| (change.from_stage(), change.to_stage(), &change.agent_id))
            .collect();
        let stages = [made.stage(), first, second];
        let expected = stages.windows(2).filter(|pair| pair[0] != pair[1]);
        let mut expected: Vec<_> = expected
            .map(|pair| (pair[0], pair[1], &update.agent_id))
            .collect();
        if told.first() != expected.first() {
            expected.reverse();
        }
        assert_eq!(told, expected);
        self.client.get(&made.artifact_id).await.unwrap()
    }

    async fn link(&self, made: &Artifact, expires_in: prost_types::Duration) {
        let mut links = self.client.links.clone();
        if !made.session_id.is_empty() {
            let folder = made
                .filename
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            let request = self.sent.note(CreateLinkRequest {
                expires_in: Some(expires_in),
                session_id: made.session_id.clone(),
                folder: folder.to_owned(),
                ..CreateLinkRequest::default()
            });
            let link = links.create_link(request).await.unwrap();
            let link = link.into_inner().link.unwrap();
            assert_eq!(link.session_id, made.session_id);
            assert_eq!(link.folder.trim_end_matches('/'), folder);
            let of_session = ListLinksRequest {
                session_id: made.session_id.clone(),
                ..ListLinksRequest::default()
            };
            let listed = links.list_links(of_session).await.unwrap();
            assert_eq!(listed.into_inner().links, [link]);
        }
        for by_name in [false, true] {
            let (artifact_id, name) = self.one_of(by_name, made);
            let request = self.sent.note(CreateLinkRequest {
                artifact_id,
                name,
                expires_in: Some(expires_in),
                idempotency_key: format!("link {by_name}"),
                max_downloads: 1_000_000_000,
                password: "x".repeat(128),
                session_id: String::new(),
                folder: String::new(),
            });
            let link = links.create_link(request).await.unwrap();
            let link: Link = link.into_inner().link.unwrap();
            let request = GetLinkRequest {
                link_id: link.link_id.clone(),
            };
            let got = links.get_link(request).await.unwrap().into_inner().link;
            assert_eq!(got.as_ref(), Some(&link));
            let listed = links.list_links(ListLinksRequest::default()).await;
            assert!(listed.unwrap().into_inner().links.contains(&link));
            let revoke = self.sent.note(RevokeLinkRequest {
                link_id: link.link_id,
                idempotency_key: format!("revoke {by_name}"),
            });
            links.revoke_link(revoke).await.unwrap();
        }
    }

    async fn hold_and_delete(&self, made: &Artifact) {
        let mut artifacts = self.client.artifacts.clone();
        let ids = vec![made.artifact_id.clone()];
        for legal_hold in [true, false] {
            let hold = self.sent.note(SetLegalHoldRequest {
                artifact_ids: ids.clone(),
                legal_hold,
                idempotency_key: format!("hold {legal_hold}"),
                ..SetLegalHoldRequest::default()
            });
            artifacts.set_legal_hold(hold).await.unwrap();
            let held = self.client.get(&made.artifact_id).await.unwrap();
            assert_eq!(held.legal_hold, legal_hold);
        }
        for by_name in [None, Some(false), Some(true)] {
            if let Some(by_name) = by_name {
                let (artifact_id, name) = self.one_of(by_name, made);
                let delete = self.sent.note(DeleteArtifactRequest {
                    artifact_id,
                    name,
                    idempotency_key: format!("{by_name:x<256}"),
                    ..DeleteArtifactRequest::default()
                });
                artifacts.delete_artifact(delete).await.unwrap();
            } else {
                let ask = self.sent.note(DeleteArtifactsRequest {
                    artifact_ids: ids.clone(),
                    validate_only: true,
                    ..DeleteArtifactsRequest::default()
                });
                artifacts.delete_artifacts(ask).await.unwrap();
                let delete = self.sent.note(DeleteArtifactsRequest {
                    artifact_ids: ids.clone(),
                    idempotency_key: "delete".into(),
                    ..DeleteArtifactsRequest::default()
                });
                artifacts.delete_artifacts(delete).await.unwrap();
            }
            let restore = self.sent.note(RestoreArtifactsRequest {
                artifact_ids: ids.clone(),
                idempotency_key: format!("restore {by_name:?}"),
                ..RestoreArtifactsRequest::default()
            });
            artifacts.restore_artifacts(restore).await.unwrap();
            self.client.get(&made.artifact_id).await.unwrap();
        }
    }

    async fn session(&self, made: &Artifact, words: (String, Vec<String>)) {
        let mut sessions = self.client.sessions.clone();
        let session_id = made.session_id.clone();
        let (display_name, labels) = words;
        let update = self.sent.note(UpdateSessionRequest {
            session_id: session_id.clone(),
            update_mask: Some(FieldMask {
                paths: vec!["display_name".into(), "labels".into()],
            }),
            display_name: display_name.clone(),
            labels: labels.clone(),
            idempotency_key: "update session".into(),
            ..UpdateSessionRequest::default()
        });
        let updated = sessions.update_session(update).await.unwrap();
        let updated = updated.into_inner().session.unwrap();
        assert_eq!(
            (&updated.display_name, &updated.labels),
            (&display_name, &labels)
        );
        for legal_hold in [true, false] {
            let hold = self.sent.note(SetSessionLegalHoldRequest {
                session_id: session_id.clone(),
                legal_hold,
                idempotency_key: format!("hold session {legal_hold}"),
            });
            sessions.set_session_legal_hold(hold).await.unwrap();
        }
        let sealed = if display_name.is_empty() {
            let commit = self.sent.note(CommitSessionRequest {
                session_id: session_id.clone(),
                seal: true,
                idempotency_key: "commit and seal".into(),
                ..CommitSessionRequest::default()
            });
            let sealed = sessions.commit_session(commit).await.unwrap();
            sealed.into_inner().session
        } else {
            let seal = self.sent.note(SealSessionRequest {
                session_id: session_id.clone(),
                idempotency_key: "seal".into(),
            });
            let sealed = sessions.seal_session(seal).await.unwrap();
            sealed.into_inner().session
        };
        let sealed = sealed.unwrap();
        let request = GetSessionRequest {
            session_id: session_id.clone(),
        };
        let got = sessions.get_session(request).await.unwrap().into_inner();
        assert_eq!(got.session.unwrap(), sealed);
        let request = ListSessionsRequest {
            labels: labels.into_iter().take(8).collect(),
            ..ListSessionsRequest::default()
        };
        let listed = sessions.list_sessions(request).await.unwrap().into_inner();
        assert!(listed.sessions.contains(&sealed));
        let request = ListManifestRequest {
            session_id: session_id.clone(),
            ..ListManifestRequest::default()
        };
        let manifest = sessions.list_manifest(request).await.unwrap().into_inner();
        let entry = &manifest.entries[0];
        assert_eq!(
            (&entry.filename, &entry.artifact_id, &entry.content_hash),
            (&made.filename, &made.artifact_id, &made.content_hash)
        );
        let delete = self.sent.note(DeleteSessionRequest {
            session_id: session_id.clone(),
            idempotency_key: "delete session".into(),
        });
        let job = sessions.delete_session(delete).await.unwrap().into_inner();
        assert_eq!(job.job.unwrap().session_id, session_id);
    }
}
