//! A file of any size passes through in bounded memory.

use std::fs;

use bytes::Bytes;
use cairn_proto::v1::{
    DownloadArtifactRequest, UploadArtifactRequest, download_artifact_response,
    upload_artifact_request::Message,
};
use sha2::{Digest, Sha256};
use tokio::process::Child;

use crate::harness::{Client, content, end, eventually, postgres, program, s3, spec};

const GIBIBYTE: u64 = 1 << 30;
const MEBIBYTE: u64 = 1 << 20;
const PIECE: usize = 256 << 10;

/// A figure of the process in bytes, such as `VmRSS`, what it holds now, or `VmHWM`, the most that it ever held.
fn memory(process: &Child, figure: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id().unwrap())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with(figure))
        .unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes << 10
}

/// Different everywhere, so that nothing can be deduplicated or compressed on the way.
fn piece(index: u64) -> Bytes {
    let mut bytes = vec![0; PIECE];
    for (offset, word) in (0_u64..).zip(bytes.as_chunks_mut::<8>().0) {
        *word = (index << 32 | offset)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes();
    }
    bytes.into()
}

/// A served process with its bytes in S3, a client of it, and what it holds in memory when it has nothing to do.
async fn idle_process(settings: &[(&str, &str)]) -> (Child, Client, u64) {
    let folder = tempfile::tempdir().unwrap();
    let database = postgres::database().await;
    let store = cairn_store::config::StoreConfig::new(
        database.clone(),
        cairn_store::config::BlobConfig::Fs(folder.path().to_owned()),
    );
    let store = cairn_store::Store::open(&store).await.unwrap();
    let key = store.create_api_key("acme").await.unwrap();
    let [grpc, http, ops] = program::free_addresses();
    let process = program::command(program::program("cairn-api").await)
        .arg("serve")
        .env("CAIRN_DATABASE_URL", &database)
        .envs(s3::environment(&s3::address().await, &s3::bucket().await))
        .env("CAIRN_GRPC_ADDR", &grpc)
        .env("CAIRN_HTTP_ADDR", &http)
        .env("CAIRN_OPS_ADDR", &ops)
        .envs(settings.iter().copied())
        .spawn()
        .unwrap();
    let client = Client::connect(&format!("http://{grpc}"), Some(key.reveal())).await;
    // The first calls fill pools and caches.
    eventually("the service answers", async || {
        client.create(spec("warm"), "x").await.is_ok()
    })
    .await;
    client.upload(spec("warm"), content(9 << 20)).await.unwrap();
    let idle = memory(&process, "VmRSS");
    (process, client, idle)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_uploads_on_one_connection_all_end() {
    let budget = 64 * MEBIBYTE;
    let setting = budget.to_string();
    let settings = [("CAIRN_UPLOAD_BUFFER_BYTES", setting.as_str())];
    let (process, client, idle) = idle_process(&settings).await;
    let mut uploads = Vec::new();
    for number in 0..64_u64 {
        let mut artifacts = client.artifacts.clone();
        let pieces = (0..64).map(move |index| Message::Data(piece(number << 8 | index)));
        let name = format!("large-{number}");
        let messages = std::iter::once(Message::Spec(spec(&name))).chain(pieces);
        let messages = messages
            .chain([end()])
            .map(|message| UploadArtifactRequest {
                message: Some(message),
            });
        uploads.push(tokio::spawn(async move {
            artifacts
                .upload_artifact(tokio_stream::iter(messages))
                .await
        }));
    }
    for upload in uploads {
        let made = upload.await.unwrap().unwrap().into_inner().artifact;
        assert_eq!(made.unwrap().size_bytes, 64 * PIECE as i64);
    }
    // What they share, a window of each, and as much again for what is being decoded and sent.
    let limit = 256 * MEBIBYTE;
    let grown = memory(&process, "VmHWM") - idle;
    assert!(grown < limit, "grown by {} MiB", grown / MEBIBYTE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_passes_both_ways_in_under_64_mebibytes() {
    let (process, client, idle) = idle_process(&[]).await;
    let pieces = GIBIBYTE / PIECE as u64;
    let mut sent = Sha256::new();
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let messages = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut artifacts = client.artifacts.clone();
    let upload = tokio::spawn(async move { artifacts.upload_artifact(messages).await });
    let message = |message| UploadArtifactRequest {
        message: Some(message),
    };
    sender
        .send(message(Message::Spec(spec("large"))))
        .await
        .unwrap();
    for index in 0..pieces {
        let bytes = piece(index);
        sent.update(&bytes);
        sender.send(message(Message::Data(bytes))).await.unwrap();
    }
    sender.send(message(end())).await.unwrap();
    drop(sender);
    let made = upload
        .await
        .unwrap()
        .unwrap()
        .into_inner()
        .artifact
        .unwrap();
    assert_eq!(made.size_bytes, GIBIBYTE as i64);
    assert_eq!(
        made.content_hash,
        format!("sha256:{}", hex::encode(sent.finalize()))
    );
    let after_upload = memory(&process, "VmHWM") - idle;

    let request = DownloadArtifactRequest {
        artifact_id: made.artifact_id,
        ..Default::default()
    };
    let mut artifacts = client.artifacts.clone();
    let mut messages = artifacts
        .download_artifact(request)
        .await
        .unwrap()
        .into_inner();
    let mut received = Sha256::new();
    while let Some(message) = messages.message().await.unwrap() {
        if let Some(download_artifact_response::Message::Data(bytes)) = message.message {
            received.update(&bytes);
        }
    }
    assert_eq!(
        made.content_hash,
        format!("sha256:{}", hex::encode(received.finalize()))
    );
    let after_download = memory(&process, "VmHWM") - idle;
    let limit = 64 * MEBIBYTE;
    assert!(
        after_download < limit,
        "grown by {} MiB after the upload and {} MiB after the download",
        after_upload / MEBIBYTE,
        after_download / MEBIBYTE,
    );
}
