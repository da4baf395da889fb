//! A watcher of a session gets every event once, in one order, from any replica.

use std::time::Duration;

use cairn_api::{Addresses, Listeners, Settings};
use cairn_proto::v1::{
    ArtifactSpec, ArtifactStage, ArtifactState, CommitSessionRequest, RestoreArtifactsRequest,
    SessionEvent, SessionEventType, SetStageRequest, UpdateArtifactRequest, WatchSessionRequest,
    WatchSessionResponse,
};
use tonic::{Code, Status, Streaming};

use harness::{
    Bytes, Cairn, Client, PATIENCE, Setup, eventually, refused, session_spec, within_patience,
};

type Watching = Streaming<WatchSessionResponse>;

async fn watch(client: &Client, request: WatchSessionRequest) -> Result<Watching, Status> {
    let response = client.sessions.clone().watch_session(request).await?;
    Ok(response.into_inner())
}

fn from(after_position: i64) -> WatchSessionRequest {
    WatchSessionRequest {
        session_id: "run".into(),
        after_position,
        ..WatchSessionRequest::default()
    }
}

/// The next events, as many as requested; each message has its position.
async fn told(watching: &mut Watching, count: usize) -> Vec<SessionEvent> {
    let mut events: Vec<SessionEvent> = Vec::new();
    while events.len() < count {
        let message = watching.message().await.unwrap().expect("more events");
        events.extend(message.events);
        if let Some(last) = events.last() {
            assert_eq!(message.position, last.position);
        }
    }
    assert_eq!(events.len(), count);
    events
}

fn kinds(events: &[SessionEvent]) -> Vec<SessionEventType> {
    events.iter().map(SessionEvent::r#type).collect()
}

fn positions(events: &[SessionEvent]) -> Vec<i64> {
    events.iter().map(|event| event.position).collect()
}

/// A second replica on the same store.
pub(crate) async fn replica(cairn: &Cairn) -> Client {
    let any = "127.0.0.1:0".parse().unwrap();
    let addresses = Addresses {
        grpc: any,
        http: any,
        ops: any,
        admin: None,
    };
    let listeners = Listeners::bind(&addresses).await.unwrap();
    let url = format!("http://{}", listeners.grpc.local_addr().unwrap());
    let store = cairn_store::Store::open(&cairn.config).await.unwrap();
    let shutdown = cairn.shutdown.clone();
    tokio::spawn(cairn_api::run(
        listeners,
        store,
        Settings::default(),
        cairn_process::Metrics::default(),
        shutdown,
    ));
    Client::connect(&url, Some(&cairn.key)).await
}

#[tokio::test]
async fn watcher_gets_every_event_as_it_happens() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let mut watching = watch(client, from(0)).await.unwrap();
    let first = watching.message().await.unwrap().unwrap();
    assert_eq!((first.events.len(), first.position), (0, 0));

    let made = client.create(session_spec("a", "run"), "1").await.unwrap();
    let events = told(&mut watching, 1).await;
    assert_eq!(kinds(&events), [SessionEventType::Created]);
    let artifact = events[0].artifact.clone().unwrap();
    assert_eq!(artifact, made);
    assert!(events[0].occurred_at.is_some());

    let ids = vec![made.artifact_id.clone()];
    let stage = SetStageRequest {
        stage: ArtifactStage::Review.into(),
        artifact_ids: ids.clone(),
        agent_id: "ann".into(),
        ..SetStageRequest::default()
    };
    client.artifacts.clone().set_stage(stage).await.unwrap();
    let update = UpdateArtifactRequest {
        artifact_id: made.artifact_id.clone(),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["stage".into()],
        }),
        stage: ArtifactStage::Final.into(),
        ..UpdateArtifactRequest::default()
    };
    client
        .artifacts
        .clone()
        .update_artifact(update)
        .await
        .unwrap();
    let events = told(&mut watching, 2).await;
    assert_eq!(kinds(&events), [SessionEventType::Staged; 2]);
    let moved = |event: &SessionEvent| (event.from_stage(), event.to_stage());
    assert_eq!(
        moved(&events[0]),
        (ArtifactStage::Draft, ArtifactStage::Review)
    );
    assert_eq!(events[0].agent_id, "ann");
    assert_eq!(
        moved(&events[1]),
        (ArtifactStage::Review, ArtifactStage::Final)
    );

    client.delete(&made.artifact_id).await.unwrap();
    let restore = RestoreArtifactsRequest {
        artifact_ids: ids,
        ..RestoreArtifactsRequest::default()
    };
    client
        .artifacts
        .clone()
        .restore_artifacts(restore)
        .await
        .unwrap();
    client.seal("run").await.unwrap();
    let events = told(&mut watching, 3).await;
    assert_eq!(
        kinds(&events),
        [
            SessionEventType::Deleted,
            SessionEventType::Restored,
            SessionEventType::Sealed
        ]
    );
    assert!(events[2].artifact.is_none());
    assert_eq!(positions(&events), [4, 5, 6]);
}

