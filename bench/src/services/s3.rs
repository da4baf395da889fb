//! SeaweedFS with the raw SDK: the peer of most benchmarks.

use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region, RequestChecksumCalculation},
    types::{CompletedMultipartUpload, CompletedPart},
};
use aws_smithy_http_client::tls;
use bytes::Bytes;
use cairn_store::config::{BlobConfig, PublicEndpoint, S3Config, S3Credentials, S3Encryption};
use futures_util::{StreamExt, stream};
use tempfile::TempDir;

use super::process::Process;

pub(super) const KEY_ID: &str = "bench";
pub(super) const SECRET: &str = "secret-of-the-bench";

pub(crate) struct S3 {
    client: Client,
    address: String,
    server: Process,
    _folder: TempDir,
}

/// A bucket, and the raw SDK to access it.
#[derive(Clone)]
pub(crate) struct Bucket {
    pub(crate) client: Client,
    pub(crate) name: String,
    endpoint: String,
}

impl S3 {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [s3, master, volume, filer] = free_ports();
        let server = Process::start(
            Command::new(weed())
                .arg("server")
                .arg(format!("-dir={}", folder.path().display()))
                .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"])
                .arg(format!("-s3.port={s3}"))
                .arg(format!("-master.port={master}"))
                .arg(format!("-volume.port={volume}"))
                .arg(format!("-filer.port={filer}"))
                // Volumes belong to one bucket each, and take no space before they are filled.
                .args(["-master.volumeSizeLimitMB=1024", "-volume.max=5000"])
                .args([
                    "-volume.preStopSeconds=0",
                    "-s3.port.iceberg=0",
                    "-s3.port.lance=0",
                ])
                .env("AWS_ACCESS_KEY_ID", KEY_ID)
                .env("AWS_SECRET_ACCESS_KEY", SECRET)
                .env("TMPDIR", folder.path())
                .stderr(Stdio::null()),
        );
        let address = format!("127.0.0.1:{s3}");
        let client = client(&format!("http://{address}"));
        Self {
            client,
            address,
            server,
            _folder: folder,
        }
    }

    /// Creates a bucket: each deployment needs its own.
    pub(crate) async fn bucket(&mut self, name: &str) -> Bucket {
        let name = format!("bench-{name}");
        for _ in 0..300 {
            let made = self.client.create_bucket().bucket(&name).send().await;
            if made.is_ok() {
                break;
            }
            self.server.check();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let head = self.client.head_bucket().bucket(&name).send().await;
        head.expect("the S3 server answers");
        Bucket {
            client: self.client.clone(),
            name,
            endpoint: format!("http://{}", self.address),
        }
    }
}

impl Bucket {
    pub(crate) fn config(&self) -> BlobConfig {
        BlobConfig::S3(S3Config {
            bucket: self.name.clone(),
            endpoint: Some(self.endpoint.clone()),
            public_endpoint: PublicEndpoint::default(),
            region: Some("us-east-1".to_owned()),
            path_style: true,
            credentials: Some(S3Credentials {
                access_key_id: KEY_ID.to_owned(),
                secret_access_key: SECRET.to_owned(),
            }),
            encryption: S3Encryption::OfBucket,
        })
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(super) fn environment(&self) -> [(&'static str, &str); 6] {
        [
            ("CAIRN_S3_BUCKET", &self.name),
            ("CAIRN_S3_ENDPOINT", &self.endpoint),
            ("CAIRN_S3_PUBLIC_ENDPOINT", &self.endpoint),
            ("CAIRN_S3_REGION", "us-east-1"),
            ("CAIRN_S3_ACCESS_KEY_ID", KEY_ID),
            ("CAIRN_S3_SECRET_ACCESS_KEY", SECRET),
        ]
    }

    pub(crate) async fn put(&self, key: &str, content: Bytes) {
        let put = self.client.put_object().bucket(&self.name).key(key);
        put.body(content.into()).send().await.expect("an object");
    }

    /// Reads an object to its end; returns its size.
    pub(crate) async fn get(&self, key: &str) -> u64 {
        let get = self.client.get_object().bucket(&self.name).key(key);
        let mut body = get.send().await.expect("an object").body;
        let mut size = 0;
        while let Some(piece) = body.next().await {
            size += piece.expect("a piece").len() as u64;
        }
        size
    }

    /// A multipart upload that repeats one part.
    pub(crate) async fn put_in_parts(&self, key: &str, part: Bytes, parts: i32, at_once: usize) {
        let begin = self.client.create_multipart_upload();
        let begun = begin.bucket(&self.name).key(key).send().await;
        let id = begun.expect("an upload").upload_id.expect("its id");
        let done: Vec<CompletedPart> = stream::iter(1..=parts)
            .map(|number| {
                let upload = self.client.upload_part().bucket(&self.name).key(key);
                let upload = upload.upload_id(&id).part_number(number);
                let sent = upload.body(part.clone().into()).send();
                async move {
                    CompletedPart::builder()
                        .part_number(number)
                        .set_e_tag(sent.await.expect("a part").e_tag)
                        .build()
                }
            })
            .buffered(at_once)
            .collect()
            .await;
        let done = CompletedMultipartUpload::builder()
            .set_parts(Some(done))
            .build();
        let complete = self.client.complete_multipart_upload().bucket(&self.name);
        let complete = complete.key(key).upload_id(id).multipart_upload(done);
        complete.send().await.expect("an object");
    }

    pub(crate) async fn remove(&self, key: &str) {
        let delete = self.client.delete_object().bucket(&self.name).key(key);
        delete.send().await.expect("a deletion");
    }
}

/// The AWS command line, for a bucket.
pub(crate) fn aws(bucket: &Bucket) -> Command {
    let aws = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/venv/bin/aws");
    assert!(
        aws.is_file(),
        "the AWS command line: `scripts/bootstrap bench` installs it"
    );
    let mut command = Command::new(aws);
    command
        .args(["--endpoint-url", &bucket.endpoint])
        .env("AWS_ACCESS_KEY_ID", KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
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

/// The `weed` binary.
pub(crate) fn weed() -> PathBuf {
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
