//! Traces that continue in another process, through the database.

use std::collections::HashMap;

use opentelemetry::global;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const HEADER: &str = "traceparent";

/// The caller's current trace context; `None` in a process without tracing.
pub(crate) fn here() -> Option<String> {
    let mut carrier = HashMap::new();
    let context = Span::current().context();
    global::get_text_map_propagator(|it| it.inject_context(&context, &mut carrier));
    carrier.remove(HEADER)
}

/// Makes a new span part of a trace.
pub(crate) fn continue_from(span: &Span, here: &str) {
    let carrier = HashMap::from([(HEADER.to_owned(), here.to_owned())]);
    let context = global::get_text_map_propagator(|it| it.extract(&carrier));
    // It fails if there are no spans at all.
    let _ = span.set_parent(context);
}
