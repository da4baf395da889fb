//! No read finds unpublished artifacts until the session's commit publishes all of them at once, or none.

use std::time::Duration;

use cairn_proto::v1::{
    Artifact, ArtifactName, ArtifactSpec, ArtifactState, CommitSessionRequest,
    CommitSessionResponse, GetArtifactRequest, GetSessionRequest, LineageDirection,
    ListArtifactsRequest, ListManifestRequest, Session, SetSessionLegalHoldRequest,
};
use tonic::{Code, Status};

use harness::{Bytes, Cairn, Client, Setup, content, refused, session_spec};

fn unpublished(filename: &str) -> ArtifactSpec {
    ArtifactSpec {
        unpublished: true,
        ..session_spec(filename, "run")
    }
}

fn commit_all() -> CommitSessionRequest {
    CommitSessionRequest {
        session_id: "run".into(),
        ..CommitSessionRequest::default()
    }
}

fn commit_of(artifacts: &[&Artifact]) -> CommitSessionRequest {
    CommitSessionRequest {
        artifact_ids: artifacts.iter().map(|a| a.artifact_id.clone()).collect(),
        ..commit_all()
    }
}

async fn commit(
    client: &Client,
    request: CommitSessionRequest,
) -> Result<CommitSessionResponse, Status> {
    let response = client.sessions.clone().commit_session(request).await?;
    Ok(response.into_inner())
}

async fn session(client: &Client) -> Session {
    let request = GetSessionRequest {
        session_id: "run".into(),
    };
    let response = client.sessions.clone().get_session(request).await.unwrap();
    response.into_inner().session.unwrap()
}

/// The filenames and versions of a list.
async fn listed(client: &Client) -> Vec<(String, i64)> {
    let request = ListArtifactsRequest::default();
    let response = client.artifacts.clone().list_artifacts(request).await;
    let artifacts = response.unwrap().into_inner().artifacts.into_iter();
    let mut files: Vec<_> = artifacts.map(|a| (a.filename, a.version)).collect();
    files.sort();
    files
}

fn named(files: &[(&str, i64)]) -> Vec<(String, i64)> {
    files.iter().map(|(f, v)| ((*f).to_owned(), *v)).collect()
}

/// No read finds unpublished artifacts, and the first read after the commit finds all of them.
#[tokio::test]
async fn unpublished_is_invisible_until_the_commit() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let data = client
        .upload(unpublished("data.csv"), content(100_000))
        .await
        .unwrap();
    let report = ArtifactSpec {
        inputs: vec![data.artifact_id.clone()],
        labels: vec!["q3".into()],
        metadata: [("model".to_owned(), "m1".to_owned())].into(),
        ..unpublished("report.md")
    };
    let report = client.create(report, "# Q3").await.unwrap();
    for made in [&data, &report] {
        assert_eq!(made.state(), ArtifactState::Unpublished);
        assert_eq!(made.version, 0);
        assert!(made.expires_at.is_some(), "it says when it is discarded");
        let by_id = refused(client.get(&made.artifact_id).await);
        assert_eq!(by_id.reason, "ARTIFACT_NOT_FOUND");
        let read = refused(client.download(&made.artifact_id).await);
        assert_eq!(read.reason, "ARTIFACT_NOT_FOUND");
        let link = refused(client.link(&made.artifact_id).await);
        assert_eq!(link.reason, "ARTIFACT_NOT_FOUND");
        let name = ArtifactName {
            filename: made.filename.clone(),
            session_id: "run".into(),
            ..ArtifactName::default()
        };
        let by_name = GetArtifactRequest {
            name: Some(name),
            ..GetArtifactRequest::default()
        };
        let by_name = refused(client.artifacts.clone().get_artifact(by_name).await);
        assert_eq!(by_name.reason, "ARTIFACT_NOT_FOUND");
    }
    assert!(listed(client).await.is_empty());
    let before = session(client).await;
    assert_eq!((before.artifact_count, before.unpublished_count), (0, 2));

    let committed = commit(client, commit_of(&[&report, &data])).await.unwrap();
    let published = committed.artifacts.iter();
    let published: Vec<_> = published
        .map(|one| (one.artifact_id.as_str(), one.filename.as_str(), one.version))
        .collect();
    assert_eq!(
        published,
        [
            (data.artifact_id.as_str(), "data.csv", 1),
            (report.artifact_id.as_str(), "report.md", 1)
        ]
    );
    let after = committed.session.unwrap();
    assert_eq!((after.artifact_count, after.unpublished_count), (2, 0));
    assert_eq!(
        listed(client).await,
        named(&[("data.csv", 1), ("report.md", 1)])
    );
    let now = client.get(&report.artifact_id).await.unwrap();
    assert_eq!(now.state(), ArtifactState::Visible);
    assert_eq!((now.inputs, now.labels), (report.inputs, report.labels));
    assert_eq!(now.metadata, report.metadata);
    assert!(
        now.expires_at.unwrap().seconds > now.created_at.unwrap().seconds + 29 * 86_400,
        "its time to live begins when it is published"
    );
    let content = client.download(&data.artifact_id).await.unwrap();
    assert_eq!(content.len(), 100_000);
    let by_side_tables = ListArtifactsRequest {
        labels: vec!["q3".into()],
        metadata: [("model".to_owned(), "m1".to_owned())].into(),
        ..ListArtifactsRequest::default()
    };
    let found = client
        .artifacts
        .clone()
        .list_artifacts(by_side_tables)
        .await;
    assert_eq!(found.unwrap().into_inner().artifacts.len(), 1);
    let lineage = cairn_proto::v1::GetLineageRequest {
        artifact_id: data.artifact_id.clone(),
        direction: LineageDirection::Outputs.into(),
        ..Default::default()
    };
    let lineage = client.artifacts.clone().get_lineage(lineage).await;
    assert_eq!(lineage.unwrap().into_inner().derivations.len(), 1);
}

