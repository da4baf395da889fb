//! An upload whose parts are put straight into S3 shows only what was declared, whatever happens while it is finished.

use std::time::Duration;

use cairn_store::{
    Caller, ContentHash, Created, Error, Finish, PartsWanted, PresignedPart, RawSpec, Store,
    UploadEnd, UploadState,
};

use super::{
    caller,
    deaths::{bytes, wherever_it_dies},
    raw,
};
use harness::{
    Bytes, Cairn, Setup, content, eventually,
    mortal::{Fault, Mortal, Operation},
    put_to,
};

/// Two parts.
const WHOLE: usize = (9 << 20) + 1;

async fn signing() -> Cairn {
    Setup::on(Bytes::S3).signing().start().await
}

fn declared(name: &str, whole: &[u8]) -> RawSpec {
    RawSpec {
        size_bytes: Some(whole.len() as i64),
        content_hash: ContentHash::of(whole).to_string(),
        ..raw(name)
    }
}

/// A Cairn, a replica beside it, a caller, and a content.
async fn beside() -> (Cairn, Mortal, Caller, Vec<u8>) {
    let cairn = signing().await;
    let replica = Mortal::beside(&cairn).await;
    let caller = caller(&cairn).await;
    (cairn, replica, caller, content(WHOLE))
}

async fn put(part: &PresignedPart, whole: &[u8]) {
    let bytes = &whole[part.offset as usize..][..part.size_bytes as usize];
    assert_eq!(put_to(&part.url, bytes.to_vec()).await, 200);
}

/// Opens an upload, and puts all of its parts.
async fn put_whole(
    store: &Store,
    caller: &Caller,
    spec: RawSpec,
    whole: &[u8],
) -> Result<(String, Vec<PresignedPart>), Error> {
    let opened = store.start_upload(caller, spec).await?;
    let wanted = PartsWanted::new(0, 0, None).unwrap();
    let id = opened.id.as_str();
    let signed = store.presign_upload_parts(caller, id, wanted).await?;
    for part in &signed.parts {
        put(part, whole).await;
    }
    Ok((id.to_owned(), signed.parts))
}

/// Puts a part until the finish succeeds: the server of the tests does not say which of two that were put in one second
/// is the later one.
async fn finished_with<F: Future<Output = Result<Created, Error>>>(
    part: &PresignedPart,
    whole: &[u8],
    finish: &impl Fn() -> F,
) -> Created {
    loop {
        put(part, whole).await;
        match finish().await {
            Ok(made) => return made,
            Err(Error::UploadPartsMissing { .. }) => {}
            Err(e) => panic!("{e:?}"),
        }
    }
}

/// A part that is replaced after the finish has looked at it does not become part of the artifact: either S3 refuses to
/// combine it, or the server reads it and sees that it is another.
#[tokio::test]
async fn a_part_replaced_after_its_check_is_not_shown() {
    let (cairn, replica, caller, whole) = beside().await;
    let spec = declared("a", &whole);
    let (id, parts) = put_whole(&replica.store, &caller, spec, &whole)
        .await
        .unwrap();
    replica.s3.plan(Operation::Complete, &Fault::Slow, 1);
    let finishing = {
        let (store, caller, id) = (replica.store.clone(), caller.clone(), id.clone());
        tokio::spawn(async move { store.finish_upload(&caller, &id, Finish::default()).await })
    };
    eventually("the parts are being combined", async || {
        replica.s3.count(Operation::Complete) == 1
    })
    .await;
    put(&parts[0], &vec![7; WHOLE]).await;
    replica.s3.release();
    let outcome = finishing.await.unwrap();
    match outcome {
        Err(Error::Unavailable { .. } | Error::ContentMismatch { .. }) => {}
        // A server that had pinned the part combines what was there before.
        Ok(made) => assert_eq!(made.artifact.content_hash, ContentHash::of(&whole)),
        Err(e) => panic!("{e:?}"),
    }
    let finish = || cairn.store.finish_upload(&caller, &id, Finish::default());
    let state = async || cairn.store.get_upload(&caller, &id).await.unwrap().state;
    match finish().await {
        Ok(made) => {
            let stored = cairn.client.download(made.artifact.id.as_str()).await;
            assert!(stored.unwrap() == whole);
        }
        // Nothing was combined: the right part makes it the artifact.
        Err(Error::Unavailable { .. } | Error::UploadPartsMissing { .. })
            if state().await == UploadState::Open =>
        {
            let made = finished_with(&parts[0], &whole, &finish).await;
            assert_eq!(made.artifact.content_hash, ContentHash::of(&whole));
        }
        // The wrong part was combined: the upload has ended.
        Err(Error::ContentMismatch { .. } | Error::UploadExpired(_)) => {
            assert_eq!(state().await, UploadState::Ended);
        }
        Err(e) => panic!("{e:?}"),
    }
    cairn.audit().await;
    cairn.collect_everything().await;
    let live = "SELECT count(*) FROM artifacts";
    assert_eq!(cairn.stored().await.len() as i64, cairn.count(live).await);
}

