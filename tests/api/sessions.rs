//! A session is what a run produced, and a sealed one never changes.

use cairn_proto::v1::{GetSessionRequest, ListSessionsRequest, Session, UpdateSessionRequest};
use futures_util::future::join_all;
use prost_types::FieldMask;
use tonic::{Code, Status};

use harness::{Bytes, Cairn, Client, Setup, content, refused, session_spec, within_patience};

async fn get(client: &Client, session: &str) -> Result<Session, Status> {
    let request = GetSessionRequest {
        session_id: session.into(),
    };
    let response = client.sessions.clone().get_session(request).await?;
    Ok(response.into_inner().session.unwrap())
}

/// The first artifact creates its session, which counts what is visible.
#[tokio::test]
async fn first_artifact_creates_its_session() {
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

/// Writes into a session until it is sealed, and returns how many writes succeeded.
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
    harness::eventually("all are writing", async || {
        cairn.count("SELECT count(*) FROM artifacts").await > 32
    })
    .await;
    // With row locks instead of the advisory lock the sealer would wait while writers overlap, which here never ends.
    let seal = cairn.client.seal("run");
    let sealed = within_patience("writers must not starve the sealer", seal).await;
    let sealed = sealed.unwrap();
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
        // Activity is recorded to the second at most; here it must distinguish the sessions.
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

async fn update(client: &Client, request: UpdateSessionRequest) -> Result<Session, Status> {
    let response = client.sessions.clone().update_session(request).await?;
    Ok(response.into_inner().session.unwrap())
}

fn naming(session: &str, display_name: &str, labels: &[&str]) -> UpdateSessionRequest {
    UpdateSessionRequest {
        session_id: session.into(),
        update_mask: Some(FieldMask {
            paths: vec!["display_name".into(), "labels".into()],
        }),
        display_name: display_name.into(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        ..UpdateSessionRequest::default()
    }
}

#[tokio::test]
async fn a_session_has_a_name_and_labels_by_which_it_is_found() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    for session in ["one", "two", "three"] {
        client.create(session_spec("a", session), "").await.unwrap();
    }
    let named = update(client, naming("one", "The first – é", &["q3", "import"]))
        .await
        .unwrap();
    assert_eq!(named.display_name, "The first – é");
    assert_eq!(named.labels, ["import", "q3"]);
    update(client, naming("two", "", &["q3"])).await.unwrap();
    client.seal("two").await.unwrap();
    let labels_alone = UpdateSessionRequest {
        update_mask: Some(FieldMask {
            paths: vec!["labels".into()],
        }),
        ..naming("one", "not this", &["q4"])
    };
    let after = update(client, labels_alone).await.unwrap();
    assert_eq!(after.display_name, "The first – é");
    assert_eq!(after.labels, ["q4"]);
    update(client, naming("two", "sealed", &["q3", "import"]))
        .await
        .unwrap();

    let found = async |labels: &[&str]| {
        let request = ListSessionsRequest {
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            ..ListSessionsRequest::default()
        };
        let response = client.sessions.clone().list_sessions(request).await;
        let sessions = response.unwrap().into_inner().sessions.into_iter();
        sessions.map(|s| s.session_id).collect::<Vec<_>>()
    };
    assert_eq!(found(&["q4"]).await, ["one"]);
    assert_eq!(found(&["import", "q3"]).await, ["two"]);
    assert!(found(&["import", "q4"]).await.is_empty());
    assert_eq!(found(&[]).await.len(), 3);
}

/// With allow_missing a session can be named before its first artifact.
#[tokio::test]
async fn allow_missing_names_a_session_before_artifacts() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let early = naming("run", "Early", &[]);
    let refusal = refused(update(client, early.clone()).await);
    assert_eq!(refusal.reason, "SESSION_NOT_FOUND");
    let wanted = UpdateSessionRequest {
        allow_missing: true,
        ..early
    };
    update(client, wanted).await.unwrap();
    let session = get(client, "run").await.unwrap();
    assert_eq!(
        (session.display_name.as_str(), session.artifact_count),
        ("Early", 0)
    );
    client.create(session_spec("a", "run"), "").await.unwrap();
    assert_eq!(get(client, "run").await.unwrap().display_name, "Early");
}

#[tokio::test]
async fn what_cannot_be_said_of_a_session_is_refused_field_by_field() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    client.create(session_spec("a", "run"), "").await.unwrap();
    let faulty = naming("run", &"x".repeat(256), &["good", "not\ngood"]);
    let refusal = refused(update(client, faulty).await);
    assert_eq!(refusal.fields, ["display_name", "labels[1]"]);
    let nothing = UpdateSessionRequest {
        session_id: "run".into(),
        ..UpdateSessionRequest::default()
    };
    let refusal = refused(update(client, nothing).await);
    assert_eq!(refusal.fields, ["update_mask"]);
    let unknown = UpdateSessionRequest {
        update_mask: Some(FieldMask {
            paths: vec!["sealed_at".into()],
        }),
        ..naming("run", "", &[])
    };
    let refusal = refused(update(client, unknown).await);
    assert_eq!(refusal.fields, ["update_mask"]);
    let stranger = cairn.client_of("stranger").await;
    let refusal = refused(update(&stranger, naming("run", "mine", &[])).await);
    assert_eq!(refusal.reason, "SESSION_NOT_FOUND");
}

#[tokio::test]
async fn a_full_session_takes_artifacts_again_once_some_are_deleted() {
    let setup = Setup::on(Bytes::Files).config(|config| config.gc.session_max_artifacts = 3);
    let cairn = setup.start().await;
    let client = &cairn.client;
    let create = async |name: &str| {
        client
            .create(session_spec(name, "run"), name.to_owned())
            .await
    };
    let first = create("1").await.unwrap();
    create("2").await.unwrap();
    cairn.pass("session_sizes").await;
    create("3").await.unwrap();
    cairn.pass("session_sizes").await;
    let refusal = refused(create("4").await);
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::FailedPrecondition, "SESSION_FULL")
    );
    let large = session_spec("large", "run");
    let refusal = refused(client.upload(large, content(100_000)).await);
    assert_eq!(refusal.reason, "SESSION_FULL");
    client
        .create(session_spec("5", "other"), "x")
        .await
        .unwrap();
    client.delete(&first.artifact_id).await.unwrap();
    cairn.pass("session_sizes").await;
    create("4").await.unwrap();
}
