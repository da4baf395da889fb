//! A worker dies after its first step, after its second, and so on, or is paused in the middle. Another one continues,
//! and no reachable artifact is touched.

use cairn_store::gc::Policy;

use super::{ONE, caller, raw, upload};
use harness::{
    Cairn, content, eventually,
    mortal::{Fault, Mortal, Operation},
};

/// Leaves work for every pass, beside artifacts that must stay.
async fn make_garbage(cairn: &Cairn, round: usize) {
    let caller = caller(cairn).await;
    let shared = content(ONE + round);
    for (what, bytes) in [
        ("kept", shared.clone()),
        ("shared", shared),
        ("deleted", content(ONE + 10_000 + round)),
    ] {
        let made = upload(
            &cairn.store,
            &caller,
            raw(&format!("{what} {round}")),
            bytes,
        )
        .await
        .unwrap();
        if what != "kept" {
            cairn
                .client
                .delete(made.artifact.id.as_str())
                .await
                .unwrap();
        }
    }
    let unpublished = cairn_store::RawSpec {
        unpublished: true,
        ..raw(&format!("unpublished {round}"))
    };
    let bytes = content(ONE + 20_000 + round);
    upload(&cairn.store, &caller, unpublished, bytes)
        .await
        .unwrap();
    cairn.let_time_pass().await;
}

#[tokio::test]
async fn wherever_a_worker_dies_another_one_goes_on() {
    let cairn = Cairn::start().await;
    // A scan of all shards has too many steps for a test.
    cairn.pass("orphans").await;
    let mortal = Mortal::beside(&cairn).await;
    for round in 1.. {
        make_garbage(&cairn, round).await;
        mortal.life.begin(round);
        tokio::select! {
            report = mortal.collector.run(Policy::default()) => {
                let over = mortal.life.is_over();
                assert!(over || report.failures.is_empty(), "{report:?}");
            }
            () = mortal.life.end() => {}
        }
        let lived = !mortal.life.is_over();
        cairn.audit().await;
        cairn.drain().await;
        assert_eq!(cairn.stored().await.len(), 1, "what is kept");
        if lived {
            assert!(round > 100, "it was done in {round} steps");
            return;
        }
        // Otherwise every round would have more steps than the previous one.
        let kept =
            format!("UPDATE artifacts SET expires_at = now() WHERE filename = 'kept {round}'");
        cairn.sql(&kept).await;
    }
}

/// A worker that was paused between claim and delete is harmless.
#[tokio::test]
async fn worker_paused_before_its_delete_is_harmless() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let bytes = content(ONE);
    let made = upload(&cairn.store, &caller, raw("a"), bytes.clone())
        .await
        .unwrap();
    cairn
        .client
        .delete(made.artifact.id.as_str())
        .await
        .unwrap();
    for _ in 0..2 {
        cairn.let_time_pass().await;
        cairn
            .sql("UPDATE objects SET not_before = now() + interval '1 day' WHERE state = 'condemned'")
            .await;
        cairn.collect().await;
    }
    cairn.let_time_pass().await;
    let paused = Mortal::beside(&cairn).await;
    paused.s3.plan(Operation::DeleteMany, &Fault::Slow, 1);
    let collector = paused.collector.clone();
    let worker = tokio::spawn(async move { collector.run(Policy::default()).await });
    eventually("the worker is about to delete", async || {
        paused.s3.is_done()
    })
    .await;
    // It is considered dead; another one does its work, and the same bytes come back.
    cairn.drain().await;
    assert!(cairn.stored().await.is_empty());
    let again = upload(&cairn.store, &caller, raw("b"), bytes)
        .await
        .unwrap();
    paused.s3.release();
    let report = worker.await.unwrap();
    assert!(report.failures.is_empty(), "{report:?}");
    cairn.audit().await;
    cairn
        .client
        .download(again.artifact.id.as_str())
        .await
        .unwrap();
    cairn.drain().await;
}

