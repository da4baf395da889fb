//! Traces that go on from one process to the next, as W3C Trace Context has it.

use axum::http::HeaderMap;
use opentelemetry::{global, trace::TraceContextExt};
use opentelemetry_http::HeaderExtractor;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Makes a span that has just been made a part of the trace that a request belongs to, if it belongs to one.
pub fn continue_from(span: &Span, headers: &HeaderMap) {
    let remote = global::get_text_map_propagator(|it| it.extract(&HeaderExtractor(headers)));
    if remote.span().span_context().is_valid() {
        // It fails where there are no spans at all.
        let _ = span.set_parent(remote);
    }
}
