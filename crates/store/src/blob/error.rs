//! Why blob operations fail.

use crate::model::error::Error;

/// Why a blob operation failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    /// There is nothing under this key, or not at this offset. Never returned when the store could not be asked.
    #[error("nothing is stored there")]
    NotFound,
    /// The operation may or may not have taken effect.
    #[error("{0}")]
    Failed(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// The operation has ended without an effect.
    #[error("{0}")]
    NotDone(String, #[source] Box<dyn std::error::Error + Send + Sync>),
}

impl BlobError {
    pub(super) fn failed(
        doing: &str,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Failed(doing.to_owned(), cause.into())
    }
}

pub(crate) type BlobResult<T> = Result<T, BlobError>;

/// The error for a failure of the blob store, where nothing is known to be lost.
pub(crate) fn unavailable(e: BlobError) -> Error {
    Error::Unavailable {
        dependency: "blob store",
        source: e.into(),
    }
}
