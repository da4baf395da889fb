//! One S3 server for the run: SeaweedFS. Each test has its own bucket in it, as each deployment must.

use std::{
    env,
    fs::File,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    types::{
        BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
        LifecycleRuleFilter,
    },
};
use aws_smithy_http_client::tls;
use cairn_store::config::{PublicEndpoint, S3Config, S3Credentials, S3Encryption};
use rustix::process::{Pid, Signal, kill_process_group};
use sha2::{Digest, Sha256};

use super::eventually;

const KEY_ID: &str = "test";
const SECRET: &str = "secret-of-the-tests";

/// Stops the server when standard input ends, which happens when this process ends, and then removes the folder `$1`,
/// if any.
const KEEPER: &str = r#"
exec 3<&0
remove=$1
shift
"$@" </dev/null 3<&- &
server=$!
cat <&3 >/dev/null
kill $server
wait $server
[ -z "$remove" ] || rm -rf "$remove"
"#;

/// A SeaweedFS on a folder. It ends with this process, however that ends.
pub struct Server {
    ports: [u16; 4],
    folder: PathBuf,
    temporary: bool,
    keeper: Child,
}

impl Server {
    /// Starts one on a folder, which may have been used before.
    pub fn start(folder: &Path, temporary: bool) -> Self {
        let ports = free_ports();
        Self {
            ports,
            folder: folder.to_owned(),
            temporary,
            keeper: spawn(folder, ports, temporary),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    /// Sends SIGTERM, and waits until it has ended.
    pub fn stop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().unwrap();
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.keeper.wait().unwrap();
    }

    /// Starts it again on the same folder and port, after it has ended.
    pub fn start_again(&mut self) {
        self.keeper = spawn(&self.folder, self.ports, self.temporary);
    }

    /// Sends a signal to it and to its keeper.
    pub fn signal(&self, signal: Signal) {
        let group = Pid::from_raw(self.keeper.id().cast_signed()).unwrap();
        kill_process_group(group, signal).unwrap();
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

fn spawn(folder: &Path, [s3, master, volume, filer]: [u16; 4], temporary: bool) -> Child {
    let log = File::options()
        .append(true)
        .create(true)
        .open(folder.join("log"));
    Command::new("/bin/sh")
        .args(["-c", KEEPER, "sh"])
        .arg(if temporary {
            folder.as_os_str()
        } else {
            "".as_ref()
        })
        .arg(weed())
        .arg("server")
        .arg(format!("-dir={}", folder.display()))
        .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"])
        .arg(format!("-s3.port={s3}"))
        .arg(format!("-master.port={master}"))
        .arg(format!("-volume.port={volume}"))
        .arg(format!("-filer.port={filer}"))
        .args([
            "-master.volumeSizeLimitMB=1024",
            // Volumes belong to one bucket each, and take no space before they are filled.
            "-volume.max=5000",
            "-volume.preStopSeconds=0",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ])
        .env("AWS_ACCESS_KEY_ID", KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("WEED_MASTER_VOLUME_GROWTH_COPY_1", "1")
        // Where it writes its own logs.
        .env("TMPDIR", folder)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log.unwrap())
        .spawn()
        .unwrap()
}

/// The server that the tests of a run share.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let folder = tempfile::Builder::new()
            .prefix("cairn-test-s3-")
            .tempdir()
            .unwrap()
            .keep();
        Server::start(&folder, true)
    })
}

/// The `weed` binary. Without it there is no S3 server to test against, which is a failure.
fn weed() -> PathBuf {
    let named = env::var_os("CAIRN_TEST_WEED").map(PathBuf::from);
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/venv/bin/weed");
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join("weed"));
    named
        .into_iter()
        .chain([installed])
        .chain(on_path)
        .find(|weed| weed.is_file())
        .expect("weed, the S3 server of the tests: `make test` installs it")
}

