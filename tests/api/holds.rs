//! Held artifacts neither expire nor can be deleted.

use cairn_proto::v1::{
    Artifact, DeleteArtifactsRequest, ListArtifactsRequest, SetLegalHoldRequest,
    SetLegalHoldResponse, SetSessionLegalHoldRequest,
};
use tonic::Code;

use harness::{Bytes, Cairn, Client, Setup, content, eventually, refused, session_spec, spec};

async fn hold(client: &Client, made: &Artifact, legal_hold: bool) -> SetLegalHoldResponse {
    let request = SetLegalHoldRequest {
        artifact_ids: vec![made.artifact_id.clone()],
        legal_hold,
        ..Default::default()
    };
    let response = client
        .artifacts
        .clone()
        .set_legal_hold(request)
        .await
        .unwrap();
    response.into_inner()
}

async fn hold_session(client: &Client, legal_hold: bool) {
    let session = client.hold_session("run", legal_hold).await.unwrap();
    assert_eq!(session.legal_hold, legal_hold);
}

async fn cannot_be_deleted(client: &Client, made: &Artifact) {
    let refusal = refused(client.delete(&made.artifact_id).await);
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::FailedPrecondition, "LEGAL_HOLD")
    );
    let bulk = DeleteArtifactsRequest {
        artifact_ids: vec![made.artifact_id.clone()],
        ..DeleteArtifactsRequest::default()
    };
    let bulk = client
        .artifacts
        .clone()
        .delete_artifacts(bulk)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (bulk.deleted_count, bulk.not_deleted_artifact_ids.len()),
        (0, 1)
    );
}

#[tokio::test]
async fn a_held_artifact_outlives_its_expiry_and_every_delete() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let bytes = content(100_000);
    let made = client
        .upload(session_spec("a", "run"), bytes.clone())
        .await
        .unwrap();
    assert_eq!(hold(client, &made, true).await.changed_count, 1);
    assert_eq!(hold(client, &made, true).await.changed_count, 0);
    cannot_be_deleted(client, &made).await;
    cairn
        .sql("UPDATE artifacts SET expires_at = now() - interval '1 day'")
        .await;
    cairn.collect_everything().await;
    assert!(client.get(&made.artifact_id).await.unwrap().legal_hold);
    assert!(client.download(&made.artifact_id).await.unwrap() == bytes);
    let latest = ListArtifactsRequest {
        latest_only: true,
        ..ListArtifactsRequest::default()
    };
    let listed = client.artifacts.clone().list_artifacts(latest).await;
    assert_eq!(listed.unwrap().into_inner().artifacts.len(), 1);

    hold(client, &made, false).await;
    assert_eq!(
        refused(client.get(&made.artifact_id).await).reason,
        "ARTIFACT_EXPIRED"
    );
    assert_eq!(
        hold(client, &made, true).await.missing_artifact_ids.len(),
        1
    );
    cairn.collect_everything().await;
    assert!(cairn.stored().await.is_empty());
}

#[tokio::test]
async fn a_held_session_holds_what_is_in_it_and_what_comes_into_it() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let before = client
        .upload(session_spec("before", "run"), content(40_000))
        .await
        .unwrap();
    let deleted = client
        .upload(session_spec("deleted", "run"), content(40_001))
        .await
        .unwrap();
    let elsewhere = client
        .upload(spec("elsewhere"), content(40_002))
        .await
        .unwrap();
    client.delete(&deleted.artifact_id).await.unwrap();
    hold_session(client, true).await;
    let after = client
        .upload(session_spec("after", "run"), content(40_003))
        .await
        .unwrap();
    assert!(after.legal_hold);
    for made in [&before, &after] {
        cannot_be_deleted(client, made).await;
    }
    hold(client, &after, true).await;
    client.delete(&elsewhere.artifact_id).await.unwrap();
    cairn
        .sql("UPDATE artifacts SET expires_at = now() - interval '1 day' WHERE state = 'live'")
        .await;
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await.len(), 3, "also what was deleted");

    let all = DeleteArtifactsRequest {
        filter: "session_id = run".into(),
        ..DeleteArtifactsRequest::default()
    };
    let all = client.artifacts.clone().delete_artifacts(all).await;
    let all = all.unwrap().into_inner();
    assert_eq!((all.deleted_count, all.more), (0, false));
    assert_eq!(
        all.not_deleted_artifact_ids.len(),
        2,
        "held artifacts are counted"
    );
    hold_session(client, false).await;
    cannot_be_deleted(client, &after).await;
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await.len(), 1);
    let stranger = cairn.client_of("stranger").await;
    let request = SetSessionLegalHoldRequest {
        session_id: "run".into(),
        legal_hold: true,
        ..Default::default()
    };
    let refusal = refused(
        stranger
            .sessions
            .clone()
            .set_session_legal_hold(request)
            .await,
    );
    assert_eq!(refusal.reason, "SESSION_NOT_FOUND");
}

