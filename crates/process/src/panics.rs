//! A panic is a fault of ours: it is logged as one, and counted.

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

/// What a future comes to; `None` if it panics, which the hook has told of. What it worked on must not be used after that.
pub async fn caught<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

/// The body of an answer that ends where a piece of it cannot be made for a panic. Its head is sent already, so it cannot
/// become another answer.
pub struct Survivor {
    /// `None` after a panic.
    body: Option<Body>,
    end: End,
}

/// What comes last after a panic.
type End = fn() -> Option<Result<Frame<Bytes>, axum::Error>>;

impl Survivor {
    /// With the last thing that is sent after a panic: trailers that say so, or an error, which cuts the connection so that
    /// no reader takes what came for all.
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
