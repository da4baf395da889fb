//! The lines of the audit trail that wait for the database.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{
    Mutex as AsyncMutex,
    mpsc::{Receiver, Sender, channel},
};

use crate::{
    metrics,
    model::audit::{AuditedReads, Deed},
};

/// The most lines that wait for the database.
const WAITING: usize = 16_384;
/// Of how many reads one is kept when they are sampled.
const ONE_OF: u32 = 100;

/// The queue of a process.
#[derive(Clone)]
pub(crate) struct AuditQueue {
    reads: AuditedReads,
    sender: Sender<Deed>,
    pub(super) receiver: Arc<AsyncMutex<Receiver<Deed>>>,
}

impl AuditQueue {
    pub(crate) fn new(reads: AuditedReads) -> Self {
        let (sender, receiver) = channel(WAITING);
        Self {
            reads,
            sender,
            receiver: Arc::new(AsyncMutex::new(receiver)),
        }
    }

    pub(super) fn add(&self, deed: Deed) {
        if self.sender.try_send(deed).is_err() {
            metrics::lost_audit_line();
        }
    }

    /// The line of a read of content, if it is among those that are kept.
    pub(crate) fn read(&self, deed: impl FnOnce() -> Deed) -> ReadLine {
        let kept = match self.reads {
            AuditedReads::None => false,
            AuditedReads::Sampled => rand::random_ratio(1, ONE_OF),
            AuditedReads::All => true,
        };
        ReadLine(kept.then(|| {
            let line = Mutex::new(Some(deed()));
            Arc::new((self.clone(), line))
        }))
    }
}

/// The line of a read of content, which is noted when the first of its bytes is asked for.
#[derive(Clone)]
#[must_use]
pub(crate) struct ReadLine(Option<Arc<(AuditQueue, Mutex<Option<Deed>>)>>);

impl ReadLine {
    /// A line that is never noted.
    pub(in crate::store) const NONE: Self = Self(None);

    /// Notes the line, once for all copies of it.
    pub(in crate::store) fn note(&mut self) {
        if let Some(line) = self.0.take()
            && let (queue, deed) = &*line
            && let Some(deed) = deed.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            queue.add(deed);
        }
    }
}
