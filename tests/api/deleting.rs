//! Deletions delete what was named, and nothing else.

use cairn_proto::v1::{
    ArtifactFilter, ArtifactName, ArtifactSpec, ArtifactStage, DeleteArtifactRequest,
    DeleteArtifactResponse, DeleteArtifactsRequest, DeleteArtifactsResponse, DeleteSessionRequest,
    GetJobRequest, Job, JobState, JobType, ListArtifactsRequest, RestoreArtifactsRequest,
    SetLegalHoldRequest, SetStageRequest,
};
use tonic::{Code, Status};

use harness::{Bytes, Cairn, Client, MANY, Setup, make_many, refused, session_spec, spec};

async fn started() -> Cairn {
    Setup::on(Bytes::Files).start().await
}

async fn delete_all(
    client: &Client,
    request: DeleteArtifactsRequest,
) -> Result<DeleteArtifactsResponse, Status> {
    let answer = client.artifacts.clone().delete_artifacts(request).await?;
    Ok(answer.into_inner())
}

fn matching(filter: ArtifactFilter) -> DeleteArtifactsRequest {
    DeleteArtifactsRequest {
        matching: Some(filter),
        ..DeleteArtifactsRequest::default()
    }
}

fn of_session(session: &str) -> ArtifactFilter {
    ArtifactFilter {
        session_id: session.to_owned(),
        ..ArtifactFilter::default()
    }
}

fn file(filename: &str, session: &str) -> DeleteArtifactRequest {
    DeleteArtifactRequest {
        name: Some(ArtifactName {
            filename: filename.to_owned(),
            session_id: session.to_owned(),
            ..ArtifactName::default()
        }),
        all_versions: true,
        ..DeleteArtifactRequest::default()
    }
}

async fn delete_file(
    client: &Client,
    request: DeleteArtifactRequest,
) -> Result<DeleteArtifactResponse, Status> {
    let answer = client.artifacts.clone().delete_artifact(request).await?;
    Ok(answer.into_inner())
}

/// Session, filename and version of everything that is visible.
async fn visible(client: &Client) -> Vec<(String, String, i64)> {
    let list = ListArtifactsRequest {
        page_size: 200,
        order_by: "filename".to_owned(),
        ..ListArtifactsRequest::default()
    };
    let answer = client.artifacts.clone().list_artifacts(list).await;
    let found = answer.unwrap().into_inner().artifacts.into_iter();
    found
        .map(|it| (it.session_id, it.filename, it.version))
        .collect()
}

fn seen(all: &[(&str, &str, i64)]) -> Vec<(String, String, i64)> {
    let own = |(session, name, version): &(&str, &str, i64)| {
        (session.to_string(), name.to_string(), *version)
    };
    all.iter().map(own).collect()
}

/// The job, once the collector has finished its work.
async fn ended(cairn: &Cairn, job: Option<Job>) -> Job {
    let report = cairn.collect().await;
    assert!(report.failures.is_empty(), "{report:?}");
    let request = GetJobRequest {
        job_id: job.unwrap().job_id,
    };
    let job = cairn.client.jobs.clone().get_job(request).await.unwrap();
    let job = job.into_inner().job.unwrap();
    assert_eq!(job.state(), JobState::Succeeded, "{job:?}");
    job
}

#[tokio::test]
async fn equality_in_a_filter_never_widens_a_deletion() {
    let cairn = started().await;
    let client = &cairn.client;
    for name in ["a*", "ab", "a", "*"] {
        client.create(spec(name), "x").await.unwrap();
    }
    // Quoted like a program that does not know this language.
    let quoted = DeleteArtifactsRequest {
        filter: format!("filename = {}", serde_json::to_string("a*").unwrap()),
        ..DeleteArtifactsRequest::default()
    };
    assert_eq!(delete_all(client, quoted).await.unwrap().deleted_count, 1);
    assert_eq!(
        visible(client).await,
        seen(&[("", "*", 1), ("", "a", 1), ("", "ab", 1)])
    );
    let bare = DeleteArtifactsRequest {
        filter: "filename = a*".to_owned(),
        ..DeleteArtifactsRequest::default()
    };
    let refusal = refused(delete_all(client, bare).await);
    assert!(refusal.message.contains("filename:value*"), "{refusal:?}");
    let prefix = DeleteArtifactsRequest {
        filter: "filename:a*".to_owned(),
        ..DeleteArtifactsRequest::default()
    };
    assert_eq!(delete_all(client, prefix).await.unwrap().deleted_count, 2);
    assert_eq!(visible(client).await, seen(&[("", "*", 1)]));
}

