//! The body of a form, as the parser may read it: piece by piece, and not without bound where it waits for the head of a
//! part.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::Stream;

/// The most bytes that are read for the head of a part.
pub(super) const HEAD_BYTES: usize = 64 << 10;

/// How many bytes may still be read for the head of a part. The parser keeps them all in memory.
#[derive(Clone)]
pub(super) struct Head(Arc<AtomicUsize>);

impl Head {
    /// A head comes, which has at most so many bytes.
    pub(super) fn expect(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// What comes now is handed on at once.
    pub(super) fn end(&self) {
        self.0.store(usize::MAX, Ordering::Relaxed);
    }
}

/// The bytes of a form. The parser reads for as long as something is there; so only one piece is, until it was asked
/// again.
pub(super) struct FormBody {
    body: BodyDataStream,
    head: Head,
    rests: bool,
}

impl FormBody {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body: body.into_data_stream(),
            head: Head(Arc::new(AtomicUsize::new(HEAD_BYTES))),
            rests: false,
        }
    }

    pub(super) fn head(&self) -> Head {
        self.head.clone()
    }
}

impl Stream for FormBody {
    type Item = io::Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if std::mem::take(&mut self.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = match ready!(Pin::new(&mut self.body).poll_next(context)) {
            None => return Poll::Ready(None),
            Some(Err(e)) => return Poll::Ready(Some(Err(io::Error::other(e)))),
            Some(Ok(piece)) => piece,
        };
        self.rests = true;
        let left = self.head.0.load(Ordering::Relaxed);
        Poll::Ready(Some(match left.checked_sub(piece.len()) {
            None => Err(io::Error::other("the head of a part is too long")),
            Some(_) if left == usize::MAX => Ok(piece),
            Some(left) => {
                self.head.0.store(left, Ordering::Relaxed);
                Ok(piece)
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt, stream};

    use super::*;

    fn body(pieces: usize, bytes: usize) -> FormBody {
        let pieces = (0..pieces).map(move |_| Ok::<_, io::Error>(vec![0; bytes]));
        FormBody::new(Body::from_stream(stream::iter(pieces)))
    }

    #[tokio::test]
    async fn one_piece_is_handed_on_at_a_time() {
        let mut body = body(2, 10);
        assert!(body.next().now_or_never().flatten().is_some());
        assert!(body.next().now_or_never().is_none());
        assert!(body.next().await.is_some_and(|piece| piece.is_ok()));
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn the_head_of_a_part_has_a_bound_and_content_has_none() {
        let mut long = body(3, HEAD_BYTES / 2 + 1);
        assert!(long.next().await.is_some_and(|piece| piece.is_ok()));
        assert!(long.next().await.is_some_and(|piece| piece.is_err()));
        let mut long = body(3, HEAD_BYTES);
        long.head().end();
        let pieces: Vec<_> = long.by_ref().collect().await;
        assert!(pieces.len() == 3 && pieces.iter().all(Result::is_ok));
    }
}
