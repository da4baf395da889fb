//! One S3 server for the run: SeaweedFS, with one bucket.

use std::{
    env,
    fs::File,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use aws_smithy_http_client::tls;
use cairn_store::config::{S3Config, S3Credentials};
use sha2::{Digest, Sha256};

use super::eventually;

const BUCKET: &str = "cairn-tests";
const KEY_ID: &str = "test";
const SECRET: &str = "secret-of-the-tests";

/// Stops the server and removes its folder when standard input ends, which is when this process does.
const KEEPER: &str = r#"
exec 3<&0
folder=$1
shift
"$@" </dev/null 3<&- &
server=$!
cat <&3 >/dev/null
kill $server
wait $server
rm -rf "$folder"
"#;

struct Server {
    port: u16,
    log: PathBuf,
    _keeper: Child,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let folder = tempfile::Builder::new()
            .prefix("cairn-test-s3-")
            .tempdir()
            .unwrap()
            .keep();
        let log = folder.join("log");
        let [s3, master, volume, filer] = free_ports();
        let keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "sh"])
            .arg(&folder)
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
                "-volume.max=0",
                "-volume.preStopSeconds=0",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
            ])
            .env("AWS_ACCESS_KEY_ID", KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            // Where it keeps logs of its own.
            .env("TMPDIR", &folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Server {
            port: s3,
            log,
            _keeper: keeper,
        }
    })
}

/// The `weed` binary. Without it there is no S3 server to test against, and that is a failure.
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

/// Where the S3 server listens, once it has the bucket.
pub(crate) async fn address() -> String {
    static READY: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let server = tokio::task::spawn_blocking(server).await.unwrap();
    let address = format!("127.0.0.1:{}", server.port);
    let make_bucket = async || {
        let client = client(&format!("http://{address}"));
        eventually(
            &format!("the S3 server answers; its log: {}", server.log.display()),
            async || {
                let made = client.create_bucket().bucket(BUCKET).send().await;
                made.is_ok() && client.head_bucket().bucket(BUCKET).send().await.is_ok()
            },
        )
        .await;
    };
    READY.get_or_init(make_bucket).await;
    address
}

/// The settings of a store on the S3 server, or on a proxy before it.
pub(crate) fn config(address: &str) -> S3Config {
    S3Config {
        bucket: BUCKET.to_owned(),
        endpoint: Some(format!("http://{address}")),
        region: Some("us-east-1".to_owned()),
        path_style: true,
        credentials: Some(S3Credentials {
            access_key_id: KEY_ID.to_owned(),
            secret_access_key: SECRET.to_owned(),
        }),
    }
}

/// What stands before the key of a multipart upload that is under way.
pub(crate) const UNFINISHED: &str = "unfinished ";

/// The keys in the bucket that belong to a tenant, and the multipart uploads under way for it.
pub(crate) async fn keys_of(address: &str, tenant: &str) -> Vec<String> {
    let client = client(&format!("http://{address}"));
    let mut pages = client
        .list_objects_v2()
        .bucket(BUCKET)
        .into_paginator()
        .send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        keys.extend(
            page.contents()
                .iter()
                .filter_map(|object| object.key().map(str::to_owned)),
        );
    }
    let uploads = client
        .list_multipart_uploads()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    keys.extend(
        uploads
            .uploads()
            .iter()
            .filter_map(|upload| upload.key().map(|key| format!("{UNFINISHED}{key}"))),
    );
    keys.retain(|key| key.contains(tenant));
    keys
}

/// What lies in the bucket for a tenant: each key, and the SHA-256 of its bytes in hex. An upload that was not completed
/// counts, and has no hash.
pub(crate) async fn hashes_of(address: &str, tenant: &str) -> Vec<(String, String)> {
    let client = client(&format!("http://{address}"));
    let mut hashes = Vec::new();
    for key in keys_of(address, tenant).await {
        let got = client.get_object().bucket(BUCKET).key(&key).send().await;
        let hash = match got {
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

/// Overwrites what is stored under a key, as a failing disk would.
pub(crate) async fn overwrite(address: &str, key: &str, bytes: &[u8]) {
    client(&format!("http://{address}"))
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .body(bytes.to_vec().into())
        .send()
        .await
        .unwrap();
}

/// The settings of a store on the S3 server, for a process.
pub(crate) fn environment(address: &str) -> [(&'static str, String); 5] {
    [
        ("CAIRN_S3_BUCKET", BUCKET.to_owned()),
        ("CAIRN_S3_ENDPOINT", format!("http://{address}")),
        ("CAIRN_S3_REGION", "us-east-1".to_owned()),
        ("CAIRN_S3_ACCESS_KEY_ID", KEY_ID.to_owned()),
        ("CAIRN_S3_SECRET_ACCESS_KEY", SECRET.to_owned()),
    ]
}
