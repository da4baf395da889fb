//! A resumable upload goes on at another replica, wherever the first one dies and whatever S3 does with its parts.

use cairn_store::{Caller, ContentHash, Error, Finish, OpenUpload, Result, Store, UploadState};

use super::{
    caller,
    deaths::{bytes, once_each, wherever_it_dies},
    raw,
};
use harness::{
    Cairn, content,
    mortal::{Fault, FaultyS3, Mortal, Operation},
};

/// Two parts and a rest.
const WHOLE: usize = (17 << 20) + 1;
/// The largest part of an upload of this size.
const PART: usize = 8 << 20;

/// Continues an upload until it is an artifact, as a client does that has nothing but its key.
async fn resume(
    store: &Store,
    caller: &Caller,
    name: &str,
    content: &[u8],
) -> Result<(usize, String)> {
    let opened = store.start_upload(caller, raw(name)).await?;
    let at = opened.committed_bytes as usize;
    if matches!(opened.state, UploadState::Open) && at < content.len() {
        write(store, caller, &opened, &content[at..]).await?;
    }
    let finish = Finish::default();
    let made = store
        .finish_upload(caller, opened.id.as_str(), finish)
        .await?;
    assert_eq!(made.artifact.content_hash, ContentHash::of(content));
    Ok((at, made.artifact.id.to_string()))
}

async fn write(store: &Store, caller: &Caller, to: &OpenUpload, content: &[u8]) -> Result<()> {
    let writer = store.write_upload(caller, to.id.as_str(), to.committed_bytes);
    let mut writer = writer.await?;
    for piece in content.chunks(1 << 20) {
        writer.write(piece.to_vec().into()).await?;
    }
    writer.pause().await.map(drop)
}

#[tokio::test]
async fn resumed_upload_is_made_once_wherever_it_dies() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let rounds = wherever_it_dies(&cairn, &caller, async |store, caller, round| {
        let whole = bytes(WHOLE, round);
        resume(store, caller, &format!("{round}"), &whole)
            .await
            .map(drop)
    })
    .await;
    assert!(rounds >= 20, "it was done in {rounds} steps");
    once_each(&cairn, rounds).await;
    cairn.audit().await;
    cairn.drain().await;
    assert_eq!(cairn.stored().await.len(), rounds);
}

/// At most two parts on their way and the one that was being filled are sent again.
#[tokio::test]
async fn dead_writer_loses_only_what_was_not_acknowledged() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let whole = content(5 * PART);
    let opened = cairn.store.start_upload(&caller, raw("a")).await.unwrap();
    let writer = cairn.store.write_upload(&caller, opened.id.as_str(), 0);
    let mut writer = writer.await.unwrap();
    for piece in whole[..4 * PART + 1000].chunks(1 << 20) {
        writer.write(piece.to_vec().into()).await.unwrap();
    }
    drop(writer);
    let (at, _) = resume(&cairn.store, &caller, "a", &whole).await.unwrap();
    assert!(at >= 2 * PART, "{at}");
    assert_eq!(at % PART, 0);
}

async fn resume_while(
    cairn: &Cairn,
    name: &str,
    plan: impl FnOnce(&FaultyS3),
) -> Result<(usize, String)> {
    let caller = caller(cairn).await;
    let replica = Mortal::beside(cairn).await;
    plan(&replica.s3);
    let outcome = resume(&replica.store, &caller, name, &content(WHOLE)).await;
    assert!(replica.s3.is_done(), "what was planned has happened");
    replica.s3.deliver_late().await;
    cairn.audit().await;
    outcome
}

/// Whatever S3 does with a part or with the request to combine them, the upload is finished by a later call.
#[tokio::test]
async fn faults_of_s3_delay_an_upload_and_lose_nothing() {
    let cairn = Cairn::start().await;
    let caller = caller(&cairn).await;
    let faults = [
        Fault::Lost,
        Fault::Unheard,
        Fault::Late,
        Fault::refused(503, "SlowDown"),
    ];
    let operations = [
        Operation::CreateMultipart,
        Operation::UploadPart,
        Operation::Complete,
    ];
    let mut made = 0;
    for operation in operations {
        for (i, fault) in faults.iter().enumerate() {
            let name = format!("{operation:?} {i}");
            // The request to combine the parts is not repeated while its outcome is unknown.
            let times = if operation == Operation::Complete {
                1
            } else {
                3
            };
            let plan = |s3: &FaultyS3| s3.plan(operation, fault, times);
            match resume_while(&cairn, &name, plan).await {
                Ok(_) | Err(Error::Unavailable { .. }) => {}
                other => panic!("{name}: {other:?}"),
            }
            cairn
                .sql("UPDATE uploads SET finishing_since = now() - interval '1 hour' WHERE finishing_since IS NOT NULL")
                .await;
            let resumed = resume(&cairn.store, &caller, &name, &content(WHOLE)).await;
            let (_, id) = resumed.unwrap_or_else(|e| panic!("{name}: {e:?}"));
            assert!(cairn.client.download(&id).await.unwrap() == content(WHOLE));
            made += 1;
        }
    }
    once_each(&cairn, made).await;
    cairn.drain().await;
    assert_eq!(cairn.stored().await.len(), 1);
}
