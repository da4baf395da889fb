//! What every process of Cairn does besides its work: logs, telemetry, probes and signals. Only this crate knows
//! OpenTelemetry's SDK and its exporters; the others use its API, which does nothing until a process starts its
//! telemetry here.

mod config;
mod error;
mod files;
mod log;
pub mod ops;
mod panics;
mod sampler;
pub mod serve;
mod signal;
mod telemetry;
pub mod tls;
pub mod trace;

pub use config::{ClientCertificates, LogFormat, Settings, TlsSettings};
pub use error::{Error, Result};
pub use files::raise_file_limit;
pub use panics::{Survivor, caught};
pub use signal::on_signal;
pub use telemetry::{Metrics, Telemetry};
