//! The services of a benchmark: their own processes and folders, removed when it ends.

mod api;
mod http;
mod postgres;
mod process;
mod s3;
mod wrapper;

pub(crate) use api::{Api, Client, PIECE};
pub(crate) use http::HttpClient;
pub(crate) use postgres::{Postgres, connect};
pub(crate) use s3::{Bucket, S3, aws, weed};
pub(crate) use wrapper::Wrapper;

use std::net::TcpListener;

/// A free address.
fn free_address() -> String {
    let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
    held.local_addr().expect("its number").to_string()
}
