//! A watcher of every session, which goes on after each fault: every event comes once and in order.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use cairn_proto::v1::{
    ArtifactSpec, SessionEvent, SessionEventType, WatchSessionsRequest, WatchSessionsResponse,
};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tonic::{Status, Streaming};
use tonic_types::StatusExt;

use super::{
    caller::{Caller, World},
    creating::Way,
    journal::Life,
    tally::Broken,
};

/// The session whose event is the last one.
const LAST: &str = "last";
/// A server sends something at least every 15 seconds.
const SILENCE: Duration = Duration::from_secs(20);
/// The longest time from the last write to its event, with every process up.
const DELAY: Duration = Duration::from_secs(60);

/// The events up to that of the last session, and what came with it.
pub(super) async fn watch(world: Arc<World>) -> Vec<SessionEvent> {
    let (mut events, mut after_position) = (Vec::new(), 0);
    for client in world.clients.iter().cycle() {
        let request = WatchSessionsRequest {
            after_position,
            ..WatchSessionsRequest::default()
        };
        let mut sessions = client.sessions.clone();
        let stream = timeout(SILENCE, sessions.watch_sessions(request)).await;
        let end = match stream {
            Ok(Ok(stream)) => follow(stream.into_inner(), &mut events, &mut after_position).await,
            Ok(Err(status)) => Some(status),
            Err(_) => None,
        };
        if events.iter().any(is_last) {
            break;
        }
        world.tally.add("attempt: a watch that was cut off");
        if let Some(status) = end
            && let Some(info) = status.get_error_details().error_info()
            && info.reason != "UNAVAILABLE"
        {
            world.tally.say(&format!("a watch ended: {status:?}"));
        }
        sleep(Duration::from_millis(200)).await;
    }
    events
}

/// Adds the events of one stream, until it ends or has the last event.
async fn follow(
    mut stream: Streaming<WatchSessionsResponse>,
    events: &mut Vec<SessionEvent>,
    position: &mut i64,
) -> Option<Status> {
    loop {
        match timeout(SILENCE, stream.message()).await {
            Ok(Ok(Some(message))) => {
                *position = message.position;
                let is_over = message.events.iter().any(is_last);
                events.extend(message.events);
                if is_over {
                    return None;
                }
            }
            Ok(Err(status)) => return Some(status),
            Ok(Ok(None)) | Err(_) => return None,
        }
    }
}

/// Artifacts go on expiring, so others may follow it.
fn is_last(event: &SessionEvent) -> bool {
    event.session_id == LAST
}

/// Writes the last event, and compares what the watcher heard with what was acknowledged. Call it when no other call is
/// running.
pub(super) async fn check(watcher: JoinHandle<Vec<SessionEvent>>, caller: &mut Caller) {
    let title = caller.fresh();
    let spec = ArtifactSpec {
        session_id: LAST.to_owned(),
        filename: LAST.to_owned(),
        idempotency_key: title.clone(),
        title,
        ..ArtifactSpec::default()
    };
    let content = caller.world.pool.small();
    caller.make(Way::Create, spec, content, String::new()).await;
    let tally = Arc::clone(&caller.world.tally);
    let Ok(events) = timeout(DELAY, watcher).await else {
        let words = "the watcher did not hear the last event".to_owned();
        return tally.broken(Broken::Other, words);
    };
    let events = events.expect("the watcher does not panic");
    for words in faults(&events, &caller.world) {
        tally.broken(Broken::Event, words);
    }
    for _ in &events {
        tally.add("check: an event that a watcher heard");
    }
}

fn faults(events: &[SessionEvent], world: &World) -> Vec<String> {
    let mut found = Vec::new();
    let (mut last, mut created, mut sealed) = (0, HashMap::new(), HashSet::new());
    for event in events {
        if event.position <= last {
            found.push(format!("{event:?} comes after position {last}"));
        }
        last = event.position;
        let session = event.session_id.as_str();
        let artifact = event.artifact.as_ref().map(|it| it.artifact_id.as_str());
        let fault = match (event.r#type(), artifact) {
            (SessionEventType::Created, Some(id)) => {
                let again = created.insert(id, session).is_some();
                (again || sealed.contains(session)).then_some("created twice, or after the seal")
            }
            (SessionEventType::Sealed, _) => (!sealed.insert(session)).then_some("sealed twice"),
            (_, Some(id)) => (!created.contains_key(id)).then_some("before its creation"),
            _ => None,
        };
        found.extend(fault.map(|words| format!("{words}: {event:?}")));
    }
    let entries = world.journal.entries();
    for record in entries.records.values() {
        let must = record.version > 0 && record.life != Life::Unknown && !record.session.is_empty();
        let heard = created.get(record.id.as_str());
        if must && heard.is_none_or(|session| **session != record.session) {
            found.push(format!("no creation was heard of {record:?}"));
        }
    }
    for session in &entries.sealed {
        if !sealed.contains(session.as_str()) {
            found.push(format!("no seal was heard of {session}"));
        }
    }
    found
}
