//! The wrapper that people write around S3 and Postgres: bench/wrapper/app.py under two uvicorn workers.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    Bucket, connect, free_address,
    process::Process,
    s3::{KEY_ID, SECRET},
};

const BOUNDARY: &str = "a-boundary-of-the-bench";
const SCHEMA: &str = include_str!("../../wrapper/schema.sql");

pub(crate) struct Wrapper {
    url: String,
    client: reqwest::Client,
    _process: Process,
}

impl Wrapper {
    /// Starts it on an empty database.
    pub(crate) async fn start(database_url: &str, bucket: &Bucket) -> Self {
        let database = connect(database_url).await;
        database.batch_execute(SCHEMA).await.expect("its tables");
        let address = free_address();
        let (host, port) = address.split_once(':').expect("a port");
        let mut process = Process::start(
            Command::new(uvicorn())
                .args(["app:app", "--workers", "2", "--log-level", "warning"])
                .args(["--no-access-log", "--host", host, "--port", port])
                .current_dir(folder())
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .env("DATABASE", database_url)
                .env("S3_ENDPOINT", bucket.endpoint())
                .env("S3_BUCKET", &bucket.name)
                .env("S3_KEY_ID", KEY_ID)
                .env("S3_SECRET", SECRET),
        );
        let client = reqwest::Client::new();
        let url = format!("http://{address}/artifacts");
        for _ in 0..300 {
            // It knows only POST there.
            if client.get(&url).send().await.is_ok() {
                break;
            }
            process.check();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Self {
            url,
            client,
            _process: process,
        }
    }

    /// Creates the same artifact as the benchmark of Cairn's creates.
    pub(crate) async fn create(&self, filename: &str, session: &str, content: &Bytes) {
        let mut body = BytesMut::with_capacity(content.len() + 1024);
        let metadata = r#"{"stage":"final"}"#;
        for (name, value) in [
            ("session_id", session),
            ("agent_id", "a"),
            ("metadata", metadata),
        ] {
            body.put_slice(
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes(),
            );
        }
        body.put_slice(
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            )
            .as_bytes(),
        );
        body.put_slice(content);
        body.put_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let post = self.client.post(&self.url).header(
            "content-type",
            format!("multipart/form-data; boundary={BOUNDARY}"),
        );
        let answer = post.body(body.freeze()).send().await.expect("an answer");
        assert_eq!(answer.status(), 201, "the wrapper creates");
        answer.bytes().await.expect("a body");
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("wrapper")
}

fn uvicorn() -> PathBuf {
    let uvicorn = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/wrapper/bin/uvicorn");
    assert!(
        uvicorn.is_file(),
        "the wrapper's Python packages: `scripts/bootstrap bench` installs them"
    );
    uvicorn.canonicalize().expect("a path")
}
