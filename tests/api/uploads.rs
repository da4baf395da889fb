//! A stream becomes an artifact when it ends with `end`, and nothing when it ends in any other way.

use std::time::{Duration, Instant};

use cairn_proto::v1::{UploadArtifactRequest, UploadEnd, upload_artifact_request::Message};
use sha2::{Digest, Sha256};
use tonic::Code;

use harness::{
    Bytes, Cairn, Client, OpenUpload, Proxy, Setup, content, end, eventually, refused,
    session_spec, spec,
};

harness::on_s3_and_files!(
    an_upload_that_its_caller_takes_back_is_never_committed,
    identical_uploads_at_once_share_one_object,
);

fn end_of(content_hash: &str, size_bytes: Option<i64>) -> Message {
    Message::End(UploadEnd {
        content_hash: content_hash.to_owned(),
        size_bytes,
    })
}

fn data(bytes: Vec<u8>) -> Message {
    Message::Data(bytes.into())
}

#[tokio::test]
async fn a_stream_that_breaks_the_rules_is_refused_and_leaves_nothing() {
    let cairn = Cairn::start().await;
    let large = content(100_000);
    for (messages, field) in [
        (vec![], "spec"),
        (vec![data(vec![1]), Message::Spec(spec("a"))], "message"),
        (vec![data(vec![1])], "message"),
        (
            vec![Message::Spec(spec("a")), Message::Spec(spec("a"))],
            "message",
        ),
        (
            vec![
                Message::Spec(spec("a")),
                data(large),
                Message::Spec(spec("a")),
            ],
            "message",
        ),
        (vec![end()], "message"),
        (
            vec![Message::Spec(spec("a")), end(), data(vec![1])],
            "message",
        ),
        (vec![Message::Spec(spec("a")), end(), end()], "message"),
        (
            vec![Message::Spec(spec("a")), end_of("sha256:12", None)],
            "end.content_hash",
        ),
        (
            vec![Message::Spec(spec("a")), end_of("", Some(-1))],
            "end.size_bytes",
        ),
    ] {
        let refusal = refused(cairn.client.send(messages).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::InvalidArgument, "INVALID_ARGUMENT")
        );
        assert_eq!(refusal.fields, [field]);
    }
    let nothing = tokio_stream::iter([
        UploadArtifactRequest {
            message: Some(Message::Spec(spec("a"))),
        },
        UploadArtifactRequest { message: None },
    ]);
    let refusal = refused(
        cairn
            .client
            .clone()
            .artifacts
            .upload_artifact(nothing)
            .await,
    );
    assert_eq!(refusal.fields, ["message"]);
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 0);
    cairn.collect_everything().await;
    assert!(cairn.stored().await.is_empty());
}

#[tokio::test]
async fn a_stream_closed_without_its_end_stores_nothing() {
    let cairn = Cairn::start().await;
    for size in [0, 10, 100_000, 9 << 20] {
        let pieces = content(size);
        let pieces = pieces.chunks(1 << 20).map(|piece| data(piece.to_vec()));
        let begun = [Message::Spec(session_spec("half", "s"))].into_iter();
        let refusal = refused(cairn.client.send(begun.chain(pieces).collect()).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::InvalidArgument, "UPLOAD_INCOMPLETE")
        );
        assert_eq!(refusal.metadata["received_bytes"], size.to_string());
    }
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 0);
    assert_eq!(cairn.count("SELECT count(*) FROM sessions").await, 0);
    cairn.collect_everything().await;
    assert!(cairn.stored().await.is_empty());
}

