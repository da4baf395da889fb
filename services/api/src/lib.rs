//! The gRPC and HTTP faces of the store. They decode, make one call and encode: no rule lives here.

mod config;
mod error;
mod grpc;
mod http;
mod log;
mod ops;
mod probe;
mod serve;

pub use config::{Addresses, Settings};
pub use log::init as init_log;
pub use probe::probe;
pub use serve::{Listeners, run};
