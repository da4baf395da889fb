//! Watching many sessions on one stream: every event once, in one order, whichever replica answers.

use std::{collections::HashMap, time::Duration};

use cairn_proto::v1::{
    SessionEvent, SessionEventType, UpdateSessionRequest, WatchSessionsRequest,
    WatchSessionsResponse,
};
use cairn_store::{Store, WatchStart, Watched};
use tonic::{Code, Status, Streaming};

use crate::watch::replica;
use harness::{Bytes, Cairn, Client, Setup, refused, session_spec, within_patience};

type Watching = Streaming<WatchSessionsResponse>;

async fn watch(client: &Client, request: WatchSessionsRequest) -> Result<Watching, Status> {
    let response = client.sessions.clone().watch_sessions(request).await?;
    Ok(response.into_inner())
}

/// Every session of the tenant, from a position on.
fn all(after_position: i64) -> WatchSessionsRequest {
    WatchSessionsRequest {
        after_position,
        ..WatchSessionsRequest::default()
    }
}

fn named(ids: &[&str]) -> WatchSessionsRequest {
    WatchSessionsRequest {
        session_ids: ids.iter().map(|&id| id.to_owned()).collect(),
        ..WatchSessionsRequest::default()
    }
}

fn labelled(labels: &[&str]) -> WatchSessionsRequest {
    WatchSessionsRequest {
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
        ..WatchSessionsRequest::default()
    }
}

/// The next events, as many as are wanted.
async fn told(watching: &mut Watching, count: usize) -> Vec<SessionEvent> {
    let mut events: Vec<SessionEvent> = Vec::new();
    within_patience("every event", async {
        while events.len() < count {
            let message = watching.message().await.unwrap().expect("more events");
            events.extend(message.events);
            if let Some(last) = events.last() {
                assert!(message.position >= last.position);
            }
        }
    })
    .await;
    assert_eq!(events.len(), count);
    events
}

/// In which session something happened, and to which file.
fn what(event: &SessionEvent) -> (String, String) {
    let artifact = event.artifact.clone().unwrap_or_default();
    (event.session_id.clone(), artifact.filename)
}

async fn push(client: &Client, session: &str, filename: &str) {
    let made = client.create(session_spec(filename, session), filename.to_owned());
    made.await.unwrap();
}

async fn label(client: &Client, session: &str, labels: &[&str]) {
    let request = UpdateSessionRequest {
        session_id: session.into(),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["labels".into()],
        }),
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
        allow_missing: true,
        ..UpdateSessionRequest::default()
    };
    let updated = client.sessions.clone().update_session(request).await;
    updated.unwrap();
}

#[tokio::test]
async fn one_stream_tells_of_the_sessions_that_were_named() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let mut watching = watch(client, named(&["a", "b"])).await.unwrap();
    let first = watching.message().await.unwrap().unwrap();
    assert_eq!((first.events.len(), first.position), (0, 0));
    for (session, file) in [("a", "1"), ("c", "2"), ("b", "3"), ("a", "4")] {
        push(client, session, file).await;
    }
    client.seal("b").await.unwrap();
    let events = told(&mut watching, 4).await;
    let own = |session: &str, file: &str| (session.to_owned(), file.to_owned());
    let wanted = [own("a", "1"), own("b", "3"), own("a", "4"), own("b", "")];
    assert_eq!(events.iter().map(what).collect::<Vec<_>>(), wanted);
    assert_eq!(events[3].r#type(), SessionEventType::Sealed);
    assert!(events.is_sorted_by(|a, b| a.position < b.position));
}

#[tokio::test]
async fn one_stream_tells_of_the_sessions_with_every_label() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    label(client, "a", &["nightly", "team"]).await;
    label(client, "b", &["nightly"]).await;
    let mut watching = watch(client, labelled(&["team", "nightly"])).await.unwrap();
    for (session, file) in [("a", "1"), ("b", "2"), ("c", "3")] {
        push(client, session, file).await;
    }
    let own = |session: &str, file: &str| (session.to_owned(), file.to_owned());
    assert_eq!(what(&told(&mut watching, 1).await[0]), own("a", "1"));
    label(client, "b", &["nightly", "team"]).await;
    push(client, "b", "4").await;
    assert_eq!(what(&told(&mut watching, 1).await[0]), own("b", "4"));
    let both = WatchSessionsRequest {
        session_ids: vec!["b".into()],
        ..labelled(&["team"])
    };
    let mut watching = watch(client, both).await.unwrap();
    let events = told(&mut watching, 2).await;
    let wanted = [own("b", "2"), own("b", "4")];
    assert_eq!(events.iter().map(what).collect::<Vec<_>>(), wanted);
}

