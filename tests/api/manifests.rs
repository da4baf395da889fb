//! What a session held when it was sealed can be verified at any later time.

use cairn_proto::v1::{
    GetSessionRequest, ListManifestRequest, ManifestEntry, RestoreArtifactsRequest, Session,
    SetLegalHoldRequest, SetSessionLegalHoldRequest, UpdateArtifactRequest,
    update_artifact_request::Expiry,
};
use prost_types::{Duration, FieldMask};
use sha2::{Digest, Sha256};
use tonic::Code;

use harness::{Bytes, Client, Setup, content, eventually, refused, session_spec};

async fn session(client: &Client) -> Session {
    let request = GetSessionRequest {
        session_id: "run".into(),
    };
    let response = client.sessions.clone().get_session(request).await.unwrap();
    response.into_inner().session.unwrap()
}

async fn manifest(client: &Client, page_size: i32) -> Vec<ManifestEntry> {
    let mut request = ListManifestRequest {
        session_id: "run".into(),
        page_size,
        ..ListManifestRequest::default()
    };
    let mut entries = Vec::new();
    loop {
        let page = client
            .sessions
            .clone()
            .list_manifest(request.clone())
            .await
            .unwrap();
        let page = page.into_inner();
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            return entries;
        }
        request.page_token = page.next_page_token;
    }
}

/// As the specification says, and without the server's own code.
fn digest(entries: &[ManifestEntry]) -> String {
    let mut lines: Vec<_> = entries
        .iter()
        .map(|e| {
            format!(
                "{}\t{}\t{}\t{}\t{}\n",
                e.filename, e.version, e.artifact_id, e.size_bytes, e.content_hash
            )
        })
        .collect();
    lines.sort();
    format!("sha256:{}", hex::encode(Sha256::digest(lines.concat())))
}

/// A manifest contains what was visible at the seal, and never changes.
#[tokio::test]
async fn manifest_has_what_was_visible_at_the_seal() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let mut ids = Vec::new();
    for name in [
        "b",
        "a",
        "a",
        "é.txt",
        "expired",
        "deleted",
        "later deleted",
        "later expired",
    ] {
        let made = client
            .create(session_spec(name, "run"), content(ids.len() + 1))
            .await
            .unwrap();
        ids.push(made.artifact_id);
    }
    let refusal = refused(
        client
            .sessions
            .clone()
            .list_manifest(ListManifestRequest {
                session_id: "run".into(),
                ..Default::default()
            })
            .await,
    );
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::FailedPrecondition, "SESSION_NOT_SEALED")
    );
    assert_eq!(session(client).await.manifest_hash, "");
    client.delete(&ids[5]).await.unwrap();
    cairn
        .sql("UPDATE artifacts SET expires_at = now() WHERE filename = 'expired'")
        .await;

    let sealed = client.seal("run").await.unwrap();
    let entries = manifest(client, 0).await;
    let mut names: Vec<_> = entries.iter().map(|e| (&*e.filename, e.version)).collect();
    names.sort_unstable();
    let expected = [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("later deleted", 1),
        ("later expired", 1),
        ("é.txt", 1),
    ];
    assert_eq!(names, expected);
    assert_eq!(manifest(client, 1).await, entries);
    assert_eq!(sealed.manifest_hash, digest(&entries));

    client.delete(&ids[6]).await.unwrap();
    let shorter = UpdateArtifactRequest {
        artifact_id: ids[7].clone(),
        update_mask: Some(FieldMask {
            paths: vec!["expiry".into(), "title".into()],
        }),
        title: "new".into(),
        expiry: Some(Expiry::Ttl(Duration {
            seconds: 0,
            nanos: 1_000_000,
        })),
        ..UpdateArtifactRequest::default()
    };
    client
        .artifacts
        .clone()
        .update_artifact(shorter)
        .await
        .unwrap();
    for _ in 0..2 {
        assert_eq!(manifest(client, 0).await, entries);
        assert_eq!(session(client).await.manifest_hash, sealed.manifest_hash);
        assert_eq!(
            client.seal("run").await.unwrap().manifest_hash,
            sealed.manifest_hash
        );
        cairn.collect_everything().await;
    }
}