#[tokio::test]
async fn positions_are_the_same_for_every_watcher_and_without_gaps() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let other = replica(&cairn).await;
    let writers = 8;
    let each = 20;
    let mut live = watch(&cairn.client, from(0)).await.unwrap();
    let mut elsewhere = watch(&other, from(0)).await.unwrap();
    let write = |writer: usize| {
        let client = if writer.is_multiple_of(2) {
            cairn.client.clone()
        } else {
            other.clone()
        };
        async move {
            for i in 0..each {
                let spec = session_spec(&format!("{writer}/{i}"), "run");
                let made = client.create(spec, format!("{writer}/{i}")).await.unwrap();
                if i % 4 == 0 {
                    client.delete(&made.artifact_id).await.unwrap();
                }
            }
        }
    };
    let count = writers * (each + each / 4);
    let writing = futures_util::future::join_all((0..writers).map(write));
    let (live, elsewhere, _) =
        tokio::join!(told(&mut live, count), told(&mut elsewhere, count), writing);
    let all: Vec<i64> = (1..=count as i64).collect();
    assert_eq!(positions(&live), all);
    let what = |events: &[SessionEvent]| {
        let of = |event: &SessionEvent| {
            let id = event.artifact.as_ref().unwrap().artifact_id.clone();
            (event.position, event.r#type, id)
        };
        events.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(what(&live), what(&elsewhere));
    let mut later = watch(&other, from(0)).await.unwrap();
    assert_eq!(what(&told(&mut later, count).await), what(&live));
    let mut behind = watch(&cairn.client, from(count as i64 - 3)).await.unwrap();
    assert_eq!(what(&told(&mut behind, 3).await), what(&live)[count - 3..]);
    let mut created = std::collections::HashSet::new();
    for event in &live {
        let id = event.artifact.as_ref().unwrap().artifact_id.clone();
        match event.r#type() {
            SessionEventType::Created => assert!(created.insert(id)),
            _ => assert!(created.contains(&id), "created before it is deleted"),
        }
    }
}

/// An event whose transaction began earlier and commits later is sent later, and not lost.
#[tokio::test]
async fn late_commit_of_an_event_is_sent_later_not_lost() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    client.create(session_spec("a", "run"), "1").await.unwrap();
    let mut database = cairn.database().await;
    let slow = database.transaction().await.unwrap();
    slow.execute(
        "UPDATE artifacts SET state = 'deleted', deleted_at = now(), purge_after = now()",
        &[],
    )
    .await
    .unwrap();
    client.create(session_spec("b", "run"), "2").await.unwrap();
    let mut watching = watch(client, from(0)).await.unwrap();
    let events = told(&mut watching, 2).await;
    assert_eq!(kinds(&events), [SessionEventType::Created; 2]);
    slow.commit().await.unwrap();
    let late = told(&mut watching, 1).await;
    assert_eq!(
        (kinds(&late), positions(&late)),
        (vec![SessionEventType::Deleted], vec![3])
    );
    let mut again = watch(client, from(2)).await.unwrap();
    assert_eq!(positions(&told(&mut again, 1).await), [3]);
}

