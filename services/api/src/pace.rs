//! The minimum rate of a caller. An upload holds memory for which others wait, so a caller that sends almost nothing
//! counts as one that sends nothing.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use cairn_store::{Error, Limits, Result};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

/// The bytes that have arrived of a call's request, including those of an incomplete message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrived(Arc<AtomicU64>);

impl Arrived {
    /// Counts what arrives of a body.
    pub(crate) fn count(self, body: Body) -> Body {
        Body::new(body.map_frame(move |frame| {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            self.0.fetch_add(bytes, Ordering::Relaxed);
            frame
        }))
    }
}

/// The time for which a caller may still keep the server waiting. Waiting uses it up, and bytes that arrive add to it,
/// at the lowest accepted rate and up to the initial time. Time in which the server does not read does not count.
pub(crate) struct Pace {
    arrived: Arrived,
    counted: u64,
    left: Duration,
    limits: Limits,
}

impl Pace {
    pub(crate) fn new(arrived: Arrived, limits: Limits) -> Self {
        Self {
            arrived,
            counted: 0,
            left: limits.upload_patience,
            limits,
        }
    }

    /// Waits for the caller's next bytes.
    ///
    /// # Errors
    /// `UploadExpired` when the time is used up.
    pub(crate) async fn wait_for<T>(&mut self, next: impl Future<Output = T>) -> Result<T> {
        let mut next = pin!(next);
        loop {
            let began = Instant::now();
            let waited = timeout(self.left, next.as_mut()).await;
            self.spend(began.elapsed());
            match waited {
                Ok(next) => return Ok(next),
                Err(_) if self.left.is_zero() => {
                    return Err(Error::UploadExpired(
                        "it sent too little for too long; send it faster, or in fewer streams at once",
                    ));
                }
                Err(_) => {}
            }
        }
    }

    fn spend(&mut self, waited: Duration) {
        let arrived = self.arrived.0.load(Ordering::Relaxed);
        let milliseconds = (arrived - self.counted) * 1000 / self.limits.upload_bytes_per_second;
        self.counted = arrived;
        let left = (self.left + Duration::from_millis(milliseconds)).saturating_sub(waited);
        self.left = left.min(self.limits.upload_patience);
    }
}
