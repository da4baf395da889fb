//! What S3 is asked about encryption by each request that creates an object.

use harness::{Bytes, Cairn, Setup, content, program};

use crate::telemetry::{Api, pushing};

const ALGORITHM: &str = "x-amz-server-side-encryption: ";
const KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id: ";

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

#[tokio::test]
async fn s3_is_asked_for_the_encryption_that_is_set() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    let key = "arn:aws:kms:eu-central-1:111122223333:key/1234";
    let folder = tempfile::tempdir().unwrap();
    let ways = [
        (None, None),
        (Some("AES256"), None),
        (Some("aws:kms"), None),
        (Some("aws:kms"), Some(key)),
    ];
    for (number, (algorithm, key_id)) in ways.into_iter().enumerate() {
        let algorithm_setting = algorithm.map(|value| ("CAIRN_S3_SSE", value));
        let key_setting = key_id.map(|value| ("CAIRN_S3_SSE_KMS_KEY_ID", value));
        let settings: Vec<_> = algorithm_setting.into_iter().chain(key_setting).collect();
        let api = Api::start(&cairn, &settings).await;
        let before = creating(&cairn).len();
        // The S3 server of the tests has no keys, so the proxy answers; what was asked counts.
        cairn
            .s3_proxy()
            .answer_itself(ALGORITHM, "403 Forbidden", "");
        for size in [100_000, 9 << 20] {
            let file = folder.path().join("file");
            // Content that is there already would not be sent.
            std::fs::write(&file, content(size + number)).unwrap();
            program::run(&mut pushing(&cairn, &api, &file).await).await;
        }
        cairn.s3_proxy().answer_nothing();
        let heads = creating(&cairn).split_off(before);
        assert!(heads.iter().any(|head| head.contains("?uploads")));
        assert!(heads.iter().any(|head| head.starts_with("put ")));
        for head in heads {
            let field = |name| head.lines().find_map(|line| line.strip_prefix(name));
            let algorithm = algorithm.map(str::to_lowercase);
            assert_eq!(field(ALGORITHM), algorithm.as_deref(), "{head}");
            assert_eq!(field(KEY_ID), key_id, "{head}");
        }
    }
}
