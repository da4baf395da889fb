use std::{convert::Infallible, net::IpAddr, pin::pin, sync::Arc, time::Duration};

use axum::{body::Body, http::Request, response::Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

use super::{
    activity::{Activity, Answer},
    bounds::{Bounds, Spoken},
    handshake::Stream,
    io_watch::{Traffic, Watched},
};

/// The preface of HTTP/2 and the head of the next frame: a client that has sent as much speaks HTTP/2.
const HTTP2_BEGUN: usize = 24 + 9;

/// The address of the other end of a request's connection, which may be a proxy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Serves one connection until its end, or until it exceeds a limit.
pub(super) async fn run<S>(
    stream: Stream,
    builder: &Builder<TokioExecutor>,
    service: S,
    spoken: Spoken,
    bounds: Bounds,
    peer: Peer,
    stop: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let activity = Activity::new();
    let traffic = Arc::new(Traffic::default());
    let counted = {
        let activity = activity.clone();
        tower::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let call = activity.begin();
            let answer = service.clone().oneshot(request);
            async move {
                let answer = answer.await?;
                Ok::<_, Infallible>(answer.map(|body| Answer { body, _call: call }))
            }
        })
    };
    let io = TokioIo::new(Watched {
        stream,
        traffic: traffic.clone(),
    });
    let mut connection = pin!(builder.serve_connection(io, TowerToHyperService::new(counted)));
    let began = Instant::now();
    let age = give_or_take(bounds.age);
    let every = (bounds.head.min(bounds.idle) / 4).max(Duration::from_millis(10));
    let mut tick = interval_at(began + every, every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut leaving: Option<Instant> = None;
    loop {
        tokio::select! {
            // A failure of a connection concerns its client.
            _ = &mut connection => return,
            () = stop.cancelled(), if leaving.is_none() => {}
            _ = tick.tick() => {}
        }
        let silent = spoken == Spoken::Http2
            && traffic.read() < HTTP2_BEGUN
            && began.elapsed() >= bounds.head;
        let stalled = traffic.stalled_since();
        let quiet = activity.quiet_since();
        let gone = leaving.is_some_and(|since| quiet.is_some() && since.elapsed() >= bounds.head);
        if silent || gone || stalled.is_some_and(|since| since.elapsed() >= bounds.idle) {
            return;
        }
        let idle = quiet.is_some_and(|since| since.elapsed() >= bounds.idle);
        if leaving.is_none() && (idle || began.elapsed() >= age || stop.is_cancelled()) {
            connection.as_mut().graceful_shutdown();
            leaving = Some(Instant::now());
        }
    }
}

/// Spreads the ends of connections that began together, as after a rollout.
fn give_or_take(age: Duration) -> Duration {
    age.mul_f64(rand::random_range(0.9..1.1))
}
