use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::handshake::Stream;

/// The traffic of a connection.
#[derive(Default)]
pub(super) struct Traffic {
    read: AtomicUsize,
    /// Since when the peer has read nothing of what is written.
    stalled_since: Mutex<Option<Instant>>,
}

impl Traffic {
    /// How many bytes arrived.
    pub(super) fn read(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }

    pub(super) fn stalled_since(&self) -> Option<Instant> {
        let since = self.stalled_since.lock();
        *since.unwrap_or_else(PoisonError::into_inner)
    }

    fn note_write<T>(&self, polled: &Poll<T>) {
        let since = self.stalled_since.lock();
        let mut since = since.unwrap_or_else(PoisonError::into_inner);
        match polled {
            Poll::Ready(_) => *since = None,
            Poll::Pending => {
                since.get_or_insert_with(Instant::now);
            }
        }
    }
}

/// A connection that records its traffic.
pub(super) struct Watched {
    pub(super) stream: Stream,
    pub(super) traffic: Arc<Traffic>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        self.traffic.read.fetch_add(read, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.traffic.note_write(&polled);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.traffic.note_write(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
