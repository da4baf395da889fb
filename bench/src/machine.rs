//! The machine of a run: without it, the figures mean nothing.

use std::{fs, path::Path, process::Command};

use crate::{
    services::{Postgres, connect, weed},
    world::Plan,
};

pub(crate) async fn print(plan: &Plan) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = first_line("/proc/meminfo", "MemTotal:");
    let gibibytes = memory.trim_end_matches("kB").trim().parse().unwrap_or(0) >> 20;
    let processor = first_line("/proc/cpuinfo", "model name");
    let folder = std::env::temp_dir();
    let file_system = said(Command::new("stat").args(["-f", "-c", "%T"]).arg(&folder));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let kernel = said(Command::new("uname").arg("-r"));
    // It prints "version 8000GB 4.48 …".
    let weed = said(Command::new(weed()).arg("version"));
    let weed = weed.split(' ').nth(2).unwrap_or("unknown");
    let postgres = Postgres::start();
    let postgres = connect(&postgres.url("postgres")).await;
    let postgres = postgres.query_one("SHOW server_version", &[]).await;
    let postgres: String = postgres.expect("a version").get(0);
    println!(
        "{cores} cores ({}), {gibibytes} GiB, Linux {kernel}, {} on {file_system}, load {} at the start; \
         Postgres {postgres} with fsync, SeaweedFS {weed}; Cairn is {}.",
        processor.trim_start_matches([':', ' ', '\t']),
        folder.display(),
        load.split(' ').next().unwrap_or_default(),
        version(&plan.api),
    );
    if let Some(before) = &plan.before {
        println!("Before is {}.", version(before));
    }
    println!(
        "Medians of {} rounds, in each of which every side has its turn; behind them, the least and the most.",
        plan.scale.rounds
    );
}

fn version(program: &Path) -> String {
    said(Command::new(program).arg("--version"))
}

/// The first line that a program prints.
fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout);
    let text = String::from_utf8(output.unwrap_or_default()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").trim().to_owned()
}

/// The value after a name in a file of lines.
fn first_line(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or("unknown").trim().to_owned()
}