/// The commit assigns versions in the order in which the artifacts were made.
#[tokio::test]
async fn commit_assigns_versions_in_order_of_creation() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let plain = || session_spec("a", "run");
    client.create(plain(), "1").await.unwrap();
    let second = client.create(unpublished("a"), "3").await.unwrap();
    client.create(unpublished("b"), "b").await.unwrap();
    let third = client.create(unpublished("a"), "4").await.unwrap();
    let between = client.create(plain(), "2").await.unwrap();
    assert_eq!(between.version, 2, "what is unpublished takes no version");
    let committed = commit(client, commit_all()).await.unwrap();
    let versions: Vec<_> = committed.artifacts.iter().map(|one| one.version).collect();
    assert_eq!(versions, [3, 1, 4]);
    for (made, version, bytes) in [(second, 3, b"3"), (third, 4, b"4")] {
        assert_eq!(
            client.get(&made.artifact_id).await.unwrap().version,
            version
        );
        assert_eq!(client.download(&made.artifact_id).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_commit_that_cannot_publish_everything_publishes_nothing() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let base = client
        .create(session_spec("plan", "run"), "1")
        .await
        .unwrap();
    let expecting = ArtifactSpec {
        if_version: Some(1),
        ..unpublished("plan")
    };
    let other = client.create(unpublished("notes"), "n").await.unwrap();
    let plan = client.create(expecting.clone(), "2").await.unwrap();
    client
        .create(session_spec("plan", "run"), "between")
        .await
        .unwrap();
    let early = refused(client.create(expecting, "3").await);
    assert_eq!(early.reason, "VERSION_CONFLICT");

    let conflict = refused(commit(client, commit_all()).await);
    assert_eq!(
        (conflict.code, conflict.reason.as_str()),
        (Code::Aborted, "VERSION_CONFLICT")
    );
    assert_eq!(conflict.metadata["filename"], "plan");
    assert_eq!(conflict.metadata["current_version"], "2");
    assert_eq!(session(client).await.unpublished_count, 2);
    assert_eq!(listed(client).await, named(&[("plan", 1), ("plan", 2)]));

    let missing = refused(commit(client, commit_of(&[&other, &base])).await);
    assert_eq!(missing.reason, "ARTIFACT_NOT_FOUND");
    assert_eq!(missing.metadata["artifact_id"], base.artifact_id);
    assert_eq!(session(client).await.unpublished_count, 2);

    commit(client, commit_of(&[&other])).await.unwrap();
    client.delete(&plan.artifact_id).await.unwrap();
    assert_eq!(session(client).await.unpublished_count, 0);
    let gone = refused(commit(client, commit_of(&[&plan])).await);
    assert_eq!(gone.reason, "ARTIFACT_NOT_FOUND");
    assert_eq!(
        listed(client).await,
        named(&[("notes", 1), ("plan", 1), ("plan", 2)])
    );
}

/// Two artifacts that expect the same version of a file cannot be published together.
#[tokio::test]
async fn conflicting_if_versions_cannot_be_published() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let first_of_its_name = ArtifactSpec {
        if_version: Some(0),
        ..unpublished("a")
    };
    let one = client.create(first_of_its_name.clone(), "1").await.unwrap();
    client.create(first_of_its_name, "2").await.unwrap();
    let refusal = refused(commit(client, commit_all()).await);
    assert_eq!(refusal.fields, ["artifact_ids"]);
    commit(client, commit_of(&[&one])).await.unwrap();
    let late = refused(commit(client, commit_all()).await);
    assert_eq!(late.reason, "VERSION_CONFLICT");
}

