//! Traces that go on in another process, by way of the database.

use std::collections::HashMap;

use opentelemetry::global;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const HEADER: &str = "traceparent";

/// Where the trace of the caller is now; `None` in a process that traces nothing.
pub(crate) fn here() -> Option<String> {
    let mut carrier = HashMap::new();
    let context = Span::current().context();
    global::get_text_map_propagator(|it| it.inject_context(&context, &mut carrier));
    carrier.remove(HEADER)
}

/// Makes a span that has just been made a part of a trace.
pub(crate) fn continue_from(span: &Span, here: &str) {
    let carrier = HashMap::from([(HEADER.to_owned(), here.to_owned())]);
    let context = global::get_text_map_propagator(|it| it.extract(&carrier));
    // It fails where there are no spans at all.
    let _ = span.set_parent(context);
}
