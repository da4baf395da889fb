//! The gRPC and HTTP faces of the store. They decode, make one call and encode: no rule lives here.

mod auth;
mod config;
mod error;
mod grpc;
mod health;
mod http;
mod observe;
mod probe;
mod serve;
mod shares;
mod tokens;

pub use config::{Addresses, Settings, TokenSettings};
pub use probe::probe;
pub use serve::{Listeners, run};
