//! The gRPC and HTTP faces of the store. They decode, make one call and encode: no rule lives here.

mod config;
mod error;
mod grpc;
mod health;
mod http;
mod observe;
mod probe;
mod serve;

pub use config::{Addresses, Settings};
pub use probe::probe;
pub use serve::{Listeners, run};
