//! A Cairn for one test.

use std::time::Duration;

use cairn_api::{Addresses, Listeners, Settings, TokenSettings};
use cairn_process::Metrics;
use cairn_proto::token::SigningKey;
use cairn_store::{
    Store,
    config::{BlobConfig, PublicEndpoint, StoreConfig},
    gc::{Collector, PASSES, Pass, Policy, Report},
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    Client, Proxy, eventually, postgres,
    s3::{self, Bucket},
};

/// What signs the delegated tokens of tests, under the id 1.
pub const SIGNING_SECRET: &[u8] = b"what signs the tokens of the tests";

/// Where the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bytes {
    /// In a bucket of the S3 server.
    S3,
    /// In a folder.
    Files,
}

/// The settings of a test's Cairn.
pub struct Setup {
    bytes: Bytes,
    proxied: bool,
    database: Option<String>,
    change: Box<dyn FnOnce(&mut StoreConfig)>,
    settings: Settings,
}

impl Setup {
    /// The settings of most tests, with the bytes in this place.
    pub fn on(bytes: Bytes) -> Self {
        Self {
            bytes,
            proxied: false,
            database: None,
            change: Box::new(|_| {}),
            settings: Settings {
                delegation: vec![SigningKey::new(1, SIGNING_SECRET)],
                ..Settings::default()
            },
        }
    }

    /// With a proxy before Postgres and one before S3.
    pub fn proxied(mut self) -> Self {
        self.proxied = true;
        self
    }

    /// With an S3 that callers can reach, so that its URLs are signed.
    pub fn signing(mut self) -> Self {
        let change = self.change;
        self.change = Box::new(|config| {
            change(config);
            if let BlobConfig::S3(s3) = &mut config.blobs {
                let reached = s3.endpoint.clone().map(PublicEndpoint::At);
                s3.public_endpoint = reached.unwrap_or_default();
            }
        });
        self
    }

    /// On this database, which has the schema.
    pub fn database(mut self, url: String) -> Self {
        self.database = Some(url);
        self
    }

    /// With changes to the settings of the store.
    pub fn config(mut self, change: impl FnOnce(&mut StoreConfig) + 'static) -> Self {
        self.change = Box::new(change);
        self
    }

    /// With this drain timeout.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.settings.drain = drain;
        self
    }

    /// With this issuer of tokens, beside those that were given before.
    pub fn tokens(mut self, tokens: TokenSettings) -> Self {
        self.settings.tokens.push(tokens);
        self
    }

    /// With changes to the settings of the API.
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Starts it, and waits until it is ready.
    pub async fn start(self) -> Cairn {
        let direct_url = match self.database {
            Some(url) => url,
            None => postgres::database().await,
        };
        let (database_url, postgres_proxy) = if self.proxied {
            let (url, proxy) = postgres::proxied(&direct_url).await;
            (url, Some(proxy))
        } else {
            (direct_url.clone(), None)
        };
        let mut folder = None;
        let mut s3_proxy = None;
        let mut bucket = None;
        let blobs = match self.bytes {
            Bytes::Files => {
                let folder = folder.insert(tempfile::tempdir().unwrap());
                BlobConfig::Fs(folder.path().to_owned())
            }
            Bytes::S3 => {
                let mut address = s3::address().await;
                if self.proxied {
                    let proxy = s3_proxy.insert(Proxy::before_tcp(&address).await);
                    address = proxy.address.to_string();
                }
                BlobConfig::S3(s3::config(&address, bucket.insert(s3::bucket().await)))
            }
        };
        let mut config = StoreConfig::new(database_url, blobs);
        // Most test content is small, and some of it must go to the blob store anyway.
        config.inline_max_bytes = 32 << 10;
        // The tests of a run share one Postgres.
        config.database_connections = 8;
        // Tests change tenants and keys, and expect the effect at once.
        config.credential_trust = Duration::ZERO;
        (self.change)(&mut config);

        let any = "127.0.0.1:0".parse().unwrap();
        let listeners = Listeners::bind(&Addresses {
            grpc: any,
            http: any,
            ops: any,
            admin: None,
        })
        .await
        .unwrap();
        let url = |listener: &tokio::net::TcpListener| {
            format!("http://{}", listener.local_addr().unwrap())
        };
        let (grpc_url, http_url, ops_url) = (
            url(&listeners.grpc),
            url(&listeners.http),
            url(&listeners.ops),
        );
        let store = Store::open(&config).await.unwrap();
        let key = store.create_api_key("acme").await.unwrap();
        let shutdown = CancellationToken::new();
        let run = cairn_api::run(
            listeners,
            store.clone(),
            self.settings,
            Metrics::default(),
            shutdown.clone(),
        );
        let cairn = Cairn {
            client: Client::connect(&grpc_url, Some(key.reveal())).await,
            key: key.reveal().to_owned(),
            grpc_url,
            http_url,
            ops_url,
            direct_url,
            collector: Collector::new(store.clone(), config.gc.clone()),
            config,
            store,
            postgres_proxy,
            s3_proxy,
            shutdown,
            served: tokio::spawn(run),
            folder,
            bucket,
        };
        eventually("Cairn is ready", async || {
            cairn.get(&format!("{}/readyz", cairn.ops_url)).await == 200
        })
        .await;
        cairn
    }
}

