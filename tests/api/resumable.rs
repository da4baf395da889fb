//! Uploads that are resumed: nothing that was acknowledged is lost, and the bytes of two writers never mix.

use std::time::Duration;

use cairn_proto::v1::{
    ArtifactStage, FinishUploadRequest, ListUploadsRequest, UploadEnd, UploadPosition, UploadState,
    WriteUploadRequest, write_upload_request::Message,
};
use sha2::{Digest, Sha256};
use tonic::Code;

use harness::{
    Bytes, Cairn, OpenWrite, Setup, content, eventually, refused, session_spec, spec,
    within_patience,
};

mod ends;
mod quotas;

harness::on_s3_and_files!(
    pieces_become_one_artifact,
    later_writer_takes_over_and_bytes_do_not_mix,
    cut_write_keeps_what_arrived,
);

const MIB: usize = 1 << 20;

fn hash_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Content that is written in several calls, however it is divided, becomes an artifact with all of it.
async fn pieces_become_one_artifact(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let client = &cairn.client;
    let divisions: [&[usize]; 6] = [
        &[],
        &[0, 1],
        &[1, 99_999, 1],
        &[8 * MIB],
        &[5 * MIB - 1, 5 * MIB, 1],
        &[3 * MIB, 3 * MIB, 9 * MIB, 17],
    ];
    for (number, division) in divisions.into_iter().enumerate() {
        let whole = content(division.iter().sum::<usize>());
        let name = format!("{number}");
        let upload = client.start_upload(session_spec(&name, "run")).await;
        let upload = upload.unwrap();
        assert_eq!(upload.state(), UploadState::Open);
        let (id, mut at) = (upload.upload_id, 0);
        for size in division {
            let piece = whole[at..at + size].to_vec();
            let written = client.write_upload(&id, at as i64, piece).await.unwrap();
            at += size;
            assert_eq!(written.committed_bytes, at as i64);
        }
        let artifact = client.finish_upload(&id).await.unwrap();
        assert_eq!(artifact.content_hash, hash_of(&whole));
        assert_eq!(artifact.size_bytes, whole.len() as i64);
        let stored = client.download(&artifact.artifact_id).await.unwrap();
        assert!(stored == whole, "division {number}");
        let finished = client.get_upload(&id).await.unwrap();
        assert_eq!(finished.state(), UploadState::Finished);
        assert_eq!(finished.artifact_id, artifact.artifact_id);
    }
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await.len(), divisions.len());
}

#[tokio::test]
async fn wrong_offset_is_answered_with_the_right_one() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let id = client.start_upload(spec("a")).await.unwrap().upload_id;
    let first = client.write_upload(&id, 0, content(9 * MIB)).await.unwrap();
    let right = first.committed_bytes;
    for wrong in [0, right - 1, right + 1, i64::MAX] {
        let refusal = refused(client.write_upload(&id, wrong, vec![1]).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::OutOfRange, "UPLOAD_OFFSET_MISMATCH")
        );
        assert_eq!(refusal.metadata["offset"], right.to_string());
        assert_eq!(refusal.metadata["upload_id"], id);
    }
    let now = client.get_upload(&id).await.unwrap();
    assert_eq!(now.committed_bytes, right, "nothing was changed");
}

#[tokio::test]
async fn writes_that_break_the_rules_change_nothing() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let id = client.start_upload(spec("a")).await.unwrap().upload_id;
    let message = |message| WriteUploadRequest {
        message: Some(message),
    };
    let position = |offset| {
        let upload_id = id.clone();
        message(Message::Position(UploadPosition { upload_id, offset }))
    };
    let data = || message(Message::Data(vec![1].into()));
    for (messages, field) in [
        (vec![], "message"),
        (vec![data()], "message"),
        (vec![position(-1), data()], "position.offset"),
        (vec![position(0), position(0)], "message"),
        (
            vec![position(0), WriteUploadRequest { message: None }],
            "message",
        ),
    ] {
        let refusal = refused(client.send_write(messages).await);
        assert_eq!(refusal.code, Code::InvalidArgument);
        assert_eq!(refusal.fields, [field]);
    }
    assert_eq!(client.get_upload(&id).await.unwrap().committed_bytes, 0);
    for unknown in ["", "upl_", "upl_00000000000000000000", "art_1"] {
        let refusal = refused(client.write_upload(unknown, 0, vec![1]).await);
        assert_eq!(refusal.reason, "UPLOAD_NOT_FOUND");
    }
}

/// A second writer takes the upload over. The first one hears LAST_WRITER, and nothing that it sends afterwards becomes
/// part of the upload.
async fn later_writer_takes_over_and_bytes_do_not_mix(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let client = &cairn.client;
    let id = client.start_upload(spec("a")).await.unwrap().upload_id;
    let (of_first, of_second) = (vec![1; 9 * MIB], content(20 * MIB));
    let first = OpenWrite::begin(client, &id, 0).await;
    first.send(&of_first[..3 * MIB]).await;
    let taken = "SELECT count(*) FROM uploads WHERE fence = 1";
    eventually("the first writer has the upload", async || {
        cairn.count(taken).await == 1
    })
    .await;
    let half = of_second[..10 * MIB].to_vec();
    let written = client.write_upload(&id, 0, half).await.unwrap();
    first.send(&of_first[3 * MIB..]).await;
    let refusal = refused(first.close().await);
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::Aborted, "LAST_WRITER")
    );
    assert_eq!(refusal.metadata["upload_id"], id);
    let at = written.committed_bytes;
    assert_eq!(at, 10 * MIB as i64);
    let rest = of_second[at as usize..].to_vec();
    client.write_upload(&id, at, rest).await.unwrap();
    let artifact = client.finish_upload(&id).await.unwrap();
    assert_eq!(artifact.content_hash, hash_of(&of_second));
    assert!(client.download(&artifact.artifact_id).await.unwrap() == of_second);
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await.len(), 1);
}