/// S3 says that it has lost a part: the upload stays open, and is finished once the part is there again.
#[tokio::test]
async fn a_part_that_s3_lost_is_put_again() {
    let (_cairn, replica, caller, whole) = beside().await;
    let spec = declared("a", &whole);
    let (id, parts) = put_whole(&replica.store, &caller, spec, &whole)
        .await
        .unwrap();
    let lost = Fault::refused(400, "InvalidPart");
    replica.s3.plan(Operation::Complete, &lost, 1);
    let finish = || replica.store.finish_upload(&caller, &id, Finish::default());
    let refused = finish().await;
    assert!(
        matches!(refused, Err(Error::Unavailable { .. })),
        "{refused:?}"
    );
    let open = replica.store.get_upload(&caller, &id).await.unwrap();
    assert_eq!(open.state, UploadState::Open);
    put(&parts[1], &whole).await;
    let made = finish().await.unwrap();
    assert_eq!(made.artifact.content_hash, ContentHash::of(&whole));
}

/// The upload is finished by a later call wherever the process dies that finishes it.
#[tokio::test]
async fn a_presigned_upload_is_made_once_wherever_its_finish_dies() {
    let cairn = signing().await;
    let caller = caller(&cairn).await;
    let rounds = wherever_it_dies(&cairn, &caller, async |store, caller, round| {
        let whole = bytes(WHOLE, round);
        let spec = declared(&format!("{round}"), &whole);
        let opened = store.start_upload(caller, spec.clone()).await?;
        if opened.artifact_id.is_none() && opened.presigned_part_bytes.is_none() {
            put_whole(store, caller, spec, &whole).await?;
        }
        let id = opened.id.as_str();
        let finished = store.finish_upload(caller, id, Finish::default()).await;
        let finished = match finished {
            Err(Error::UploadPartsMissing { .. }) => {
                put_whole(store, caller, declared(&format!("{round}"), &whole), &whole).await?;
                store.finish_upload(caller, id, Finish::default()).await
            }
            finished => finished,
        };
        assert_eq!(finished?.artifact.content_hash, ContentHash::of(&whole));
        Ok(())
    })
    .await;
    assert!(rounds >= 15, "it was done in {rounds} steps");
    super::deaths::once_each(&cairn, rounds).await;
    cairn.audit().await;
    cairn.drain().await;
    assert_eq!(cairn.stored().await.len(), rounds);
}

