use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use tokio::{fs::File, io::AsyncReadExt, time::timeout};

use crate::blob::{BlobError, BlobResult};

/// The size of a piece, in bytes: each costs a message and a hand-over to the thread that hashes it.
const PIECE: usize = 256 * 1024;
/// How long a blob store may take to send the next piece.
const NEXT_PIECE: Duration = Duration::from_secs(30);

/// Bytes from a blob store: exactly as many as requested.
pub(crate) struct BlobReader {
    source: Source,
    left: u64,
    /// Received bytes that are not yet part of a piece.
    received: Bytes,
    /// Why there are no more bytes, once the last piece before that was returned.
    broken: Option<BlobError>,
}

enum Source {
    S3(ByteStream),
    Fs(File),
}

impl BlobReader {
    /// A body of which so many bytes are expected.
    pub(super) fn s3(body: ByteStream, length: u64) -> Self {
        Self::new(Source::S3(body), length)
    }

    /// A file of which so many bytes are read, from its current position.
    pub(super) fn fs(file: File, length: u64) -> Self {
        Self::new(Source::Fs(file), length)
    }

    fn new(source: Source, length: u64) -> Self {
        Self {
            source,
            left: length,
            received: Bytes::new(),
            broken: None,
        }
    }

    /// The next piece, of 256 KiB except the last one and one before a failure; `None` at the end.
    ///
    /// # Errors
    /// `NotFound` when a file is too short, `Failed` when a body is too short or too long.
    pub(crate) async fn next(&mut self) -> BlobResult<Option<Bytes>> {
        let wanted = usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE));
        let mut piece = BytesMut::new();
        while piece.len() < wanted {
            if self.received.is_empty()
                && let Err(e) = self.receive().await
            {
                if piece.is_empty() {
                    return Err(e);
                }
                self.broken = Some(e);
                break;
            }
            let missing = wanted - piece.len();
            let more = self.received.split_to(missing.min(self.received.len()));
            if more.len() == wanted {
                self.left -= more.len() as u64;
                return Ok(Some(more));
            }
            piece.reserve(missing);
            piece.extend_from_slice(&more);
        }
        self.left -= piece.len() as u64;
        if self.left == 0 && !self.received.is_empty() {
            return Err(BlobError::failed("GetObject", "the body is too long"));
        }
        Ok(Some(piece.freeze()).filter(|piece| !piece.is_empty()))
    }

    /// Receives some bytes, at least one.
    async fn receive(&mut self) -> BlobResult<()> {
        if let Some(e) = self.broken.take() {
            return Err(e);
        }
        let left = self.left;
        let next = async {
            match &mut self.source {
                Source::S3(stream) => match stream.next().await {
                    Some(piece) => piece.map_err(|e| BlobError::failed("reading from S3", e)),
                    None => Err(BlobError::failed("GetObject", "the body is too short")),
                },
                Source::Fs(file) => {
                    let room = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
                    let mut piece = BytesMut::with_capacity(room);
                    let mut file = file.take(left);
                    match file.read_buf(&mut piece).await {
                        Ok(0) => Err(BlobError::NotFound),
                        Ok(_) => Ok(piece.freeze()),
                        Err(e) => Err(BlobError::failed("reading a file", e)),
                    }
                }
            }
        };
        self.received = timeout(NEXT_PIECE, next)
            .await
            .map_err(|e| BlobError::failed("waiting for the next piece", e))??;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut reader: BlobReader) -> BlobResult<Vec<usize>> {
        let mut pieces = Vec::new();
        while let Some(piece) = reader.next().await? {
            pieces.push(piece.len());
        }
        Ok(pieces)
    }

    fn body(pieces: &[usize], expected: u64) -> BlobReader {
        let pieces = pieces.iter().map(|len| Bytes::from(vec![0; *len]));
        let pieces = super::super::Pieces::new(pieces.collect());
        BlobReader::s3(pieces.into_stream(), expected)
    }

    #[tokio::test]
    async fn what_arrives_in_any_sizes_is_handed_out_in_one() {
        let expected = vec![PIECE, PIECE, 5];
        let total = 2 * PIECE as u64 + 5;
        for sizes in [
            vec![2 * PIECE + 5],
            vec![PIECE + 1, PIECE + 4],
            vec![1, 2, PIECE, 2, PIECE],
        ] {
            assert_eq!(read(body(&sizes, total)).await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_body_of_another_length_is_an_error() {
        for (sent, expected) in [
            (vec![100], 101),
            (vec![101], 100),
            (vec![100, 1], 200),
            (vec![PIECE, 1], PIECE as u64 + 2),
            (vec![PIECE + 2], PIECE as u64 + 1),
        ] {
            let read = read(body(&sent, expected)).await;
            assert!(matches!(read, Err(BlobError::Failed(..))), "{sent:?}");
        }
    }
}