#[tokio::test]
async fn a_file_is_deleted_with_every_version_and_no_other_file() {
    let cairn = started().await;
    let client = &cairn.client;
    for _ in 0..3 {
        client.create(spec("a"), "12").await.unwrap();
        client.create(session_spec("a", "run"), "12").await.unwrap();
    }
    client.create(spec("a*"), "12").await.unwrap();
    let mut request = file("a", "run");
    request.idempotency_key = "k".to_owned();
    let deleted = delete_file(client, request.clone()).await.unwrap();
    assert_eq!((deleted.deleted_count, deleted.size_bytes), (3, 6));
    assert!(deleted.artifact_id.is_empty() && deleted.deleted_at.is_none());
    let left = seen(&[("", "a", 1), ("", "a", 2), ("", "a", 3), ("", "a*", 1)]);
    assert_eq!(visible(client).await, left);

    // Under its key it is answered again, and newer artifacts stay.
    let later = client.create(session_spec("a", "run"), "12").await.unwrap();
    assert_eq!(delete_file(client, request).await.unwrap(), deleted);
    client.get(&later.artifact_id).await.unwrap();
    delete_file(client, file("a", "run")).await.unwrap();
    let refusal = refused(delete_file(client, file("a", "run")).await);
    assert_eq!(refusal.reason, "ARTIFACT_NOT_FOUND");
    // Without a session the name means the file without a session, not that of any session.
    assert_eq!(
        delete_file(client, file("a", ""))
            .await
            .unwrap()
            .deleted_count,
        3
    );
    assert_eq!(visible(client).await, seen(&[("", "a*", 1)]));
}

#[tokio::test]
async fn a_version_that_is_held_stays_when_its_file_is_deleted() {
    let cairn = started().await;
    let client = &cairn.client;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(client.create(spec("a"), "x").await.unwrap().artifact_id);
    }
    let hold = SetLegalHoldRequest {
        artifact_ids: vec![made[1].clone()],
        legal_hold: true,
        ..SetLegalHoldRequest::default()
    };
    client.artifacts.clone().set_legal_hold(hold).await.unwrap();
    let deleted = delete_file(client, file("a", "")).await.unwrap();
    assert_eq!(deleted.deleted_count, 2);
    assert_eq!(deleted.not_deleted_artifact_ids, [made[1].clone()]);
    assert_eq!(visible(client).await, seen(&[("", "a", 2)]));
}

#[tokio::test]
async fn all_versions_are_of_a_name_without_a_version() {
    let cairn = started().await;
    let client = &cairn.client;
    let made = client.create(spec("a"), "x").await.unwrap();
    let by_id = DeleteArtifactRequest {
        artifact_id: made.artifact_id.clone(),
        all_versions: true,
        ..DeleteArtifactRequest::default()
    };
    let mut of_version = file("a", "");
    of_version.name.as_mut().unwrap().version = 1;
    for request in [by_id, of_version] {
        let refusal = refused(delete_file(client, request).await);
        assert_eq!(refusal.fields, ["all_versions"]);
    }
    client.get(&made.artifact_id).await.unwrap();
}

