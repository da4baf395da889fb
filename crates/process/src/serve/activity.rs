use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

/// The running calls of a connection.
pub(super) struct Activity {
    calls: AtomicUsize,
    /// When the last one ended, or the connection was opened.
    quiet_since: Mutex<Instant>,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            calls: AtomicUsize::new(0),
            quiet_since: Mutex::new(Instant::now()),
        })
    }

    pub(super) fn begin(self: &Arc<Self>) -> Call {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Call(self.clone())
    }

    /// Since when no call has been running; `None` while one is.
    pub(super) fn quiet_since(&self) -> Option<Instant> {
        if self.calls.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let since = self.quiet_since.lock();
        Some(*since.unwrap_or_else(PoisonError::into_inner))
    }
}

/// A running call, until it is dropped.
pub(super) struct Call(Arc<Activity>);

impl Drop for Call {
    fn drop(&mut self) {
        let since = self.0.quiet_since.lock();
        *since.unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer; its call runs until it is sent.
pub(super) struct Answer {
    pub(super) body: Body,
    pub(super) _call: Call,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