/// Ends every wait of the store: time to live, delete window, lease, grace, pauses.
pub const LET_TIME_PASS: &str = "
    UPDATE artifacts SET expires_at = now()
        WHERE expires_at BETWEEN now() AND now() + interval '1 day' AND state = 'live';
    UPDATE artifacts SET purge_after = now() WHERE state = 'deleted';
    UPDATE pending_artifacts SET discard_at = now();
    UPDATE objects SET lease_until = now() WHERE state = 'staging';
    UPDATE objects SET not_before = now(), next_attempt_at = now() WHERE state = 'condemned';
    UPDATE erasures SET next_at = now();
    UPDATE gc_queue SET review_after = now()";

/// A running Cairn with a tenant, `acme`, and a client with its key.
pub struct Cairn {
    /// A client with the key of `acme`.
    pub client: Client,
    /// The key of `acme`.
    pub key: String,
    /// Where it serves gRPC.
    pub grpc_url: String,
    /// Where it serves HTTP.
    pub http_url: String,
    /// Where it serves probes and metrics.
    pub ops_url: String,
    /// The settings of its store.
    pub config: StoreConfig,
    /// Its collector.
    pub collector: Collector,
    /// Its store, for operations that callers do not have.
    pub store: Store,
    /// Stops it, like a signal.
    pub shutdown: CancellationToken,
    /// Its servers: done once they have ended.
    pub served: JoinHandle<std::io::Result<()>>,
    direct_url: String,
    postgres_proxy: Option<Proxy>,
    s3_proxy: Option<Proxy>,
    folder: Option<TempDir>,
    bucket: Option<Bucket>,
}

impl Drop for Cairn {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Cairn {
    /// A Cairn with its bytes in S3, as in production.
    pub async fn start() -> Self {
        Setup::on(Bytes::S3).start().await
    }

    /// The proxy before Postgres, for a Cairn with `proxied`.
    pub fn postgres_proxy(&self) -> &Proxy {
        self.postgres_proxy.as_ref().expect("proxied()")
    }

    /// The proxy before S3, for a Cairn on S3 with `proxied`.
    pub fn s3_proxy(&self) -> &Proxy {
        self.s3_proxy.as_ref().expect("proxied() on S3")
    }

    /// A client of another tenant, or of the same one with another key.
    pub async fn client_of(&self, tenant: &str) -> Client {
        let key = self.store.create_api_key(tenant).await.unwrap();
        Client::connect(&self.grpc_url, Some(key.reveal())).await
    }

    /// A connection to the database, bypassing the store.
    pub async fn database(&self) -> tokio_postgres::Client {
        postgres::connect(&self.direct_url).await
    }

