//! Benchmarks of Cairn. Each measures Cairn and its peer alternately in one run, and reports their ratio: a time alone
//! says more about the machine than about the program. `make bench` builds and runs them; docs/benchmarks.md explains
//! them.

use std::{env, path::PathBuf};

use clap::{Parser, ValueEnum};

use crate::{
    report::Report,
    scale::{Scale, Size},
    world::Plan,
};

mod creates;
mod crowd;
mod faces;
mod fill;
mod flood;
mod folders;
mod idle;
mod lists;
mod load;
mod machine;
mod profile;
mod reads;
mod reclaim;
mod report;
mod scale;
mod services;
mod streams;
mod world;

/// Benchmarks of Cairn: tables of ratios in Markdown, and whether each is what is wanted.
#[derive(Parser)]
struct Arguments {
    /// Which to run; all but the profile by default
    #[arg(value_delimiter = ',')]
    only: Vec<Benchmark>,
    /// How large
    #[arg(long, value_enum, default_value_t = Size::Short)]
    size: Size,
    /// How many rounds, in place of the size's
    #[arg(long)]
    rounds: Option<u32>,
    /// How many artifacts the longest lists are of, and collector passes go over [default: the size's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    artifacts: Option<u32>,
    /// The cairn-api to measure [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    api: Option<PathBuf>,
    /// The cairn to measure [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    cairn: Option<PathBuf>,
    /// An earlier cairn-api, which takes its turns as well
    #[arg(long, value_name = "PATH")]
    before: Option<PathBuf>,
    /// Leave out the wrapper, whose Python packages are then not needed
    #[arg(long)]
    no_wrapper: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Benchmark {
    /// Creates of 4 KiB, 64 KiB and 1 MiB against PutObject and the wrapper
    Creates,
    /// Records and small contents against GetObject
    Reads,
    /// One large stream, up and down, against a multipart upload and GetObject
    Streams,
    /// A large content through gRPC, HTTP and signed URLs, in one and several streams, against the raw SDK
    Faces,
    /// Many large uploads at once on one connection
    Crowd,
    /// A folder of small files, pushed and pulled by the command line, against the AWS command line
    Folders,
    /// One tenant's flood and another tenant's calls
    Flood,
    /// Pages of lists, among few artifacts and among many
    Lists,
    /// How fast bytes are deleted, against DeleteObjects
    Reclaim,
    /// Collector passes with nothing to do, over few artifacts and over many
    Idle,
    /// The statements of a create, a get, a download and a list, with what each costs
    Profile,
}

impl Benchmark {
    async fn run(self, plan: &Plan, report: &mut Report) {
        match self {
            Self::Creates => creates::run(plan, report).await,
            Self::Reads => reads::run(plan, report).await,
            Self::Streams => streams::run(plan, report).await,
            Self::Faces => faces::run(plan, report).await,
            Self::Crowd => crowd::run(plan, report).await,
            Self::Folders => folders::run(plan, report).await,
            Self::Flood => flood::run(plan, report).await,
            Self::Lists => lists::run(plan, report).await,
            Self::Reclaim => reclaim::run(plan, report).await,
            Self::Idle => idle::run(plan, report).await,
            Self::Profile => profile::run(plan).await,
        }
    }
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    tokio::select! {
        () = run(arguments) => {}
        // The services end with `run`.
        _ = tokio::signal::ctrl_c() => eprintln!("interrupted"),
    }
}

async fn run(arguments: Arguments) {
    let mut scale = Scale::from(arguments.size);
    if let Some(artifacts) = arguments.artifacts {
        scale = scale.with_longest(artifacts);
    }
    scale.rounds = arguments.rounds.unwrap_or(scale.rounds).max(1);
    let beside = |name: &str| {
        let program = env::current_exe().expect("this program's path");
        program.with_file_name(name)
    };
    let plan = Plan {
        scale,
        api: arguments.api.unwrap_or_else(|| beside("cairn-api")),
        cairn: arguments.cairn.unwrap_or_else(|| beside("cairn")),
        before: arguments.before,
        wrapper: !arguments.no_wrapper,
    };
    let mut only = arguments.only;
    if only.is_empty() {
        only.extend(Benchmark::value_variants());
        only.retain(|benchmark| *benchmark != Benchmark::Profile);
    }
    machine::print(&plan).await;
    let mut report = Report::default();
    for benchmark in only {
        benchmark.run(&plan, &mut report).await;
    }
    report.end();
}
