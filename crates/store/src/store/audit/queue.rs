//! The lines of the audit trail that wait for the database.

use std::sync::Arc;

use tokio::sync::{
    Mutex,
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
    pub(super) receiver: Arc<Mutex<Receiver<Deed>>>,
}

impl AuditQueue {
    pub(crate) fn new(reads: AuditedReads) -> Self {
        let (sender, receiver) = channel(WAITING);
        Self {
            reads,
            sender,
            receiver: Arc::new(Mutex::new(receiver)),
        }
    }

    pub(super) fn add(&self, deed: Deed) {
        if self.sender.try_send(deed).is_err() {
            metrics::lost_audit_line();
        }
    }

    /// Notes a read of content, if it is among those that are kept.
    pub(crate) fn read(&self, deed: impl FnOnce() -> Deed) {
        let kept = match self.reads {
            AuditedReads::None => false,
            AuditedReads::Sampled => rand::random_ratio(1, ONE_OF),
            AuditedReads::All => true,
        };
        if kept {
            self.add(deed());
        }
    }
}
