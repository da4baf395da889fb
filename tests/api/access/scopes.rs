//! Scopes: each method asks for its own, and for no other.

use cairn_proto::v1::{
    ArtifactStage, CancelJobRequest, CommitSessionRequest, Content, DeleteSessionRequest,
    FindMissingContentRequest, UpdateArtifactRequest, WatchSessionsRequest,
};
use cairn_store::{RawNarrowing, Scope};
use prost::Message;
use prost_types::{Duration, FieldMask};
use tonic::Code;

use harness::{Bytes, Cairn, Setup, refused, session_spec, spec};

use super::{call, client_of, key_of, rules::rules, token_of};

async fn started() -> Cairn {
    Setup::on(Bytes::Files).start().await
}

fn all() -> RawNarrowing {
    RawNarrowing::default()
}

/// An empty request; one that is refused, where an empty one would never end.
fn request(method: &str) -> Vec<u8> {
    let unreached = WatchSessionsRequest {
        after_position: i64::MAX,
        ..Default::default()
    };
    match method {
        "/cairn.v1.SessionService/WatchSessions" => unreached.encode_to_vec(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn every_method_needs_its_scopes_and_no_other() {
    let cairn = started().await;
    let mut sets: Vec<Vec<Scope>> = Scope::EVERY.iter().map(|scope| vec![*scope]).collect();
    for without in Scope::EVERY {
        sets.push(
            Scope::EVERY
                .into_iter()
                .filter(|it| *it != without)
                .collect(),
        );
    }
    sets.push(vec![Scope::Read, Scope::Write]);
    sets.push(vec![Scope::Read, Scope::Link]);
    sets.push(Scope::EVERY.to_vec());
    let rules = rules();
    for scopes in sets {
        let key = key_of(&cairn, "acme", &scopes, all()).await;
        let token = token_of(&cairn, &scopes, &all()).await;
        let of_token: Vec<_> = scopes
            .iter()
            .copied()
            .filter(|scope| !matches!(scope, Scope::Admin | Scope::Operator))
            .collect();
        for (credential, scopes) in [(key, scopes), (token, of_token)] {
            for (method, rule) in &rules {
                let answer = call(&cairn, method, &credential, vec![request(method)]).await;
                let denied = answer.is_err_and(|status| status.code() == Code::PermissionDenied);
                let kind = &credential[..3];
                assert_eq!(
                    !denied,
                    rule.admits(&scopes),
                    "{method} with {kind} of {scopes:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_names_the_scope_that_is_missing() {
    let cairn = started().await;
    let artifact = cairn.client.create(spec("a"), "a").await.unwrap();
    let reader = client_of(&cairn, &[Scope::Read], all()).await;
    reader.get(&artifact.artifact_id).await.unwrap();
    let refusal = refused(reader.delete(&artifact.artifact_id).await);
    assert_eq!(refusal.code, Code::PermissionDenied);
    assert_eq!(refusal.reason, "PERMISSION_DENIED");
    assert_eq!(refusal.metadata["scope"], "delete");
    // What there is and what there is not are refused alike.
    let refusal = refused(reader.delete("art_0000000000000000").await);
    assert_eq!(refusal.reason, "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_commit_that_seals_needs_the_scope_to_seal() {
    let cairn = started().await;
    let mut unpublished = session_spec("a", "run");
    unpublished.unpublished = true;
    cairn.client.create(unpublished, "a").await.unwrap();
    let commit = |seal| CommitSessionRequest {
        session_id: "run".to_owned(),
        seal,
        ..Default::default()
    };
    let mut writer = client_of(&cairn, &[Scope::Write], all()).await.sessions;
    let refusal = refused(writer.commit_session(commit(true)).await);
    assert_eq!(refusal.metadata["scope"], "seal");
    writer.commit_session(commit(false)).await.unwrap();
}

#[tokio::test]
async fn a_writer_without_delete_may_only_lengthen_an_expiry() {
    let cairn = started().await;
    let artifact = cairn.client.create(spec("a"), "a").await.unwrap();
    let mut writer = client_of(&cairn, &[Scope::Write], all()).await.artifacts;
    let expiring = |seconds| UpdateArtifactRequest {
        artifact_id: artifact.artifact_id.clone(),
        update_mask: Some(FieldMask {
            paths: vec!["expiry".to_owned()],
        }),
        expiry: Some(cairn_proto::v1::update_artifact_request::Expiry::Ttl(
            Duration { seconds, nanos: 0 },
        )),
        ..Default::default()
    };
    let refusal = refused(writer.update_artifact(expiring(1)).await);
    assert_eq!(refusal.metadata["scope"], "delete");
    let now = cairn.client.get(&artifact.artifact_id).await.unwrap();
    assert_eq!(now.expires_at, artifact.expires_at);
    writer.update_artifact(expiring(90 * 86_400)).await.unwrap();
}

#[tokio::test]
async fn a_job_is_ended_with_the_scope_that_starts_it() {
    let cairn = started().await;
    cairn
        .client
        .create(session_spec("a", "run"), "a")
        .await
        .unwrap();
    let request = DeleteSessionRequest {
        session_id: "run".to_owned(),
        ..Default::default()
    };
    let started = cairn.client.sessions.clone().delete_session(request).await;
    let job = started.unwrap().into_inner().job.unwrap();
    let cancel = || CancelJobRequest {
        job_id: job.job_id.clone(),
        ..Default::default()
    };
    let mut writer = client_of(&cairn, &[Scope::Write, Scope::Hold], all())
        .await
        .jobs;
    let refusal = refused(writer.cancel_job(cancel()).await);
    assert_eq!(refusal.metadata["scope"], "delete");
    let mut deleter = client_of(&cairn, &[Scope::Delete], all()).await.jobs;
    deleter.cancel_job(cancel()).await.unwrap();
}

#[tokio::test]
async fn without_read_all_content_is_missing() {
    let cairn = started().await;
    let artifact = cairn.client.create(spec("a"), "content").await.unwrap();
    let content = Content {
        content_hash: artifact.content_hash.clone(),
        size_bytes: artifact.size_bytes,
    };
    let mut declared = spec("b");
    declared.content_hash = artifact.content_hash;
    declared.size_bytes = Some(artifact.size_bytes);
    let writer = client_of(&cairn, &[Scope::Write], all()).await;
    let request = FindMissingContentRequest {
        contents: vec![content.clone()],
    };
    let missing = writer.artifacts.clone().find_missing_content(request).await;
    assert_eq!(missing.unwrap().into_inner().missing, [content]);
    let refusal = refused(writer.create(declared.clone(), "").await);
    assert_eq!(refusal.reason, "CONTENT_MISSING");
    declared.stage = ArtifactStage::Draft.into();
    writer.create(declared, "content").await.unwrap();
}
