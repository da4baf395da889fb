//! Black-box tests: they speak gRPC and HTTP to a served store, with a real Postgres and a real S3 server.
#![cfg(test)]

mod artifacts;
mod auth;
mod binaries;
mod bounds;
mod cli;
mod connections;
mod contention;
mod declared;
mod dev;
mod faults;
mod gathering;
mod gc;
mod harness;
mod histories;
mod holds;
mod idempotency;
mod jobs;
mod links;
mod lists;
mod manifests;
mod memory;
mod ops;
mod outages;
mod publish;
mod quotas;
mod records;
mod restore;
mod sessions;
mod soak;
mod telemetry;
mod tokens;
mod uploads;
mod usage;
mod versions;
mod watch;
