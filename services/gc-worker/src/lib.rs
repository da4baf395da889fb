//! The loop around the garbage collection passes; what they do is in `cairn_store::gc`.

mod config;
mod log;
mod worker;

pub use config::Settings;
pub use log::init as init_log;
pub use worker::work;
