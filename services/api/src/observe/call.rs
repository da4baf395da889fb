use std::time::Instant;

use axum::{
    extract::MatchedPath,
    http::{HeaderMap, Method, Request, Response, StatusCode, header},
};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{instruments::INSTRUMENTS, names};

/// The status that proxies log for a client that disconnected.
const GONE: u16 = 499;

/// Calls that are too frequent to log.
const REFLECTION: &str = "grpc.reflection";

/// Which api is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Grpc,
    Http,
}

/// A running call. If it is dropped before it has ended, it was cancelled.
pub(super) struct Call {
    pub(super) span: Span,
    api: Api,
    /// The RPC, or the method and the route.
    name: String,
    method: &'static str,
    began: Instant,
    status: StatusCode,
    /// The length of the answer's body, if known.
    length: Option<u64>,
    ended: bool,
}

/// How the body of an answer ended.
pub(super) enum End<'a> {
    /// It was sent completely.
    Whole,
    /// The same, and this came last.
    Trailers(&'a HeaderMap),
    /// It could not be produced.
    Broken,
    /// The client disconnected.
    Cancelled,
}

impl Call {
    pub(super) fn begin<B>(api: Api, request: &Request<B>) -> Self {
        let (name, method) = match api {
            Api::Grpc => {
                let rpc = request.uri().path().trim_start_matches('/');
                let name = if rpc.starts_with(REFLECTION) {
                    REFLECTION
                } else {
                    names::label(rpc)
                };
                (name.to_owned(), "")
            }
            Api::Http => {
                let route = request.extensions().get::<MatchedPath>();
                let route = route.map_or("unknown", MatchedPath::as_str);
                (route.to_owned(), method(request.method()))
            }
        };
        let span = tracing::info_span!(
            "call",
            otel.name = name,
            otel.kind = "server",
            tenant = Empty,
            request_id = Empty
        );
        if api == Api::Grpc {
            // Anyone can read a link, so their trace flags do not decide what is sampled.
            cairn_process::trace::continue_from(&span, request.headers());
            INSTRUMENTS.in_flight.add(1, &[]);
        }
        Self {
            span,
            api,
            name,
            method,
            began: Instant::now(),
            status: StatusCode::OK,
            length: None,
            ended: false,
        }
    }

    /// The head of the answer exists; for a call that failed at once, that is everything.
    pub(super) fn answered<B>(&mut self, answer: &Response<B>) {
        self.status = answer.status();
        let length = answer.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        // A HEAD has no body to send.
        self.length = if self.method == "HEAD" {
            Some(0)
        } else {
            length
        };
        if self.api == Api::Grpc && answer.headers().contains_key(Status::GRPC_STATUS) {
            self.end(End::Trailers(answer.headers()));
        }
    }

    /// Whether these bytes are the whole body: then the body is not polled again.
    pub(super) fn is_sent(&self, bytes: u64) -> bool {
        self.length.is_some_and(|length| bytes >= length)
    }

    pub(super) fn end(&mut self, end: End<'_>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        match self.api {
            Api::Grpc => {
                INSTRUMENTS.in_flight.add(-1, &[]);
                self.end_rpc(&end);
            }
            Api::Http => self.end_http(&end),
        }
    }

    fn end_rpc(&mut self, end: &End<'_>) {
        let status = match end {
            End::Trailers(trailers) => Status::from_header_map(trailers),
            End::Cancelled => Some(Status::cancelled("")),
            End::Whole | End::Broken => None,
        };
        let status = status.unwrap_or_else(|| Status::unknown("the answer broke off"));
        let code = code_name(status.code());
        let reason = match status.code() {
            Code::Ok => String::new(),
            _ => status
                .get_details_error_info()
                .map_or(String::new(), |info| info.reason),
        };
        let rpc = names::label(&self.name);
        let time = self.began.elapsed();
        INSTRUMENTS.rpc(rpc, code, &reason, time);
        let ms = time.as_micros() as f64 / 1000.0;
        let _entered = self.span.enter();
        let fault = matches!(
            status.code(),
            Code::Unavailable | Code::Internal | Code::DataLoss | Code::Unknown
        );
        if fault {
            fail(&self.span, status.message());
            tracing::warn!(rpc, code, reason, ms, "call");
        } else if self.name.starts_with("grpc.") {
            tracing::debug!(rpc, code, reason, ms, "call");
        } else {
            tracing::info!(rpc, code, reason, ms, "call");
        }
    }

    fn end_http(&mut self, end: &End<'_>) {
        let status = match end {
            End::Whole | End::Trailers(_) => self.status.as_u16(),
            End::Broken => StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
            End::Cancelled => GONE,
        };
        let (route, method, time) = (&*self.name, self.method, self.began.elapsed());
        INSTRUMENTS.http(route, method, status, time);
        let ms = time.as_micros() as f64 / 1000.0;
        let _entered = self.span.enter();
        if status >= 500 {
            fail(&self.span, "");
            tracing::warn!(route, method, status, ms, "call");
        } else {
            tracing::info!(route, method, status, ms, "call");
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(End::Cancelled);
    }
}

fn fail(span: &Span, words: &str) {
    span.set_status(opentelemetry::trace::Status::error(words.to_owned()));
}

fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// In the form of gRPC's specification.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
