//! The signals that stop this process.

use std::{future::poll_fn, io, task::Poll};

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error::CliError;

/// The signals that end a process by default, except for KILL, which cannot be caught, and those that report faults of the
/// process itself.
const ENDING: [Number; 13] = [
    Number::INT,
    Number::TERM,
    Number::HUP,
    Number::QUIT,
    Number::USR1,
    Number::USR2,
    Number::ALARM,
    Number::VTALARM,
    Number::PROF,
    Number::IO,
    Number::POWER,
    Number::XCPU,
    Number::XFSZ,
];

/// The signals that stop this process: Ctrl-C, `kill`, a closed terminal and the like.
pub(crate) struct Signals {
    pub(crate) token: CancellationToken,
    all: Vec<(i32, Signal)>,
}

impl Signals {
    /// From now on no signal ends the process by itself.
    pub(crate) fn listen() -> Result<Self, CliError> {
        let listen = |number: &Number| -> io::Result<(i32, Signal)> {
            let number = number.as_raw();
            Ok((number, signal(SignalKind::from_raw(number))?))
        };
        let all: io::Result<_> = ENDING.iter().map(listen).collect();
        Ok(Self {
            token: CancellationToken::new(),
            all: all.map_err(|e| CliError::Server(e.to_string()))?,
        })
    }

    /// Cancels the token at the first signal, and returns at the second.
    pub(crate) async fn second(&mut self) {
        self.next().await;
        self.token.cancel();
        self.next().await;
    }

    /// Waits for a signal, and returns its number.
    pub(crate) async fn next(&mut self) -> i32 {
        poll_fn(|context| {
            for (number, signal) in &mut self.all {
                if signal.poll_recv(context).is_ready() {
                    return Poll::Ready(*number);
                }
            }
            Poll::Pending
        })
        .await
    }
}
