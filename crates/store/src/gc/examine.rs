//! Whether the bytes of a live object are what was committed.

use sha2::{Digest, Sha256};

use crate::{
    blob::{BlobError, Blobs, unavailable},
    meta::ghosts::{self as rows, Live},
    model::{digest::ContentHash, error::Result},
    store::Store,
};

/// How thoroughly to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Check the size in the blob store.
    Size,
    /// Read and hash all bytes.
    Content,
}

pub(super) const MISSING: &str = "its bytes are gone";
pub(super) const OTHER: &str = "its bytes are not those that were committed";

/// What is wrong with the bytes, if anything. Bytes that cannot be checked are an error, which says nothing about them.
pub(super) async fn examine(
    store: &Store,
    of: &Live,
    depth: Depth,
) -> Result<Option<&'static str>> {
    if of.inline {
        if depth == Depth::Size {
            return Ok(None);
        }
        let client = store.meta.client().await?;
        let sound = rows::inline_is_sound(&client, of).await?;
        return Ok((sound == Some(false)).then_some(OTHER));
    }
    let key = Blobs::key(of.tenant, of.object);
    let size = store.blobs.size_of(&key).await.map_err(unavailable)?;
    match size {
        None => return Ok(Some(MISSING)),
        Some(size) if size != of.size => return Ok(Some(OTHER)),
        Some(_) if depth == Depth::Size || of.size == 0 => return Ok(None),
        Some(_) => {}
    }
    let mut hasher = Sha256::new();
    let mut reader = match store.blobs.get(&key, 0, of.size).await {
        Err(BlobError::NotFound) => return Ok(Some(MISSING)),
        reader => reader.map_err(unavailable)?,
    };
    while let Some(piece) = reader.next().await.map_err(unavailable)? {
        hasher.update(&piece);
    }
    let sound = ContentHash::from(hasher) == of.hash;
    Ok((!sound).then_some(OTHER))
}
