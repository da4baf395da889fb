//! Admits calls before any byte of their request is read: authenticates the caller, and checks the limits.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::Response,
};
use cairn_store::Error;
use http_body::{Frame, SizeHint};
use tokio::time::timeout;
use tonic::Status;

use super::{
    MAX_MESSAGE, STREAM_WINDOW,
    pace::Arrived,
    received::{Bounds, Held, Memory, Received, hold},
};
use crate::{
    auth::{Authenticator, bearer},
    config::Settings,
    error::to_status,
    observe::names::takes_stream,
    shares::{Share, Shares, Taker},
};

/// Services that need no credential.
const OPEN: [&str; 2] = ["grpc.health.", "grpc.reflection."];
/// The largest message for those, in bytes.
const OPEN_MESSAGE: usize = 16 << 10;
/// Twice the maximum number of running calls to those: all their callers are one owner, which gets half.
const OPEN_CALLS: usize = 2048;

/// RPCs that carry content.
const CONTENT: [&str; 3] = [
    "cairn.v1.ArtifactService/CreateArtifact",
    "cairn.v1.ArtifactService/UploadArtifact",
    "cairn.v1.ArtifactService/BatchCreateArtifacts",
];
/// The maximum size of a message besides content, in bytes: more than the longest accepted list.
const OTHER_MESSAGE: usize = 256 << 10;

/// RPCs that may be expensive for the database; a separate limit applies to them.
const COSTLY: [&str; 8] = [
    "cairn.v1.ArtifactService/ListArtifacts",
    "cairn.v1.ArtifactService/DeleteArtifacts",
    "cairn.v1.ArtifactService/SetStage",
    "cairn.v1.ArtifactService/GetLineage",
    "cairn.v1.ArtifactService/DeleteArtifact",
    "cairn.v1.ArtifactService/SetLegalHold",
    "cairn.v1.ArtifactService/RestoreArtifacts",
    "cairn.v1.SessionService/DeleteSession",
];
/// How long such a call waits for others to end.
const COSTLY_WAIT: Duration = Duration::from_secs(5);

/// The policy of admission.
#[derive(Clone)]
pub(crate) struct Gate {
    authenticator: Authenticator,
    calls: Shares,
    open_calls: Shares,
    costly: Shares,
    memory: Memory,
    /// How long the request of a call without a request stream may take to arrive.
    request_time: Duration,
}

impl Gate {
    pub(crate) fn new(authenticator: Authenticator, settings: &Settings) -> Self {
        Self {
            authenticator,
            calls: Shares::new(settings.max_calls),
            open_calls: Shares::new(OPEN_CALLS),
            costly: Shares::new(settings.max_lists),
            memory: Memory::new(settings.receive_bytes),
            request_time: settings.request_time,
        }
    }

    /// Admits a call, or returns why not.
    async fn admit(&self, request: Request) -> Result<(Request, Admitted), Status> {
        let (mut parts, mut body) = request.into_parts();
        let rpc = parts.uri.path().trim_start_matches('/');
        let open = OPEN.iter().any(|open| rpc.starts_with(open));
        let (taker, calls) = if open {
            (None, &self.open_calls)
        } else {
            let secret = bearer(&parts.headers).map_err(to_status)?;
            let caller = self.authenticator.caller(secret).await;
            let caller = caller.map_err(to_status)?;
            tracing::Span::current().record("tenant", &*caller.tenant.name);
            let taker: Taker = Some(caller.tenant.name.as_str().into());
            parts.extensions.insert(caller);
            (taker, &self.calls)
        };
        let call = calls
            .take(&taker, 1)
            .ok_or_else(|| limited("calls under way"))?;
        let costly = match COSTLY.contains(&rpc) {
            false => None,
            true => {
                let wait = timeout(COSTLY_WAIT, self.costly.wait(&taker)).await;
                Some(wait.map_err(|_| limited("lists and bulk calls under way"))?)
            }
        };
        let held = Held::default();
        let message = if open {
            OPEN_MESSAGE
        } else if CONTENT.contains(&rpc) {
            MAX_MESSAGE
        } else {
            OTHER_MESSAGE
        };
        let (time, room) = if takes_stream(rpc) {
            let window = self.memory.take(&taker, STREAM_WINDOW as usize)?;
            hold(&held, window);
            let arrived = Arrived::default();
            parts.extensions.insert(arrived.clone());
            body = arrived.count(body);
            (None, None)
        } else {
            let room = (self.memory.clone(), taker, held.clone());
            (Some(self.request_time), Some(room))
        };
        let bounds = Bounds {
            message,
            other: message.min(OTHER_MESSAGE),
            time,
            room,
        };
        let body = Body::new(Received::new(body, bounds));
        let admitted = Admitted {
            _call: call,
            _costly: costly,
            _held: held,
        };
        Ok((Request::from_parts(parts, body), admitted))
    }
}

fn limited(what: &'static str) -> Status {
    to_status(Error::RateLimited(what))
}

/// The resources of a call, until it ends.
struct Admitted {
    _call: Share,
    _costly: Option<Share>,
    _held: Held,
}

/// Admits calls; health and reflection need no credential.
pub(crate) async fn enter(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    if !is_grpc(request.headers()) {
        let rule = "must be application/grpc: this port speaks gRPC over HTTP/2; links are read at the HTTP port";
        let mut answer: Response = to_status(Error::invalid("content-type", rule)).into_http();
        *answer.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return answer;
    }
    match gate.admit(request).await {
        Err(status) => status.into_http(),
        Ok((request, admitted)) => {
            let answer = next.run(request).await;
            answer.map(|body| {
                Body::new(Answer {
                    body,
                    _admitted: admitted,
                })
            })
        }
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim_end();
    matches!(essence, "application/grpc" | "application/grpc+proto")
}

/// The body of an answer, with the resources of its call.
struct Answer {
    body: Body,
    _admitted: Admitted,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