/// What arrived before a stream was cut off is kept, and the upload goes on after it.
async fn cut_write_keeps_what_arrived(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let client = &cairn.client;
    let whole = content(10 * MIB);
    let id = client.start_upload(spec("a")).await.unwrap().upload_id;
    let write = OpenWrite::begin(client, &id, 0).await;
    write.send(&whole[..9 * MIB]).await;
    write.cut();
    let mut kept = 0;
    eventually("what arrived is stored", async || {
        kept = client.get_upload(&id).await.unwrap().committed_bytes;
        kept > 0
    })
    .await;
    assert!(kept <= 9 * MIB as i64);
    let mut at = kept;
    loop {
        let rest = whole[at as usize..].to_vec();
        match client.write_upload(&id, at, rest).await {
            Ok(written) => break assert_eq!(written.committed_bytes, 10 * MIB as i64),
            // The writer that was cut off was still storing.
            Err(status) => {
                let refusal = refused::<()>(Err(status));
                assert_eq!(refusal.reason, "UPLOAD_OFFSET_MISMATCH");
                at = refusal.metadata["offset"].parse().unwrap();
            }
        }
    }
    let artifact = client.finish_upload(&id).await.unwrap();
    assert_eq!(artifact.content_hash, hash_of(&whole));
}

/// A write is ended for a caller that sends too little, and the upload stays open with what it sent.
#[tokio::test]
async fn stalled_write_ends_and_keeps_its_bytes() {
    let cairn = Setup::on(Bytes::Files)
        .config(|config| config.upload_patience = Duration::from_millis(300))
        .start()
        .await;
    let client = &cairn.client;
    let id = client.start_upload(spec("a")).await.unwrap().upload_id;
    let write = OpenWrite::begin(client, &id, 0).await;
    write.send(&content(1000)).await;
    let call = within_patience("the call ends", write.call).await;
    let refusal = refused(call.unwrap());
    assert_eq!(refusal.reason, "UNAVAILABLE");
    let now = client.get_upload(&id).await.unwrap();
    assert_eq!(
        (now.state(), now.committed_bytes),
        (UploadState::Open, 1000)
    );
}

#[tokio::test]
async fn end_of_an_upload_can_describe_it() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let mut described = spec("a.txt");
    described.metadata = [
        ("a".to_owned(), "1".to_owned()),
        ("b".to_owned(), "1".to_owned()),
    ]
    .into();
    described.labels = vec!["x".to_owned()];
    let id = client.start_upload(described).await.unwrap().upload_id;
    client.write_upload(&id, 0, "text").await.unwrap();
    let artifact = client
        .finish_upload_with(FinishUploadRequest {
            upload_id: id,
            end: Some(UploadEnd {
                content_hash: hash_of(b"text"),
                size_bytes: Some(4),
            }),
            metadata: [("b".to_owned(), "2".to_owned())].into(),
            labels: vec!["y".to_owned()],
            stage: ArtifactStage::Final.into(),
        })
        .await
        .unwrap();
    assert_eq!(
        (&*artifact.metadata["a"], &*artifact.metadata["b"]),
        ("1", "2")
    );
    assert_eq!(artifact.labels, ["x", "y"]);
    assert_eq!(artifact.stage(), ArtifactStage::Final);
    assert_eq!(artifact.content_type, "text/plain");
}

#[tokio::test]
async fn a_type_is_found_however_the_first_bytes_are_divided() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let whole = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 100]].concat();
    let client = &cairn.client;
    let upload = client.start_upload(spec("picture")).await.unwrap();
    let id = upload.upload_id;
    client
        .write_upload(&id, 0, whole[..3].to_vec())
        .await
        .unwrap();
    client
        .write_upload(&id, 3, whole[3..].to_vec())
        .await
        .unwrap();
    let made = client.finish_upload(&id).await.unwrap();
    assert_eq!(made.content_type, "image/png");
}

#[tokio::test]
async fn same_key_opens_one_upload() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let mut keyed = spec("a");
    keyed.idempotency_key = "k".to_owned();
    let upload = client.start_upload(keyed.clone()).await.unwrap();
    client
        .write_upload(&upload.upload_id, 0, "text")
        .await
        .unwrap();
    let again = client.start_upload(keyed.clone()).await.unwrap();
    assert_eq!(again.upload_id, upload.upload_id);
    assert_eq!(again.committed_bytes, 4, "it is as it is now");
    client.finish_upload(&upload.upload_id).await.unwrap();
    let again = client.start_upload(keyed.clone()).await.unwrap();
    assert_eq!(again.state(), UploadState::Finished);
    keyed.filename = "b".to_owned();
    let refusal = refused(client.start_upload(keyed).await);
    assert_eq!(refusal.reason, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn open_uploads_are_listed_newest_first() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "done"] {
        ids.push(client.start_upload(spec(name)).await.unwrap().upload_id);
    }
    client.finish_upload(&ids[3]).await.unwrap();
    let other = cairn.client_of("other").await;
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListUploadsRequest {
            page_size: 2,
            page_token: token,
        };
        let theirs = other
            .uploads
            .clone()
            .list_uploads(ListUploadsRequest::default())
            .await;
        assert!(theirs.unwrap().into_inner().uploads.is_empty());
        let page = client.uploads.clone().list_uploads(request).await;
        let page = page.unwrap().into_inner();
        listed.extend(page.uploads.into_iter().map(|upload| upload.upload_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    ids.truncate(3);
    ids.reverse();
    assert_eq!(listed, ids);
}
