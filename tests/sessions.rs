//! A session is what a run produced; sealed, it stays so.

use std::time::Duration;

use cairn_proto::v1::{GetSessionRequest, ListSessionsRequest, Session};
use futures_util::future::join_all;
use tonic::{Code, Status};

use crate::harness::{Bytes, Cairn, Client, Setup, content, refused, session_spec};

async fn get(client: &Client, session: &str) -> Result<Session, Status> {
    let request = GetSessionRequest {
        session_id: session.into(),
    };
    let response = client.sessions.clone().get_session(request).await?;
    Ok(response.into_inner().session.unwrap())
}

#[tokio::test]
async fn a_session_comes_with_its_first_artifact_and_counts_what_is_visible() {
    let cairn = Cairn::start().await;
    let refusal = refused(get(&cairn.client, "run").await);
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::NotFound, "SESSION_NOT_FOUND")
    );
    let first = cairn
        .client
        .create(session_spec("a", "run"), "12345")
        .await
        .unwrap();
    let second = cairn
        .client
        .create(session_spec("b", "run"), "12345")
        .await
        .unwrap();
    let session = get(&cairn.client, "run").await.unwrap();
    assert_eq!((session.artifact_count, session.size_bytes), (2, 10));
    assert_eq!(session.first_artifact_at, first.created_at);
    assert_eq!(session.last_artifact_at, second.created_at);
    assert_eq!(session.sealed_at, None);
    cairn.client.delete(&first.artifact_id).await.unwrap();
    let session = get(&cairn.client, "run").await.unwrap();
    assert_eq!((session.artifact_count, session.size_bytes), (1, 5));
    assert_eq!(session.first_artifact_at, second.created_at);
}

#[tokio::test]
async fn another_tenants_session_is_unknown() {
    let cairn = Cairn::start().await;
    cairn
        .client
        .create(session_spec("a", "run"), "")
        .await
        .unwrap();
    let stranger = cairn.client_of("stranger").await;
    for refusal in [
        refused(get(&stranger, "run").await),
        refused(stranger.seal("run").await),
        refused(cairn.client.seal("never").await),
    ] {
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::NotFound, "SESSION_NOT_FOUND")
        );
    }
    stranger.create(session_spec("a", "run"), "").await.unwrap();
    stranger.seal("run").await.unwrap();
    cairn
        .client
        .create(session_spec("b", "run"), "")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_sealed_session_takes_nothing_more_and_keeps_what_it_has() {
    let cairn = Cairn::start().await;
    let made = cairn
        .client
        .create(session_spec("a", "run"), "x")
        .await
        .unwrap();
    let sealed = cairn.client.seal("run").await.unwrap();
    let again = cairn.client.seal("run").await.unwrap();
    assert!(sealed.sealed_at.is_some());
    assert_eq!(sealed, again);
    for size in [0, 100_000, 9 << 20] {
        let refusal = refused(
            cairn
                .client
                .upload(session_spec("b", "run"), content(size))
                .await,
        );
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::FailedPrecondition, "SESSION_SEALED")
        );
        assert_eq!(refusal.metadata["session_id"], "run");
    }
    let refusal = refused(cairn.client.create(session_spec("b", "run"), "").await);
    assert_eq!(
        refusal.message,
        "Session 'run' is sealed. No new artifacts can be added."
    );
    assert_eq!(
        cairn.client.download(&made.artifact_id).await.unwrap(),
        b"x"
    );
    cairn.client.delete(&made.artifact_id).await.unwrap();
    assert_eq!(get(&cairn.client, "run").await.unwrap().artifact_count, 0);
}

/// Writes into a session until it is sealed, and says how many writes were answered well.
async fn write_until_sealed(client: Client, writer: usize, size: usize) -> i64 {
    let mut written = 0;
    loop {
        let spec = session_spec(&format!("{writer}/{written}"), "run");
        match client.upload(spec, content(size + writer)).await {
            Ok(_) => written += 1,
            Err(status) => {
                let refusal = refused::<()>(Err(status));
                assert_eq!(refusal.reason, "SESSION_SEALED");
                return written;
            }
        }
    }
}

async fn sealing_waits_for_no_writer_and_admits_none_after(size: usize) {
    let cairn = Setup::on(Bytes::S3)
        .config(|config| config.database_connections = 16)
        .start()
        .await;
    cairn
        .client
        .create(session_spec("first", "run"), "")
        .await
        .unwrap();
    let writers: Vec<_> = (0..16)
        .map(|writer| tokio::spawn(write_until_sealed(cairn.client.clone(), writer, size)))
        .collect();
    crate::harness::eventually("all are writing", async || {
        cairn.count("SELECT count(*) FROM artifacts").await > 32
    })
    .await;
    // Row locks instead of the advisory lock starve the sealer for as long as writers overlap: for ever, here.
    let seal = tokio::time::timeout(Duration::from_secs(10), cairn.client.seal("run"));
    let sealed = seal
        .await
        .expect("writers must not starve the sealer")
        .unwrap();
    let at_the_seal = get(&cairn.client, "run").await.unwrap();
    let written: i64 = join_all(writers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    let after = get(&cairn.client, "run").await.unwrap();
    assert_eq!(sealed.artifact_count, at_the_seal.artifact_count);
    assert_eq!(at_the_seal, after, "nothing enters after the answer");
    assert_eq!(
        after.artifact_count,
        written + 1,
        "what was answered well is there"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sealing_waits_for_no_small_write_and_admits_none_after() {
    sealing_waits_for_no_writer_and_admits_none_after(10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sealing_waits_for_no_upload_and_admits_none_after() {
    sealing_waits_for_no_writer_and_admits_none_after(40_000).await;
}

#[tokio::test]
async fn sessions_are_listed_by_their_last_activity() {
    let cairn = Cairn::start().await;
    for session in ["one", "two", "three", "one"] {
        cairn
            .client
            .create(session_spec("a", session), "")
            .await
            .unwrap();
        // Activity is noted to the second, at most; here it must tell the sessions apart.
        cairn.sql(&format!(
            "UPDATE sessions SET active_at = (SELECT max(created_at) FROM artifacts) WHERE id = '{session}'"
        ))
        .await;
    }
    let mut listed = Vec::new();
    let mut token = String::new();
    loop {
        let request = ListSessionsRequest {
            page_size: 2,
            page_token: token,
            ..ListSessionsRequest::default()
        };
        let page = cairn.client.sessions.clone().list_sessions(request).await;
        let page = page.unwrap().into_inner();
        assert!(page.sessions.len() <= 2);
        listed.extend(
            page.sessions
                .into_iter()
                .map(|s| (s.session_id, s.artifact_count)),
        );
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let expected = [("one", 2), ("three", 1), ("two", 1)];
    assert_eq!(listed, expected.map(|(id, count)| (id.to_owned(), count)));
}
