//! Large content into a file: several parts of it at a time, each written to its place.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt, path::Path, sync::Arc};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::{sync::mpsc, task::spawn_blocking};

use super::Download;
use crate::{
    Error, Progress,
    digest::{Digest, Hashing},
};

/// How long a part is, in bytes.
const PART: u64 = 16 << 20;

/// How many parts are on their way at a time.
const AT_A_TIME: usize = 4;

/// How much is written or read at once, in bytes.
const BLOCK: usize = 1 << 20;

impl Download {
    /// Writes all of the content to a file, which is empty, in several parts at a time, and verifies it against the record's
    /// hash. After an error the file must not be used. `shown` is how errors name the file.
    ///
    /// # Errors
    ///
    /// As [`Download::bytes`], and [`Error::File`] when the file cannot be written.
    pub async fn write_to(&self, file: Arc<File>, shown: &Path) -> Result<(), Error> {
        let size = self.size();
        let starts = (0..size).step_by(PART as usize);
        let ranges = starts.map(|start| start..size.min(start + PART));
        let (sender, written) = mpsc::channel(AT_A_TIME);
        let hashed = file.clone();
        let hashing = spawn_blocking(move || hash(&hashed, written));
        let mut parts = stream::iter(ranges)
            .map(async |range| {
                write_part(self, &file, range.clone(), shown).await?;
                Ok::<_, Error>(range)
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
        digest.map_err(Error::of_file(shown))?.check(&self.artifact)
    }
}

async fn write_part(
    download: &Download,
    file: &Arc<File>,
    range: Range<u64>,
    shown: &Path,
) -> Result<(), Error> {
    let mut at = range.start;
    let mut block = Vec::new();
    let mut write = async |block: Vec<u8>| {
        let (file, length, start) = (file.clone(), block.len() as u64, at);
        let written = spawn_blocking(move || file.write_all_at(&block, start)).await;
        written
            .map_err(io::Error::from)
            .flatten()
            .map_err(Error::of_file(shown))?;
        at += length;
        download.observer.see(Progress::Received { more: length });
        Ok::<_, Error>(())
    };
    download
        .part(range, false, async |data| {
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
