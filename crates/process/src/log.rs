//! The log, on standard error.

use std::io::stderr;

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry::LookupSpan};

use crate::{
    config::{LogFormat, Settings},
    error::{Error, Result},
};

/// The layer that logs.
pub(crate) fn layer<S>(settings: &Settings) -> Result<Box<dyn Layer<S> + Send + Sync>>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let filter = EnvFilter::try_new(&settings.log)
        .map_err(|e| Error::setting("CAIRN_LOG", format!("is not understood: {e}")))?;
    Ok(match settings.log_format {
        LogFormat::Human => fmt::layer().with_writer(stderr).with_filter(filter).boxed(),
        LogFormat::Json => json_subscriber::layer()
            .with_writer(stderr)
            .flatten_event(true)
            .flatten_span_list_on_top_level(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_opentelemetry_ids(true)
            .with_filter(filter)
            .boxed(),
    })
}