    /// Changes what callers cannot, such as the time of an event.
    pub async fn sql(&self, sql: &str) {
        self.database().await.batch_execute(sql).await.unwrap();
    }

    /// A number from the database.
    pub async fn count(&self, sql: &str) -> i64 {
        let database = self.database().await;
        database.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// A statistic of Postgres, which counts a connection when it ends: ends the server's connections, which opens new
    /// ones.
    pub async fn counted(&self, sql: &str) -> i64 {
        let end = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle'";
        self.count(end).await;
        self.count(sql).await
    }

    /// Ends every wait of the store: time to live, delete window, lease, grace, pauses.
    pub async fn let_time_pass(&self) {
        self.sql(LET_TIME_PASS).await;
    }

    /// Runs the collector once, without the passes that walk through everything.
    pub async fn collect(&self) -> Report {
        let passes = PASSES.iter().filter(|pass| !pass.walks());
        self.collector.run_passes(Policy::default(), passes).await
    }

    /// Runs one pass of the collector.
    pub async fn pass(&self, name: &str) -> Report {
        self.collector
            .run_passes(Policy::default(), Pass::named(name))
            .await
    }

    /// Runs the collector, with time passing, until it finds no more work.
    pub async fn collect_everything(&self) {
        loop {
            self.let_time_pass().await;
            let report = self.collect().await;
            assert!(report.failures.is_empty(), "{report:?}");
            if report.is_idle() {
                return;
            }
        }
    }

    /// Where the bytes are, when they are in files.
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_ref().map(TempDir::path)
    }

    /// The content of the blob store for this Cairn, complete or in parts.
    pub async fn stored(&self) -> Vec<String> {
        match (&self.folder, &self.bucket) {
            (Some(folder), _) => {
                let mut files = files_below(folder.path());
                files.retain(|file| file != "v1/_deployment_id");
                files
            }
            (None, Some(bucket)) => bucket.keys().await,
            (None, None) => unreachable!("the bytes are somewhere"),
        }
    }

    /// Overwrites the only object in the blob store.
    pub async fn corrupt(&self, bytes: &[u8]) {
        let stored = self.stored().await;
        let [key] = stored.as_slice() else {
            panic!("one blob was expected, there are {stored:?}");
        };
        self.put_blob(key, bytes).await;
    }

    /// Stores bytes in the blob store, bypassing the store.
    pub async fn put_blob(&self, key: &str, bytes: &[u8]) {
        match &self.folder {
            Some(folder) => {
                let path = folder.path().join(key);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
            None => self.bucket().put(key, bytes).await,
        }
    }

    /// Begins an upload to the blob store, bypassing the store, and leaves it unfinished.
    pub async fn begin_blob(&self, key: &str, bytes: &[u8]) {
        match &self.folder {
            Some(_) => {
                let (tenant, object) = key[6..].split_once('/').unwrap();
                let path = format!("tmp/{tenant}_{object}");
                self.put_blob(&path, bytes).await;
            }
            None => self.bucket().begin(key, bytes).await,
        }
    }

    /// Deletes a key of the blob store, bypassing the store.
    pub async fn remove_blob(&self, key: &str) {
        match &self.folder {
            Some(folder) => std::fs::remove_file(folder.path().join(key)).unwrap(),
            None => self.bucket().remove(key).await,
        }
    }

    /// The bucket, with the bytes in S3.
    pub fn bucket(&self) -> &Bucket {
        self.bucket.as_ref().expect("on S3")
    }

    /// The status of a GET.
    pub async fn get(&self, url: &str) -> u16 {
        match reqwest::get(url).await {
            Ok(response) => response.status().as_u16(),
            Err(_) => 0,
        }
    }

    /// Stops the service, and waits until it has ended.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        (&mut self.served).await.unwrap().unwrap();
    }
}

/// The files below a folder, by their paths from there.
fn files_below(folder: &std::path::Path) -> Vec<String> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path.strip_prefix(folder).unwrap();
                files.push(relative.display().to_string());
            }
        }
    }
    files
}
