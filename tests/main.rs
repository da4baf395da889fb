//! Black-box tests: they speak gRPC and HTTP to a served store, with a real Postgres and a real S3 server.
#![cfg(test)]

mod artifacts;
mod harness;
