//! The gRPC and HTTP API of the store. It decodes, makes one call and encodes, and contains no rules.

mod access;
mod admission;
mod audit;
mod auth;
mod config;
mod delegation;
mod error;
mod grpc;
mod health;
mod http;
mod limits;
mod observe;
mod oidc;
mod pace;
mod probe;
mod serve;
mod shares;

pub use config::{Addresses, Settings, TokenSettings};
pub use probe::probe;
pub use serve::{Listeners, run};
