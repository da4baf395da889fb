//! The `cairn-api` process.

use std::{error::Error, process::ExitCode};

use cairn_api::{Addresses, Listeners, Settings, probe, run};
use cairn_process::{Telemetry, on_signal};
use cairn_store::{Store, config::StoreConfig, describe};
use clap::{Parser, Subcommand};

/// The gRPC and HTTP faces of Cairn. Configured by CAIRN_* variables; see docs/operations.md.
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
    /// Serve until told to stop.
    Serve,
    /// Bring the database schema up to date, then exit.
    Migrate,
    /// Make, list and revoke API keys.
    #[command(subcommand)]
    Keys(Keys),
}

#[derive(Subcommand)]
enum Keys {
    /// Make a key and print it: it cannot be shown again. A tenant comes into being with its first key.
    Create {
        /// The tenant's name.
        #[arg(long)]
        tenant: String,
    },
    /// List a tenant's keys, newest first.
    List {
        /// The tenant's name.
        #[arg(long)]
        tenant: String,
    },
    /// Revoke a key; calls with it fail from then on.
    Revoke {
        /// The key's id, as `list` shows it.
        id: uuid::Uuid,
    },
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
        Command::Probe => return Ok(probe(Addresses::from_env()?.ops).await?),
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
            let store = open().await?;
            store.preflight().await?;
            let listeners = Listeners::bind(&Addresses::from_env()?).await?;
            let (settings, metrics) = (Settings::from_env()?, telemetry.metrics());
            run(listeners, store, settings, metrics, on_signal()?).await?;
        }
        Work::Migrate => {
            for migration in open().await?.migrate().await? {
                println!("applied {migration}");
            }
        }
        Work::Keys(keys) => manage(&open().await?, keys).await?,
    }
    Ok(())
}

async fn open() -> Result<Store, Box<dyn Error>> {
    Ok(Store::open(&StoreConfig::from_env()?).await?)
}

async fn manage(store: &Store, keys: Keys) -> Result<(), Box<dyn Error>> {
    match keys {
        Keys::Create { tenant } => println!("{}", store.create_api_key(&tenant).await?.reveal()),
        Keys::List { tenant } => {
            for key in store.list_api_keys(&tenant).await? {
                let state = match key.revoked_at {
                    Some(at) => format!("revoked {at}"),
                    None => "active".to_owned(),
                };
                println!(
                    "{}  …{}  made {}  {state}",
                    key.id, key.last_4, key.created_at
                );
            }
        }
        Keys::Revoke { id } => {
            if !store.revoke_api_key(id).await? {
                return Err(format!("there is no key {id}; `keys list` shows a tenant's").into());
            }
        }
    }
    Ok(())
}
