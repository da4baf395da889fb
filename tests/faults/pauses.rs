//! One party is paused after its first step, after its second, and so on, and in each pause another party does all of
//! its own work. So every interleaving of the two at the level of one's statements is tried.

use std::time::Duration;

use cairn_store::{
    ArtifactRef, Caller, Created, Error, Finish, Result, Selection, Store,
    gc::{PASSES, Policy, Report},
};

use super::{INLINE, ONE, PARTS, caller, deaths::bytes, raw, upload};
use harness::{Bytes, Cairn, Setup, content, eventually, mortal::Mortal};

/// Runs one party on a replica that is paused after so many steps, and the other in the pause. If the other one has to
/// wait for the paused one, the pause ends. `None` if the first ended before it could be paused.
async fn one_in_the_pause_of_the_other<A: Send + 'static, B: Send + 'static>(
    cairn: &Cairn,
    mortal: &Mortal,
    after: usize,
    paused: impl Future<Output = A> + Send + 'static,
    other: impl Future<Output = B> + Send + 'static,
) -> (A, Option<B>) {
    mortal.life.begin_with_a_pause(after);
    let mut paused = tokio::spawn(paused);
    tokio::select! {
        done = &mut paused => return (done.unwrap(), None),
        () = mortal.life.pause() => {}
    }
    let other = tokio::spawn(other);
    let database = cairn.database().await;
    eventually("the other one is done, or waits", async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let row = database.query_one(waiting, &[]).await.unwrap();
        other.is_finished() || row.get::<_, i64>(0) > 0
    })
    .await;
    mortal.life.resume();
    (paused.await.unwrap(), Some(other.await.unwrap()))
}

/// All of the collector's work, with every wait over: twice, so that the second round takes what the first one leaves.
async fn collect(cairn: &Cairn) -> impl Future<Output = Vec<Report>> + Send + 'static {
    let (collector, database) = (cairn.collector.clone(), cairn.database().await);
    async move {
        let mut reports = Vec::new();
        for _ in 0..5 {
            let time_passes = "UPDATE artifacts SET purge_after = now() WHERE state = 'deleted';
                 UPDATE objects SET lease_until = now() WHERE state = 'staging';
                 UPDATE objects SET not_before = now(), next_attempt_at = now() WHERE state = 'condemned';
                 UPDATE gc_queue SET review_after = now()";
            database.batch_execute(time_passes).await.unwrap();
            let passes = PASSES.iter().filter(|pass| !pass.walks());
            reports.push(collector.run_passes(Policy::default(), passes).await);
        }
        reports
    }
}

fn without_failures(reports: &[Report]) {
    for report in reports {
        assert!(report.failures.is_empty(), "{report:?}");
    }
}

/// An upload ends in an artifact that can be read, or in an error that allows a retry, and the retry succeeds.
async fn whole_or_to_be_sent_again(
    cairn: &Cairn,
    caller: &Caller,
    outcome: Result<Created>,
    name: &str,
    bytes: &[u8],
) {
    let created = match outcome {
        Ok(created) => created,
        Err(Error::UploadExpired(_) | Error::Unavailable { .. }) => {
            upload(&cairn.store, caller, raw(name), bytes.to_vec())
                .await
                .unwrap()
        }
        Err(e) => panic!("{e:?}"),
    };
    let id = created.artifact.id.as_str();
    assert!(cairn.client.download(id).await.unwrap() == bytes);
}

async fn deleted(cairn: &Cairn, caller: &Caller, name: &str, bytes: &[u8]) -> Created {
    let made = upload(&cairn.store, caller, raw(name), bytes.to_vec())
        .await
        .unwrap();
    let id = made.artifact.id.as_str();
    cairn.client.delete(id).await.unwrap();
    made
}

