//! Whether a watcher of all sessions hears of everything that happened, once and in an order that makes sense.

use std::collections::BTreeMap;

use cairn_store::{ArtifactRef, Caller, Event, EventKind, Subject, WatchStart, Watched};

use super::{NOBODY, Play};
use crate::{
    call::NO_SESSION,
    make::reason,
    reference::{Life, Record, Reference},
};

/// What the events of an artifact come to.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    session: String,
    is_live: bool,
    stage: &'static str,
}

impl Play {
    /// Watches all sessions of every tenant from the beginning, in two parts, and compares what the events come to.
    pub(super) async fn watch_everything(&self) {
        for (caller, reference) in self.callers.iter().zip(&self.references) {
            let all = format!(
                "SELECT count(*) FROM session_events e JOIN tenants t ON t.id = e.tenant_id WHERE t.name = '{}'",
                caller.tenant.name
            );
            let all = self.cairn.count(&all).await as usize;
            let mut events = self.events(caller, 0, all / 2).await;
            let reached = events.last().map_or(0, |event| event.position);
            let rest = all - events.len();
            events.extend(self.events(caller, reached, rest).await);
            assert_eq!(events.len(), all, "every event once");
            assert!(events.is_sorted_by(|a, b| a.position < b.position));
            let mut heard = fold(&events, reference);
            for record in &reference.artifacts {
                if record.file.session != NO_SESSION {
                    assert_eq!(heard.remove(&record.id), Some(of(record)), "{}", record.id);
                }
            }
            // Their records are gone.
            assert!(heard.values().all(|gone| !gone.is_live), "{heard:?}");
        }
    }

    /// At least so many events after a position, as they come.
    async fn events(&self, caller: &Caller, after: i64, least: usize) -> Vec<Event> {
        let watched = Watched::new(vec![], vec![], false).unwrap();
        let start = WatchStart::After(after);
        let watch = self.store.watch_sessions(caller, watched, start);
        let (mut watch, mut events) = (watch.await.unwrap(), Vec::new());
        while events.len() < least {
            events.extend(watch.next().await.unwrap().unwrap().events);
        }
        events
    }

    /// Reads the records of everything that there ever was in one batch: each is answered as by itself.
    pub(super) async fn get_everything(&mut self) {
        let mut ids: Vec<_> = self.references.iter().flat_map(Reference::ids).collect();
        ids.push(NOBODY.to_owned());
        let wanted: Vec<_> = ids
            .iter()
            .map(|id| ArtifactRef::new(id, None).unwrap())
            .collect();
        for (caller, reference) in self.callers.iter().zip(&mut self.references) {
            let found = self.store.get_artifacts(caller, &wanted).await.unwrap();
            for (id, found) in ids.iter().zip(found) {
                let found = found.map(|artifact| artifact.id.to_string());
                let expected = reference.readable(id).map(|record| record.id.clone());
                assert_eq!(
                    found.map_err(|e| reason(&e)),
                    expected.map_err(str::to_owned)
                );
            }
        }
    }
}

fn of(record: &Record) -> Heard {
    Heard {
        session: record.file.session.to_owned(),
        is_live: record.life == Life::Live,
        stage: record.stage,
    }
}

/// Follows the events: what is created is new, what is deleted was there, and nothing comes into a sealed session.
fn fold(events: &[Event], reference: &Reference) -> BTreeMap<String, Heard> {
    let mut heard: BTreeMap<String, Heard> = BTreeMap::new();
    let mut sealed = Vec::new();
    for event in events {
        let session = &event.session_id;
        let id = match &event.subject {
            Subject::Session => {
                assert_eq!(event.what, EventKind::Sealed);
                assert!(!sealed.contains(session), "sealed once");
                sealed.push(session.clone());
                continue;
            }
            Subject::Artifact(artifact, _) => artifact.id.to_string(),
            Subject::Forgotten(id) => id.clone(),
        };
        if event.what == EventKind::Created {
            assert!(!sealed.contains(session), "nothing enters a sealed session");
            let created = Heard {
                session: session.clone(),
                is_live: true,
                stage: "draft",
            };
            assert!(heard.insert(id, created).is_none(), "created once");
            continue;
        }
        let known = heard.get_mut(&id).expect("created before anything else");
        assert_eq!(known.session, *session);
        match &event.what {
            EventKind::Deleted => assert!(std::mem::replace(&mut known.is_live, false)),
            EventKind::Restored => assert!(!std::mem::replace(&mut known.is_live, true)),
            EventKind::Staged { from, to, .. } => {
                assert_eq!(from.as_str(), known.stage);
                known.stage = to.as_str();
            }
            EventKind::Created | EventKind::Sealed => unreachable!("of the session, or above"),
        }
    }
    let mut expected: Vec<_> = reference.sessions.iter().collect();
    expected.retain(|(_, session)| session.manifest.is_some());
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(id, _)| (*id).to_owned())
        .collect();
    sealed.sort();
    assert_eq!(sealed, expected, "every sealing is heard");
    heard
}
