//! The time of a read that has no part to answer with when it is over.

use tokio::time::{Instant, timeout_at};

use crate::model::error::{Error, Result};

/// Does a part of a read, until a deadline.
///
/// # Errors
/// `Unavailable` at the deadline; what the part returns.
pub(super) async fn by<T>(deadline: Instant, part: impl Future<Output = Result<T>>) -> Result<T> {
    timeout_at(deadline, part)
        .await
        .unwrap_or_else(|_| Err(is_over()))
}

/// The time of a read is over.
pub(super) fn is_over() -> Error {
    Error::Unavailable {
        dependency: "blob store",
        source: "the content was not read in the time that a read has".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_part_that_takes_too_long_is_unavailable() {
        let over = by(Instant::now(), pending::<Result<()>>()).await;
        assert!(matches!(over, Err(Error::Unavailable { .. })), "{over:?}");
        assert!(by(Instant::now(), ready(Ok(()))).await.is_ok());
    }
}
