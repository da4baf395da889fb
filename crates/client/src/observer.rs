//! Progress by callback.

use std::{fmt, sync::Arc};

/// What a transfer has just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// The file was read up to here, only to learn its hash.
    Hashed {
        /// In bytes.
        bytes: u64,
        /// The file's length in bytes.
        total: u64,
    },
    /// The content was sent up to here. A retry begins at zero.
    Sent {
        /// In bytes.
        bytes: u64,
        /// The content's length in bytes, where that is known.
        total: Option<u64>,
    },
    /// A resumable upload is open, or was found: another process can go on with it.
    Opened {
        /// Its id.
        upload_id: &'a str,
    },
    /// More of the content arrived.
    Received {
        /// In bytes.
        more: u64,
    },
    /// A call failed and is about to be repeated, or is waited for.
    Retrying {
        /// Why, for people.
        reason: &'a str,
    },
}

/// A callback for the progress of a transfer; by default none. It is called often, on the tasks that transfer: it must not
/// block.
#[derive(Clone, Default)]
pub struct Observer(Option<Arc<Call>>);

type Call = dyn Fn(Progress<'_>) + Send + Sync;

impl Observer {
    /// Calls this function.
    pub fn new(call: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(call)))
    }

    pub(crate) fn see(&self, progress: Progress<'_>) {
        if let Some(call) = &self.0 {
            call(progress);
        }
    }

    /// For [`crate::Retries`], which say why a call is repeated.
    pub(crate) fn retrying(&self, reason: &str) {
        self.see(Progress::Retrying { reason });
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.0.is_some()).finish()
    }
}
