//! Bodies whose bytes are counted, and held back to the rate of their tenant and key.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::{counts::Direction, limiter::Limited};

/// A body that pauses after what exceeds a rate.
pub(crate) struct Metered {
    body: Body,
    limited: Limited,
    direction: Direction,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Metered {
    pub(crate) fn new(body: Body, limited: Limited, direction: Direction) -> Self {
        Self {
            body,
            limited,
            direction,
            pause: None,
        }
    }
}

impl http_body::Body for Metered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let polled = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &polled
            && let Some(data) = frame.data_ref()
        {
            let pause = self.limited.pass(self.direction, data.len() as u64);
            if pause > Duration::ZERO {
                self.pause = Some(Box::pin(sleep(pause)));
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use cairn_store::{LimitChanges, LimitKind};
    use http_body_util::BodyExt;
    use tokio::time::Instant;

    use super::{Direction, Metered};
    use crate::limits::Limited;

    const MIB: usize = 1 << 20;

    fn limited(kind: LimitKind) -> Limited {
        let limits = LimitChanges::new("limits", [(kind, Some(MIB as u64))]);
        Limited::alone(limits.unwrap().limits())
    }

    async fn time_of(body: Metered) -> Duration {
        let began = Instant::now();
        let read = Body::new(body).collect().await.unwrap().to_bytes();
        assert_eq!(read.len(), 8 * MIB);
        began.elapsed()
    }

    fn content() -> Body {
        let pieces = (0..8).map(|_| Ok::<_, axum::Error>(vec![7; MIB]));
        Body::from_stream(futures_util::stream::iter(pieces))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_held_back_to_the_rate_of_its_direction() {
        let limited = limited(LimitKind::SentBytesPerSecond);
        let free = Metered::new(content(), limited.clone(), Direction::Received);
        assert_eq!(time_of(free).await, Duration::ZERO);
        let held = Metered::new(content(), limited.clone(), Direction::Sent);
        assert!(time_of(held).await > Duration::from_secs(6));
    }
}
