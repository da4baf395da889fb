//! The `cairn-gc-worker` process.

use std::{error::Error, process::ExitCode};

use cairn_gc_worker::{Settings, init_log, work};
use cairn_store::{
    Store,
    config::StoreConfig,
    describe,
    gc::{self, PASSES, Pass, Policy},
};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cairn's garbage collector. Configured by CAIRN_* variables; any number of workers may run at once.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Run every pass once, print the report as JSON and exit: 0 when nothing failed, else 1.
    #[arg(long)]
    once: bool,
    /// Print what a run would do now, to what and why, and do nothing. Implies --once.
    #[arg(long)]
    dry_run: bool,
    /// Run this pass and no other; may be given several times. Implies --once.
    #[arg(long, value_name = "PASS", value_parser = pass)]
    only: Vec<&'static Pass>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    init_log();
    match execute(arguments).await {
        Ok(code) => code,
        Err(e) => {
            eprintln!("cairn-gc-worker: {}", describe(&*e));
            ExitCode::FAILURE
        }
    }
}

async fn execute(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let store = Store::open(&StoreConfig::from_env()?).await?;
    store.preflight().await?;
    if arguments.once || arguments.dry_run || !arguments.only.is_empty() {
        let policy = Policy {
            dry_run: arguments.dry_run,
            ..Policy::default()
        };
        // In the order of the list, in which garbage moves through them.
        let asked = |pass: &&Pass| {
            let mut only = arguments.only.iter();
            arguments.only.is_empty() || only.any(|only| only.name == pass.name)
        };
        let report = gc::run_passes(&store, policy, PASSES.iter().filter(asked)).await;
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(if report.failures.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    work(store, Settings::from_env()?, on_signal()?).await;
    Ok(ExitCode::SUCCESS)
}

fn pass(name: &str) -> Result<&'static Pass, String> {
    Pass::named(name).ok_or_else(|| {
        let names: Vec<_> = PASSES.iter().map(|pass| pass.name).collect();
        format!("the passes are {}", names.join(", "))
    })
}

/// Cancelled at SIGTERM, which Kubernetes sends, or SIGINT.
fn on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancel.cancel();
    });
    Ok(token)
}
