//! A file of any size passes through in bounded memory.

use bytes::Bytes;
use cairn_proto::v1::{
    DownloadArtifactRequest, UploadArtifactRequest, download_artifact_response,
    upload_artifact_request::Message,
};
use sha2::{Digest, Sha256};

use harness::{ApiProcess, content, end, spec};

const GIBIBYTE: u64 = 1 << 30;
const MEBIBYTE: u64 = 1 << 20;
const PIECE: usize = 256 << 10;

/// Without repetitions, so that nothing can be deduplicated or compressed.
fn piece(index: u64) -> Bytes {
    let mut bytes = vec![0; PIECE];
    for (offset, word) in (0_u64..).zip(bytes.as_chunks_mut::<8>().0) {
        *word = (index << 32 | offset)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes();
    }
    bytes.into()
}

/// A process with its bytes in S3, and its memory when idle.
async fn idle_process(settings: &[(&str, &str)]) -> (ApiProcess, u64) {
    let api = ApiProcess::start(harness::Bytes::S3, settings).await;
    let warm = api.client.upload(spec("warm"), content(9 << 20));
    warm.await.unwrap();
    let idle = api.memory("VmRSS");
    (api, idle)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_uploads_on_one_connection_all_end() {
    let budget = 64 * MEBIBYTE;
    let setting = budget.to_string();
    let settings = [("CAIRN_UPLOAD_BUFFER_BYTES", setting.as_str())];
    let (api, idle) = idle_process(&settings).await;
    let mut uploads = Vec::new();
    for number in 0..64_u64 {
        let mut artifacts = api.client.artifacts.clone();
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
    // The shared part, a window of each, and as much again for what is being decoded and sent.
    let limit = 256 * MEBIBYTE;
    let grown = api.memory("VmHWM") - idle;
    assert!(grown < limit, "grown by {} MiB", grown / MEBIBYTE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_passes_both_ways_in_under_64_mebibytes() {
    let (api, idle) = idle_process(&[]).await;
    let pieces = GIBIBYTE / PIECE as u64;
    let mut sent = Sha256::new();
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let messages = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut artifacts = api.client.artifacts.clone();
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
    let after_upload = api.memory("VmHWM") - idle;

    let request = DownloadArtifactRequest {
        artifact_id: made.artifact_id,
        ..Default::default()
    };
    let mut artifacts = api.client.artifacts.clone();
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
    let after_download = api.memory("VmHWM") - idle;
    let limit = 64 * MEBIBYTE;
    assert!(
        after_download < limit,
        "grown by {} MiB after the upload and {} MiB after the download",
        after_upload / MEBIBYTE,
        after_download / MEBIBYTE,
    );
}
