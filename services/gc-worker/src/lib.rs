//! The loop around the garbage collection passes, which are in `cairn_store::gc`.

mod backlog;
mod config;
mod worker;

pub use config::{Settings, ops_address};
pub use worker::work;
