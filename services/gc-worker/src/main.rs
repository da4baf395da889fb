//! The `cairn-gc-worker` process.

use std::{error::Error, process::ExitCode};

use cairn_gc_worker::{Settings, ops_address, work};
use cairn_process::{
    Telemetry, TlsSettings, on_signal, ops,
    serve::PortName,
    tls::{Certificates, Tls},
};
use cairn_store::{
    Store,
    config::StoreConfig,
    describe,
    gc::{Collector, PASSES, Pass, Policy},
};
use clap::Parser;
use tokio::{net::TcpListener, sync::watch};
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
    /// Run only this pass; may be given several times. Implies --once.
    #[arg(long, value_name = "PASS", value_parser = pass)]
    only: Vec<&'static Pass>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match execute(arguments).await {
        Ok(code) => code,
        Err(e) => {
            eprintln!("cairn-gc-worker: {}", describe(&*e));
            ExitCode::FAILURE
        }
    }
}

async fn execute(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let settings = cairn_process::Settings::from_env()?;
    let telemetry = Telemetry::start("cairn-gc-worker", &settings)?;
    // Boxed, because the compiler bounds how deep futures nest.
    let done = Box::pin(collect(arguments, &telemetry)).await;
    telemetry.stop().await;
    done
}

async fn collect(arguments: Arguments, telemetry: &Telemetry) -> Result<ExitCode, Box<dyn Error>> {
    let config = StoreConfig::from_env()?;
    if arguments.once || arguments.dry_run || !arguments.only.is_empty() {
        return run_once(arguments, config).await;
    }
    run_loop(config, telemetry).await?;
    Ok(ExitCode::SUCCESS)
}

async fn run_once(arguments: Arguments, config: StoreConfig) -> Result<ExitCode, Box<dyn Error>> {
    let store = open(&config).await?;
    let policy = Policy {
        dry_run: arguments.dry_run,
        ..Policy::default()
    };
    // In the order of the list, in which garbage moves through them.
    let asked = |pass: &&Pass| {
        let mut only = arguments.only.iter();
        arguments.only.is_empty() || only.any(|only| only.name == pass.name)
    };
    let collector = Collector::new(store, config.gc);
    let passes = PASSES.iter().filter(asked);
    let report = collector.run_passes(policy, passes).await;
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(if report.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Collects until SIGTERM or SIGINT, and answers probes.
async fn run_loop(config: StoreConfig, telemetry: &Telemetry) -> Result<(), Box<dyn Error>> {
    // An invalid setting is refused before anything is opened.
    let (address, settings) = (ops_address()?, Settings::from_env()?);
    let tls_settings = TlsSettings::from_env()?;
    let store = open(&config).await?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|e| format!("CAIRN_OPS_ADDR: cannot listen on {address}: {e}"))?;
    let shutdown = on_signal()?;
    let (sender, ready) = watch::channel(false);
    let stopped = shutdown.clone();
    let tls = tls(tls_settings, &shutdown).await?;
    tokio::spawn(ops::serve(
        listener,
        tls,
        ready,
        telemetry.metrics(),
        stopped,
    ));
    let checked = store.clone();
    tokio::spawn(ops::watch_ready(
        move || checked.clone().check_ready(),
        sender,
    ));
    work(store, config.gc, settings, shutdown).await;
    Ok(())
}

async fn open(config: &StoreConfig) -> Result<Store, Box<dyn Error>> {
    let store = Store::open(config).await?;
    store.preflight().await?;
    Ok(store)
}

/// TLS for the probes, where the settings ask for it.
async fn tls(
    settings: Option<TlsSettings>,
    shutdown: &CancellationToken,
) -> Result<Option<Tls>, Box<dyn Error>> {
    // A worker that shares the API's settings needs no certificate while its ops port is plain.
    let Some(settings) = settings.filter(|settings| settings.ports.contains(&PortName::Ops)) else {
        return Ok(None);
    };
    let certificates = Certificates::load(settings).await?;
    let tls = certificates.on(PortName::Ops);
    tokio::spawn(certificates.follow(shutdown.clone()));
    Ok(tls)
}

fn pass(name: &str) -> Result<&'static Pass, String> {
    Pass::named(name).ok_or_else(|| {
        let names: Vec<_> = PASSES.iter().map(|pass| pass.name).collect();
        format!("the passes are {}", names.join(", "))
    })
}