#[tokio::test]
async fn a_file_of_many_versions_is_deleted_by_a_job() {
    let cairn = started().await;
    let client = &cairn.client;
    make_many(&cairn).await;
    cairn
        .sql("UPDATE artifacts SET version = filename::bigint + 1, filename = 'log*'")
        .await;
    let started = delete_file(client, file("log*", "bulk")).await.unwrap();
    assert_eq!(started.deleted_count, 0);
    let later = client
        .create(session_spec("log", "bulk"), "x")
        .await
        .unwrap();
    let done = ended(&cairn, started.job).await;
    assert_eq!(done.r#type(), JobType::DeleteArtifacts);
    assert_eq!(done.done_count, MANY as i64);
    assert_eq!(visible(client).await, seen(&[("bulk", &later.filename, 1)]));
}

#[tokio::test]
async fn bulk_calls_take_the_fields_of_a_list() {
    let cairn = started().await;
    let client = &cairn.client;
    // In an expression, each of these would end a value, widen it or be a syntax error.
    let odd = "a* OR \"b\" \\";
    for session in [odd, "other"] {
        for name in ["x.md", "x.txt"] {
            client
                .create(session_spec(name, session), "x")
                .await
                .unwrap();
        }
    }
    let both = |filter| ArtifactFilter {
        filename_glob: "*.md".to_owned(),
        ..filter
    };
    let mut artifacts = client.artifacts.clone();
    let stage = SetStageRequest {
        stage: ArtifactStage::Final.into(),
        matching: Some(both(of_session(odd))),
        ..SetStageRequest::default()
    };
    let staged = artifacts.set_stage(stage).await.unwrap().into_inner();
    assert_eq!(staged.changed_count, 1);
    let hold = |legal_hold| SetLegalHoldRequest {
        matching: Some(ArtifactFilter {
            stage: ArtifactStage::Final.into(),
            ..of_session(odd)
        }),
        legal_hold,
        ..SetLegalHoldRequest::default()
    };
    let held = artifacts
        .set_legal_hold(hold(true))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(held.changed_count, 1);
    let deleted = delete_all(client, matching(of_session(odd))).await.unwrap();
    assert_eq!(deleted.deleted_count, 1);
    assert_eq!(deleted.not_deleted_artifact_ids.len(), 1);
    artifacts.set_legal_hold(hold(false)).await.unwrap();
    let deleted = delete_all(client, matching(both(of_session(odd))))
        .await
        .unwrap();
    assert_eq!(deleted.deleted_count, 1);
    assert_eq!(
        visible(client).await,
        seen(&[("other", "x.md", 1), ("other", "x.txt", 1)])
    );
    let restore = RestoreArtifactsRequest {
        matching: Some(both(of_session(odd))),
        ..RestoreArtifactsRequest::default()
    };
    let restored = artifacts
        .restore_artifacts(restore)
        .await
        .unwrap()
        .into_inner();
    assert_eq!((restored.restored_count, restored.more), (1, false));
    assert_eq!(visible(client).await.len(), 3);
}

#[tokio::test]
async fn fields_that_say_nothing_or_too_much_delete_nothing() {
    let cairn = started().await;
    let client = &cairn.client;
    client.create(session_spec("a", "s"), "x").await.unwrap();
    let empty = matching(ArtifactFilter::default());
    let with_filter = DeleteArtifactsRequest {
        filter: "session_id = s".to_owned(),
        ..matching(of_session("s"))
    };
    let with_ids = DeleteArtifactsRequest {
        artifact_ids: vec!["art_0000000000000000".to_owned()],
        ..matching(of_session("s"))
    };
    let faulty = matching(ArtifactFilter {
        labels: vec!["\n".to_owned()],
        filter: "colour = red".to_owned(),
        metadata_keys: vec!["9".to_owned()],
        ..of_session("s")
    });
    for (request, fields) in [
        (empty, vec!["matching"]),
        (with_filter, vec!["matching"]),
        (with_ids, vec!["matching"]),
        (
            faulty,
            vec![
                "matching.filter",
                "matching.labels[0]",
                "matching.metadata_keys[0]",
            ],
        ),
    ] {
        let refusal = refused(delete_all(client, request).await);
        assert_eq!(refusal.code, Code::InvalidArgument);
        assert_eq!(refusal.fields, fields);
    }
    let restore = RestoreArtifactsRequest {
        matching: Some(ArtifactFilter {
            filename: "a".to_owned(),
            ..ArtifactFilter::default()
        }),
        ..RestoreArtifactsRequest::default()
    };
    let refusal = refused(client.artifacts.clone().restore_artifacts(restore).await);
    assert_eq!(refusal.fields, ["matching.session_id"]);
    assert_eq!(visible(client).await.len(), 1);
}

#[tokio::test]
async fn jobs_of_fields_hold_delete_and_restore_what_matches() {
    let cairn = started().await;
    let client = &cairn.client;
    make_many(&cairn).await;
    let other = client
        .create(session_spec("other", "s"), "x")
        .await
        .unwrap();
    let hold = |legal_hold| SetLegalHoldRequest {
        matching: Some(of_session("bulk")),
        legal_hold,
        ..SetLegalHoldRequest::default()
    };
    for legal_hold in [true, false] {
        let mut artifacts = client.artifacts.clone();
        let set = artifacts.set_legal_hold(hold(legal_hold)).await;
        let job = set.unwrap().into_inner().job;
        let job = ended(&cairn, job).await;
        assert_eq!(job.r#type(), JobType::SetLegalHold);
        assert_eq!((job.legal_hold, job.done_count), (legal_hold, MANY as i64));
        let held = "SELECT count(*) FROM artifacts WHERE held";
        let expected = if legal_hold { MANY as i64 } else { 0 };
        assert_eq!(cairn.count(held).await, expected);
    }
    let started = delete_all(client, matching(of_session("bulk")))
        .await
        .unwrap();
    let job = started.job.clone().unwrap();
    assert_eq!(job.filter, "session_id = \"bulk\"");
    assert_eq!(ended(&cairn, started.job).await.done_count, MANY as i64);
    assert_eq!(visible(client).await, seen(&[("s", &other.filename, 1)]));
    let mut restored = Vec::new();
    for _ in 0..2 {
        let restore = RestoreArtifactsRequest {
            matching: Some(of_session("bulk")),
            ..RestoreArtifactsRequest::default()
        };
        let answer = client.artifacts.clone().restore_artifacts(restore).await;
        let answer = answer.unwrap().into_inner();
        restored.push((answer.restored_count, answer.more));
    }
    assert_eq!(restored, [(1000, true), (MANY as i64 - 1000, false)]);
}

async fn delete_session(client: &Client, session: &str) -> Result<Option<Job>, Status> {
    let request = DeleteSessionRequest {
        session_id: session.to_owned(),
        idempotency_key: format!("delete-{session}"),
    };
    let answer = client.sessions.clone().delete_session(request).await?;
    Ok(answer.into_inner().job)
}

#[tokio::test]
async fn a_session_is_deleted_but_for_what_is_persistent_or_held() {
    let cairn = started().await;
    let client = &cairn.client;
    let labelled = ArtifactSpec {
        labels: vec!["project-x".to_owned()],
        ..session_spec("labelled", "run")
    };
    let persistent = |filename| ArtifactSpec {
        persistent: true,
        ..session_spec(filename, "run")
    };
    let waiting = |spec| ArtifactSpec {
        unpublished: true,
        ..spec
    };
    client
        .create(session_spec("plain", "run"), "12")
        .await
        .unwrap();
    client.create(labelled, "12").await.unwrap();
    client.create(persistent("kept"), "12").await.unwrap();
    client
        .create(waiting(session_spec("waiting", "run")), "12")
        .await
        .unwrap();
    client
        .create(waiting(persistent("kept-waiting")), "12")
        .await
        .unwrap();
    client
        .create(session_spec("plain", "other"), "12")
        .await
        .unwrap();
    client.create(spec("plain"), "12").await.unwrap();
    let held = client
        .create(session_spec("held", "run"), "12")
        .await
        .unwrap();
    let hold = SetLegalHoldRequest {
        artifact_ids: vec![held.artifact_id],
        legal_hold: true,
        ..SetLegalHoldRequest::default()
    };
    client.artifacts.clone().set_legal_hold(hold).await.unwrap();
    client.seal("other").await.unwrap();

    let job = delete_session(client, "run").await.unwrap();
    let later = client
        .create(session_spec("later", "run"), "12")
        .await
        .unwrap();
    let done = ended(&cairn, job.clone()).await;
    assert_eq!(done.r#type(), JobType::DeleteSession);
    assert_eq!(done.session_id, "run");
    assert_eq!(
        (done.done_count, done.size_bytes, done.held_count),
        (3, 6, 1)
    );
    let left = [
        ("run", "held", 1),
        ("run", "kept", 1),
        ("run", &later.filename, 1),
        ("", "plain", 1),
        ("other", "plain", 1),
    ];
    assert_eq!(visible(client).await, seen(&left));
    let waiting = "SELECT count(*) FROM pending_artifacts WHERE filename = 'kept-waiting'";
    assert_eq!(cairn.count(waiting).await, 1);
    assert_eq!(
        cairn.count("SELECT count(*) FROM pending_artifacts").await,
        1
    );

    // Under its key it returns the same job.
    let again = delete_session(client, "run").await.unwrap();
    assert_eq!(again.unwrap().job_id, job.unwrap().job_id);
    // A sealed session loses its artifacts and keeps its manifest.
    let sealed = delete_session(client, "other").await.unwrap();
    assert_eq!(ended(&cairn, sealed).await.done_count, 1);
    let refusal = refused(delete_session(client, "unknown").await);
    assert_eq!(refusal.reason, "SESSION_NOT_FOUND");
    let manifest = "SELECT count(*) FROM manifest_entries";
    assert_eq!(cairn.count(manifest).await, 1);
}

#[tokio::test]
async fn a_session_that_is_held_loses_nothing_when_it_is_deleted() {
    let cairn = started().await;
    let client = &cairn.client;
    client.create(session_spec("a", "run"), "x").await.unwrap();
    let waiting = ArtifactSpec {
        unpublished: true,
        ..session_spec("b", "run")
    };
    client.create(waiting, "x").await.unwrap();
    client.hold_session("run", true).await.unwrap();
    let job = delete_session(client, "run").await.unwrap();
    let done = ended(&cairn, job).await;
    assert_eq!((done.done_count, done.held_count), (0, 1));
    assert_eq!(visible(client).await, seen(&[("run", "a", 1)]));
    assert_eq!(
        cairn.count("SELECT count(*) FROM pending_artifacts").await,
        1
    );
}

#[tokio::test]
async fn what_is_persistent_can_be_listed_and_changed() {
    use cairn_proto::v1::UpdateArtifactRequest;
    let cairn = started().await;
    let client = &cairn.client;
    let made = client.create(session_spec("a", "s"), "x").await.unwrap();
    assert!(!made.persistent);
    client.create(session_spec("b", "s"), "x").await.unwrap();
    let update = |persistent| UpdateArtifactRequest {
        artifact_id: made.artifact_id.clone(),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["persistent".to_owned()],
        }),
        persistent,
        ..UpdateArtifactRequest::default()
    };
    let mut artifacts = client.artifacts.clone();
    for persistent in [true, false, true] {
        let updated = artifacts.update_artifact(update(persistent)).await.unwrap();
        assert_eq!(
            updated.into_inner().artifact.unwrap().persistent,
            persistent
        );
    }
    for (persistent, filter, names) in [
        (None, "", vec!["a", "b"]),
        (Some(true), "", vec!["a"]),
        (Some(false), "", vec!["b"]),
        (None, "persistent = true", vec!["a"]),
        (None, "persistent != true", vec!["b"]),
    ] {
        let list = ListArtifactsRequest {
            persistent,
            filter: filter.to_owned(),
            order_by: "filename".to_owned(),
            ..ListArtifactsRequest::default()
        };
        let found = artifacts.list_artifacts(list).await.unwrap().into_inner();
        let found: Vec<_> = found.artifacts.iter().map(|it| &*it.filename).collect();
        assert_eq!(found, names, "{persistent:?} {filter}");
    }
}
