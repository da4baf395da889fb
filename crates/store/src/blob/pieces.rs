//! Bytes in several places of memory that are stored as one.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Pieces of a content, in order; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Pieces {
    pieces: Arc<[Bytes]>,
    len: usize,
}

impl Pieces {
    pub(crate) fn new(pieces: Vec<Bytes>) -> Self {
        Self {
            len: pieces.iter().map(Bytes::len).sum(),
            pieces: pieces.into(),
        }
    }

    /// Their total length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.pieces.iter()
    }

    /// A body that can be sent again.
    pub(super) fn into_stream(self) -> ByteStream {
        if let [one] = &*self.pieces {
            return ByteStream::from(one.clone());
        }
        ByteStream::new(SdkBody::retryable(move || {
            SdkBody::from_body_1_x(Unsent {
                left: self.len,
                pieces: Arc::clone(&self.pieces),
                next: 0,
            })
        }))
    }
}

/// A body that states its length beforehand, which S3 requires.
struct Unsent {
    pieces: Arc<[Bytes]>,
    next: usize,
    left: usize,
}

impl Body for Unsent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.get(self.next).cloned();
        self.next += 1;
        self.left -= piece.as_ref().map_or(0, Bytes::len);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}
