//! What a port speaks, and its limits.

use std::{fmt, str::FromStr, time::Duration};

/// The protocol of a port.
#[derive(Debug, Clone, Copy)]
pub enum Protocol {
    /// HTTP/1.1, with keep-alive.
    Http1,
    /// HTTP/2 with prior knowledge, like gRPC.
    Http2(Http2),
    /// HTTP/2 for clients that choose it in the TLS handshake, HTTP/1.1 for all others.
    Either(Http2),
}

impl Protocol {
    /// The names that ALPN offers, in order of preference.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Http1 => &["http/1.1"],
            Self::Http2(_) => &["h2"],
            Self::Either(_) => &["h2", "http/1.1"],
        }
    }
}

/// What a connection speaks in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
}

/// A port, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortName {
    /// gRPC.
    Grpc,
    /// Public links.
    Http,
    /// Probes and metrics.
    Ops,
}

impl PortName {
    const ALL: [Self; 3] = [Self::Grpc, Self::Http, Self::Ops];

    /// What it is called in settings, metrics and the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
            Self::Ops => "ops",
        }
    }
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PortName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|port| port.as_str() == text);
        found.ok_or_else(|| format!("has '{text}': the ports are grpc, http and ops"))
    }
}

/// The flow control of HTTP/2.
#[derive(Debug, Clone, Copy)]
pub struct Http2 {
    /// How many unread bytes a peer may send on one stream.
    pub stream_window: u32,
    /// The same for all streams of a connection.
    pub connection_window: u32,
    /// The largest frame, in bytes.
    pub max_frame: u32,
    /// How many calls one connection carries at once; further ones wait at the client.
    pub max_streams: u32,
    /// After how long without traffic a connection is pinged, and how long the answer may take.
    pub keepalive: Duration,
}

/// The limits of a port.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The maximum number of connections.
    pub connections: usize,
    /// The maximum from one address; for IPv6 from one /64.
    pub per_address: usize,
    /// The time limit of a request's head, of the start of HTTP/2, and of a TLS handshake.
    pub head: Duration,
    /// How long a connection may be without a call, and how long a client may not read what is sent.
    pub idle: Duration,
    /// The age, give or take a tenth, at which a client is asked to reconnect, so that it reaches new replicas; running
    /// calls finish.
    pub age: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 1024,
            per_address: 512,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            age: Duration::from_secs(30 * 60),
        }
    }
}
