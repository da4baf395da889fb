//! Wherever a process dies, and whatever S3 does: nothing is lost, nothing is done twice, and nothing is left over.
#![cfg(test)]

use cairn_store::{ArtifactSpec, Caller, Created, Error, IdempotencyKey, RawSpec, Result, Store};

use harness::Cairn;

mod collector;
mod deaths;
mod outages;
mod outcomes;
mod pauses;
mod presigned;
mod resumable;

/// Stored in a row, in one object, in parts.
const INLINE: usize = 10;
const ONE: usize = 100_000;
const PARTS: usize = (8 << 20) + 1;

async fn caller(cairn: &Cairn) -> Caller {
    cairn.store.authenticate(&cairn.key).await.unwrap()
}

fn key(name: &str) -> IdempotencyKey {
    IdempotencyKey::optional(name.to_owned()).unwrap().unwrap()
}

/// The spec of a file in the session `run`, under a key that is its name.
fn raw(filename: &str) -> RawSpec {
    RawSpec {
        filename: filename.to_owned(),
        session_id: "run".to_owned(),
        idempotency_key: format!("make {filename}"),
        ..RawSpec::default()
    }
}

/// Uploads like a client: retries while a failed attempt still holds its key.
async fn upload(store: &Store, caller: &Caller, raw: RawSpec, content: Vec<u8>) -> Result<Created> {
    loop {
        match attempt(store, caller, raw.clone(), content.clone()).await {
            Err(Error::IdempotencyInProgress(_)) => tokio::task::yield_now().await,
            done => return done,
        }
    }
}

async fn attempt(
    store: &Store,
    caller: &Caller,
    raw: RawSpec,
    content: Vec<u8>,
) -> Result<Created> {
    let mut upload = store.begin_upload(caller, ArtifactSpec::new(raw)?).await?;
    if let Some(created) = upload.finish_early().await? {
        return Ok(created);
    }
    upload.write(content.into()).await?;
    upload.finish(cairn_store::UploadEnd::default()).await
}