/// Unpublished inputs must be published with the artifacts that were made from them.
#[tokio::test]
async fn unpublished_inputs_are_published_together() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let data = client.create(unpublished("data"), "d").await.unwrap();
    let made_from = |input: &Artifact| ArtifactSpec {
        inputs: vec![input.artifact_id.clone()],
        ..unpublished("report")
    };
    let report = client.create(made_from(&data), "r").await.unwrap();
    let visible_now = ArtifactSpec {
        unpublished: false,
        ..made_from(&data)
    };
    let refusal = refused(client.create(visible_now, "r").await);
    assert_eq!(refusal.fields, ["spec.inputs"]);
    let elsewhere = ArtifactSpec {
        session_id: "other".into(),
        ..made_from(&data)
    };
    let refusal = refused(client.create(elsewhere, "r").await);
    assert_eq!(refusal.fields, ["spec.inputs"]);

    let alone = refused(commit(client, commit_of(&[&report])).await);
    assert_eq!(alone.fields, ["artifact_ids"]);
    assert!(alone.message.contains(&data.artifact_id));
    commit(client, commit_all()).await.unwrap();
}

/// A commit that seals leaves exactly what was published and what existed before.
#[tokio::test]
async fn sealing_commit_leaves_exactly_the_published() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    client
        .create(session_spec("there", "run"), "1")
        .await
        .unwrap();
    let published = client.create(unpublished("published"), "2").await.unwrap();
    let left = client.create(unpublished("left"), "3").await.unwrap();
    let sealing = CommitSessionRequest {
        seal: true,
        ..commit_of(&[&published])
    };
    let sealed = commit(client, sealing).await.unwrap().session.unwrap();
    assert!(sealed.sealed_at.is_some());
    assert!(sealed.manifest_hash.starts_with("sha256:"));
    assert_eq!(sealed.artifact_count, 2);
    let late = refused(commit(client, commit_of(&[&left])).await);
    assert_eq!(
        (late.code, late.reason.as_str()),
        (Code::FailedPrecondition, "SESSION_SEALED")
    );
    let late = refused(client.create(unpublished("late"), "4").await);
    assert_eq!(late.reason, "SESSION_SEALED");
    assert_eq!(
        listed(client).await,
        named(&[("published", 1), ("there", 1)])
    );
}

#[tokio::test]
async fn commits_and_seals_at_the_same_time_all_or_nothing() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    for round in 0..20 {
        let id = format!("run-{round}");
        let mut sets = Vec::new();
        for set in 0..4 {
            let mut ids = Vec::new();
            for file in ["a", "b", "c"] {
                let spec = ArtifactSpec {
                    unpublished: true,
                    ..session_spec(file, &id)
                };
                let made = client.create(spec, format!("{set}")).await.unwrap();
                ids.push(made.artifact_id);
            }
            sets.push(ids);
        }
        let commits = sets.iter().enumerate().map(|(set, ids)| {
            let request = CommitSessionRequest {
                session_id: id.clone(),
                artifact_ids: ids.clone(),
                seal: set == 3,
                ..CommitSessionRequest::default()
            };
            commit(client, request)
        });
        let answers = futures_util::future::join_all(commits).await;
        for (ids, answer) in sets.iter().zip(&answers) {
            let mut visible = 0;
            for id in ids {
                visible += i32::from(client.get(id).await.is_ok());
            }
            match answer {
                Ok(_) => assert_eq!(visible, 3),
                Err(status) => {
                    assert_eq!(visible, 0, "{status:?}");
                    assert_eq!(status.code(), Code::FailedPrecondition);
                }
            }
        }
        assert!(answers[3].is_ok(), "somebody seals");
        let manifest = ListManifestRequest {
            session_id: id,
            page_size: 200,
            ..ListManifestRequest::default()
        };
        let manifest = client.sessions.clone().list_manifest(manifest).await;
        let published = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(manifest.unwrap().into_inner().entries.len(), 3 * published);
    }
}

/// A commit under a key returns the first response again, even when the session is sealed.
#[tokio::test]
async fn retried_commit_is_answered_after_the_seal() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let keyed = ArtifactSpec {
        idempotency_key: "make a".into(),
        ..unpublished("a")
    };
    let made = client.create(keyed.clone(), "1").await.unwrap();
    let again = client.create(keyed.clone(), "1").await.unwrap();
    assert_eq!(again.artifact_id, made.artifact_id);
    assert_eq!(again.state(), ArtifactState::Unpublished);
    let request = CommitSessionRequest {
        seal: true,
        idempotency_key: "commit".into(),
        ..commit_of(&[&made])
    };
    let first = commit(client, request.clone()).await.unwrap();
    let second = commit(client, request).await.unwrap();
    assert_eq!(first, second);
    let published = client.create(keyed, "1").await.unwrap();
    assert_eq!(
        (published.artifact_id, published.version),
        (made.artifact_id, 1)
    );
}

