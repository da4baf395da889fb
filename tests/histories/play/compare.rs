//! Compares the store with the reference.

use std::collections::BTreeSet;

use cairn_store::{
    ArtifactList, Caller, Entry, PageSize, RawFilter, RawOrder, SessionFilter, Violations,
};

use super::Play;
use crate::{
    contents, hashes,
    reference::{Life, Record, Reference},
    step::Step,
};

impl Play {
    /// Compares everything that can be listed with the references, and checks the rows and bytes against the promises.
    pub(super) async fn compare(&self, step: &Step) {
        self.cairn.audit().await;
        let deleted = "SELECT count(*) FROM artifacts WHERE state = 'deleted'";
        let expected: usize = self.references.iter().map(Reference::deleted).sum();
        let found = self.cairn.count(deleted).await;
        assert_eq!(
            found, expected as i64,
            "deleted and not purged after {step:?}"
        );
        for (caller, reference) in self.callers.iter().zip(&self.references) {
            let listed = self.artifacts(caller).await;
            let expected = reference.visible().map(of_record).collect();
            assert_eq!(listed, expected, "visible after {step:?}");
            let usage = self.store.usage(caller).await.unwrap();
            let stored = (usage.stored_artifacts, usage.stored_bytes);
            assert_eq!(stored, stored_by(reference), "usage after {step:?}");
            let listed = self.sessions(caller).await;
            assert_eq!(listed, sessions_of(reference), "sessions after {step:?}");
            for (id, session) in &reference.sessions {
                if let Some(manifest) = &session.manifest {
                    let listed = self.manifest(caller, id).await;
                    assert_eq!(listed, *manifest, "manifest of {id} after {step:?}");
                }
            }
        }
    }

    /// Both orders have the same artifacts.
    async fn artifacts(&self, caller: &Caller) -> BTreeSet<Seen> {
        let newest = Box::pin(self.artifacts_by(caller, "create_time desc")).await;
        let by_name = Box::pin(self.artifacts_by(caller, "filename")).await;
        assert_eq!(newest, by_name);
        newest
    }

    async fn artifacts_by(&self, caller: &Caller, order_by: &str) -> BTreeSet<Seen> {
        let mut faults = Violations::new();
        let order = RawOrder {
            order_by,
            ..RawOrder::default()
        };
        let list = ArtifactList::new(RawFilter::default(), order, &mut faults).unwrap();
        let page = self.store.list_artifacts(caller, &list, whole(), "").await;
        let page = page.unwrap();
        assert!(page.next.is_none());
        let seen = page.items.iter().map(|entry| match entry {
            Entry::Artifact(artifact) => of_artifact(artifact),
            Entry::Folder(folder) => panic!("{folder} in a list without levels"),
        });
        seen.collect()
    }

    async fn sessions(&self, caller: &Caller) -> BTreeSet<SeenSession> {
        let filter = SessionFilter::default();
        let page = self.store.list_sessions(caller, &filter, whole(), "").await;
        let sessions = page.unwrap().items.into_iter().map(|it| SeenSession {
            id: it.id,
            artifact_count: it.artifact_count,
            size_bytes: it.size_bytes,
            unpublished_count: it.unpublished_count,
            legal_hold: it.legal_hold,
            is_sealed: it.sealed_at.is_some() && it.manifest_hash.is_some(),
        });
        sessions.collect()
    }

    async fn manifest(&self, caller: &Caller, session: &str) -> BTreeSet<String> {
        let page = self.store.list_manifest(caller, session, whole(), "");
        let entries = page.await.unwrap().items.into_iter();
        entries.map(|entry| entry.artifact_id).collect()
    }
}

/// More than a history creates.
fn whole() -> PageSize {
    PageSize::new(PageSize::MAX).unwrap()
}

/// How many artifacts count as stored, and the sum of their sizes: all live ones, visible or not, and all unpublished
/// ones.
fn stored_by(reference: &Reference) -> (u64, u64) {
    let live = reference
        .artifacts
        .iter()
        .filter(|it| it.life == Life::Live);
    let waiting = reference.waiting.iter().map(|it| it.content);
    let stored = live.map(|it| it.content).chain(waiting);
    stored.fold((0, 0), |(count, bytes), content| {
        (count + 1, bytes + contents()[content].len() as u64)
    })
}

/// What a list shows of a session.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SeenSession {
    id: String,
    artifact_count: u64,
    size_bytes: u64,
    unpublished_count: u64,
    legal_hold: bool,
    is_sealed: bool,
}

fn sessions_of(reference: &Reference) -> BTreeSet<SeenSession> {
    let sessions = reference.sessions.iter().map(|(id, session)| {
        let visible = || reference.visible().filter(|it| it.file.session == *id);
        let sizes = visible().map(|it| contents()[it.content].len() as u64);
        SeenSession {
            id: (*id).to_owned(),
            artifact_count: visible().count() as u64,
            size_bytes: sizes.sum(),
            unpublished_count: reference.waiting_in(id).count() as u64,
            legal_hold: session.held,
            is_sealed: session.manifest.is_some(),
        }
    });
    sessions.collect()
}

/// The predictable part of an artifact in a list: id, session, filename, version, stage, hash, size, and whether it is
/// held and persistent.
type Seen = (String, String, String, i64, String, String, u64, [bool; 2]);

fn of_artifact(it: &cairn_store::Artifact) -> Seen {
    (
        it.id.to_string(),
        it.session_id.clone().unwrap_or_default(),
        it.filename.clone(),
        it.version,
        it.stage.as_str().to_owned(),
        it.content_hash.to_string(),
        it.size_bytes,
        [it.legal_hold, it.persistent],
    )
}

fn of_record(it: &Record) -> Seen {
    (
        it.id.clone(),
        it.file.session.to_owned(),
        it.file.name.to_owned(),
        it.version,
        it.stage.to_owned(),
        hashes()[it.content].clone(),
        contents()[it.content].len() as u64,
        [it.is_held(), it.persistent],
    )
}