#[tokio::test]
async fn one_stream_tells_of_every_session_of_its_tenant_alone() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let stranger = cairn.client_of("stranger").await;
    let mut watching = watch(&cairn.client, all(0)).await.unwrap();
    let mut theirs = watch(&stranger, all(0)).await.unwrap();
    push(&cairn.client, "a", "1").await;
    push(&stranger, "a", "2").await;
    push(&cairn.client, "b", "3").await;
    let files = |events: Vec<SessionEvent>| events.iter().map(|e| what(e).1).collect::<Vec<_>>();
    assert_eq!(files(told(&mut watching, 2).await), ["1", "3"]);
    assert_eq!(files(told(&mut theirs, 1).await), ["2"]);
}

#[tokio::test]
async fn every_watcher_of_many_sessions_hears_the_same_once() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let other = replica(&cairn).await;
    let (writers, each) = (8, 20);
    let mut live = watch(&cairn.client, all(0)).await.unwrap();
    let mut elsewhere = watch(&other, all(0)).await.unwrap();
    let write = |writer: usize| {
        let client = if writer.is_multiple_of(2) {
            cairn.client.clone()
        } else {
            other.clone()
        };
        async move {
            for i in 0..each {
                let spec = session_spec(&format!("{writer}/{i}"), &format!("run-{}", i % 3));
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
    let key = |event: &SessionEvent| (event.position, event.r#type, what(event));
    let keys = |events: &[SessionEvent]| events.iter().map(key).collect::<Vec<_>>();
    assert_eq!(keys(&live), keys(&elsewhere));
    assert!(live.is_sorted_by(|a, b| a.position < b.position));
    // From wherever a watcher goes on, on either replica, it hears the rest.
    for behind in (0..count).step_by(37) {
        let after = live[behind].position;
        let mut again = watch(&other, all(after)).await.unwrap();
        let rest = &live[behind + 1..];
        assert_eq!(keys(&told(&mut again, rest.len()).await), keys(rest));
    }
    let mut seen: HashMap<String, i32> = HashMap::new();
    for event in &live {
        let created = event.r#type() == SessionEventType::Created;
        let of_file = seen.entry(what(event).1).or_default();
        *of_file += if created { 1 } else { 10 };
        assert!([1, 11].contains(of_file), "created once, then deleted once");
    }
}

#[tokio::test]
async fn an_event_that_commits_late_is_told_before_later_ones() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    push(client, "run", "a").await;
    let mut database = cairn.database().await;
    let slow = database.transaction().await.unwrap();
    let delete = "UPDATE artifacts SET state = 'deleted', deleted_at = now(), purge_after = now()";
    slow.execute(delete, &[]).await.unwrap();
    push(client, "other", "b").await;
    let mut watching = watch(client, all(0)).await.unwrap();
    let first = watching.message().await.unwrap().unwrap();
    assert!(
        first.events.len() < 2,
        "b does not come before the deletion"
    );
    slow.commit().await.unwrap();
    let mut events = first.events;
    let missing = 3 - events.len();
    events.extend(told(&mut watching, missing).await);
    let kinds: Vec<_> = events.iter().map(SessionEvent::r#type).collect();
    use SessionEventType::{Created, Deleted};
    assert_eq!(kinds, [Created, Deleted, Created]);
    assert_eq!(what(&events[2]).1, "b");
    let mut again = watch(client, all(events[0].position)).await.unwrap();
    let positions = |events: &[SessionEvent]| events.iter().map(|e| e.position).collect::<Vec<_>>();
    assert_eq!(
        positions(&told(&mut again, 2).await),
        positions(&events[1..])
    );
}

/// Transactions take their own numbers and those of their events in different orders.
#[tokio::test]
async fn an_event_of_the_youngest_transaction_is_never_skipped() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    for file in ["a", "b"] {
        push(client, file, file).await;
    }
    let mut watching = watch(client, all(0)).await.unwrap();
    told(&mut watching, 2).await;
    let delete = |session: &str| {
        format!(
            "UPDATE artifacts SET state = 'deleted', deleted_at = now(), purge_after = now()
             WHERE session_id = '{session}'"
        )
    };
    let mut databases = [cairn.database().await, cairn.database().await];
    let [older, younger] = &mut databases;
    let older = older.transaction().await.unwrap();
    older
        .execute("SELECT pg_current_xact_id()", &[])
        .await
        .unwrap();
    let younger = younger.transaction().await.unwrap();
    younger.execute(&delete("a"), &[]).await.unwrap();
    older.execute(&delete("b"), &[]).await.unwrap();
    older.commit().await.unwrap();
    let mut fresh = watch(client, all(0)).await.unwrap();
    let before = fresh.message().await.unwrap().unwrap();
    assert!(before.events.len() <= 2, "b's deletion waits for a's");
    younger.commit().await.unwrap();
    for event in told(&mut watching, 2).await.iter().zip(["a", "b"]) {
        assert_eq!(what(event.0).1, event.1);
    }
}

#[tokio::test]
async fn a_long_transaction_without_events_delays_no_watcher() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let mut database = cairn.database().await;
    let long = database.transaction().await.unwrap();
    long.batch_execute("CREATE TEMP TABLE report AS SELECT 1")
        .await
        .unwrap();
    let mut watching = watch(&cairn.client, all(0)).await.unwrap();
    push(&cairn.client, "run", "a").await;
    let event = told(&mut watching, 1).await.remove(0);
    assert_eq!(what(&event).1, "a");
    long.rollback().await.unwrap();
}

#[tokio::test]
async fn a_watch_until_the_seal_ends_when_all_are_sealed() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    for session in ["a", "b"] {
        push(client, session, session).await;
    }
    let until = |after_position| WatchSessionsRequest {
        until_sealed: true,
        after_position,
        ..named(&["a", "b"])
    };
    let mut watching = watch(client, until(0)).await.unwrap();
    client.seal("b").await.unwrap();
    told(&mut watching, 3).await;
    client.seal("a").await.unwrap();
    let last = told(&mut watching, 1).await[0].position;
    assert!(watching.message().await.unwrap().is_none(), "it is over");
    let mut watching = watch(client, until(last)).await.unwrap();
    let message = watching.message().await.unwrap().unwrap();
    assert_eq!((message.events.len(), message.position), (0, last));
    assert!(watching.message().await.unwrap().is_none(), "it was over");
}

