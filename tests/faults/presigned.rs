//! An upload whose parts are put straight into S3 shows only what was declared, whatever happens while it is finished.

use cairn_store::{Caller, ContentHash, Error, Finish, PartsWanted, PresignedPart, RawSpec, Store};

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

/// A part that is replaced after the finish has looked at it does not become part of the artifact: either S3 refuses to
/// combine it, or the server reads it and sees that it is another.
#[tokio::test]
async fn a_part_replaced_after_its_check_is_not_shown() {
    let cairn = signing().await;
    let caller = caller(&cairn).await;
    let whole = content(WHOLE);
    let replica = Mortal::beside(&cairn).await;
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
    match cairn
        .store
        .finish_upload(&caller, &id, Finish::default())
        .await
    {
        Ok(made) => {
            let stored = cairn.client.download(made.artifact.id.as_str()).await;
            assert!(stored.unwrap() == whole);
        }
        Err(e) => println!("nothing is shown: {e}"),
    }
    cairn.audit().await;
    cairn.collect_everything().await;
    let live = "SELECT count(*) FROM artifacts";
    assert_eq!(cairn.stored().await.len() as i64, cairn.count(live).await);
}

/// S3 says that it has lost a part: the upload stays open, and is finished once the part is there again.
#[tokio::test]
async fn a_part_that_s3_lost_is_put_again() {
    let cairn = signing().await;
    let caller = caller(&cairn).await;
    let whole = content(WHOLE);
    let replica = Mortal::beside(&cairn).await;
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
    assert_eq!(open.state, cairn_store::UploadState::Open);
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
