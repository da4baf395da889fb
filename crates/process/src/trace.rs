//! Traces that continue from one process to the next by W3C Trace Context.

use axum::http::HeaderMap;
use opentelemetry::{
    global,
    trace::{TraceContextExt, TraceId},
};
use opentelemetry_http::HeaderExtractor;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Makes a new span part of the trace of a request, if it has one.
pub fn continue_from(span: &Span, headers: &HeaderMap) {
    let remote = global::get_text_map_propagator(|it| it.extract(&HeaderExtractor(headers)));
    if remote.span().span_context().is_valid() {
        // It fails if there are no spans at all.
        let _ = span.set_parent(remote);
    }
}

/// The trace that a span belongs to, in hexadecimal.
#[must_use]
pub fn id(span: &Span) -> Option<String> {
    let context = span.context();
    let trace = context.span().span_context().trace_id();
    (trace != TraceId::INVALID).then(|| trace.to_string())
}