#[tokio::test]
async fn a_watcher_of_new_events_hears_what_commits_afterwards() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    push(client, "old", "old").await;
    let new = WatchSessionsRequest {
        only_new: true,
        ..all(0)
    };
    let mut watching = watch(client, new).await.unwrap();
    let message = watching.message().await.unwrap().unwrap();
    assert!(message.events.is_empty() && message.position > 0);
    push(client, "new", "new").await;
    assert_eq!(what(&told(&mut watching, 1).await[0]).1, "new");
}

#[tokio::test]
async fn a_watch_of_sessions_names_every_field_at_fault() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let many: Vec<_> = (0..101).map(|i| format!("{i}")).collect();
    let labels: Vec<_> = (0..9).map(|i| format!("{i}")).collect();
    for (request, fields) in [
        (
            WatchSessionsRequest {
                session_ids: many,
                ..all(0)
            },
            vec!["session_ids"],
        ),
        (
            WatchSessionsRequest {
                labels,
                ..named(&[""])
            },
            vec!["labels", "session_ids[0]"],
        ),
        (
            WatchSessionsRequest {
                until_sealed: true,
                ..all(0)
            },
            vec!["until_sealed"],
        ),
        (
            WatchSessionsRequest {
                only_new: true,
                ..all(1)
            },
            vec!["only_new"],
        ),
        (all(1), vec!["after_position"]),
        (all(-1), vec!["after_position"]),
    ] {
        assert_eq!(refused(watch(&cairn.client, request).await).fields, fields);
    }
}

