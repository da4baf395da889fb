//! Being told to stop, for what takes time to stop in order. Other verbs are interrupted as `interrupt` has it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error::CliError;

/// The ways to be told to stop: Ctrl-C, `kill`, and the end of the terminal.
pub(crate) struct Signals {
    pub(crate) token: CancellationToken,
    all: [Signal; 3],
}

impl Signals {
    /// From now on no signal ends the process by itself.
    pub(crate) fn listen() -> Result<Self, CliError> {
        let listen = || -> io::Result<Self> {
            Ok(Self {
                token: CancellationToken::new(),
                all: [
                    signal(SignalKind::interrupt())?,
                    signal(SignalKind::terminate())?,
                    signal(SignalKind::hangup())?,
                ],
            })
        };
        listen().map_err(|e| CliError::Server(e.to_string()))
    }

    /// Cancels the token at the first signal, and returns at the second.
    pub(crate) async fn second(&mut self) {
        self.next().await;
        self.token.cancel();
        self.next().await;
    }

    /// Waits for a signal.
    pub(crate) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.all;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