/// A reader that waited for the lock on positions sees those that were assigned meanwhile.
#[tokio::test]
async fn position_lock_sees_positions_given_meanwhile() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    client.create(session_spec("a", "run"), "1").await.unwrap();
    // Another transaction is about to assign positions, and is slow.
    let mut database = cairn.database().await;
    let slow = database.transaction().await.unwrap();
    slow.batch_execute(
        "SELECT FROM sessions FOR NO KEY UPDATE;
         SELECT FROM session_events FOR UPDATE",
    )
    .await
    .unwrap();
    let watcher = client.clone();
    let watching = tokio::spawn(async move {
        let mut watching = watch(&watcher, from(0)).await.unwrap();
        (told(&mut watching, 2).await, watching)
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("the watcher waits", async || {
        cairn.count(waiting).await == 1
    })
    .await;
    client.create(session_spec("b", "run"), "2").await.unwrap();
    slow.batch_execute(
        "UPDATE session_events SET position = number;
         UPDATE sessions SET last_position = 2",
    )
    .await
    .unwrap();
    slow.commit().await.unwrap();
    let (events, mut watching) = watching.await.unwrap();
    assert_eq!(positions(&events), [1, 2]);
    client.create(session_spec("c", "run"), "3").await.unwrap();
    assert_eq!(positions(&told(&mut watching, 1).await), [3]);
}

/// The events of a session's commit come when it is published, and not before.
#[tokio::test]
async fn events_of_a_commit_come_when_it_is_published() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    for file in ["a", "b"] {
        let spec = ArtifactSpec {
            unpublished: true,
            ..session_spec(file, "run")
        };
        client.create(spec, file).await.unwrap();
    }
    client.create(session_spec("c", "run"), "c").await.unwrap();
    let mut watching = watch(client, from(0)).await.unwrap();
    let event = told(&mut watching, 1).await.remove(0);
    assert_eq!(event.artifact.unwrap().filename, "c");
    let commit = CommitSessionRequest {
        session_id: "run".into(),
        seal: true,
        ..CommitSessionRequest::default()
    };
    client
        .sessions
        .clone()
        .commit_session(commit)
        .await
        .unwrap();
    let events = told(&mut watching, 3).await;
    assert_eq!(
        kinds(&events),
        [
            SessionEventType::Created,
            SessionEventType::Created,
            SessionEventType::Sealed
        ]
    );
}

#[tokio::test]
async fn an_event_shows_what_has_become_of_its_artifact() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let made = client.create(session_spec("a", "run"), "1").await.unwrap();
    client.delete(&made.artifact_id).await.unwrap();
    let mut watching = watch(client, from(0)).await.unwrap();
    let events = told(&mut watching, 2).await;
    for event in &events {
        let artifact = event.artifact.as_ref().unwrap();
        assert_eq!(artifact.state(), ArtifactState::Deleted);
        assert_eq!(artifact.filename, "a");
    }
}

/// A watch until the seal ends with the seal, and at once if the seal was sent before.
#[tokio::test]
async fn until_sealed_watch_ends_with_the_seal() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    client.create(session_spec("a", "run"), "1").await.unwrap();
    let until = |after| WatchSessionRequest {
        until_sealed: true,
        ..from(after)
    };
    let mut watching = watch(client, until(0)).await.unwrap();
    told(&mut watching, 1).await;
    client.seal("run").await.unwrap();
    told(&mut watching, 1).await;
    assert!(watching.message().await.unwrap().is_none(), "it is over");
    let mut watching = watch(client, until(2)).await.unwrap();
    let message = watching.message().await.unwrap().unwrap();
    assert_eq!((message.events.len(), message.position), (0, 2));
    assert!(watching.message().await.unwrap().is_none(), "it was over");
}

