//! A whole Cairn for each test, on services that all tests of a run share.

mod api_process;
mod cairn;
mod client;
mod issuer;
mod lines;
pub(crate) mod mortal;
mod open_upload;
pub(crate) mod oracle;
pub(crate) mod postgres;
pub(crate) mod program;
mod proxy;
pub(crate) mod s3;
mod shell;
pub(crate) mod tls_postgres;
mod wait;
mod wire;

pub(crate) use api_process::ApiProcess;
pub(crate) use cairn::{Bytes, Cairn, LET_TIME_PASS, Setup};
pub(crate) use client::{Client, Refusal, content, end, refused, session_spec, spec};
pub(crate) use issuer::{Issuer, now};
pub(crate) use lines::Lines;
pub(crate) use open_upload::OpenUpload;
pub(crate) use proxy::Proxy;
pub(crate) use shell::{Shell, each, text};
pub(crate) use wait::eventually;
pub(crate) use wire::{Asked, Wire};
