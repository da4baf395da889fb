//! What is stored comes back, and what is no artifact is refused with every reason.

use cairn_proto::v1::ArtifactSpec;
use tonic::Code;

use crate::harness::{Bytes, Cairn, Setup, refused, session_spec, spec};

/// Sizes around every border: a row, a part, several parts.
const SIZES: [usize; 8] = [
    0,
    1,
    32 << 10,
    (32 << 10) + 1,
    (8 << 20) - 1,
    8 << 20,
    (8 << 20) + 1,
    (24 << 20) + 7,
];

fn content(size: usize) -> Vec<u8> {
    let mut state = size as u32 | 1;
    (0..size)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

async fn every_size_comes_back(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    for size in SIZES {
        let content = content(size);
        let artifact = cairn
            .client
            .upload(spec("data.bin"), content.clone())
            .await
            .unwrap();
        assert_eq!(artifact.size_bytes, size as i64);
        let back = cairn.client.download(&artifact.artifact_id).await.unwrap();
        assert!(back == content, "{size} bytes");
    }
}

#[tokio::test]
async fn every_size_comes_back_from_s3() {
    every_size_comes_back(Bytes::S3).await;
}

#[tokio::test]
async fn every_size_comes_back_from_files() {
    every_size_comes_back(Bytes::Files).await;
}
