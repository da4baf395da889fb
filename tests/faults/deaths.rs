//! A process dies after its first step, after its second, and so on. A retry under the same key on another process has
//! the effect of the first attempt, once.

use std::collections::BTreeSet;

use cairn_store::{
    ArtifactRef, Caller, Error, RawSpec, Result, Selection, Store, ToPublish, WatchStart,
};

use super::{INLINE, ONE, PARTS, caller, key, raw, upload};
use harness::{Cairn, content, mortal::Mortal};

/// More than any work here takes.
const MOST_STEPS: usize = 200;

/// Does some work on a replica that dies after its first step, then on one that dies after its second, until one
/// completes it. Each time a replica that lives repeats the work. The work gets the number of the round.
pub(super) async fn wherever_it_dies(
    cairn: &Cairn,
    caller: &Caller,
    work: impl AsyncFn(&Store, &Caller, usize) -> Result<()>,
) -> usize {
    let mortal = Mortal::beside(cairn).await;
    for round in 1..=MOST_STEPS {
        mortal.life.begin(round);
        let done = tokio::select! {
            done = work(&mortal.store, caller, round) => Some(done),
            () = mortal.life.end() => None,
        };
        let lived = match done {
            None => false,
            Some(_) if mortal.life.is_over() => false,
            Some(Ok(())) => true,
            // The pool had not yet noticed that a connection of an earlier life is closed.
            Some(Err(Error::Unavailable { .. })) => false,
            Some(Err(error)) => panic!("{error:?}"),
        };
        // The dead replica's locks and leases end with their time.
        cairn
            .sql("UPDATE idempotency_keys SET lease_until = now() WHERE lease_until > now();
                 UPDATE uploads SET finishing_since = now() - interval '1 hour' WHERE finishing_since IS NOT NULL")
            .await;
        work(&cairn.store, caller, round).await.unwrap();
        if lived {
            return round;
        }
    }
    panic!("it is not done after {MOST_STEPS} steps")
}

/// The filenames, each as often as it is visible.
async fn filenames(cairn: &Cairn) -> Vec<String> {
    let rows = cairn
        .database()
        .await
        .query(
            "SELECT filename FROM artifacts WHERE state = 'live' ORDER BY filename",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

pub(super) async fn once_each(cairn: &Cairn, count: usize) {
    let names = filenames(cairn).await;
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!((names.len(), distinct.len()), (count, count), "{names:?}");
}

/// Bytes of this size that no other round uses.
pub(super) fn bytes(size: usize, round: usize) -> Vec<u8> {
    let mut bytes = content(size);
    bytes[..8].copy_from_slice(&round.to_be_bytes());
    bytes
}

async fn an_upload_is_made_once_wherever_it_dies(size: usize, at_least: usize) {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let rounds = wherever_it_dies(&cairn, &caller, async |store, caller, round| {
        let raw = raw(&format!("{round}"));
        let created = upload(store, caller, raw, bytes(size, round)).await?;
        assert_eq!(created.artifact.version, 1);
        Ok(())
    })
    .await;
    assert!(rounds >= at_least, "it was done in {rounds} steps");
    once_each(&cairn, rounds).await;
    cairn.audit().await;
    cairn.drain().await;
}

#[tokio::test]
async fn a_small_create_is_made_once_wherever_it_dies() {
    an_upload_is_made_once_wherever_it_dies(INLINE, 10).await;
}

#[tokio::test]
async fn an_upload_in_one_object_is_made_once_wherever_it_dies() {
    an_upload_is_made_once_wherever_it_dies(ONE, 12).await;
}

#[tokio::test]
async fn an_upload_in_parts_is_made_once_wherever_it_dies() {
    an_upload_is_made_once_wherever_it_dies(PARTS, 15).await;
}

#[tokio::test]
async fn an_upload_of_what_is_there_is_made_once_wherever_it_dies() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let there = bytes(ONE, 0);
    upload(&cairn.store, &caller, raw("there"), there.clone())
        .await
        .unwrap();
    let rounds = wherever_it_dies(&cairn, &caller, async |store, caller, round| {
        let raw = raw(&format!("{round}"));
        upload(store, caller, raw, there.clone()).await.map(drop)
    })
    .await;
    once_each(&cairn, rounds + 1).await;
    cairn.audit().await;
    cairn.drain().await;
    assert_eq!(cairn.stored().await.len(), 1, "they share it");
}

#[tokio::test]
async fn a_copy_is_made_once_wherever_it_dies() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let source = upload(&cairn.store, &caller, raw("source"), bytes(ONE, 0))
        .await
        .unwrap();
    let source = ArtifactRef::Id(source.artifact.id);
    let rounds = wherever_it_dies(&cairn, &caller, async |store, caller, round| {
        let raw = raw(&format!("{round}"));
        store.copy_artifact(caller, &source, raw).await.map(drop)
    })
    .await;
    once_each(&cairn, rounds + 1).await;
    cairn.drain().await;
    assert_eq!(cairn.stored().await.len(), 1, "they share it");
}

#[tokio::test]
async fn a_session_is_committed_whole_wherever_that_dies() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let rounds = wherever_it_dies(&cairn, &caller, async |store, caller, round| {
        let mut ids = Vec::new();
        for (file, size) in [("a", INLINE), ("b", ONE)] {
            let unpublished = RawSpec {
                session_id: format!("run-{round}"),
                unpublished: true,
                ..raw(&format!("{round}/{file}"))
            };
            let made = upload(store, caller, unpublished, bytes(size, round)).await?;
            ids.push(made.artifact.id.to_string());
        }
        let wanted = ToPublish::new(ids, true)?;
        let key = key(&format!("commit {round}"));
        let session = format!("run-{round}");
        let (published, session) = store
            .commit_session(caller, &session, &wanted, Some(&key))
            .await?;
        assert_eq!(published.len(), 2);
        assert!(session.sealed_at.is_some());
        Ok(())
    })
    .await;
    once_each(&cairn, 2 * rounds).await;
    cairn.audit().await;
    cairn.drain().await;
}