#[tokio::test]
async fn a_watcher_of_sessions_that_comes_too_late_hears_so() {
    let cairn = Setup::on(Bytes::Files)
        .config(|config| config.event_retention = Duration::from_secs(3600))
        .start()
        .await;
    let client = &cairn.client;
    for file in ["a", "b", "c"] {
        push(client, file, file).await;
    }
    let mut watching = watch(client, all(0)).await.unwrap();
    let events = told(&mut watching, 3).await;
    let age = "UPDATE session_events SET occurred_at = now() - interval '61 minutes'
         WHERE number < (SELECT max(number) FROM session_events)";
    cairn.sql(age).await;
    assert_eq!(cairn.collect().await.count("session_events"), 2);
    let expired = refused(watch(client, all(events[0].position)).await);
    assert_eq!(
        (expired.code, expired.reason.as_str()),
        (Code::FailedPrecondition, "EVENTS_EXPIRED")
    );
    assert_eq!(
        expired.metadata["after_position"],
        events[1].position.to_string()
    );
    assert!(!expired.metadata.contains_key("session_id"));
    for after in [0, events[1].position] {
        let mut watching = watch(client, all(after)).await.unwrap();
        assert_eq!(what(&told(&mut watching, 1).await[0]).1, "c");
    }
}

/// What Postgres has read of the tables of a watch: rows of tables as a whole, and entries of indexes. The server that runs
/// beside it reads others.
const READ: &str = "WITH watched AS (SELECT unnest(ARRAY['session_events', 'forgotten_events', 'sessions', 'artifacts']) AS name)
    SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables JOIN watched ON relname = name)::bigint
        + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes JOIN watched ON relname = name)::bigint";

/// A tenant with ten events in each of so many sessions, of which every thousandth has a label.
async fn with_events(sessions: u32) -> Cairn {
    let cairn = Setup::on(Bytes::Files).start().await;
    cairn
        .sql(&format!(
            "INSERT INTO sessions (tenant_id, id, labels)
                 SELECT t.id, 's' || i, CASE WHEN i % 1000 = 0 THEN ARRAY['rare'] ELSE '{{}}' END
                 FROM tenants t, generate_series(1, {sessions}) i WHERE t.name = 'acme';
             INSERT INTO session_events (tenant_id, session_id, type, artifact_id)
                 SELECT t.id, 's' || i, 'deleted', 'art_' || lpad(i::text, 16, '0')
                 FROM generate_series(1, 10) n, tenants t, generate_series(1, {sessions}) i WHERE t.name = 'acme';
             ANALYZE"
        ))
        .await;
    cairn
}

/// How many rows are read until a watch has sent everything after a position.
async fn rows(cairn: &Cairn, watched: Watched, after: i64) -> i64 {
    let last = "SELECT max(number) FROM session_events";
    let last = cairn.count(last).await;
    let caller = cairn.store.authenticate(&cairn.key).await.unwrap();
    let before = cairn.counted(READ).await;
    let mut config = cairn.config.clone();
    config.database_connections = 1;
    let store = Store::open(&config).await.unwrap();
    let start = WatchStart::After((last - after).max(0));
    let mut watch = store.watch_sessions(&caller, watched, start).await.unwrap();
    while watch.next().await.unwrap().unwrap().position < last {}
    drop((watch, store));
    cairn.counted(READ).await - before
}

#[tokio::test]
async fn a_watch_reads_what_comes_next_and_not_all_events() {
    let (few, many) = (with_events(2_000).await, with_events(10_000).await);
    let cases = [
        (vec![], vec![]),
        // The last session of each.
        (vec!["s2000".to_owned(), "s10000".to_owned()], vec![]),
        (vec![], vec!["rare".to_owned()]),
    ];
    for (ids, labels) in cases {
        let watched = Watched::new(ids, labels, false).unwrap();
        let of_few = rows(&few, watched.clone(), 100).await;
        let of_many = rows(&many, watched.clone(), 100).await;
        println!("{watched:?}: {of_few} and {of_many}");
        assert!(
            of_many <= of_few + 50,
            "{of_many} rows, and of few {of_few}"
        );
        assert!(of_many <= 1_000, "{of_many} rows");
    }
    let rare = Watched::new(vec![], vec!["rare".to_owned()], false).unwrap();
    let all = rows(&few, rare, i64::MAX).await;
    assert!(all <= 5 * 20_000, "{all} rows of 20,000 events");
}
