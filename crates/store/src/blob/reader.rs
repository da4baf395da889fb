use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use tokio::{
    fs::File,
    io::{AsyncReadExt, Take},
    time::timeout,
};

use super::{BlobError, BlobResult};

/// How long a blob store may take to send the next piece.
const NEXT_PIECE: Duration = Duration::from_secs(30);
const FILE_PIECE: usize = 256 * 1024;

/// Bytes on their way from a blob store.
pub(crate) enum BlobReader {
    S3(ByteStream),
    Fs(Take<File>),
}

impl BlobReader {
    /// The next piece, of any size but empty; `None` at the end.
    pub(crate) async fn next(&mut self) -> BlobResult<Option<Bytes>> {
        let next = async {
            match self {
                Self::S3(stream) => stream
                    .next()
                    .await
                    .transpose()
                    .map_err(|e| BlobError::failed("reading from S3", e)),
                Self::Fs(file) => {
                    let mut piece = BytesMut::with_capacity(FILE_PIECE);
                    file.read_buf(&mut piece)
                        .await
                        .map_err(|e| BlobError::failed("reading a file", e))?;
                    Ok(Some(piece.freeze()).filter(|piece| !piece.is_empty()))
                }
            }
        };
        timeout(NEXT_PIECE, next)
            .await
            .map_err(|e| BlobError::failed("waiting for the next piece", e))?
    }
}
