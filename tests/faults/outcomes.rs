//! Whatever S3 does, or does not do, or answers wrongly, an upload ends in an artifact with its bytes, or in an error
//! and nothing.

use cairn_store::{Created, Error, Result};

use super::{ONE, PARTS, caller, raw, upload};
use harness::{
    Cairn, content,
    mortal::{Fault, FaultyS3, Mortal, Operation},
    s3::UNFINISHED,
};

/// Uploads while S3 does what is planned, then checks what holds of every outcome.
async fn upload_while(
    cairn: &Cairn,
    name: &str,
    size: usize,
    plan: impl FnOnce(&FaultyS3),
) -> Result<Created> {
    let caller = caller(cairn).await;
    let replica = Mortal::beside(cairn).await;
    plan(&replica.s3);
    let outcome = upload(&replica.store, &caller, raw(name), content(size)).await;
    assert!(replica.s3.is_done(), "what was planned has happened");
    cairn.audit().await;
    if let Ok(created) = &outcome {
        let id = created.artifact.id.as_str();
        assert!(cairn.client.download(id).await.unwrap() == content(size));
    }
    // Late requests arrive before everything is collected; the orphan scan finds those that arrive after.
    replica.s3.deliver_late().await;
    cairn.audit().await;
    outcome
}

fn made(outcome: Result<Created>) {
    outcome.unwrap();
}

fn not_made(outcome: Result<Created>) {
    match outcome {
        Err(Error::Unavailable { dependency, .. }) => assert_eq!(dependency, "blob store"),
        other => panic!("{other:?}"),
    }
}

/// A retry succeeds once the fault has passed, and in the end there is its artifact and nothing else.
async fn and_a_retry_works(cairn: &Cairn, sizes: &[usize]) {
    let caller = caller(cairn).await;
    for (i, size) in sizes.iter().enumerate() {
        upload(&cairn.store, &caller, raw(&format!("{i}")), content(*size))
            .await
            .unwrap();
    }
    cairn.drain().await;
    assert_eq!(cairn.stored().await.len(), sizes.len());
}

#[tokio::test]
async fn a_put_that_is_lost_or_unheard_is_sent_again() {
    let cairn = Cairn::start().await;
    for (i, fault) in [
        Fault::Lost,
        Fault::Unheard,
        Fault::Late,
        Fault::refused(503, "SlowDown"),
    ]
    .iter()
    .enumerate()
    {
        let twice = |s3: &FaultyS3| s3.plan(Operation::PutObject, fault, 2);
        made(upload_while(&cairn, &format!("{i}"), ONE + i, twice).await);
    }
    and_a_retry_works(&cairn, &[ONE, ONE + 1, ONE + 2, ONE + 3]).await;
}

#[tokio::test]
async fn a_put_whose_outcome_stays_unknown_makes_nothing() {
    let cairn = Cairn::start().await;
    for (i, fault) in [
        Fault::Lost,
        Fault::Unheard,
        Fault::Late,
        Fault::refused(500, "InternalError"),
        Fault::denied(503, "SlowDown"),
    ]
    .iter()
    .enumerate()
    {
        let always = |s3: &FaultyS3| s3.plan(Operation::PutObject, fault, 3);
        not_made(upload_while(&cairn, &format!("{i}"), ONE + i, always).await);
    }
    let forbidden = Fault::refused(403, "AccessDenied");
    let once = |s3: &FaultyS3| s3.plan(Operation::PutObject, &forbidden, 1);
    not_made(upload_while(&cairn, "5", ONE + 5, once).await);
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 0);
    let sizes: Vec<_> = (0..6).map(|i| ONE + i).collect();
    and_a_retry_works(&cairn, &sizes).await;
}

/// Parts that are lost, late or without an answer are sent again, or the upload makes nothing.
#[tokio::test]
async fn lost_or_late_parts_are_resent_or_make_nothing() {
    let cairn = Cairn::start().await;
    let faults = [
        Fault::Lost,
        Fault::Unheard,
        Fault::Late,
        Fault::refused(503, "SlowDown"),
    ];
    for (i, fault) in faults.iter().enumerate() {
        let name = format!("{i}");
        let always = |s3: &FaultyS3| s3.plan(Operation::UploadPart, fault, 6);
        let caller = caller(&cairn).await;
        let replica = Mortal::beside(&cairn).await;
        always(&replica.s3);
        let outcome = upload(&replica.store, &caller, raw(&name), content(PARTS + i)).await;
        not_made(outcome);
        replica.s3.deliver_late().await;
        let twice = |s3: &FaultyS3| s3.plan(Operation::UploadPart, fault, 2);
        made(upload_while(&cairn, &name, PARTS + i, twice).await);
    }
    let sizes: Vec<_> = (0..4).map(|i| PARTS + i).collect();
    and_a_retry_works(&cairn, &sizes).await;
}

/// A multipart upload that began without an answer is found and aborted.
#[tokio::test]
async fn unanswered_multipart_begin_is_aborted() {
    let cairn = Cairn::start().await;
    let unheard = |s3: &FaultyS3| s3.plan(Operation::CreateMultipart, &Fault::Unheard, 2);
    made(upload_while(&cairn, "0", PARTS, unheard).await);
    let never = |s3: &FaultyS3| s3.plan(Operation::CreateMultipart, &Fault::Unheard, 3);
    not_made(upload_while(&cairn, "1", PARTS + 1, never).await);
    let left = cairn.stored().await;
    assert!(
        left.iter()
            .filter(|key| key.starts_with(UNFINISHED))
            .count()
            >= 3,
        "{left:?}"
    );
    and_a_retry_works(&cairn, &[PARTS, PARTS + 1]).await;
}

