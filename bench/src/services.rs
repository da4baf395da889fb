//! The services that a benchmark runs on: a Postgres and an S3 server of its own, gone when it ends.

use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region, RequestChecksumCalculation},
};
use aws_smithy_http_client::tls;
use cairn_cli::cluster::{Cluster, Options};
use cairn_store::{
    Store,
    config::{BlobConfig, S3Config, S3Credentials, StoreConfig},
};
use tempfile::TempDir;
use tokio_postgres::NoTls;

const BUCKET: &str = "cairn-bench";
const KEY_ID: &str = "bench";
const SECRET: &str = "secret-of-the-bench";

/// A Postgres with its defaults, but for what makes it faster to fill.
pub(crate) struct Postgres {
    cluster: Cluster,
    _folder: TempDir,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = Options {
            settings: &["max_wal_size=8GB", "maintenance_work_mem=512MB"],
            temporary: true,
        };
        let cluster = tokio::task::block_in_place(|| {
            Cluster::start(&folder.path().join("postgres"), options).expect("Postgres starts")
        });
        Self {
            cluster,
            _folder: folder,
        }
    }

    /// A new database with the schema in it, and its URL.
    pub(crate) async fn database(&self, name: &str, blobs: BlobConfig) -> (Store, StoreConfig) {
        let postgres = connect(&self.cluster.url("postgres")).await;
        let create = format!("CREATE DATABASE {name}");
        postgres.batch_execute(&create).await.expect("a database");
        let mut config = StoreConfig::new(self.cluster.url(name), blobs);
        config.gc.deletes_per_second = 1_000_000;
        let store = Store::open(&config).await.expect("a store");
        store.migrate().await.expect("the schema");
        (store, config)
    }
}

/// A connection past the store.
pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("a connection");
    tokio::spawn(connection);
    client
}

/// SeaweedFS, with one bucket.
pub(crate) struct S3 {
    pub(crate) client: Client,
    address: String,
    server: Child,
    _folder: TempDir,
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl S3 {
    pub(crate) const BUCKET: &str = BUCKET;

    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [s3, master, volume, filer] = free_ports();
        let server = Command::new(weed())
            .arg("server")
            .arg(format!("-dir={}", folder.path().display()))
            .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"])
            .arg(format!("-s3.port={s3}"))
            .arg(format!("-master.port={master}"))
            .arg(format!("-volume.port={volume}"))
            .arg(format!("-filer.port={filer}"))
            .args(["-volume.max=0", "-s3.port.iceberg=0", "-s3.port.lance=0"])
            .env("AWS_ACCESS_KEY_ID", KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the S3 server starts");
        let address = format!("127.0.0.1:{s3}");
        let client = client(&format!("http://{address}"));
        for _ in 0..300 {
            if client.create_bucket().bucket(BUCKET).send().await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        client
            .head_bucket()
            .bucket(BUCKET)
            .send()
            .await
            .expect("the S3 server answers");
        Self {
            client,
            address,
            server,
            _folder: folder,
        }
    }

    pub(crate) fn config(&self) -> BlobConfig {
        BlobConfig::S3(S3Config {
            bucket: BUCKET.to_owned(),
            endpoint: Some(format!("http://{}", self.address)),
            region: Some("us-east-1".to_owned()),
            path_style: true,
            credentials: Some(S3Credentials {
                access_key_id: KEY_ID.to_owned(),
                secret_access_key: SECRET.to_owned(),
            }),
        })
    }
}

fn client(endpoint: &str) -> Client {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .credentials_provider(Credentials::new(KEY_ID, SECRET, None, None, "bench"))
        .region(Region::from_static("us-east-1"))
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .force_path_style(true)
        .endpoint_url(endpoint)
        .build();
    Client::from_conf(config)
}

fn weed() -> PathBuf {
    let named = env::var_os("CAIRN_TEST_WEED").map(PathBuf::from);
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/venv/bin/weed");
    named
        .into_iter()
        .chain([installed])
        .find(|weed| weed.is_file())
        .expect("weed, the S3 server: `make bench` installs it")
}

/// Ports that are free now, as are those 10,000 above them, where SeaweedFS puts its own gRPC.
fn free_ports<const N: usize>() -> [u16; N] {
    let mut held = Vec::new();
    std::array::from_fn(|_| {
        loop {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = listener.local_addr().expect("its number").port();
            let above = port
                .checked_add(10_000)
                .and_then(|above| TcpListener::bind(("127.0.0.1", above)).ok());
            held.push(listener);
            if let Some(above) = above {
                held.push(above);
                return port;
            }
        }
    })
}
