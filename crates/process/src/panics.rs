//! A panic is a bug: it is logged as an error, and counted.

use std::{
    future::Future,
    panic::{self, AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use futures_util::FutureExt;
use http_body::{Frame, SizeHint};
use opentelemetry::global;

/// Logs and counts every panic of this process from now on.
pub(crate) fn tell() {
    let panics = global::meter("cairn").u64_counter("cairn.panics").build();
    panics.add(0, &[]);
    panic::set_hook(Box::new(move |panic| {
        panics.add(1, &[]);
        let place = panic.location().map(ToString::to_string);
        let words = panic.payload_as_str().unwrap_or_default();
        tracing::error!(place, words, "a panic");
    }));
}

/// The result of a future; `None` if it panics, which the hook logs. The state that it worked on must not be used after
/// that.
pub async fn caught<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

/// The body of an answer that ends when producing a piece panics. Its head is already sent, so it cannot become another
/// answer.
pub struct Survivor {
    /// `None` after a panic.
    body: Option<Body>,
    end: End,
}

/// The last frame after a panic.
type End = fn() -> Option<Result<Frame<Bytes>, axum::Error>>;

impl Survivor {
    /// With the last frame after a panic: trailers with an error, or an error that closes the connection, so that no
    /// reader mistakes the partial body for a whole one.
    #[must_use]
    pub fn new(body: Body, end: End) -> Self {
        let body = Some(body);
        Self { body, end }
    }
}

impl http_body::Body for Survivor {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(context)));
        polled.unwrap_or_else(|_| {
            self.body = None;
            Poll::Ready((self.end)())
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, |body| body.size_hint())
    }
}
