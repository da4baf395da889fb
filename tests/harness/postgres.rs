//! One Postgres for the run, with a database for each test.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use cairn_cli::cluster::{Cluster, Options};
use cairn_store::{
    Store,
    config::{BlobConfig, StoreConfig},
};
use tokio_postgres::{Config, NoTls, config::Host};

use super::Proxy;

const TEMPLATE: &str = "migrated";

/// Durability is useless for a database that ends with the run.
const SETTINGS: &[&str] = &[
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=400",
];

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let folder = tempfile::Builder::new()
            .prefix("cairn-test-postgres-")
            .tempdir()
            .unwrap()
            .keep();
        // Created by the cluster, for the account that it runs under.
        std::fs::remove_dir(&folder).unwrap();
        let options = Options {
            settings: SETTINGS,
            temporary: true,
        };
        let cluster = Cluster::start(&folder, options).unwrap();
        std::thread::scope(|scope| {
            let template = scope.spawn(|| make_template(&cluster));
            template.join().unwrap();
        });
        cluster
    })
}

/// On its own thread, because the caller's runtime must not be blocked.
#[tokio::main(flavor = "current_thread")]
async fn make_template(cluster: &Cluster) {
    execute(
        &cluster.url("postgres"),
        &format!("CREATE DATABASE {TEMPLATE}"),
    )
    .await;
    let nowhere = tempfile::tempdir().unwrap();
    let blobs = BlobConfig::Fs(nowhere.path().to_owned());
    let config = StoreConfig::new(cluster.url(TEMPLATE), blobs);
    let store = Store::open(&config).await.unwrap();
    assert!(!store.migrate().await.unwrap().is_empty());
}

/// The URL of a new database with the schema in it.
pub async fn database() -> String {
    copy_of(TEMPLATE).await
}

/// The URL of a new database with nothing in it.
pub async fn empty_database() -> String {
    copy_of("template0").await
}

async fn copy_of(template: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
    let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
    execute(&cluster.url("postgres"), &sql).await;
    cluster.url(&name)
}

/// The URL of a database with a proxy before it.
pub async fn proxied(url: &str) -> (String, Proxy) {
    let config: Config = url.parse().unwrap();
    let [Host::Unix(folder)] = config.get_hosts() else {
        panic!("not a unix socket: {url}");
    };
    let proxy = Proxy::before_unix(folder.join(".s.PGSQL.5432")).await;
    let url = format!(
        "host={} port={} user={} dbname={}",
        proxy.address.ip(),
        proxy.address.port(),
        config.get_user().unwrap(),
        config.get_dbname().unwrap()
    );
    (url, proxy)
}

async fn execute(url: &str, sql: &str) {
    connect(url).await.batch_execute(sql).await.unwrap();
}

/// A connection that bypasses the store, for what a test must see or change there, such as the time.
pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
