//! Admits calls to the services, and limits the size and the time of their messages.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::Response,
};
use cairn_store::{CallOrigin, Caller, Error};
use tonic::Status;

use super::{
    limits::{MAX_MESSAGE, STREAM_WINDOW},
    request_body::{Bounds, RequestBody},
};
use crate::{
    access::{self, Needs},
    admission::{Admission, Admitted},
    audit,
    error::{TransportError, refusal, to_status},
    observe::names::takes_stream,
    pace::Arrived,
    shares::Shares,
};

/// The largest message of a call that needs no credential, in bytes.
const OPEN_MESSAGE: usize = 16 << 10;
/// Twice the maximum number of running calls to those: all their callers are one owner, which gets half.
const OPEN_CALLS: usize = 2048;

/// RPCs that carry content.
const CONTENT: [&str; 4] = [
    "cairn.v1.ArtifactService/CreateArtifact",
    "cairn.v1.ArtifactService/UploadArtifact",
    "cairn.v1.ArtifactService/BatchCreateArtifacts",
    "cairn.v1.UploadService/WriteUpload",
];
/// The maximum size of a message besides content, in bytes: more than the longest accepted list.
const OTHER_MESSAGE: usize = 256 << 10;

/// The admission of gRPC calls.
pub(crate) struct Gate {
    admission: Arc<Admission>,
    open_calls: Shares,
}

impl Gate {
    pub(crate) fn new(admission: Arc<Admission>) -> Self {
        Self {
            admission,
            open_calls: Shares::new(OPEN_CALLS),
        }
    }

    /// Admits a call, or returns why not. `caller` becomes who makes it, as soon as that is known.
    async fn admit(
        &self,
        request: Request,
        origin: &CallOrigin,
        caller: &mut Option<Caller>,
    ) -> Result<(Request, Admitted), Status> {
        let (mut parts, mut body) = request.into_parts();
        let rpc = parts.uri.path().trim_start_matches('/');
        let rule = access::rule(rpc);
        let (taker, admitted) = if rule.is_some_and(|rule| rule.needs == Needs::Nothing) {
            let call = self.open_calls.take(&None, 1);
            let call = call.ok_or_else(|| to_status(Error::RateLimited("calls under way")))?;
            (None, Admitted::open(call))
        } else {
            let found = self.admission.authenticate(&parts.headers).await;
            let found = found.map_err(to_status)?.with_origin(origin.clone());
            let found = &*caller.insert(found);
            if rule.is_none() {
                return Err(refusal(&TransportError::UnknownMethod(
                    parts.uri.path().to_owned(),
                )));
            }
            let admitted = self.admission.admit(found, rpc).await;
            parts.extensions.insert(found.clone());
            admitted.map_err(to_status)?
        };
        body = admitted.received(body);
        let message = if taker.is_none() {
            OPEN_MESSAGE
        } else if CONTENT.contains(&rpc) {
            MAX_MESSAGE
        } else {
            OTHER_MESSAGE
        };
        let memory = &self.admission.memory;
        let (time, room) = if takes_stream(rpc) {
            let window = memory.take(&taker, STREAM_WINDOW as usize);
            let window = window.map_err(to_status)?;
            admitted.held.hold(window);
            let arrived = Arrived::default();
            parts.extensions.insert(arrived.clone());
            body = arrived.count(body);
            (None, None)
        } else {
            let room = (memory.clone(), taker, admitted.held.clone());
            (Some(self.admission.request_time), Some(room))
        };
        let bounds = Bounds {
            message,
            other: message.min(OTHER_MESSAGE),
            time,
            room,
        };
        let body = Body::new(RequestBody::new(body, bounds));
        Ok((Request::from_parts(parts, body), admitted))
    }
}

/// Admits calls; health and reflection need no credential.
pub(crate) async fn enter(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    if !is_grpc(request.headers()) {
        let rule = "must be application/grpc: this port speaks gRPC over HTTP/2; links are read at the HTTP port";
        let mut answer: Response = to_status(Error::invalid("content-type", rule)).into_http();
        *answer.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return answer;
    }
    let rpc = request.uri().path().trim_start_matches('/').to_owned();
    let origin = audit::origin(request.extensions());
    let store = &gate.admission.store;
    let mut caller = None;
    match gate.admit(request, &origin, &mut caller).await {
        Err(status) => {
            audit::note(store, caller.as_ref(), &origin, &rpc, &status);
            status.into_http()
        }
        Ok((request, admitted)) => {
            let answer = next.run(request).await;
            if answer.headers().contains_key(Status::GRPC_STATUS)
                && let Some(status) = Status::from_header_map(answer.headers())
            {
                audit::note(store, caller.as_ref(), &origin, &rpc, &status);
            }
            answer.map(|body| admitted.until_sent(body))
        }
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim_end();
    matches!(essence, "application/grpc" | "application/grpc+proto")
}
