//! Reading the next piece while the one before it is used.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};
use tracing::Instrument;

use super::source::Source;
use crate::model::error::{Error, Result};

/// How many pieces are read ahead at once, in all downloads of this process: 32 MiB. A download that finds none left reads
/// each piece when it is its turn.
pub(in crate::store) const READ_AHEAD: usize = 128;

/// A source, of which one piece is read ahead.
pub(super) struct ReadAhead {
    state: State,
    /// A permit for each piece that is read ahead or waits to be used, in all downloads.
    permits: Arc<Semaphore>,
}

enum State {
    Idle(Box<Source>),
    Reading(Task),
    /// It failed, or was taken while the future that used it was dropped.
    Ended,
}

/// A piece that is being read, the source that it is read from, and the permit for it. Dropped, it ends.
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