#[tokio::test]
async fn the_end_says_what_the_content_must_be() {
    let cairn = Cairn::start().await;
    let other = cairn.client.create(spec("other"), "other").await.unwrap();
    for size in [10, 100_000, 9 << 20] {
        let bytes = content(size);
        let whole = |end| {
            let pieces = bytes.chunks(1 << 20).map(|piece| data(piece.to_vec()));
            let begun = std::iter::once(Message::Spec(session_spec("a", "s")));
            begun.chain(pieces).chain([end]).collect::<Vec<_>>()
        };
        for (end, field) in [
            (end_of(&other.content_hash, None), "content_hash"),
            (
                end_of(&other.content_hash, Some(size as i64)),
                "content_hash",
            ),
            (end_of("", Some(size as i64 - 1)), "size_bytes"),
            (end_of("", Some(size as i64 + 1)), "size_bytes"),
        ] {
            let refusal = refused(cairn.client.send(whole(end)).await);
            assert_eq!(
                (refusal.code, &*refusal.reason),
                (Code::InvalidArgument, "CONTENT_MISMATCH")
            );
            assert_eq!(refusal.metadata["field"], field);
            let made = "SELECT count(*) FROM artifacts WHERE filename = 'a' AND state = 'live'";
            assert_eq!(cairn.count(made).await, 0);
        }
        let hash = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        let end = end_of(&hash, Some(size as i64));
        let made = cairn.client.send(whole(end)).await.unwrap();
        assert_eq!(made.content_hash, hash);
        cairn.client.delete(&made.artifact_id).await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_of_a_spec_alone_is_a_file_of_zero_bytes() {
    let cairn = Cairn::start().await;
    let messages = vec![
        Message::Spec(spec("empty")),
        data(vec![]),
        data(vec![]),
        end(),
    ];
    let made = cairn.client.send(messages).await.unwrap();
    assert_eq!(made.size_bytes, 0);
    assert!(made.content_hash.ends_with("7852b855"));
    assert!(
        cairn
            .client
            .download(&made.artifact_id)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn empty_messages_between_the_pieces_change_nothing() {
    let cairn = Cairn::start().await;
    let whole = content(9 << 20);
    let mut messages = vec![Message::Spec(spec("a"))];
    for piece in whole.chunks(1 << 20) {
        messages.extend([data(vec![]), data(piece.to_vec())]);
    }
    messages.push(end());
    let made = cairn.client.send(messages).await.unwrap();
    assert!(cairn.client.download(&made.artifact_id).await.unwrap() == whole);
}

#[tokio::test]
async fn content_over_the_limit_is_refused_as_soon_as_it_passes() {
    let cairn = Setup::on(Bytes::S3)
        .config(|config| config.upload_max_bytes = 1 << 20)
        .start()
        .await;
    cairn
        .client
        .upload(spec("a"), content(1 << 20))
        .await
        .unwrap();
    let mut declared = spec("a");
    declared.size_bytes = Some((1 << 20) + 1);
    for (spec, size) in [(spec("a"), (1 << 20) + 1), (declared, 0)] {
        let refusal = refused(cairn.client.upload(spec, content(size)).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::InvalidArgument, "FILE_TOO_LARGE")
        );
        assert_eq!(refusal.metadata["limit_bytes"], "1048576");
    }
}

#[tokio::test]
async fn a_create_takes_three_mebibytes_and_says_what_to_do_with_more() {
    let cairn = Cairn::start().await;
    let made = cairn
        .client
        .create(spec("a"), content(3 << 20))
        .await
        .unwrap();
    assert!(cairn.client.download(&made.artifact_id).await.unwrap() == content(3 << 20));
    for size in [(3 << 20) + 1, 5 << 20] {
        let refusal = refused(cairn.client.create(spec("a"), content(size)).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::InvalidArgument, "FILE_TOO_LARGE")
        );
        assert!(refusal.message.contains("stream") || refusal.message.contains("UploadArtifact"));
    }
}

/// Begins an upload and waits until the store has bytes of it.
async fn half_an_upload(cairn: &Cairn, client: &Client, size: usize) -> OpenUpload {
    let upload = OpenUpload::begin(client, session_spec("half", "s")).await;
    for piece in content(size).chunks(256 << 10) {
        upload.send(piece.to_vec()).await;
    }
    eventually("the upload has a row", async || {
        cairn
            .count("SELECT count(*) FROM objects WHERE state = 'staging'")
            .await
            == 1
    })
    .await;
    upload
}

async fn leaves_nothing(cairn: &Cairn) {
    eventually("the upload is given up", async || {
        cairn
            .count("SELECT count(*) FROM objects WHERE state = 'staging'")
            .await
            == 0
    })
    .await;
    assert_eq!(
        cairn
            .count("SELECT count(*) FROM objects WHERE state = 'condemned'")
            .await,
        1
    );
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 0);
    assert_eq!(cairn.count("SELECT count(*) FROM sessions").await, 0);
    cairn.collect_everything().await;
    assert!(cairn.stored().await.is_empty());
}

async fn an_upload_that_its_caller_takes_back_is_never_committed(bytes: Bytes) {
    for size in [1 << 20, 20 << 20] {
        let cairn = Setup::on(bytes).start().await;
        let upload = half_an_upload(&cairn, &cairn.client, size).await;
        // Every message is complete: only how the stream ends distinguishes this upload from a short one.
        upload.call.abort();
        leaves_nothing(&cairn).await;
    }
}

#[tokio::test]
async fn an_upload_whose_caller_is_cut_off_is_never_committed() {
    let cairn = Cairn::start().await;
    let wire = Proxy::before_tcp(cairn.grpc_url.trim_start_matches("http://")).await;
    let address = format!("http://{}", wire.address);
    let client = Client::connect(&address, Some(&cairn.key)).await;
    let upload = half_an_upload(&cairn, &client, 20 << 20).await;
    wire.cut();
    assert!(upload.call.await.unwrap().is_err());
    leaves_nothing(&cairn).await;
}

/// An upload that outlived its lease is refused, and can be sent again.
#[tokio::test]
async fn upload_past_its_lease_is_refused_and_retried() {
    let cairn = Cairn::start().await;
    let upload = half_an_upload(&cairn, &cairn.client, 1 << 20).await;
    cairn
        .sql("UPDATE objects SET lease_until = now() - interval '1 s'")
        .await;
    assert_eq!(cairn.collect().await.count("stale_uploads"), 1);
    let refusal = refused(upload.finish().await);
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::Aborted, "UPLOAD_EXPIRED")
    );
    let again = cairn
        .client
        .upload(session_spec("half", "s"), content(1 << 20))
        .await
        .unwrap();
    cairn.collect_everything().await;
    assert!(cairn.client.download(&again.artifact_id).await.unwrap() == content(1 << 20));
    assert_eq!(cairn.stored().await.len(), 1);
}