/// Ports that are free now, as are those 10,000 above them, where SeaweedFS puts its own gRPC.
fn free_ports<const N: usize>() -> [u16; N] {
    let mut held = Vec::new();
    std::array::from_fn(|_| {
        loop {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
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

fn client(endpoint: &str) -> Client {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .credentials_provider(Credentials::new(KEY_ID, SECRET, None, None, "tests"))
        .region(Region::from_static("us-east-1"))
        .retry_config(RetryConfig::standard().with_max_attempts(1))
        .force_path_style(true)
        .endpoint_url(endpoint)
        .build();
    Client::from_conf(config)
}

/// Where the S3 server listens.
pub async fn address() -> String {
    let server = tokio::task::spawn_blocking(server).await.unwrap();
    server.address()
}

/// A bucket in the S3 server, in which everything of this test is.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// What it is called.
    pub name: String,
    /// A client of its server.
    pub client: Client,
}

/// Makes a bucket.
pub async fn bucket() -> Bucket {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let server = tokio::task::spawn_blocking(server).await.unwrap();
    let name = format!("cairn-test-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    bucket_in(server, name).await
}

/// Makes a bucket in a server that may still be starting.
pub async fn bucket_in(server: &Server, name: String) -> Bucket {
    let client = client(&format!("http://{}", server.address()));
    let log = server.log();
    eventually(
        &format!("the S3 server answers; its log: {}", log.display()),
        async || {
            let made = client.create_bucket().bucket(&name).send().await;
            made.is_ok() && client.head_bucket().bucket(&name).send().await.is_ok()
        },
    )
    .await;
    Bucket { name, client }
}

/// The settings of a store on a bucket of the S3 server, or of a proxy before it.
pub fn config(address: &str, bucket: &Bucket) -> S3Config {
    S3Config {
        bucket: bucket.name.clone(),
        endpoint: Some(format!("http://{address}")),
        public_endpoint: PublicEndpoint::default(),
        region: Some("us-east-1".to_owned()),
        path_style: true,
        credentials: Some(S3Credentials {
            access_key_id: KEY_ID.to_owned(),
            secret_access_key: SECRET.to_owned(),
        }),
        encryption: S3Encryption::OfBucket,
    }
}

/// What precedes the key of an unfinished multipart upload.
pub const UNFINISHED: &str = "unfinished ";

impl Bucket {
    /// The content of the bucket: each key, and the SHA-256 of its bytes in hex. An unfinished upload counts, and has
    /// no hash.
    pub async fn hashes(&self) -> Vec<(String, String)> {
        let mut hashes = Vec::new();
        for key in self.keys().await {
            let get = self.client.get_object().bucket(&self.name).key(&key);
            let hash = match get.send().await {
                Ok(got) => {
                    let bytes = got.body.collect().await.unwrap().into_bytes();
                    hex::encode(Sha256::digest(&bytes))
                }
                Err(_) => "no bytes".to_owned(),
            };
            hashes.push((key, hash));
        }
        hashes
    }

    /// The keys in the bucket, without the mark of its deployment, and the unfinished multipart uploads.
    pub async fn keys(&self) -> Vec<String> {
        self.try_keys().await.unwrap()
    }

    /// The same, of a server that may be down.
    pub async fn try_keys(&self) -> Result<Vec<String>, aws_sdk_s3::Error> {
        let list = self.client.list_objects_v2().bucket(&self.name);
        let mut pages = list.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page?;
            let found = page.contents().iter();
            keys.extend(found.filter_map(|object| object.key().map(str::to_owned)));
        }
        keys.retain(|key| key != "v1/_deployment_id");
        let uploads = self.client.list_multipart_uploads().bucket(&self.name);
        let uploads = uploads.send().await?;
        keys.extend(
            uploads
                .uploads()
                .iter()
                .filter_map(|upload| upload.key().map(|key| format!("{UNFINISHED}{key}"))),
        );
        Ok(keys)
    }

    /// Stores bytes under a key, bypassing the store.
    pub async fn put(&self, key: &str, bytes: &[u8]) {
        let put = self.client.put_object().bucket(&self.name).key(key);
        put.body(bytes.to_vec().into()).send().await.unwrap();
    }

    /// Begins a multipart upload to a key and sends its first part, bypassing the store.
    pub async fn begin(&self, key: &str, bytes: &[u8]) {
        let begin = self.client.create_multipart_upload();
        let begun = begin.bucket(&self.name).key(key).send().await.unwrap();
        let part = self.client.upload_part().bucket(&self.name).key(key);
        let part = part.set_upload_id(begun.upload_id).part_number(1);
        part.body(bytes.to_vec().into()).send().await.unwrap();
    }

    /// Sets a lifecycle rule that expires only this prefix.
    pub async fn expire(&self, prefix: &str) {
        let rule = LifecycleRule::builder()
            .id("test")
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
            .expiration(LifecycleExpiration::builder().days(3).build())
            .build()
            .unwrap();
        let rules = BucketLifecycleConfiguration::builder().rules(rule);
        self.client
            .put_bucket_lifecycle_configuration()
            .bucket(&self.name)
            .lifecycle_configuration(rules.build().unwrap())
            .send()
            .await
            .unwrap();
    }

    /// Deletes a key, bypassing the store.
    pub async fn remove(&self, key: &str) {
        let delete = self.client.delete_object().bucket(&self.name).key(key);
        delete.send().await.unwrap();
    }
}

/// The settings of a store on the S3 server, for a process.
pub fn environment(address: &str, bucket: &Bucket) -> [(&'static str, String); 5] {
    [
        ("CAIRN_S3_BUCKET", bucket.name.clone()),
        ("CAIRN_S3_ENDPOINT", format!("http://{address}")),
        ("CAIRN_S3_REGION", "us-east-1".to_owned()),
        ("CAIRN_S3_ACCESS_KEY_ID", KEY_ID.to_owned()),
        ("CAIRN_S3_SECRET_ACCESS_KEY", SECRET.to_owned()),
    ]
}