/// An upload whose parts S3 has dropped can never be finished: it ends, and its room is free again.
#[tokio::test]
async fn an_upload_whose_parts_s3_dropped_ends() {
    let (cairn, replica, caller, whole) = beside().await;
    let (id, _) = put_whole(&replica.store, &caller, declared("a", &whole), &whole)
        .await
        .unwrap();
    let list = Operation::ListParts;
    let finish = || replica.store.finish_upload(&caller, &id, Finish::default());
    // A key that is not there is not an upload that is not there.
    replica.s3.plan(list, &Fault::refused(404, "NoSuchKey"), 1);
    let unknown = finish().await;
    assert!(
        matches!(unknown, Err(Error::Unavailable { .. })),
        "{unknown:?}"
    );
    replica
        .s3
        .plan(list, &Fault::refused(404, "NoSuchUpload"), 1);
    let dropped = finish().await;
    assert!(
        matches!(dropped, Err(Error::UploadExpired(_))),
        "{dropped:?}"
    );
    let ended = replica.store.get_upload(&caller, &id).await.unwrap();
    assert_eq!(ended.state, UploadState::Ended);
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await, Vec::<String>::new());
}

/// S3 shows no object although it has combined the parts: that ends nothing.
#[tokio::test]
async fn a_combined_key_that_is_not_seen_yet_ends_nothing() {
    let (cairn, replica, caller, whole) = beside().await;
    let (id, _) = put_whole(&replica.store, &caller, declared("a", &whole), &whole)
        .await
        .unwrap();
    let unseen = Fault::refused(404, "NoSuchKey");
    replica.s3.plan(Operation::Head, &unseen, 1);
    let finish = || replica.store.finish_upload(&caller, &id, Finish::default());
    let early = finish().await;
    assert!(matches!(early, Err(Error::Unavailable { .. })), "{early:?}");
    let made = finish().await.unwrap();
    assert_eq!(made.artifact.content_hash, ContentHash::of(&whole));
    cairn.audit().await;
}

/// What a finish has read is not read again by the next one, to the last byte.
#[tokio::test]
async fn what_was_read_back_is_not_read_again() {
    let (_cairn, replica, caller, whole) = beside().await;
    let spec = RawSpec {
        content_hash: String::new(),
        ..declared("a", &whole)
    };
    let (id, _) = put_whole(&replica.store, &caller, spec, &whole)
        .await
        .unwrap();
    let finish = |hash: &[u8]| {
        let end = UploadEnd::new(&ContentHash::of(hash).to_string(), None).unwrap();
        let finish = Finish {
            end,
            ..Finish::default()
        };
        replica.store.finish_upload(&caller, &id, finish)
    };
    let wrong = finish(b"another").await;
    assert!(
        matches!(wrong, Err(Error::ContentMismatch { .. })),
        "{wrong:?}"
    );
    let gets = replica.s3.count(Operation::Get);
    finish(&whole).await.unwrap();
    assert_eq!(replica.s3.count(Operation::Get), gets);
}

/// A finish that a later one has replaced reads no further, also in the middle of a small content.
#[tokio::test]
async fn a_superseded_finish_stops_reading() {
    let mut cairn = signing().await;
    let (caller, whole) = (caller(&cairn).await, content(WHOLE));
    let (id, _) = put_whole(&cairn.store, &caller, declared("a", &whole), &whole)
        .await
        .unwrap();
    // It looks at its fence after a millisecond.
    cairn.config.upload_window = Duration::from_millis(3);
    let replica = Mortal::beside(&cairn).await;
    replica.s3.plan(Operation::Head, &Fault::Slow, 1);
    // It would see this if it read on.
    let broken = Fault::BrokenOff(WHOLE / 2);
    replica.s3.plan(Operation::Get, &broken, 10);
    let finishing = {
        let (store, caller, id) = (replica.store.clone(), caller.clone(), id.clone());
        tokio::spawn(async move { store.finish_upload(&caller, &id, Finish::default()).await })
    };
    eventually("the parts are combined", async || {
        replica.s3.count(Operation::Head) == 1
    })
    .await;
    let made = cairn
        .store
        .finish_upload(&caller, &id, Finish::default())
        .await;
    assert_eq!(made.unwrap().artifact.content_hash, ContentHash::of(&whole));
    replica.s3.release();
    let superseded = finishing.await.unwrap();
    assert!(
        matches!(superseded, Err(Error::UploadTakenOver(_))),
        "{superseded:?}"
    );
}