#[tokio::test]
async fn an_upload_renews_its_lease_for_as_long_as_it_sends() {
    let lease = std::time::Duration::from_millis(1);
    let cairn = Setup::on(Bytes::S3)
        .config(move |config| config.upload_lease = lease)
        .start()
        .await;
    // Far longer than the lease; no collector runs, and each piece renews the lease.
    let upload = half_an_upload(&cairn, &cairn.client, 1 << 20).await;
    let first = "SELECT (extract(epoch FROM lease_until) * 1000000)::bigint FROM objects";
    let before = cairn.count(first).await;
    for piece in content(4 << 20).chunks(256 << 10) {
        upload.send(piece.to_vec()).await;
    }
    eventually("the lease is renewed", async || {
        cairn.count(first).await > before
    })
    .await;
    upload.finish().await.unwrap();
}

async fn identical_uploads_at_once_share_one_object(bytes: Bytes) {
    for size in [1000, 100_000, (8 << 20) + 1] {
        identical_uploads_share_one_object(bytes, size).await;
    }
}

async fn identical_uploads_share_one_object(bytes: Bytes, size: usize) {
    let cairn = Setup::on(bytes).start().await;
    let same = content(size);
    let uploads = (0..8).map(|_| cairn.client.upload(spec("same"), same.clone()));
    let made = futures_util::future::join_all(uploads).await;
    let made: Vec<_> = made.into_iter().map(Result::unwrap).collect();
    let mut versions: Vec<_> = made.iter().map(|artifact| artifact.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(
        made.iter()
            .filter(|artifact| !artifact.deduplicated)
            .count(),
        1
    );
    assert_eq!(
        cairn
            .count("SELECT count(*) FROM objects WHERE state = 'live'")
            .await,
        1
    );
    cairn.collect_everything().await;
    for artifact in &made {
        assert!(cairn.client.download(&artifact.artifact_id).await.unwrap() == same);
    }
    let stored = usize::from(size > 32 << 10);
    assert_eq!(cairn.stored().await.len(), stored, "one copy at the most");
}

#[tokio::test]
async fn tenants_share_no_bytes() {
    let cairn = Cairn::start().await;
    let stranger = cairn.client_of("stranger").await;
    for client in [&cairn.client, &stranger] {
        let made = client.upload(spec("a"), content(100_000)).await.unwrap();
        assert!(!made.deduplicated);
    }
    assert_eq!(cairn.stored().await.len(), 2);
}

#[tokio::test]
async fn a_caller_that_sends_next_to_nothing_is_refused() {
    let patience = Duration::from_secs(2);
    let setup = Setup::on(Bytes::Files).config(move |config| {
        config.upload_patience = patience;
        config.upload_bytes_per_second = 32 << 10;
    });
    let cairn = setup.start().await;
    // It is never silent for long, but a byte adds 30 millionths of a second.
    let slow = OpenUpload::begin(&cairn.client, spec("slow")).await;
    let refusal = loop {
        if slow.call.is_finished() {
            break refused(slow.call.await.unwrap());
        }
        slow.try_send(vec![0]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::Aborted, "UPLOAD_EXPIRED")
    );
    // One that sends enough continues for longer than that: each piece adds all of the patience.
    let fast = OpenUpload::begin(&cairn.client, spec("fast")).await;
    let (began, mut sent) = (Instant::now(), 0);
    while began.elapsed() < 2 * patience {
        fast.send(vec![0; 64 << 10]).await;
        sent += 64 << 10;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(fast.finish().await.unwrap().size_bytes, sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_stand_still_leave_memory_to_other_tenants() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let mut still = Vec::new();
    for i in 0..40 {
        let upload = OpenUpload::begin(&cairn.client, spec(&format!("{i}"))).await;
        still.push(tokio::spawn(async move {
            for _ in 0..24 {
                upload.send(vec![0; 256 << 10]).await;
            }
            upload
        }));
    }
    // Some of them cannot send so much, because their tenant has no more memory.
    eventually("a tenant has all the memory that it may have", async || {
        let staged = "SELECT count(*) FROM objects WHERE state = 'staging'";
        cairn.count(staged).await == 40
    })
    .await;
    let other = cairn.client_of("other").await;
    for i in 0..3 {
        let size = 9 << 20;
        let made = other.upload(spec(&format!("{i}")), content(size)).await;
        assert_eq!(made.unwrap().size_bytes, size as i64);
    }
    still.into_iter().for_each(|task| task.abort());
}

#[tokio::test]
async fn bytes_in_files_can_be_read_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let cairn = Setup::on(Bytes::Files).start().await;
    for size in [100_000, 9 << 20] {
        cairn.client.upload(spec("a"), content(size)).await.unwrap();
    }
    let mut folders = vec![cairn.folder().unwrap().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let found = entry.metadata().unwrap();
            let expected = if found.is_dir() { 0o700 } else { 0o600 };
            let mode = found.permissions().mode() & 0o777;
            assert_eq!(mode, expected, "{}", entry.path().display());
            if found.is_dir() {
                folders.push(entry.path());
            } else {
                files += 1;
            }
        }
    }
    assert_eq!(files, 3, "two contents and the mark of the deployment");
}
