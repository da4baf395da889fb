//! Reads the next piece while the previous one is used.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};
use tracing::Instrument;

use super::source::Source;
use crate::model::error::{Error, Result};

/// How many pieces all downloads of this process read ahead: 32 MiB. A download that gets no permit reads each piece
/// when it needs it.
pub(in crate::store) const READ_AHEAD: usize = 128;

/// A source of which one piece is read ahead.
pub(super) struct ReadAhead {
    state: State,
    /// The permits for pieces that are read ahead or wait to be used, of all downloads.
    permits: Arc<Semaphore>,
}

enum State {
    Idle(Box<Source>),
    Reading(Task),
    /// It failed, or was taken while the future that used it was dropped.
    Ended,
}

/// A piece that is being read, with its source and its permit. Dropping it cancels the read.
struct Task(JoinHandle<(Box<Source>, Result<Option<Bytes>>, OwnedSemaphorePermit)>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ReadAhead {
    pub(super) fn new(source: Source, permits: Arc<Semaphore>) -> Self {
        Self {
            state: State::Idle(Box::new(source)),
            permits,
        }
    }

    /// The next piece; `None` when there is none.
    ///
    /// # Errors
    /// As of the source, after which there is no piece more.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        let (source, piece) = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return Err(Error::internal("a reading that has ended was read on")),
            State::Idle(mut source) => {
                let piece = source.next().await?;
                (source, piece)
            }
            State::Reading(mut task) => {
                let read = (&mut task.0).await;
                let (source, piece, _permit) = read.map_err(|e| Error::Internal(e.into()))?;
                (source, piece?)
            }
        };
        self.state = self.read_on(source);
        Ok(piece)
    }

    fn read_on(&self, mut source: Box<Source>) -> State {
        if source.is_at_end() {
            return State::Idle(source);
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            return State::Idle(source);
        };
        let read = async move {
            let piece = source.next().await;
            (source, piece, permit)
        };
        State::Reading(Task(tokio::spawn(read.in_current_span())))
    }
}
