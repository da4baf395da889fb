//! The `cairn-api` process.

mod commands;

use std::{error::Error, process::ExitCode};

use cairn_api::{Addresses, Listeners, Settings, probe, run};
use cairn_process::{Telemetry, TlsSettings, on_signal, raise_file_limit};
use cairn_store::{Store, config::StoreConfig, describe};
use clap::{Parser, Subcommand};

use crate::commands::{admin::Admin, keys::Keys, tenants::Tenants, workloads::Workloads};

/// The gRPC and HTTP API of Cairn. CAIRN_* variables configure it: see docs/configure.md.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Exit with 0 if the instance at CAIRN_OPS_ADDR is ready: for health checks where there is no curl.
    Probe,
    #[command(flatten)]
    Work(Work),
}

#[derive(Subcommand)]
enum Work {
    /// Serve until SIGTERM or SIGINT.
    Serve,
    /// Bring the database schema up to date, then exit.
    Migrate,
    /// Make the first key, and what a file declares.
    #[command(subcommand)]
    Admin(Admin),
    /// Create, list and revoke API keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Show what tenants store, and set their limits.
    #[command(subcommand)]
    Tenants(Tenants),
    /// Let workloads act for a tenant with tokens of CAIRN_TOKEN_ISSUER.
    #[command(subcommand)]
    Workloads(Workloads),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match execute(arguments.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("cairn-api: {}", describe(&*e));
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command) -> Result<(), Box<dyn Error>> {
    let work = match command {
        Command::Probe => {
            let ops = Addresses::from_env()?.ops;
            return Ok(probe(ops, TlsSettings::from_env()?).await?);
        }
        Command::Work(work) => work,
    };
    let telemetry = Telemetry::start("cairn-api", &cairn_process::Settings::from_env()?)?;
    let done = perform(work, &telemetry).await;
    telemetry.stop().await;
    done
}

async fn perform(work: Work, telemetry: &Telemetry) -> Result<(), Box<dyn Error>> {
    match work {
        Work::Serve => {
            raise_file_limit();
            // An invalid setting is refused before anything is opened.
            let (addresses, settings) = (Addresses::from_env()?, Settings::from_env()?);
            let store = open().await?;
            store.preflight().await?;
            let listeners = Listeners::bind(&addresses).await?;
            run(
                listeners,
                store,
                settings,
                telemetry.metrics(),
                on_signal()?,
            )
            .await?;
        }
        Work::Migrate => {
            for migration in open().await?.migrate().await? {
                println!("applied {migration}");
            }
        }
        Work::Admin(admin) => admin.run(&open().await?).await?,
        Work::Keys(keys) => keys.run(&open().await?).await?,
        Work::Tenants(tenants) => tenants.run(&open().await?).await?,
        Work::Workloads(workloads) => workloads.run(&open().await?).await?,
    }
    Ok(())
}

async fn open() -> Result<Store, Box<dyn Error>> {
    Ok(Store::open(&StoreConfig::from_env()?).await?)
}