#[tokio::test]
async fn a_delete_that_lands_late_hits_nothing_that_is_alive() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let bytes = content(ONE);
    let made = upload(&cairn.store, &caller, raw("a"), bytes.clone())
        .await
        .unwrap();
    cairn
        .client
        .delete(made.artifact.id.as_str())
        .await
        .unwrap();
    let worker = Mortal::beside(&cairn).await;
    worker.s3.plan(Operation::DeleteMany, &Fault::Late, 3);
    while !worker.s3.is_done() {
        cairn.let_time_pass().await;
        worker.collector.run(Policy::default()).await;
    }
    // Whether it was deleted is unknown; the same bytes come back under another key.
    let again = upload(&cairn.store, &caller, raw("b"), bytes)
        .await
        .unwrap();
    assert_eq!(worker.s3.deliver_late().await, 3);
    cairn.audit().await;
    cairn
        .client
        .download(again.artifact.id.as_str())
        .await
        .unwrap();
    cairn.drain().await;
    assert_eq!(cairn.stored().await.len(), 1);
}

/// What S3 does not delete is retried, and stops nothing else.
#[tokio::test]
async fn failed_s3_delete_is_retried_and_blocks_nothing() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    for i in 0..3 {
        let made = upload(
            &cairn.store,
            &caller,
            raw(&format!("{i}")),
            content(ONE + i),
        )
        .await
        .unwrap();
        cairn
            .client
            .delete(made.artifact.id.as_str())
            .await
            .unwrap();
    }
    for _ in 0..2 {
        cairn
            .sql(
                "UPDATE artifacts SET purge_after = now() WHERE state = 'deleted';
                 UPDATE gc_queue SET review_after = now()",
            )
            .await;
        cairn.collect().await;
    }
    cairn
        .sql("UPDATE objects SET not_before = now(), next_attempt_at = now()")
        .await;
    let stuck = cairn.stored().await.remove(0);
    let answer = format!(
        "<DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Error><Key>{stuck}</Key>\
         <Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"
    );
    let worker = Mortal::beside(&cairn).await;
    let denied = Fault::Denied(200, answer);
    worker.s3.plan(Operation::DeleteMany, &denied, 1);
    let report = worker.collector.run(Policy::default()).await;
    assert_eq!((report.count("reclaimed"), report.failures.len()), (2, 1));
    assert!(report.failures[0].error.contains("AccessDenied"));
    let waiting = "SELECT count(*) FROM objects WHERE state = 'condemned' AND last_error LIKE '%AccessDenied%'";
    assert_eq!(cairn.count(waiting).await, 1);
    cairn.drain().await;
    assert!(cairn.stored().await.is_empty());
}

#[tokio::test]
async fn a_server_that_is_busy_is_not_asked_for_each_key_instead() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let made = upload(&cairn.store, &caller, raw("0"), content(ONE)).await;
    let id = made.unwrap().artifact.id;
    cairn.client.delete(id.as_str()).await.unwrap();
    let worker = Mortal::beside(&cairn).await;
    worker
        .s3
        .plan(Operation::DeleteMany, &Fault::refused(503, "SlowDown"), 3);
    while !worker.s3.is_done() {
        cairn.let_time_pass().await;
        worker.collector.run(Policy::default()).await;
    }
    assert_eq!(worker.s3.count(Operation::Delete), 0);
    cairn.drain().await;
    assert!(cairn.stored().await.is_empty());
}

#[tokio::test]
async fn a_server_that_takes_no_batches_is_asked_for_each_key() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    for i in 0..3 {
        let made = upload(
            &cairn.store,
            &caller,
            raw(&format!("{i}")),
            content(ONE + i),
        )
        .await
        .unwrap();
        cairn
            .client
            .delete(made.artifact.id.as_str())
            .await
            .unwrap();
    }
    let worker = Mortal::beside(&cairn).await;
    let refused = Fault::refused(501, "NotImplemented");
    worker.s3.plan(Operation::DeleteMany, &refused, 9);
    for _ in 0..4 {
        cairn.let_time_pass().await;
        let report = worker.collector.run(Policy::default()).await;
        assert!(report.failures.is_empty(), "{report:?}");
    }
    assert_eq!(worker.s3.count(Operation::Delete), 3);
    cairn.drain().await;
    assert!(cairn.stored().await.is_empty());
}
