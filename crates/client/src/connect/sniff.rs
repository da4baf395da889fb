//! What speaks at the other end, when it is no gRPC.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// What the other end was found to be; shared by all who should know.
#[derive(Debug, Clone, Default)]
pub(super) struct Found(Arc<Mutex<Kind>>);

#[derive(Debug, Clone, Copy, Default)]
enum Kind {
    /// It has said nothing.
    #[default]
    Silent,
    /// What it said first is as it should be.
    Sound,
    /// What it is, as words for people.
    Other(&'static str),
}

impl Found {
    /// What it is, where that is not what it should be.
    pub(super) fn words(&self) -> Option<&'static str> {
        match self.get() {
            Kind::Other(words) => Some(words),
            Kind::Silent | Kind::Sound => None,
        }
    }

    /// Whether it has not said a word, where the connection is lost.
    pub(super) fn hung_up(&self) -> bool {
        matches!(self.get(), Kind::Silent)
    }

    fn get(&self) -> Kind {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, kind: Kind) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = kind;
    }
}

/// A connection that looks at the first bytes that come, without keeping them.
pub(super) struct Sniffed {
    stream: TcpStream,
    tls: bool,
    found: Found,
    begun: bool,
}

impl Sniffed {
    pub(super) fn new(stream: TcpStream, tls: bool, found: Found) -> Self {
        Self {
            stream,
            tls,
            found,
            begun: false,
        }
    }
}

/// What the first bytes say, unless they are those of HTTP/2 or of TLS, where that is spoken.
fn judge(first: &[u8], tls: bool) -> Option<&'static str> {
    // An alert or a handshake of TLS 1.x.
    let is_tls = matches!(first, [0x15 | 0x16, 0x03, ..]);
    match (tls, is_tls) {
        (true, true) => None,
        (true, false) => Some("it does not speak TLS: use http:// instead of https://"),
        (false, true) => Some("it speaks TLS: use https:// instead of http://"),
        // The length of a frame of HTTP/2 that comes first is small.
        (false, false) if first.first() == Some(&0) => None,
        (false, false) => Some(
            "it does not speak gRPC: is that the port where Cairn's gRPC listens, 7070 by default?",
        ),
    }
}

impl AsyncRead for Sniffed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let new = &buffer.filled()[before..];
        if !self.begun && !new.is_empty() {
            self.begun = true;
            if let Some(words) = judge(new, self.tls) {
                self.found.set(Kind::Other(words));
                return Poll::Ready(Err(io::Error::other(words)));
            }
            self.found.set(Kind::Sound);
        }
        read
    }
}

impl AsyncWrite for Sniffed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn the_first_bytes_tell_what_is_spoken() {
        let settings = [0, 0, 18, 4, 0];
        let alert = [0x15, 3, 1, 0, 2];
        assert_eq!(judge(&settings, false), None);
        assert_eq!(judge(&alert, true), None);
        let says =
            |first: &[u8], tls, words: &str| judge(first, tls).is_some_and(|w| w.contains(words));
        assert!(says(b"HTTP/1.1 400 Bad Request", false, "gRPC"));
        assert!(says(&alert, false, "https://"));
        assert!(says(&settings, true, "http://"));
        assert!(says(b"HTTP/1.1 400 Bad Request", true, "http://"));
    }
}
