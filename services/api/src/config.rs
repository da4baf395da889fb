//! What this service alone is told by the environment. The only place of this crate that reads it.

use std::{net::SocketAddr, time::Duration};

use cairn_store::{
    Result,
    config::{env, env_duration},
};

/// Where the service listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// `CAIRN_GRPC_ADDR`: gRPC; default 127.0.0.1:7070.
    pub grpc: SocketAddr,
    /// `CAIRN_HTTP_ADDR`: public links; default 127.0.0.1:7071.
    pub http: SocketAddr,
    /// `CAIRN_OPS_ADDR`: probes and metrics; default 127.0.0.1:7072.
    pub ops: SocketAddr,
}

impl Addresses {
    /// Reads the environment.
    ///
    /// # Errors
    /// `Invalid`, naming the variable at fault.
    pub fn from_env() -> Result<Self> {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Ok(Self {
            grpc: env("CAIRN_GRPC_ADDR")?.unwrap_or_else(|| local(7070)),
            http: env("CAIRN_HTTP_ADDR")?.unwrap_or_else(|| local(7071)),
            ops: env("CAIRN_OPS_ADDR")?.unwrap_or_else(|| local(7072)),
        })
    }
}

/// How the service behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `CAIRN_PUBLIC_URL`: what links start with, as the outside world reaches the HTTP listener; default
    /// `http://` and its address.
    pub public_url: Option<String>,
    /// `CAIRN_DRAIN_TIMEOUT`: how long calls under way may go on after a request to stop; default 30s.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: None,
            drain: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// `Invalid`, naming the variable at fault.
    pub fn from_env() -> Result<Self> {
        let defaults = Self::default();
        Ok(Self {
            public_url: env("CAIRN_PUBLIC_URL")?,
            drain: env_duration("CAIRN_DRAIN_TIMEOUT")?.unwrap_or(defaults.drain),
        })
    }
}