/// Enough artifacts in the session that several transactions are needed to follow its hold.
const MORE: &str = "INSERT INTO artifacts (tenant_id, id, session_id, namespace, user_id, agent_id, filename, version,
        content_type, size_bytes, sha256, metadata, object_id)
    SELECT tenant_id, 'art_' || lpad(i::text, 16, '0'), session_id, '', '', '', 'more/' || i, 1, '', size_bytes, sha256, '{}',
        object_id FROM artifacts, generate_series(1, 12000) i";

const UNHELD: &str = "SELECT count(*) FROM artifacts WHERE NOT session_held";
const UNSETTLED: &str = "SELECT count(*) FROM sessions WHERE hold_changed_at IS NOT NULL";

#[tokio::test]
async fn every_artifact_of_a_large_session_follows_its_hold() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    client.create(session_spec("a", "run"), "x").await.unwrap();
    cairn.sql(MORE).await;
    hold_session(client, true).await;
    assert_eq!(cairn.count(UNHELD).await, 0);
    assert_eq!(cairn.count(UNSETTLED).await, 0);
    hold_session(client, false).await;
    assert_eq!(cairn.count(UNHELD).await, 12_001);
}

#[tokio::test]
async fn a_purge_amid_a_hold_leaves_no_artifact_unheld() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = cairn.client.clone();
    client.create(session_spec("a", "run"), "x").await.unwrap();
    cairn.sql(MORE).await;
    let mut database = cairn.database().await;
    let purge = database.transaction().await.unwrap();
    let some = "UPDATE artifacts SET state = 'purged', object_live = NULL, deleted_at = now(), purge_after = now()
        WHERE filename LIKE 'more/%00'";
    purge.execute(some, &[]).await.unwrap();
    let holding = tokio::spawn(async move { hold_session(&client, true).await });
    let waiting = "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("the hold waits for what is purged", async || {
        cairn.count(waiting).await == 1
    })
    .await;
    purge.commit().await.unwrap();
    holding.await.unwrap();
    let unheld = "SELECT count(*) FROM artifacts WHERE NOT session_held AND state <> 'purged'";
    assert_eq!(cairn.count(unheld).await, 0);
}

#[tokio::test]
async fn the_collector_completes_a_hold_that_was_cut_off() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    client.create(session_spec("a", "run"), "x").await.unwrap();
    cairn.sql(MORE).await;
    cairn
        .sql("UPDATE sessions SET held = true, hold_changed_at = now() - interval '2 min'")
        .await;
    cairn.pass("session_holds").await;
    assert_eq!(cairn.count(UNHELD).await, 0);
    assert_eq!(cairn.count(UNSETTLED).await, 0);
}

#[tokio::test]
async fn what_had_expired_before_its_session_was_held_stays_so() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let made = client.create(session_spec("a", "run"), "x").await.unwrap();
    cairn
        .sql("UPDATE artifacts SET expires_at = now() - interval '1 s'")
        .await;
    hold_session(client, true).await;
    assert_eq!(
        refused(client.get(&made.artifact_id).await).reason,
        "ARTIFACT_EXPIRED"
    );
    cairn.collect_everything().await;
    let kept = "SELECT count(*) FROM objects WHERE state = 'live'";
    assert_eq!(cairn.count(kept).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_enters_a_session_unheld_while_it_is_being_held() {
    let cairn: Cairn = Setup::on(Bytes::Files)
        .config(|config| config.database_connections = 16)
        .start()
        .await;
    cairn
        .client
        .create(session_spec("first", "run"), "x")
        .await
        .unwrap();
    let done = tokio_util::sync::CancellationToken::new();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (client, done) = (cairn.client.clone(), done.clone());
            tokio::spawn(async move {
                for i in 0.. {
                    if done.is_cancelled() {
                        return;
                    }
                    let spec = session_spec(&format!("{writer}/{i}"), "run");
                    client.create(spec, "x").await.unwrap();
                }
            })
        })
        .collect();
    for round in 1..=10 {
        let written = cairn.count("SELECT count(*) FROM artifacts").await;
        eventually("others write", async || {
            cairn.count("SELECT count(*) FROM artifacts").await > written + 8
        })
        .await;
        hold_session(&cairn.client, true).await;
        let unheld = "SELECT count(*) FROM artifacts WHERE NOT session_held";
        assert_eq!(cairn.count(unheld).await, 0, "{round}");
        hold_session(&cairn.client, false).await;
    }
    done.cancel();
    for writer in writers {
        writer.await.unwrap();
    }
}
