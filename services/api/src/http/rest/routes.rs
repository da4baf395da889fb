//! The routes, each with its description and behind the admission of its RPC.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    handler::Handler,
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::{Next, from_fn_with_state},
    response::{Html, IntoResponse, Response},
    routing::{MethodFilter, get, on},
};
use cairn_process::trace;
use cairn_proto::v1::ErrorReason;
use cairn_store::{CallOrigin, Caller, Error, Store};

use super::{
    call::Entered,
    openapi::{Described, Document, page},
};
use crate::{
    admission::Admission,
    audit,
    error::to_status,
    grpc::Services,
    http::failure::{ErrorAnswer, Failure},
    limits::{BURST, CallsLeft},
    observe::names,
};

/// Nothing on the page comes from elsewhere, and it has no script.
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/// The routes that were added so far.
pub(super) struct Routes {
    router: Router<Services>,
    document: Document,
    admission: Arc<Admission>,
}

impl Routes {
    pub(super) fn new(admission: Arc<Admission>) -> Self {
        Self {
            router: Router::new(),
            document: Document::new(),
            admission,
        }
    }

    /// Adds a route that makes this RPC, and is let in as it is.
    pub(super) fn add<H, T, D>(mut self, method: Method, path: &str, rpc: &str, handler: H) -> Self
    where
        H: Handler<T, Services> + Described<D>,
        T: 'static,
    {
        self.document.add(&method, path, Some(rpc), &handler);
        let rpc: Arc<str> = format!("cairn.v1.{rpc}").into();
        debug_assert_eq!(names::label(&rpc), &*rpc, "a route without an RPC");
        let gate = from_fn_with_state((self.admission.clone(), rpc), enter);
        let route = on(filter(method), handler).route_layer(gate);
        self.router = self.router.route(path, route);
        self
    }

    /// Adds a route that does the work of this RPC, and is let in by the ticket in its URL.
    pub(super) fn add_with_ticket<H, T, D>(
        mut self,
        method: Method,
        path: &str,
        rpc: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Services> + Described<D>,
        T: 'static,
    {
        self.document.add(&method, path, None, &handler);
        let gate = from_fn_with_state((self.admission.clone(), rpc), enter_with_ticket);
        let route = on(filter(method), handler).route_layer(gate);
        self.router = self.router.route(path, route);
        self
    }

    /// All of them, and the routes that describe them.
    pub(super) fn finish(self) -> Router<Services> {
        let document = self.document.finish();
        let page = Bytes::from(page(&document));
        let document = Bytes::from(document.to_string());
        let document = async move || ([(header::CONTENT_TYPE, "application/json")], document);
        let policy = HeaderValue::from_static(PAGE_POLICY);
        let page = async move || ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page));
        self.router
            .route("/v1/openapi.json", get(document))
            .route("/v1/docs", get(page))
    }
}

/// The routes of a method; those of GET also answer HEAD.
fn filter(method: Method) -> MethodFilter {
    MethodFilter::try_from(method).unwrap_or(MethodFilter::GET)
}

/// Lets a request in by its credential, before any of its body is read.
async fn enter(
    State((admission, rpc)): State<(Arc<Admission>, Arc<str>)>,
    request: Request,
    next: Next,
) -> Response {
    let origin = audit::origin(request.extensions());
    let refuse = |caller: Option<&Caller>, e: Error| {
        let status = to_status(e);
        audit::note(&admission.store, caller, &origin, &rpc, &status);
        Failure::from(status).into_response()
    };
    let caller = match admission.authenticate(request.headers()).await {
        Ok(caller) => caller.with_origin(origin.clone()),
        Err(e) => return refuse(None, e),
    };
    let (taker, admitted) = match admission.admit(&caller, &rpc).await {
        Ok(admitted) => admitted,
        Err(e) => {
            let mut answer = refuse(Some(&caller), e);
            if let Some(left) = admission.calls_left(&caller) {
                rate_limit(answer.headers_mut(), &left);
            }
            return answer;
        }
    };
    // The path of a link has its secret.
    let about = match rpc.contains("LinkService") {
        true => String::new(),
        false => request.uri().path().to_owned(),
    };
    let (by, store) = (caller.clone(), admission.store.clone());
    // The trace of a caller that is known is worth going on with.
    trace::continue_from(&tracing::Span::current(), request.headers());
    let mut request = request.map(|body| admitted.received(body));
    let held = admitted.held.clone();
    request.extensions_mut().insert(Entered {
        caller,
        taker,
        held,
        admission,
    });
    let left = admitted.calls_left();
    let mut answer = next.run(request).await;
    note_error(&store, Some(&by), (&origin, &rpc, &about), &answer);
    if let Some(left) = left {
        rate_limit(answer.headers_mut(), &left);
    }
    answer.map(|body| admitted.until_sent(body))
}

/// Lets a request in that has a ticket in its URL, and notes what becomes of it.
async fn enter_with_ticket(
    State((admission, rpc)): State<(Arc<Admission>, &'static str)>,
    mut request: Request,
    next: Next,
) -> Response {
    let origin = audit::origin(request.extensions());
    let (store, about) = (admission.store.clone(), request.uri().path().to_owned());
    request.extensions_mut().insert(admission);
    let answer = next.run(request).await;
    note_error(&store, None, (&origin, rpc, &about), &answer);
    answer
}

/// Notes an answer that is an error: from where the call came, the RPC, and what it was about.
fn note_error(
    store: &Store,
    caller: Option<&Caller>,
    (origin, rpc, about): (&CallOrigin, &str, &str),
    answer: &Response,
) {
    if let Some(ErrorAnswer(error)) = answer.extensions().get() {
        let reason = ErrorReason::from_http_code(error.code());
        let reason = reason.map_or("INVALID_ARGUMENT", ErrorReason::wire_name);
        audit::note_reason(store, caller, origin, rpc, about, reason);
    }
}

/// Writes how many calls may come, in the fields of draft-ietf-httpapi-ratelimit-headers.
fn rate_limit(headers: &mut HeaderMap, calls: &CallsLeft) {
    let policy = format!("\"requests\";q={};w={BURST}", calls.burst);
    let resets_in = calls.resets_in.as_secs_f64().ceil();
    let left = format!("\"requests\";r={};t={resets_in}", calls.left);
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}
