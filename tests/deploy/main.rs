//! The programs as they are deployed: their settings, their telemetry, their benchmarks.
#![cfg(test)]

mod benchmarks;
mod binaries;
mod s3_encryption;
mod telemetry;
