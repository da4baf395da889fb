//! Which traces are sent.

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanKind, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// A span that polls for work every second. The work that it finds continues the trace of its caller.
const LOOKOUT: &str = "gc jobs";

/// Samples a share of the traces that start here, but no polling spans.
#[derive(Debug, Clone)]
pub(crate) struct BegunHere(pub(crate) f64);

impl ShouldSample for BegunHere {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        if name == LOOKOUT {
            return SamplingResult {
                decision: SamplingDecision::Drop,
                attributes: Vec::new(),
                trace_state: TraceState::default(),
            };
        }
        Sampler::TraceIdRatioBased(self.0)
            .should_sample(parent, trace, name, kind, attributes, links)
    }
}
