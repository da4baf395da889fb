//! A whole Cairn for each test, on services that all tests of a run share.

mod cairn;
mod client;
mod postgres;
mod proxy;
mod s3;
mod wait;

pub(crate) use cairn::{Bytes, Cairn, Setup};
pub(crate) use client::{Client, Refusal, refused, session_spec, spec};
pub(crate) use proxy::Proxy;
pub(crate) use wait::eventually;