/// The same bytes exist and are released while the upload is paused; its own lease runs out, too.
async fn an_upload_and_the_collector_never_lose_bytes_between_them(size: usize) {
    let cairn = Setup::on(Bytes::S3)
        .config(|config| {
            config.gc.orphan_age = Duration::ZERO;
            config.gc.orphan_confirm = Duration::ZERO;
            config.gc.orphan_round = Duration::ZERO;
        })
        .start()
        .await;
    let caller = caller(&cairn).await;
    let mortal = Mortal::beside(&cairn).await;
    for after in 1_usize.. {
        let mut bytes = content(size);
        bytes[..8].copy_from_slice(&after.to_be_bytes());
        deleted(&cairn, &caller, &format!("old {after}"), &bytes).await;
        let name = format!("new {after}");
        let (store, caller_too, spec) = (mortal.store.clone(), caller.clone(), raw(&name));
        let sent = bytes.clone();
        let uploading = async move { upload(&store, &caller_too, spec, sent).await };
        let collecting = collect(&cairn).await;
        let (outcome, reports) =
            one_in_the_pause_of_the_other(&cairn, &mortal, after, uploading, collecting).await;
        whole_or_to_be_sent_again(&cairn, &caller, outcome, &name, &bytes).await;
        let Some(reports) = reports else {
            assert!(after > 8, "it was done in {after} steps");
            break;
        };
        without_failures(&reports);
    }
    cairn.audit().await;
    // Bytes that were written after the upload was given up belong to no artifact.
    cairn.collect_everything().await;
    for _ in 0..2 {
        without_failures(&[cairn.pass("orphans").await]);
    }
    cairn.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_create_that_is_paused_loses_nothing_to_the_collector() {
    an_upload_and_the_collector_never_lose_bytes_between_them(INLINE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_paused_loses_nothing_to_the_collector() {
    an_upload_and_the_collector_never_lose_bytes_between_them(ONE).await;
}

/// A paused multipart upload loses nothing to the collector.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_multipart_upload_survives_the_collector() {
    an_upload_and_the_collector_never_lose_bytes_between_them(PARTS).await;
}

/// The collector, on the paused replica, with every wait over at its start.
async fn collect_once(cairn: &Cairn, mortal: &Mortal) -> impl Future<Output = Report> + use<> {
    cairn.let_time_pass().await;
    let collector = mortal.collector.clone();
    async move {
        let passes = PASSES.iter().filter(|pass| !pass.walks());
        collector.run_passes(Policy::default(), passes).await
    }
}

/// A paused collector takes nothing from an upload of the same bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_collector_spares_an_equal_upload() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let mortal = Mortal::beside(&cairn).await;
    for after in 1.. {
        let bytes = content(ONE + after);
        deleted(&cairn, &caller, &format!("old {after}"), &bytes).await;
        let name = format!("new {after}");
        let (store, caller_too, spec) = (cairn.store.clone(), caller.clone(), raw(&name));
        let sent = bytes.clone();
        let uploading = async move { upload(&store, &caller_too, spec, sent).await };
        let collecting = collect_once(&cairn, &mortal).await;
        let (report, outcome) =
            one_in_the_pause_of_the_other(&cairn, &mortal, after, collecting, uploading).await;
        without_failures(&[report]);
        let Some(outcome) = outcome else {
            assert!(after > 15, "it was done in {after} steps");
            break;
        };
        whole_or_to_be_sent_again(&cairn, &caller, outcome, &name, &bytes).await;
    }
    cairn.audit().await;
    cairn.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_collector_spares_what_is_restored() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let mortal = Mortal::beside(&cairn).await;
    for after in 1.. {
        let bytes = content(ONE + after);
        let made = deleted(&cairn, &caller, &format!("{after}"), &bytes).await;
        let collecting = collect_once(&cairn, &mortal).await;
        // Just before its window ends.
        cairn
            .sql("UPDATE artifacts SET purge_after = now() + interval '50 ms' WHERE state = 'deleted'")
            .await;
        let id = made.artifact.id.to_string();
        let ids = Selection::Ids(Selection::ids(vec![id.clone()]).unwrap());
        let (store, caller) = (cairn.store.clone(), caller.clone());
        let restoring = async move { store.restore_artifacts(&caller, &ids, None).await.unwrap() };
        let (report, restored) =
            one_in_the_pause_of_the_other(&cairn, &mortal, after, collecting, restoring).await;
        without_failures(&[report]);
        let Some(restored) = restored else {
            assert!(after > 15, "it was done in {after} steps");
            break;
        };
        let read = cairn.client.download(&id).await;
        match restored.restored {
            1 => assert!(read.unwrap() == bytes, "what was restored has its bytes"),
            _ => assert!(read.is_err()),
        }
    }
    cairn.audit().await;
    cairn.drain().await;
}

/// A seal in any pause of an upload contains it whole, or keeps it out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seal_in_any_pause_has_an_upload_whole_or_not() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let mortal = Mortal::beside(&cairn).await;
    for after in 1.. {
        let session = format!("run-{after}");
        let into = |name: &str| cairn_store::RawSpec {
            session_id: session.clone(),
            ..raw(&format!("{name} {after}"))
        };
        upload(&cairn.store, &caller, into("first"), content(INLINE))
            .await
            .unwrap();
        let (store, caller_too, spec) = (mortal.store.clone(), caller.clone(), into("second"));
        let bytes = content(ONE + after);
        let uploading = async move { upload(&store, &caller_too, spec, bytes).await };
        let (store, caller, id) = (cairn.store.clone(), caller.clone(), session.clone());
        let sealing = async move { store.seal_session(&caller, &id, None).await.unwrap() };
        let (outcome, sealed) =
            one_in_the_pause_of_the_other(&cairn, &mortal, after, uploading, sealing).await;
        let Some(sealed) = sealed else {
            assert!(after > 8, "it was done in {after} steps");
            break;
        };
        let held = sealed.artifact_count;
        match outcome {
            Ok(created) => {
                assert_eq!(held, 2, "what was answered well is in the session");
                cairn
                    .client
                    .get(created.artifact.id.as_str())
                    .await
                    .unwrap();
            }
            Err(Error::SessionSealed { .. }) => assert_eq!(held, 1),
            Err(e) => panic!("{e:?}"),
        }
    }
    cairn.audit().await;
    cairn.drain().await;
}

