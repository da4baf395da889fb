//! A `cairn-api` in its own process, and its costs.

use std::fs;

use tempfile::{NamedTempFile, TempDir};
use tokio::process::Child;

use super::{Bytes, Client, eventually, log, postgres, program, s3, spec};

/// A process that ends with this value.
pub struct ApiProcess {
    process: Child,
    /// Its gRPC address.
    pub url: String,
    /// Where it reads links, as `host:port`.
    pub http: String,
    /// Where it answers probes, as `host:port`.
    pub ops: String,
    /// An API key of the tenant `acme`.
    pub key: String,
    /// A client with that key.
    pub client: Client,
    log: NamedTempFile,
    _folder: TempDir,
}

impl Drop for ApiProcess {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            log::check(&fs::read_to_string(self.log.path()).unwrap());
        }
    }
}

impl ApiProcess {
    /// Starts one with these settings, and waits until it answers.
    pub async fn start(bytes: Bytes, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = NamedTempFile::new().unwrap();
        let database = postgres::database().await;
        let config = cairn_store::config::StoreConfig::new(
            database.clone(),
            cairn_store::config::BlobConfig::Fs(folder.path().to_owned()),
        );
        let store = cairn_store::Store::open(&config).await.unwrap();
        let key = store.create_api_key("acme").await.unwrap();
        let [grpc, http, ops] = program::free_addresses();
        let mut command = program::command(program::program("cairn-api").await);
        match bytes {
            Bytes::Files => command.env("CAIRN_BLOB_DIR", folder.path()),
            Bytes::S3 => command.envs(s3::environment(&s3::address().await, &s3::bucket().await)),
        };
        let process = command
            .arg("serve")
            .env("CAIRN_DATABASE_URL", &database)
            .env("CAIRN_GRPC_ADDR", &grpc)
            .env("CAIRN_HTTP_ADDR", &http)
            .env("CAIRN_OPS_ADDR", &ops)
            .envs(settings.iter().copied())
            .stderr(log.reopen().unwrap())
            .spawn()
            .unwrap();
        let url = format!("http://{grpc}");
        let client = Client::connect(&url, Some(key.reveal())).await;
        // The first calls fill pools and caches.
        eventually("the service answers", async || {
            client.create(spec("warm"), "x").await.is_ok()
        })
        .await;
        Self {
            process,
            url,
            http,
            ops,
            key: key.reveal().to_owned(),
            client,
            log,
            _folder: folder,
        }
    }

    /// What it tells at `/metrics`.
    pub async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.ops);
        reqwest::get(url).await.unwrap().text().await.unwrap()
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.process.id().unwrap())
    }

    /// A figure of the process in bytes, such as `VmRSS`, its current memory, or `VmHWM`, its maximum.
    pub fn memory(&self, figure: &str) -> u64 {
        let status = fs::read_to_string(self.file("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(figure));
        let kibibytes = line.unwrap().split_whitespace().nth(1).unwrap();
        kibibytes.parse::<u64>().unwrap() << 10
    }

    /// Resets the maximum of its memory; returns its current memory.
    pub fn forget_most(&self) -> u64 {
        fs::write(self.file("clear_refs"), "5").unwrap();
        self.memory("VmRSS")
    }

    /// The processor time that it has used, in milliseconds; the kernel counts it in hundredths of a second.
    pub fn processor(&self) -> u64 {
        let stat = fs::read_to_string(self.file("stat")).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |place: usize| fields[place].parse::<u64>().unwrap();
        10 * (ticks(11) + ticks(12))
    }
}