#[tokio::test]
async fn what_is_never_published_is_discarded_with_its_bytes() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let keyed = ArtifactSpec {
        idempotency_key: "make a".into(),
        ..unpublished("a")
    };
    let made = client
        .upload(keyed.clone(), content(100_000))
        .await
        .unwrap();
    let discarded = client
        .upload(unpublished("b"), content(100_001))
        .await
        .unwrap();
    cairn.collect().await;
    assert_eq!(cairn.stored().await.len(), 2, "they wait");
    client.delete(&discarded.artifact_id).await.unwrap();
    let twice = refused(client.delete(&discarded.artifact_id).await);
    assert_eq!(twice.reason, "ARTIFACT_NOT_FOUND");
    cairn
        .sql("UPDATE pending_artifacts SET discard_at = now()")
        .await;
    let late = refused(commit(client, commit_of(&[&made])).await);
    assert_eq!(late.reason, "ARTIFACT_NOT_FOUND");
    let again = refused(client.upload(keyed, content(100_000)).await);
    assert_eq!(again.reason, "ARTIFACT_NOT_FOUND");
    assert_eq!(cairn.collect().await.count("unpublished"), 1);
    cairn.collect_everything().await;
    assert!(cairn.stored().await.is_empty());
}

/// Shared bytes stay as long as one unpublished artifact needs them.
#[tokio::test]
async fn shared_bytes_stay_while_an_unpublished_needs_them() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let bytes = content(100_000);
    let visible = client
        .upload(session_spec("a", "run"), bytes.clone())
        .await
        .unwrap();
    let waiting = client
        .upload(unpublished("b"), bytes.clone())
        .await
        .unwrap();
    assert!(waiting.deduplicated);
    client.delete(&visible.artifact_id).await.unwrap();
    cairn
        .sql("UPDATE artifacts SET purge_after = now(); UPDATE objects SET next_attempt_at = now()")
        .await;
    let report = cairn.collect().await;
    assert_eq!(
        (report.count("purged"), report.count("condemned")),
        (1, 0),
        "{report:?}"
    );
    assert!(report.failures.is_empty());
    commit(client, commit_all()).await.unwrap();
    cairn.sql("UPDATE gc_queue SET review_after = now()").await;
    cairn.collect().await;
    assert_eq!(client.download(&waiting.artifact_id).await.unwrap(), bytes);
    client.delete(&waiting.artifact_id).await.unwrap();
    cairn.collect_everything().await;
    assert!(cairn.stored().await.is_empty());
}

#[tokio::test]
async fn what_is_unpublished_belongs_to_a_session_and_its_tenant() {
    let cairn = Setup::on(Bytes::Files)
        .config(|config| config.unpublished_window = Duration::from_secs(60))
        .start()
        .await;
    let client = &cairn.client;
    let nowhere = ArtifactSpec {
        session_id: String::new(),
        ..unpublished("a")
    };
    let refusal = refused(client.create(nowhere, "1").await);
    assert_eq!(refusal.fields, ["spec.session_id"]);
    let made = client.create(unpublished("a"), "1").await.unwrap();
    assert!(made.expires_at.unwrap().seconds <= made.created_at.unwrap().seconds + 61);
    let stranger = cairn.client_of("stranger").await;
    let refusal = refused(commit(&stranger, commit_of(&[&made])).await);
    assert_eq!(refusal.reason, "SESSION_NOT_FOUND");
    let malformed = CommitSessionRequest {
        artifact_ids: vec!["nonsense".into()],
        ..commit_all()
    };
    let refusal = refused(commit(client, malformed).await);
    assert_eq!(refusal.fields, ["artifact_ids[0]"]);
    let nothing = commit(client, commit_all()).await.unwrap();
    assert_eq!(nothing.artifacts.len(), 1);
    let nothing = commit(client, commit_all()).await.unwrap();
    assert!(nothing.artifacts.is_empty());
}

#[tokio::test]
async fn what_is_published_into_a_held_session_is_held() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let made = client.create(unpublished("a"), "1").await.unwrap();
    let hold = SetSessionLegalHoldRequest {
        session_id: "run".into(),
        legal_hold: true,
        ..SetSessionLegalHoldRequest::default()
    };
    let held = client.sessions.clone().set_session_legal_hold(hold).await;
    held.unwrap();
    commit(client, commit_all()).await.unwrap();
    let refusal = refused(client.delete(&made.artifact_id).await);
    assert_eq!(refusal.reason, "LEGAL_HOLD");
}
