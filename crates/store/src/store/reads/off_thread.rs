//! Work on bytes, away from the threads that serve calls.

use tokio::task::spawn_blocking;

use crate::model::error::{Error, Result};

/// Does work that keeps a processor busy. A panic of it is an error of this call alone.
///
/// # Errors
/// `Internal`.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let done = spawn_blocking(work).await;
    done.map_err(|e| Error::Internal(e.into()))
}
