//! How fast a caller must send. An upload holds memory that others wait for, so a caller that sends next to nothing is one
//! that sends nothing.

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

/// The bytes that have arrived of a call's request, also those of a message that is not complete.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrived(Arc<AtomicU64>);

impl Arrived {
    /// Counts what arrives of a body.
    pub(super) fn count(self, body: Body) -> Body {
        Body::new(body.map_frame(move |frame| {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            self.0.fetch_add(bytes, Ordering::Relaxed);
            frame
        }))
    }
}

/// The time that a caller may still let the server wait. Waiting uses it up, and what arrives earns it back, at the
/// lowest rate that is accepted and up to where it began. Time in which the server does not listen is not counted.
pub(super) struct Pace {
    arrived: Arrived,
    counted: u64,
    left: Duration,
    limits: Limits,
}

impl Pace {
    pub(super) fn new(arrived: Arrived, limits: Limits) -> Self {
        Self {
            arrived,
            counted: 0,
            left: limits.upload_patience,
            limits,
        }
    }

    /// Waits for what the caller sends.
    ///
    /// # Errors
    /// `UploadExpired` when the time is used up.
    pub(super) async fn wait_for<T>(&mut self, next: impl Future<Output = T>) -> Result<T> {
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
