//! Benchmarks of Cairn. Each takes its numbers and those of its peer in one run, alternately, and tells their ratio:
//! a time alone says more of the machine than of the program. `make bench` builds and runs them all.

use std::time::Duration;

use clap::{Parser, Subcommand};

mod idle;
mod reclaim;
mod services;

/// Benchmarks of Cairn; each prints a table and the ratio that it is about.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// What collector passes with nothing to do cost, over few artifacts and over many
    Idle {
        /// How many live artifacts are few
        #[arg(long, default_value_t = 10_000)]
        few: u32,
        /// How many are many
        #[arg(long, default_value_t = 10_000_000)]
        many: u32,
    },
    /// How fast bytes are deleted, against the S3 server's own DeleteObjects
    Reclaim {
        /// How many objects each side deletes in a round
        #[arg(long, default_value_t = 5_000)]
        objects: u32,
        /// How many rounds
        #[arg(long, default_value_t = 5)]
        rounds: u32,
    },
}

#[tokio::main]
async fn main() {
    match Arguments::parse().benchmark {
        Benchmark::Idle { few, many } => idle::run(few, many).await,
        Benchmark::Reclaim { objects, rounds } => reclaim::run(objects, rounds).await,
    }
}

/// The one in the middle.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
