//! Errors of a call outside of the store.

use cairn_proto::v1::ErrorReason;

/// Why a call ended without an answer of the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransportError {
    /// The caller's own deadline.
    #[error(
        "the call did not end within its deadline; what it was to do may be done: repeat it with its idempotency key"
    )]
    DeadlineExceeded,
    /// No caller receives this.
    #[error("the caller took the call back, or its connection broke")]
    Cancelled,
    /// No such method.
    #[error("no method '{0}' is served; the server may be older than its client")]
    UnknownMethod(String),
    /// A compression that is not supported.
    #[error("messages are taken as they are or compressed with gzip, and with nothing else")]
    Compression,
}

impl TransportError {
    pub(super) fn reason(&self) -> ErrorReason {
        match self {
            Self::DeadlineExceeded => ErrorReason::DeadlineExceeded,
            Self::Cancelled => ErrorReason::Cancelled,
            Self::UnknownMethod(_) | Self::Compression => ErrorReason::Unimplemented,
        }
    }
}
