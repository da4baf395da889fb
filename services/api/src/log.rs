use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::config::log_filter;

/// Logs to standard error from now on: in words on a terminal, as JSON lines elsewhere.
pub fn init() {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(log_filter()))
        .with_writer(stderr);
    if stderr().is_terminal() {
        builder.init();
    } else {
        builder.json().flatten_event(true).init();
    }
}
