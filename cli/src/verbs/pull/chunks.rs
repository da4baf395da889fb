//! Large contents: several parts of one at a time, each written to its place in the file.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt, sync::Arc};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use indicatif::ProgressBar;
use tokio::{sync::mpsc, task::spawn_blocking};

use super::fetch::Fetch;
use crate::{
    digest::{Digest, Hashing},
    error::CliError,
};

/// How long a part is, in bytes.
const PART: u64 = 16 << 20;

/// How many parts are on their way at a time.
const AT_A_TIME: usize = 4;

/// How much is written or read at once, in bytes.
const BLOCK: usize = 1 << 20;

/// Writes a content to a file, and fails when it is not what the record says. What was written must then not be used.
pub(super) async fn write(
    fetch: &Fetch,
    file: Arc<File>,
    file_error: impl Fn(io::Error) -> CliError,
    bar: &ProgressBar,
    tell: impl Fn(&str),
) -> Result<(), CliError> {
    let size = fetch.size();
    let starts = (0..size).step_by(PART as usize);
    let ranges = starts.map(|start| start..size.min(start + PART));
    let (sender, written) = mpsc::channel(AT_A_TIME);
    let hashed = file.clone();
    let hashing = spawn_blocking(move || hash(&hashed, written));
    let mut parts = stream::iter(ranges)
        .map(async |range| {
            write_part(fetch, &file, range.clone(), &file_error, bar, &tell).await?;
            Ok::<_, CliError>(range)
        })
        .buffered(AT_A_TIME);
    while let Some(range) = parts.try_next().await? {
        // The hashing ends early when the file cannot be read.
        if sender.send(range).await.is_err() {
            break;
        }
    }
    drop((parts, sender));
    let digest = hashing.await.map_err(io::Error::from).flatten();
    digest.map_err(file_error)?.check(&fetch.artifact)
}

async fn write_part(
    fetch: &Fetch,
    file: &Arc<File>,
    range: Range<u64>,
    file_error: impl Fn(io::Error) -> CliError,
    bar: &ProgressBar,
    tell: impl Fn(&str),
) -> Result<(), CliError> {
    let mut at = range.start;
    let mut block = Vec::new();
    let mut write = async |block: Vec<u8>| {
        let (file, length, start) = (file.clone(), block.len() as u64, at);
        let written = spawn_blocking(move || file.write_all_at(&block, start)).await;
        written
            .map_err(io::Error::from)
            .flatten()
            .map_err(&file_error)?;
        at += length;
        bar.inc(length);
        Ok::<_, CliError>(())
    };
    fetch
        .range(range, tell, async |data| {
            block.extend_from_slice(&data);
            if block.len() >= BLOCK {
                write(std::mem::take(&mut block)).await?;
            }
            Ok(())
        })
        .await?;
    write(block).await
}

/// Hashes parts as they come, which is in order.
fn hash(file: &File, mut written: mpsc::Receiver<Range<u64>>) -> io::Result<Digest> {
    let mut hashing = Hashing::default();
    let mut block = vec![0; BLOCK];
    while let Some(range) = written.blocking_recv() {
        for start in range.clone().step_by(BLOCK) {
            let block = &mut block[..(range.end - start).min(BLOCK as u64) as usize];
            file.read_exact_at(block, start)?;
            hashing.update(block);
        }
    }
    Ok(hashing.finish())
}