/// A manifest matches its digest while others write and delete.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn manifest_matches_its_digest_under_writes() {
    let cairn = Setup::on(Bytes::Files)
        .config(|config| config.database_connections = 16)
        .start()
        .await;
    for round in 0..5 {
        let mut deletable = Vec::new();
        for i in 0..20 {
            let made = cairn
                .client
                .create(session_spec(&format!("{i}"), "run"), "x")
                .await;
            deletable.push(made.unwrap().artifact_id);
        }
        let deletes: Vec<_> = deletable
            .into_iter()
            .map(|id| {
                let client = cairn.client.clone();
                tokio::spawn(async move { client.delete(&id).await })
            })
            .collect();
        let writes: Vec<_> = (0..8)
            .map(|i| {
                let client = cairn.client.clone();
                let spec = session_spec(&format!("late {i}"), "run");
                tokio::spawn(async move { client.create(spec, "y").await.map(drop) })
            })
            .collect();
        let sealed = cairn.client.seal("run").await.unwrap();
        for task in deletes.into_iter().chain(writes) {
            let _sealed_or_not = task.await.unwrap();
        }
        assert_eq!(
            digest(&manifest(&cairn.client, 0).await),
            sealed.manifest_hash,
            "{round}"
        );
        cairn
            .sql("UPDATE sessions SET sealed_at = NULL; DELETE FROM manifest_entries; DELETE FROM artifact_metadata; UPDATE artifacts SET session_id = NULL, filename = 'old ' || id")
            .await;
    }
}

fn prolong(artifact_id: &str) -> UpdateArtifactRequest {
    UpdateArtifactRequest {
        artifact_id: artifact_id.to_owned(),
        update_mask: Some(FieldMask {
            paths: vec!["expiry".into()],
        }),
        expiry: Some(Expiry::NeverExpires(true)),
        ..UpdateArtifactRequest::default()
    }
}

#[tokio::test]
async fn seal_waits_for_a_running_restoration() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let made = client.create(session_spec("a", "run"), "x").await.unwrap();
    client.delete(&made.artifact_id).await.unwrap();
    let mut database = cairn.database().await;
    let blocking = database.transaction().await.unwrap();
    blocking
        .execute("SELECT FROM artifacts FOR UPDATE", &[])
        .await
        .unwrap();
    let waiting = async |count: i64| {
        let sql = "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("somebody waits", async || cairn.count(sql).await == count).await;
    };
    let restore = RestoreArtifactsRequest {
        artifact_ids: vec![made.artifact_id.clone()],
        ..RestoreArtifactsRequest::default()
    };
    let restorer = client.clone();
    let restoring =
        tokio::spawn(async move { restorer.artifacts.clone().restore_artifacts(restore).await });
    waiting(1).await;
    let sealer = client.clone();
    let sealing = tokio::spawn(async move { sealer.seal("run").await });
    waiting(2).await;
    blocking.rollback().await.unwrap();
    let restored = restoring.await.unwrap().unwrap().into_inner();
    assert_eq!(restored.restored_count, 1);
    sealing.await.unwrap().unwrap();
    assert_eq!(manifest(client, 0).await.len(), 1);
    client.get(&made.artifact_id).await.unwrap();
}

#[tokio::test]
async fn what_has_expired_at_the_seal_never_comes_back_into_it() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let mut made = Vec::new();
    for file in ["expired", "held", "there"] {
        let artifact = client.create(session_spec(file, "run"), file).await;
        made.push(artifact.unwrap().artifact_id);
    }
    let hold = SetLegalHoldRequest {
        artifact_ids: vec![made[1].clone()],
        legal_hold: true,
        ..SetLegalHoldRequest::default()
    };
    client.artifacts.clone().set_legal_hold(hold).await.unwrap();
    cairn
        .sql("UPDATE artifacts SET expires_at = now() - interval '1 second' WHERE filename <> 'there'")
        .await;
    let sealed = client.seal("run").await.unwrap();
    let names = async || {
        let entries = manifest(client, 0).await.into_iter();
        let mut names: Vec<_> = entries.map(|entry| entry.filename).collect();
        names.sort();
        names
    };
    assert_eq!(names().await, ["held", "there"], "what is held is visible");

    let hold_all = SetSessionLegalHoldRequest {
        session_id: "run".into(),
        legal_hold: true,
        ..SetSessionLegalHoldRequest::default()
    };
    client
        .sessions
        .clone()
        .set_session_legal_hold(hold_all)
        .await
        .unwrap();
    let gone = refused(client.get(&made[0]).await);
    assert_eq!(gone.reason, "ARTIFACT_EXPIRED");
    let gone = refused(
        client
            .artifacts
            .clone()
            .update_artifact(prolong(&made[0]))
            .await,
    );
    assert_eq!(gone.reason, "ARTIFACT_EXPIRED");
    client
        .artifacts
        .clone()
        .update_artifact(prolong(&made[1]))
        .await
        .unwrap();
    assert_eq!(names().await, ["held", "there"]);
    assert_eq!(digest(&manifest(client, 0).await), sealed.manifest_hash);
}

#[tokio::test]
async fn holding_a_session_brings_back_nothing_that_has_expired() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let made = client.create(session_spec("a", "run"), "x").await.unwrap();
    cairn
        .sql("UPDATE artifacts SET expires_at = now() - interval '1 second'")
        .await;
    client.hold_session("run", true).await.unwrap();
    let gone = refused(client.get(&made.artifact_id).await);
    assert_eq!(gone.reason, "ARTIFACT_EXPIRED");
}
