//! The body of a request, within its limits.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes};
use cairn_store::Error;
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use super::{limits::MAX_MESSAGE, message_overhead::OverheadCounter, responses::too_long};
use crate::{
    admission::{Held, Memory},
    error::{TransportError, refusal, to_status},
    shares::Taker,
};

/// What a message counts before its bytes.
const FREE: usize = 64 << 10;
/// The flag and the length before each message.
const HEAD: usize = 5;

/// The maximum size of decompressed bytes.
const INFLATION: usize = 1032;

/// The limits of a body.
pub(super) struct Bounds {
    /// The largest message, in bytes.
    pub(super) message: usize,
    /// How many of its bytes may be something other than content.
    pub(super) other: usize,
    /// How long the whole body may take; `None` for a stream.
    pub(super) time: Option<Duration>,
    /// Whose share a message uses, and where that is recorded; `None` for a stream, which has reserved its own.
    pub(super) room: Option<(Memory, Taker, Held)>,
}

/// A body within its limits.
pub(super) struct RequestBody {
    body: Body,
    bounds: Bounds,
    time: Option<Pin<Box<Sleep>>>,
    messages: Messages,
    overhead: Option<OverheadCounter>,
}

fn within(bytes: usize, most: usize) -> Result<(), Status> {
    if bytes <= most {
        return Ok(());
    }
    let rule = format!(
        "must be at most {} KiB beside content; divide it into several calls",
        most >> 10
    );
    Err(to_status(Error::invalid("request", rule)))
}

impl RequestBody {
    pub(super) fn new(body: Body, bounds: Bounds) -> Self {
        Self {
            time: bounds.time.map(|time| Box::pin(sleep(time))),
            body,
            bounds,
            messages: Messages::default(),
            overhead: None,
        }
    }

    /// Refuses a message before its bytes are gathered.
    fn look_at(&mut self, data: &[u8]) -> Result<(), Status> {
        let Self {
            bounds,
            messages,
            overhead,
            ..
        } = self;
        messages.pass(data, |event| {
            let (compressed, length) = match event {
                Event::Begins { compressed, length } => (compressed, length),
                Event::Goes(data) => {
                    let other = overhead.as_mut().map_or(0, |overhead| overhead.count(data));
                    return within(other, bounds.other);
                }
            };
            if length > bounds.message {
                return match bounds.message {
                    MAX_MESSAGE => Err(to_status(too_long())),
                    most => within(length, most),
                };
            }
            // Compressed bytes are not inspected.
            *overhead = (!compressed).then(OverheadCounter::default);
            let length = match compressed {
                true => bounds.message.min(length.saturating_mul(INFLATION)),
                false => length,
            };
            if let Some((memory, taker, held)) = &bounds.room
                && length > FREE
            {
                held.hold(memory.take(taker, length).map_err(to_status)?);
            }
            Ok(())
        })
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(time) = &mut self.time
            && time.as_mut().poll(context).is_ready()
        {
            let slow = Error::UploadExpired("its request did not arrive in time");
            return Poll::Ready(Some(Err(to_status(slow))));
        }
        let Poll::Ready(polled) = Pin::new(&mut self.body).poll_frame(context) else {
            return Poll::Pending;
        };
        Poll::Ready(match polled {
            None => None,
            // An interrupted upload must not look complete, as tonic makes it after CANCELLED.
            Some(Err(_)) => Some(Err(refusal(&TransportError::Cancelled))),
            Some(Ok(frame)) => {
                let looked = frame.data_ref().map_or(Ok(()), |data| self.look_at(data));
                Some(looked.map(|()| frame))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Events in the bytes of a body.
enum Event<'a> {
    /// A message begins.
    Begins { compressed: bool, length: usize },
    /// Some of its bytes.
    Goes(&'a [u8]),
}

/// The position in the messages of a body.
#[derive(Default)]
struct Messages {
    head: [u8; HEAD],
    /// How many bytes of the head have arrived.
    filled: usize,
    /// How many bytes of the message are still missing.
    left: usize,
}

impl Messages {
    /// Reads more bytes, and reports each message.
    fn pass(
        &mut self,
        mut data: &[u8],
        mut tell: impl FnMut(Event<'_>) -> Result<(), Status>,
    ) -> Result<(), Status> {
        while !data.is_empty() {
            if self.left > 0 {
                let passed = self.left.min(data.len());
                self.left -= passed;
                tell(Event::Goes(&data[..passed]))?;
                data = &data[passed..];
                continue;
            }
            let taken = (HEAD - self.filled).min(data.len());
            self.head[self.filled..self.filled + taken].copy_from_slice(&data[..taken]);
            self.filled += taken;
            data = &data[taken..];
            if self.filled == HEAD {
                let [flag, a, b, c, d] = self.head;
                self.filled = 0;
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                tell(Event::Begins {
                    compressed: flag != 0,
                    length: self.left,
                })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::BodyExt;
    use tonic::Code;

    use super::*;

    fn received(pieces: Vec<Result<Bytes, Status>>, message: usize) -> RequestBody {
        let bounds = Bounds {
            message,
            other: message,
            time: None,
            room: None,
        };
        RequestBody::new(Body::from_stream(stream::iter(pieces)), bounds)
    }

    #[tokio::test]
    async fn a_request_that_was_taken_back_does_not_look_complete() {
        for code in [Code::Cancelled, Code::Unknown, Code::Internal] {
            let broken = received(vec![Err(Status::new(code, ""))], 10);
            let ended = broken.collect().await.expect_err("it does not end well");
            assert_eq!(ended.code(), Code::Aborted);
        }
    }

    #[tokio::test]
    async fn a_message_is_refused_by_the_length_that_it_announces() {
        let heads: &[&[u8]] = &[&[0, 0, 0, 0, 2, 7, 7, 0, 0], &[0, 0, 11]];
        let pieces = heads.iter().map(|piece| Ok(Bytes::from_static(piece)));
        let ended = received(pieces.clone().collect(), 10).collect().await;
        assert_eq!(ended.expect_err("11 bytes").code(), Code::InvalidArgument);
        assert!(received(pieces.collect(), 11).collect().await.is_ok());
    }

    #[tokio::test]
    async fn a_body_has_its_time() {
        let bounds = Bounds {
            message: 10,
            other: 10,
            time: Some(Duration::from_millis(1)),
            room: None,
        };
        let never = Body::from_stream(stream::pending::<Result<Bytes, Status>>());
        let ended = RequestBody::new(never, bounds).collect().await;
        assert_eq!(ended.expect_err("it is too late").code(), Code::Aborted);
    }
}