#[tokio::test]
async fn only_new_watch_gets_no_old_events() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    client
        .create(session_spec("old", "run"), "1")
        .await
        .unwrap();
    let new = WatchSessionRequest {
        only_new: true,
        ..from(0)
    };
    let mut watching = watch(client, new.clone()).await.unwrap();
    let message = watching.message().await.unwrap().unwrap();
    assert_eq!((message.events.len(), message.position), (0, 1));
    client
        .create(session_spec("new", "run"), "2")
        .await
        .unwrap();
    assert_eq!(positions(&told(&mut watching, 1).await), [2]);
    let both = WatchSessionRequest {
        after_position: 1,
        ..new
    };
    assert_eq!(refused(watch(client, both).await).fields, ["only_new"]);
    for beyond in [3, -1] {
        let refusal = refused(watch(client, from(beyond)).await);
        assert_eq!(refusal.fields, ["after_position"]);
    }
}

#[tokio::test]
async fn watch_behind_retention_gets_events_expired() {
    let cairn = Setup::on(Bytes::Files)
        .config(|config| config.event_retention = Duration::from_secs(3600))
        .start()
        .await;
    let client = &cairn.client;
    for file in ["a", "b", "c"] {
        client
            .create(session_spec(file, "run"), file)
            .await
            .unwrap();
    }
    cairn
        .sql(
            "UPDATE session_events SET occurred_at = now() - interval '61 minutes'
             WHERE number < (SELECT max(number) FROM session_events)",
        )
        .await;
    assert_eq!(cairn.collect().await.count("session_events"), 2);
    let expired = refused(watch(client, from(0)).await);
    assert_eq!(
        (expired.code, expired.reason.as_str()),
        (Code::FailedPrecondition, "EVENTS_EXPIRED")
    );
    assert_eq!(expired.metadata["after_position"], "2");
    let mut watching = watch(client, from(2)).await.unwrap();
    assert_eq!(positions(&told(&mut watching, 1).await), [3]);
    cairn
        .sql("UPDATE session_events SET occurred_at = now() - interval '61 minutes'")
        .await;
    assert_eq!(cairn.collect().await.count("session_events"), 1);
    let expired = refused(watch(client, from(2)).await);
    assert_eq!(expired.metadata["after_position"], "3");
    watch(client, from(3)).await.unwrap();
}

#[tokio::test]
async fn a_stranger_sees_nothing_of_a_session_of_the_same_name() {
    let cairn = Setup::on(Bytes::Files).start().await;
    cairn
        .client
        .create(session_spec("a", "run"), "1")
        .await
        .unwrap();
    let stranger = cairn.client_of("stranger").await;
    let mut watching = watch(&stranger, from(0)).await.unwrap();
    let message = watching.message().await.unwrap().unwrap();
    assert_eq!((message.events.len(), message.position), (0, 0));
    stranger
        .create(session_spec("theirs", "run"), "2")
        .await
        .unwrap();
    let event = told(&mut watching, 1).await.remove(0);
    assert_eq!(event.artifact.unwrap().filename, "theirs");
}

/// A server that stops ends every watch with UNAVAILABLE, so that clients continue elsewhere.
#[tokio::test]
async fn stopping_server_ends_watches_with_unavailable() {
    // Calls that it waits for would outlast the test.
    let setup = Setup::on(Bytes::Files).drain(2 * PATIENCE);
    let cairn = setup.start().await;
    let mut watching = watch(&cairn.client, from(0)).await.unwrap();
    watching.message().await.unwrap().unwrap();
    let stopping = within_patience("it stops", cairn.stop());
    let (ended, ()) = tokio::join!(watching.message(), stopping);
    let refusal = refused(ended);
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::Unavailable, "UNAVAILABLE")
    );
    assert!(refusal.retry_after.is_some());
}
