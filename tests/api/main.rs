//! The API over gRPC and HTTP, served from a real Postgres and a real S3 server.
#![cfg(test)]

mod artifacts;
mod auth;
mod bounds;
mod budgets;
mod connections;
mod contention;
mod declared;
mod deleting;
mod extremes;
mod fewer;
mod gathering;
mod holds;
mod http;
mod idempotency;
mod jobs;
mod levels;
mod links;
mod list_costs;
mod lists;
mod manifests;
mod memory;
mod names;
mod ops;
mod publish;
mod quotas;
mod records;
mod restore;
mod s3_encryption;
mod sessions;
mod tls;
mod tokens;
mod uploads;
mod usage;
mod versions;
mod watch;