/// A copy in any pause of the collector has its bytes, or is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copy_in_any_pause_has_its_bytes_or_is_refused() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let mortal = Mortal::beside(&cairn).await;
    for after in 1.. {
        let bytes = content(ONE + after);
        let source = upload(
            &cairn.store,
            &caller,
            raw(&format!("{after}")),
            bytes.clone(),
        )
        .await
        .unwrap();
        let source = ArtifactRef::Id(source.artifact.id);
        cairn
            .sql("UPDATE artifacts SET expires_at = now() + interval '30 ms' WHERE state = 'live'")
            .await;
        let collecting = collect_once(&cairn, &mortal).await;
        let (store, caller) = (cairn.store.clone(), caller.clone());
        let spec = raw(&format!("copy of {after}"));
        let copying = async move { store.copy_artifact(&caller, &source, spec).await };
        let (report, copied) =
            one_in_the_pause_of_the_other(&cairn, &mortal, after, collecting, copying).await;
        without_failures(&[report]);
        match copied {
            None => {
                assert!(after > 15, "it was done in {after} steps");
                break;
            }
            Some(Ok(copy)) => {
                let id = copy.artifact.id.as_str();
                assert!(cairn.client.download(id).await.unwrap() == bytes);
            }
            Some(Err(Error::ArtifactExpired { .. } | Error::ContentMissing(_))) => {}
            Some(Err(e)) => panic!("{e:?}"),
        }
    }
    cairn.audit().await;
    cairn.drain().await;
}

/// A finish that is paused anywhere while another one commits writes nothing over what was committed.
#[tokio::test]
async fn a_paused_finish_overwrites_nothing() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let mortal = Mortal::beside(&cairn).await;
    for after in 1.. {
        // A part, and a rest that follows it.
        let whole = bytes(9 << 20, after);
        let opened = cairn.store.start_upload(&caller, raw(&format!("{after}")));
        let id = opened.await.unwrap().id.as_str().to_owned();
        let mut writer = cairn.store.write_upload(&caller, &id, 0).await.unwrap();
        writer.write(whole.clone().into()).await.unwrap();
        writer.pause().await.unwrap();
        let finish = |store: &Store| {
            let (store, caller, id) = (store.clone(), caller.clone(), id.clone());
            async move { store.finish_upload(&caller, &id, Finish::default()).await }
        };
        let (paused, other) = one_in_the_pause_of_the_other(
            &cairn,
            &mortal,
            after,
            finish(&mortal.store),
            finish(&cairn.store),
        )
        .await;
        let Some(other) = other else {
            assert!(after > 8, "it was done in {after} steps");
            return;
        };
        for outcome in [paused, other] {
            match outcome {
                Ok(_) | Err(Error::UploadTakenOver(_) | Error::Unavailable { .. }) => {}
                Err(e) => panic!("paused after {after}: {e:?}"),
            }
        }
        let end = "UPDATE uploads SET finishing_since = now() - interval '1 hour'
            WHERE finishing_since IS NOT NULL";
        cairn.sql(end).await;
        let made = finish(&cairn.store).await.unwrap();
        let stored = cairn.client.download(made.artifact.id.as_str()).await;
        assert!(stored.unwrap() == whole, "paused after {after}");
    }
}
