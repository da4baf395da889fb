//! What this service alone is told by the environment. The only place of this crate that reads it.

use std::time::Duration;

use cairn_store::{
    Result,
    config::{env, env_duration},
};

/// How the worker behaves.
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
    /// `Invalid`, naming the variable at fault.
    pub fn from_env() -> Result<Self> {
        let defaults = Self::default();
        Ok(Self {
            interval: env_duration("CAIRN_GC_INTERVAL")?.unwrap_or(defaults.interval),
        })
    }
}

/// `CAIRN_LOG`: what to log, in the form `info` or `cairn_store=debug,info`; default `info`.
pub(crate) fn log_filter() -> String {
    match env("CAIRN_LOG") {
        Ok(Some(filter)) => filter,
        _ => "info".to_owned(),
    }
}