#[tokio::test]
async fn a_seal_and_a_delete_are_done_once_wherever_they_die() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let rounds = wherever_it_dies(&cairn, &caller, async |store, caller, round| {
        let name = |what: &str| format!("{what} {round}");
        let session = format!("run-{round}");
        let kept = RawSpec {
            session_id: session.clone(),
            ..raw(&name("kept"))
        };
        upload(store, caller, kept, bytes(INLINE, round)).await?;
        let doomed = RawSpec {
            session_id: session.clone(),
            ..raw(&name("doomed"))
        };
        let doomed = upload(store, caller, doomed, bytes(ONE, round)).await?;
        store
            .seal_session(caller, &session, Some(&key(&name("seal"))))
            .await?;
        let doomed = ArtifactRef::Id(doomed.artifact.id);
        let deleted = store
            .delete_artifact(caller, &doomed, Some(&key(&name("delete"))))
            .await?;
        let ids = Selection::ids(vec![deleted.artifact_id]).map(Selection::Ids)?;
        let restored = store
            .restore_artifacts(caller, &ids, Some(&key(&name("restore"))))
            .await?;
        assert_eq!(restored.restored, 1);
        store
            .delete_artifact(caller, &doomed, Some(&key(&name("delete again"))))
            .await?;
        Ok(())
    })
    .await;
    once_each(&cairn, rounds).await;
    cairn.audit().await;
    cairn.drain().await;
}

#[tokio::test]
async fn positions_of_events_are_given_once_wherever_that_dies() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let rounds = wherever_it_dies(&cairn, &caller, async |store, caller, round| {
        upload(
            store,
            caller,
            raw(&format!("{round}")),
            bytes(INLINE, round),
        )
        .await?;
        let from = WatchStart::After(0);
        let mut watch = store.watch_session(caller, "run", from, false).await?;
        let mut positions = Vec::new();
        while positions.len() < round {
            let told = watch.next().await?.expect("it goes on");
            positions.extend(told.events.iter().map(|event| event.position));
        }
        let all: Vec<i64> = (1..=round as i64).collect();
        assert_eq!(positions, all);
        Ok(())
    })
    .await;
    assert!(rounds > 10);
}
