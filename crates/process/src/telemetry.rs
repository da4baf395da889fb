//! The telemetry of a process: traces and metrics.

use std::time::Duration;

use opentelemetry::{KeyValue, global, trace::TracerProvider};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::{
    Resource,
    metrics::SdkMeterProvider,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use prometheus::{Registry, TextEncoder};
use tokio::{task::spawn_blocking, time::timeout};
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    config::Settings,
    error::{Error, Result},
    log, panics,
    sampler::BegunHere,
};

/// How long a process waits at its end for unsent telemetry.
const FLUSH: Duration = Duration::from_secs(5);

/// The telemetry of a process, from its start to its end.
pub struct Telemetry {
    metrics: Metrics,
    traces: SdkTracerProvider,
    meters: SdkMeterProvider,
}

impl Telemetry {
    /// Logs, traces and counts from now on. Call it once in a process, on its runtime. Without an endpoint nothing is
    /// sent, and log lines still carry trace ids.
    ///
    /// # Errors
    /// `Setting`, naming the invalid variable.
    pub fn start(service: &'static str, settings: &Settings) -> Result<Self> {
        let registry = Registry::new();
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let prometheus = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_target_info()
            .scope_info_enabled(false)
            .build()
            .map_err(|e| Error::setup("telemetry", e))?;
        let mut meters = SdkMeterProvider::builder()
            .with_resource(resource.clone())
            .with_reader(prometheus);
        let mut traces = SdkTracerProvider::builder().with_resource(resource);
        // Whatever the caller samples: there is no destination.
        let mut sampler = Sampler::AlwaysOff;
        if let Some(endpoint) = &settings.otlp_endpoint {
            meters = meters.with_periodic_exporter(metric_exporter(endpoint)?);
            traces = traces.with_batch_exporter(span_exporter(endpoint)?);
            let begun_here = BegunHere(settings.trace_ratio);
            sampler = Sampler::ParentBased(Box::new(begun_here));
        }
        let (meters, traces) = (meters.build(), traces.with_sampler(sampler).build());
        global::set_text_map_propagator(TraceContextPropagator::new());
        global::set_meter_provider(meters.clone());

        // A message below the log level may still deserve a span; those of libraries do not.
        let ours = Targets::new()
            .with_target("cairn", tracing::Level::INFO)
            .with_target("postgres", tracing::Level::INFO)
            .with_target("s3", tracing::Level::INFO);
        let spans = tracing_opentelemetry::layer()
            .with_tracer(traces.tracer("cairn"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(ours);
        tracing_subscriber::registry()
            .with(spans)
            .with(log::layer(settings)?)
            .try_init()
            .map_err(|e| Error::setup("telemetry", e))?;
        tell_version();
        panics::tell();
        Ok(Self {
            metrics: Metrics(registry),
            traces,
            meters,
        })
    }

    /// The metrics, for the listener that serves them.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Sends the unsent telemetry. Call it at the end of a process.
    pub async fn stop(self) {
        let flush = spawn_blocking(move || {
            // A failure to send has been logged, and must not fail the process now.
            let _ = self.traces.shutdown_with_timeout(FLUSH);
            let _ = self.meters.shutdown_with_timeout(FLUSH);
        });
        let _ = timeout(FLUSH, flush).await;
    }
}

fn span_exporter(endpoint: &str) -> Result<SpanExporter> {
    SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_tls_config(tls())
        .build()
        .map_err(|e| Error::setting("CAIRN_OTLP_ENDPOINT", e.to_string()))
}

fn metric_exporter(endpoint: &str) -> Result<MetricExporter> {
    MetricExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_tls_config(tls())
        .build()
        .map_err(|e| Error::setting("CAIRN_OTLP_ENDPOINT", e.to_string()))
}

/// For endpoints that begin with https.
fn tls() -> opentelemetry_otlp::tonic_types::transport::ClientTlsConfig {
    opentelemetry_otlp::tonic_types::transport::ClientTlsConfig::new().with_native_roots()
}

fn tell_version() {
    let commit = option_env!("CAIRN_COMMIT").filter(|commit| !commit.is_empty());
    let info = global::meter("cairn").u64_gauge("cairn.build_info").build();
    let labels = [
        KeyValue::new("version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("commit", commit.unwrap_or("unknown")),
    ];
    info.record(1, &labels);
}

/// What this process has counted and measured so far.
#[derive(Clone, Default)]
pub struct Metrics(Registry);

impl Metrics {
    pub(crate) const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

    /// All metrics, in Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        let families = self.0.gather();
        TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_default()
    }
}
