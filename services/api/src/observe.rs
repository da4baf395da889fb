//! Observes every call: a span that continues the caller's trace, a measurement, and a line in the log when it has
//! ended, which for a stream is when its last message was sent.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use axum::http::{Request, Response};
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use tower::{Layer, Service};
use tracing::Instrument;

mod call;
mod instruments;
pub(crate) mod names;

pub(crate) use call::Api;
use call::{Call, End};
use instruments::INSTRUMENTS;

/// A layer that traces, measures and logs every call.
#[derive(Clone, Copy)]
pub(crate) struct Observe(pub(crate) Api);

impl<S> Layer<S> for Observe {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        if self.0 == Api::Grpc {
            // Register the gauge at zero, so that "no calls yet" differs from "no data".
            INSTRUMENTS.in_flight.add(0, &[]);
        }
        Observed { inner, api: self.0 }
    }
}

/// A service whose calls are traced, measured and logged.
#[derive(Clone)]
pub(crate) struct Observed<S> {
    inner: S,
    api: Api,
}

impl<S, Q, A> Service<Request<Q>> for Observed<S>
where
    S: Service<Request<Q>, Response = Response<A>>,
    S::Future: Send + 'static,
    A: Body + Unpin,
{
    type Response = Response<Answer<A>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let mut call = Call::begin(self.api, &request);
        let answer = {
            let _entered = call.span.clone().entered();
            self.inner.call(request)
        };
        Box::pin(async move {
            let answer = answer.instrument(call.span.clone()).await?;
            call.answered(&answer);
            Ok(answer.map(|body| Answer {
                body,
                call,
                sent: 0,
            }))
        })
    }
}

/// The body of an answer. The call ends with it, and counts as cancelled if it is dropped before.
pub(crate) struct Answer<A: Body + Unpin> {
    body: A,
    call: Call,
    /// How many bytes of it were sent.
    sent: u64,
}

impl<A: Body + Unpin> Body for Answer<A> {
    type Data = A::Data;
    type Error = A::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<A::Data>, A::Error>>> {
        let this = self.get_mut();
        let _entered = this.call.span.clone().entered();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.data_ref().map_or(0, Buf::remaining);
                this.sent += u64::try_from(data).unwrap_or(u64::MAX);
                if let Some(trailers) = frame.trailers_ref() {
                    this.call.end(End::Trailers(trailers));
                }
            }
            Poll::Ready(Some(Err(_))) => this.call.end(End::Broken),
            Poll::Ready(None) => this.call.end(End::Whole),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<A: Body + Unpin> Drop for Answer<A> {
    /// The sender of a body of known length need not ask whether there is more.
    fn drop(&mut self) {
        if self.body.is_end_stream() || self.call.is_sent(self.sent) {
            self.call.end(End::Whole);
        }
    }
}
