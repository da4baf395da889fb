//! `cairn dev`: the whole store in one process, with nothing else to set up.

use std::{
    io::{IsTerminal, stdout},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use cairn_api::{Addresses, Listeners};
use cairn_client::chain;
use cairn_process::{Metrics, Telemetry, raise_file_limit, serve::PortName};
use cairn_store::{
    Store,
    config::{BlobConfig, StoreConfig},
};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use crate::{
    error::CliError,
    terminal::{output::Output, signals::Signals},
};

mod account;
mod binaries;
pub mod cluster;
mod config;
mod data_dir;

use cluster::{Cluster, ClusterError, Options};
use data_dir::{Clients, DataDir};

/// How often it is looked whether Postgres still runs.
const WATCH: Duration = Duration::from_secs(1);

/// Run a whole Cairn here: the services, the collector and a private Postgres, with everything in one folder
///
/// Only the user who runs it may read the folder. The address and the key for clients are in its file dev.env, as lines for
/// a shell: CAIRN_ADDR, CAIRN_API_KEY, and CAIRN_GRPC_TARGET, which is the address as gRPC libraries take it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where everything is kept; made when it is not there
    #[arg(long, value_name = "DIR", default_value = "./cairn-data")]
    data_dir: PathBuf,
    /// Where gRPC listens; port 0 takes a free one
    #[arg(
        long,
        env = "CAIRN_GRPC_ADDR",
        value_name = "ADDR",
        default_value = "127.0.0.1:7070"
    )]
    grpc: SocketAddr,
    /// Where public links are read
    #[arg(
        long,
        env = "CAIRN_HTTP_ADDR",
        value_name = "ADDR",
        default_value = "127.0.0.1:7071"
    )]
    http: SocketAddr,
    /// Where the probes are
    #[arg(
        long,
        env = "CAIRN_OPS_ADDR",
        value_name = "ADDR",
        default_value = "127.0.0.1:7072"
    )]
    ops: SocketAddr,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = serve(args, output, signals.token.clone()) => done,
        // The second signal: do not wait for the running calls.
        () = signals.second() => Ok(()),
    }
}

async fn serve(args: Args, output: Output, shutdown: CancellationToken) -> Result<(), CliError> {
    let data_dir = DataDir::open(&args.data_dir)?;
    let listeners = Listeners::bind(&Addresses {
        grpc: args.grpc,
        http: args.http,
        ops: args.ops,
        admin: None,
    })
    .await
    .map_err(|e| {
        CliError::Usage(format!(
            "{e}; choose others with --grpc, --http and --ops, where port 0 takes a free one"
        ))
    })?;
    // Before anything is started that would have to be stopped again.
    let mut settings = Settings::from_env(data_dir.path().join("blobs"))?;
    if settings.api.delegation.is_empty() {
        settings.api.delegation = vec![data_dir.delegation_key()?];
    }
    let telemetry = Telemetry::start("cairn-dev", &cairn_process::Settings::from_env()?)?;
    raise_file_limit();

    let folder = data_dir.path().join("postgres");
    let started = spawn_blocking(move || Cluster::start(&folder, Options::default()));
    let cluster = started.await.map_err(broken)??;
    settings.store.database_url = cluster.url("postgres");
    let watch = watch(cluster, shutdown.clone());
    let metrics = telemetry.metrics();
    let serving = serve_on_postgres(&data_dir, listeners, settings, metrics, output, &shutdown);
    let served = serving.await;
    shutdown.cancel();
    telemetry.stop().await;
    stop(watch).await?;
    served
}

/// The settings of the environment, except for where Postgres is.
struct Settings {
    store: StoreConfig,
    api: cairn_api::Settings,
    collector: cairn_gc_worker::Settings,
}

impl Settings {
    fn from_env(blobs: PathBuf) -> Result<Self, CliError> {
        Ok(Self {
            store: StoreConfig::new(String::new(), BlobConfig::Fs(blobs)).with_env()?,
            api: cairn_api::Settings::from_env()?,
            collector: cairn_gc_worker::Settings::from_env()?,
        })
    }
}

