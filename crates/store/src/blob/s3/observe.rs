//! A span and a measurement for every operation, including all its attempts.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use aws_sdk_s3::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef},
    },
    error::BoxError,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use tracing::Span;

use crate::metrics;

/// Observes every operation of a client.
#[derive(Debug)]
pub(super) struct Observe;

/// A running operation. It ends when it is dropped, including when its caller was cancelled.
#[derive(Debug)]
struct Operation {
    name: String,
    began: Instant,
    succeeded: AtomicBool,
    span: Span,
}

impl Storable for Operation {
    type Storer = StoreReplace<Self>;
}

impl Drop for Operation {
    fn drop(&mut self) {
        let failed = !self.succeeded.load(Ordering::Relaxed);
        if failed {
            self.span.record("otel.status_code", "ERROR");
        }
        let name = std::mem::take(&mut self.name);
        metrics::asked_s3(name, failed, self.began.elapsed());
    }
}

impl Intercept for Observe {
    fn name(&self) -> &'static str {
        "cairn observer"
    }

    /// The first hook at which the name of the operation is known.
    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let name = config.load::<Metadata>().map_or("?", Metadata::name);
        let operation = Operation {
            span: tracing::info_span!(
                target: "s3",
                "s3",
                otel.name = name,
                otel.kind = "client",
                otel.status_code = tracing::field::Empty,
            ),
            name: name.to_owned(),
            began: Instant::now(),
            succeeded: AtomicBool::new(false),
        };
        config.interceptor_state().store_put(operation);
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let well = match (context.output_or_error(), context.response()) {
            (Some(Ok(_)), _) => true,
            // "Not found" and "exists already" are answers.
            (_, Some(response)) => matches!(response.status().as_u16(), 404 | 412),
            _ => false,
        };
        if let Some(operation) = config.load::<Operation>() {
            operation.succeeded.store(well, Ordering::Relaxed);
        }
        Ok(())
    }
}
