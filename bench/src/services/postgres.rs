//! A Postgres for one benchmark: durable as in production, with its defaults except for what filling it needs.

use cairn_cli::cluster::{Cluster, Options};
use tempfile::TempDir;
use tokio_postgres::NoTls;

const SETTINGS: &[&str] = &[
    "max_wal_size=8GB",
    "maintenance_work_mem=512MB",
    "max_connections=300",
];

/// Counts the reads and the time of each statement, including those of triggers and foreign keys.
const COUNTING: &[&str] = &[
    "max_wal_size=8GB",
    "maintenance_work_mem=512MB",
    "max_connections=300",
    "shared_preload_libraries=pg_stat_statements",
    "pg_stat_statements.track=all",
];

pub(crate) struct Postgres {
    cluster: Cluster,
    /// Whether its databases have pg_stat_statements.
    counts: bool,
    _folder: TempDir,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        Self::with(SETTINGS, false)
    }

    /// One whose databases have pg_stat_statements, which Debian ships with the server.
    pub(crate) fn counting() -> Self {
        Self::with(COUNTING, true)
    }

    fn with(settings: &'static [&'static str], counts: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = Options {
            settings,
            temporary: true,
        };
        let cluster = tokio::task::block_in_place(|| {
            Cluster::start(&folder.path().join("postgres"), options).expect("Postgres starts")
        });
        Self {
            cluster,
            counts,
            _folder: folder,
        }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        self.cluster.url(database)
    }

    /// Creates an empty database; returns its URL.
    pub(crate) async fn database(&self, name: &str) -> String {
        let postgres = connect(&self.url("postgres")).await;
        let create = format!("CREATE DATABASE {name}");
        postgres.batch_execute(&create).await.expect("a database");
        let url = self.url(name);
        if self.counts {
            let extension = "CREATE EXTENSION pg_stat_statements";
            let made = connect(&url).await.batch_execute(extension).await;
            made.expect("pg_stat_statements");
        }
        url
    }
}

/// A connection that bypasses the store.
pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("a connection");
    tokio::spawn(connection);
    client
}