async fn serve_on_postgres(
    data_dir: &DataDir,
    listeners: Listeners,
    settings: Settings,
    metrics: Metrics,
    output: Output,
    shutdown: &CancellationToken,
) -> Result<(), CliError> {
    let store = Store::open(&settings.store).await?;
    store.migrate().await?;
    store.preflight().await?;
    let key = data_dir.api_key(&store).await?;
    let grpc = address(&listeners.grpc)?;
    let scheme = |port| match &settings.api.tls {
        Some(tls) if tls.ports.contains(&port) => "https",
        _ => "http",
    };
    let addr = format!("{}://{grpc}", scheme(PortName::Grpc));
    let public = address(&listeners.http)?;
    let public = format!("{}://{public}", scheme(PortName::Http));
    let ops = address(&listeners.ops)?;
    let ops = format!("{}://{ops}", scheme(PortName::Ops));
    let env_file = data_dir.write_env(&Clients {
        addr: &addr,
        grpc,
        key: &key,
    })?;
    // Output that is not a terminal may be a log that others read.
    let shown = if stdout().is_terminal() {
        key
    } else {
        format!("in {}", env_file.display())
    };

    let collector = cairn_gc_worker::work(
        store.clone(),
        settings.store.gc,
        settings.collector,
        shutdown.clone(),
    );
    let collector = tokio::spawn(collector);
    let api = cairn_api::run(listeners, store, settings.api, metrics, shutdown.clone());
    output.raw(
        format!(
            "Cairn is running, with everything in {}\n\n  gRPC    {addr}\n  links   {public}\n  probes  {ops}/readyz\n  \
             key     {shown}\n\nIn another terminal:\n\n  source {}\n  cairn push README.md\n\nCtrl-C stops it.\n",
            data_dir.path().display(),
            env_file.display(),
        )
        .as_bytes(),
    )?;
    let served = api.await;
    shutdown.cancel();
    collector.await.map_err(broken)?;
    served.map_err(|e| CliError::Server(e.to_string()))
}

/// Looks after Postgres until it is to stop, and hands it back then; without it there is nothing to serve.
fn watch(mut cluster: Cluster, shutdown: CancellationToken) -> JoinHandle<Option<Cluster>> {
    tokio::spawn(async move {
        let wait = || tokio::time::sleep(WATCH);
        while shutdown.run_until_cancelled(wait()).await.is_some() {
            if !matches!(cluster.ended(), Ok(None)) {
                shutdown.cancel();
                return None;
            }
        }
        Some(cluster)
    })
}

async fn stop(watch: JoinHandle<Option<Cluster>>) -> Result<(), CliError> {
    let Some(cluster) = watch.await.map_err(broken)? else {
        let words = "Postgres has ended by itself; its log is in the data folder, postgres/log";
        return Err(CliError::Server(words.to_owned()));
    };
    spawn_blocking(move || cluster.stop())
        .await
        .map_err(broken)??;
    Ok(())
}

fn address(listener: &tokio::net::TcpListener) -> Result<SocketAddr, CliError> {
    listener
        .local_addr()
        .map_err(|e| CliError::Server(e.to_string()))
}

fn broken(e: tokio::task::JoinError) -> CliError {
    CliError::Server(e.to_string())
}

impl From<ClusterError> for CliError {
    fn from(e: ClusterError) -> Self {
        match e {
            ClusterError::NotInstalled(words) => Self::Usage(words),
            ClusterError::Folder { path, source } => Self::File { path, source },
            ClusterError::Program(..) | ClusterError::Failed(..) => Self::Server(e.to_string()),
        }
    }
}

impl From<cairn_process::Error> for CliError {
    fn from(e: cairn_process::Error) -> Self {
        match e {
            cairn_process::Error::Setting { .. } => Self::Usage(chain(&e)),
            cairn_process::Error::Setup(..) => Self::Server(chain(&e)),
        }
    }
}

impl From<cairn_store::Error> for CliError {
    fn from(e: cairn_store::Error) -> Self {
        match e {
            cairn_store::Error::Invalid(_) => Self::Usage(chain(&e)),
            _ => Self::Server(chain(&e)),
        }
    }
}