/// A completion whose answer is lost or wrong is decided by what S3 has.
#[tokio::test]
async fn unclear_completion_is_decided_by_head() {
    let cairn = Cairn::start().await;
    let faults = [
        Fault::Unheard,
        // Both happen in practice: an error under a success status, and a second attempt that finds the upload gone.
        Fault::denied(200, "InternalError"),
        Fault::denied(404, "NoSuchUpload"),
        Fault::denied(503, "SlowDown"),
    ];
    for (i, fault) in faults.iter().enumerate() {
        let once = |s3: &FaultyS3| s3.plan(Operation::Complete, fault, 1);
        made(upload_while(&cairn, &format!("{i}"), PARTS + i, once).await);
    }
    let sizes: Vec<_> = (0..4).map(|i| PARTS + i).collect();
    and_a_retry_works(&cairn, &sizes).await;
}

/// A completion that was not done makes nothing, and is not sent twice.
#[tokio::test]
async fn failed_completion_makes_nothing() {
    let cairn = Cairn::start().await;
    let faults = [
        Fault::Lost,
        Fault::Late,
        Fault::refused(200, "InternalError"),
        Fault::refused(502, "BadGateway"),
        Fault::refused(504, "GatewayTimeout"),
    ];
    for (i, fault) in faults.iter().enumerate() {
        // A second one would succeed.
        let once = |s3: &FaultyS3| s3.plan(Operation::Complete, fault, 1);
        not_made(upload_while(&cairn, &format!("{i}"), PARTS + i, once).await);
    }
    let sizes: Vec<_> = (0..5).map(|i| PARTS + i).collect();
    and_a_retry_works(&cairn, &sizes).await;
}

#[tokio::test]
async fn a_completion_that_s3_could_not_do_now_is_sent_again() {
    let cairn = Cairn::start().await;
    let faults = [
        Fault::refused(503, "SlowDown"),
        Fault::refused(500, "InternalError"),
    ];
    for (i, fault) in faults.iter().enumerate() {
        let twice = |s3: &FaultyS3| s3.plan(Operation::Complete, fault, 2);
        made(upload_while(&cairn, &format!("{i}"), PARTS + i, twice).await);
    }
    let always = |s3: &FaultyS3| s3.plan(Operation::Complete, &faults[0], 3);
    not_made(upload_while(&cairn, "2", PARTS + 2, always).await);
    let sizes: Vec<_> = (0..3).map(|i| PARTS + i).collect();
    and_a_retry_works(&cairn, &sizes).await;
}

#[tokio::test]
async fn completion_that_cannot_be_checked_makes_nothing() {
    let cairn = Cairn::start().await;
    let blind = |s3: &FaultyS3| {
        s3.plan(Operation::Complete, &Fault::Unheard, 1);
        s3.plan(Operation::Head, &Fault::refused(500, "InternalError"), 3);
    };
    not_made(upload_while(&cairn, "0", PARTS, blind).await);
    and_a_retry_works(&cairn, &[PARTS]).await;
}

#[tokio::test]
async fn aborts_that_are_lost_are_repeated_until_nothing_is_left() {
    let cairn = Cairn::start().await;
    let lost = |s3: &FaultyS3| s3.plan(Operation::Complete, &Fault::Lost, 1);
    not_made(upload_while(&cairn, "0", PARTS, lost).await);
    let worker = Mortal::beside(&cairn).await;
    worker.s3.plan(Operation::Abort, &Fault::Lost, 3);
    worker.s3.plan(
        Operation::ListUploads,
        &Fault::refused(500, "InternalError"),
        3,
    );
    while !worker.s3.is_done() {
        cairn.let_time_pass().await;
        worker
            .collector
            .run(cairn_store::gc::Policy::default())
            .await;
    }
    and_a_retry_works(&cairn, &[PARTS]).await;
}

#[tokio::test]
async fn a_download_that_breaks_off_is_taken_up_again() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let made = upload(&cairn.store, &caller, raw("a"), content(ONE))
        .await
        .unwrap();
    let replica = Mortal::beside(&cairn).await;
    let wanted = cairn_store::ArtifactRef::Id(made.artifact.id);
    replica
        .s3
        .plan(Operation::Get, &Fault::BrokenOff(50_000), 2);
    let download = replica.store.open_artifact(&caller, &wanted).await;
    let mut reading = download.unwrap().read(0, None);
    let mut read = Vec::new();
    while let Some(piece) = reading.next().await.unwrap() {
        read.extend_from_slice(&piece);
    }
    assert!(read == content(ONE));
    assert!(replica.s3.is_done());
}

/// The result of reading a range while S3 gives these answers to the first requests.
async fn read_range(times: usize, body: String) -> Result<Vec<u8>> {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let made = upload(&cairn.store, &caller, raw("a"), content(ONE))
        .await
        .unwrap();
    let replica = Mortal::beside(&cairn).await;
    let wanted = cairn_store::ArtifactRef::Id(made.artifact.id);
    let whole = Fault::Refused(200, body);
    replica.s3.plan(Operation::Get, &whole, times);
    let download = replica.store.open_artifact(&caller, &wanted).await;
    let mut reading = download?.read(10, Some(50_000));
    let mut read = Vec::new();
    while let Some(piece) = reading.next().await? {
        read.extend_from_slice(&piece);
    }
    assert!(replica.s3.is_done());
    Ok(read)
}

#[tokio::test]
async fn a_server_that_ignores_ranges_never_makes_wrong_bytes() {
    for length in [100, 50_000, ONE] {
        let read = read_range(2, "x".repeat(length)).await.unwrap();
        assert!(read == content(ONE)[10..50_010], "{length}");
    }
    match read_range(4, "x".repeat(ONE)).await {
        Err(Error::Unavailable { dependency, .. }) => assert_eq!(dependency, "blob store"),
        other => panic!("{other:?}"),
    }
}
