//! The settings of this service, from the environment. Only this file of the crate reads it.

use std::{net::SocketAddr, time::Duration};

use cairn_store::{
    Result,
    config::{env, env_duration},
};

/// `CAIRN_OPS_ADDR`: the listener for probes and metrics; default 127.0.0.1:7073.
///
/// # Errors
/// `Invalid`, naming the variable.
pub fn ops_address() -> Result<SocketAddr> {
    let local = SocketAddr::from(([127, 0, 0, 1], 7073));
    Ok(env("CAIRN_OPS_ADDR")?.unwrap_or(local))
}

/// The settings of the worker.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// `CAIRN_GC_INTERVAL`: the pause between two runs, give or take a fifth; default 60s.
    pub interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
        }
    }
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// `Invalid`, naming the invalid variable.
    pub fn from_env() -> Result<Self> {
        let defaults = Self::default();
        Ok(Self {
            interval: env_duration("CAIRN_GC_INTERVAL")?.unwrap_or(defaults.interval),
        })
    }
}
