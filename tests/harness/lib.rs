//! A whole Cairn for each test, on services that all tests of a process share.
#![expect(clippy::unwrap_used, reason = "a set-up that fails, fails its test")]

mod api_process;
mod backends;
mod cairn;
mod certificates;
mod client;
mod issuer;
mod lines;
pub mod log;
mod many;
pub mod mortal;
mod open_upload;
pub mod oracle;
pub mod postgres;
pub mod program;
mod proxy;
mod rest;
mod resumable;
pub mod s3;
mod shell;
pub mod tls_postgres;
mod wait;
mod wire;

pub use api_process::ApiProcess;
pub use cairn::{Bytes, Cairn, LET_TIME_PASS, SIGNING_SECRET, Setup};
pub use certificates::Certificates;
pub use client::{Client, Refusal, content, end, refused, session_spec, spec};
pub use issuer::{Issuer, now};
pub use lines::Lines;
pub use many::{MANY, make_many};
pub use open_upload::OpenUpload;
pub use proxy::Proxy;
pub use rest::{Answer, Rest};
pub use resumable::{OpenWrite, part_of, put_to};
pub use shell::{Shell, each, text};
pub use wait::{PATIENCE, eventually, eventually_within, within_patience};
pub use wire::{Asked, Wire};
