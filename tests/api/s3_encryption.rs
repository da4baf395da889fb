//! What S3 is asked about encryption by each request that creates an object.

use cairn_store::config::{BlobConfig, S3Encryption};

use harness::{Bytes, Cairn, Setup, content, spec};

async fn start(encryption: S3Encryption) -> Cairn {
    let setup = Setup::on(Bytes::S3).proxied().config(|config| {
        let BlobConfig::S3(s3) = &mut config.blobs else {
            panic!("the bytes are in S3");
        };
        s3.encryption = encryption;
    });
    setup.start().await
}

/// The heads of the requests that create objects: PutObject and CreateMultipartUpload, but not UploadPart.
fn creating(cairn: &Cairn) -> Vec<String> {
    let heads = cairn.s3_proxy().heads().into_iter();
    let creates = |head: &String| {
        let (line, _) = head.split_once("\r\n").unwrap();
        let put = line.starts_with("put ") && !line.contains("partnumber=");
        put || line.starts_with("post ") && line.contains("?uploads")
    };
    heads.filter(creates).collect()
}

/// Starts a Cairn and stores content in one request and in parts, as far as the server does it; says what S3 was asked.
async fn asked(encryption: S3Encryption) -> Vec<String> {
    let cairn = start(encryption).await;
    for size in [100_000, 9 << 20] {
        // A server without KMS refuses.
        let _ = cairn.client.upload(spec("a"), content(size)).await;
    }
    let heads = creating(&cairn);
    assert!(heads.iter().any(|head| head.contains("?uploads")));
    assert!(heads.iter().any(|head| head.starts_with("put ")));
    heads
}

const ALGORITHM: &str = "x-amz-server-side-encryption: ";
const KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id: ";

#[tokio::test]
async fn s3_is_asked_for_the_encryption_that_is_set() {
    let key = "arn:aws:kms:eu-central-1:111122223333:key/1234";
    for (encryption, algorithm, key_id) in [
        (S3Encryption::OfBucket, None, None),
        (S3Encryption::Aes256, Some("aes256"), None),
        (S3Encryption::Kms(None), Some("aws:kms"), None),
        (
            S3Encryption::Kms(Some(key.into())),
            Some("aws:kms"),
            Some(key),
        ),
    ] {
        for head in asked(encryption.clone()).await {
            let field = |name| head.lines().find_map(|line| line.strip_prefix(name));
            assert_eq!(field(ALGORITHM), algorithm, "{encryption:?}: {head}");
            assert_eq!(field(KEY_ID), key_id, "{encryption:?}: {head}");
        }
    }
}
