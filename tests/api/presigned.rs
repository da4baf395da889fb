//! Uploads whose parts are put straight into S3 by programs that have nothing but URLs: only what was declared becomes
//! visible, and only by the server's own reading.

use std::collections::BTreeSet;

use cairn_proto::v1::{
    Artifact, ArtifactSpec, FinishUploadRequest, PresignUploadPartsRequest, PresignedPart,
    UploadEnd, UploadState,
};
use cairn_store::TenantUpdate;
use prost_types::Duration;
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{Code, Status};

use harness::{
    Bytes, Cairn, Setup, content, eventually, part_of, put_to, refused, session_spec, spec,
};

const MIB: usize = 1 << 20;
/// Three parts, of which the last is small.
const SIZE: usize = 16 * MIB + 5;

async fn signing() -> Cairn {
    Setup::on(Bytes::S3).signing().start().await
}

fn declared(name: &str, size: usize) -> ArtifactSpec {
    ArtifactSpec {
        size_bytes: Some(size as i64),
        ..session_spec(name, "run")
    }
}

fn hash_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// An upload of this content, and the URLs of its parts.
async fn begun(cairn: &Cairn, spec: ArtifactSpec) -> (String, Vec<PresignedPart>) {
    let upload = cairn.client.start_upload(spec).await.unwrap();
    let parts = cairn.client.presign(&upload.upload_id).await.unwrap();
    (upload.upload_id, parts)
}

async fn put_all(parts: &[PresignedPart], whole: &[u8]) {
    for part in parts {
        let bytes = part_of(whole, part).to_vec();
        assert_eq!(put_to(&part.url, bytes).await, 200, "{part:?}");
    }
}

async fn nothing_is_left(cairn: &Cairn) {
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await, Vec::<String>::new());
    let artifacts = "SELECT count(*) FROM artifacts";
    assert_eq!(cairn.count(artifacts).await, 0);
}

#[tokio::test]
async fn parts_put_in_any_order_become_the_artifact() {
    let cairn = signing().await;
    let whole = content(SIZE);
    let (id, mut parts) = begun(&cairn, declared("a.bin", SIZE)).await;
    let places: Vec<_> = parts
        .iter()
        .map(|part| (part.number, part.offset))
        .collect();
    let eight = 8 * MIB as i64;
    assert_eq!(places, [(1, 0), (2, eight), (3, 2 * eight)]);
    parts.reverse();
    put_all(&parts, &whole).await;
    let open = cairn.client.get_upload(&id).await.unwrap();
    assert_eq!(open.state(), UploadState::Open);
    assert_eq!(open.presigned_part_bytes, eight);
    let made = cairn.client.finish_upload(&id).await.unwrap();
    assert_eq!(
        (made.size_bytes, &made.content_hash),
        (SIZE as i64, &hash_of(&whole))
    );
    assert!(cairn.client.download(&made.artifact_id).await.unwrap() == whole);
    let again = cairn.client.finish_upload(&id).await.unwrap();
    assert_eq!(again.artifact_id, made.artifact_id);
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await.len(), 1);
}

/// A part is put again, also after its URL was signed anew, and what was put last counts.
#[tokio::test]
async fn parts_are_put_again_until_the_upload_is_finished() {
    let cairn = signing().await;
    let whole = content(SIZE);
    let (id, parts) = begun(&cairn, declared("a", SIZE)).await;
    put_all(&parts, &vec![7; SIZE]).await;
    let parts = cairn.client.presign(&id).await.unwrap();
    put_all(&parts, &whole).await;
    let made = loop {
        let refusal = match cairn.client.finish_upload(&id).await {
            Ok(made) => break made,
            Err(status) => refused::<()>(Err(status)),
        };
        // The server of the tests does not say which of two that were put in one second is the later one.
        assert_eq!(refusal.reason, "UPLOAD_PARTS_MISSING");
        put_all(&parts, &whole).await;
    };
    assert_eq!(made.content_hash, hash_of(&whole));
}

#[tokio::test]
async fn finish_names_the_parts_that_are_not_there() {
    let cairn = signing().await;
    let whole = content(SIZE);
    let (id, parts) = begun(&cairn, declared("a", SIZE)).await;
    let missing = async || {
        let refusal = refused(cairn.client.finish_upload(&id).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::FailedPrecondition, "UPLOAD_PARTS_MISSING")
        );
        assert_eq!(refusal.metadata["upload_id"], id);
        refusal.metadata["parts"].clone()
    };
    assert_eq!(missing().await, "1,2,3");
    put_all(&parts[1..2], &whole).await;
    assert_eq!(missing().await, "1,3");
    // A part of another length is refused by S3, or found by the finish.
    put_to(&parts[0].url, vec![1; 1000]).await;
    assert_eq!(missing().await, "1,3");
    put_all(&parts, &whole).await;
    cairn.client.finish_upload(&id).await.unwrap();
}

#[tokio::test]
async fn wrong_bytes_end_the_upload_and_show_nothing() {
    let cairn = signing().await;
    let mut spec = declared("a", SIZE);
    spec.content_hash = hash_of(&content(SIZE));
    let (id, parts) = begun(&cairn, spec).await;
    put_all(&parts, &vec![7; SIZE]).await;
    let refusal = refused(cairn.client.finish_upload(&id).await);
    assert_eq!(refusal.reason, "CONTENT_MISMATCH");
    assert_eq!(refusal.metadata["field"], "content_hash");
    let ended = cairn.client.get_upload(&id).await.unwrap();
    assert_eq!(ended.state(), UploadState::Ended);
    let refusal = refused(cairn.client.finish_upload(&id).await);
    assert_eq!(refusal.reason, "UPLOAD_EXPIRED");
    nothing_is_left(&cairn).await;
}

/// A hash that the finish alone declares can be corrected.
#[tokio::test]
async fn a_wrong_hash_at_the_end_leaves_the_upload_open() {
    let cairn = signing().await;
    let whole = content(SIZE);
    let (id, parts) = begun(&cairn, declared("a", SIZE)).await;
    put_all(&parts, &whole).await;
    let finish = async |hash: String| -> Result<Artifact, Status> {
        let request = FinishUploadRequest {
            upload_id: id.clone(),
            end: Some(UploadEnd {
                content_hash: hash,
                ..UploadEnd::default()
            }),
            ..FinishUploadRequest::default()
        };
        cairn.client.finish_upload_with(request).await
    };
    let refusal = refused(finish(hash_of(b"another")).await);
    assert_eq!(refusal.reason, "CONTENT_MISMATCH");
    let finishing = cairn.client.get_upload(&id).await.unwrap();
    assert_eq!(finishing.state(), UploadState::Finishing);
    finish(hash_of(&whole)).await.unwrap();
}

#[tokio::test]
async fn urls_are_without_effect_after_the_end() {
    let cairn = signing().await;
    let whole = content(SIZE);
    let (id, parts) = begun(&cairn, declared("a", SIZE)).await;
    put_all(&parts, &whole).await;
    let made = cairn.client.finish_upload(&id).await.unwrap();
    for part in &parts {
        let bytes = vec![7; part.size_bytes as usize];
        assert_ne!(put_to(&part.url, bytes).await, 200);
    }
    assert!(cairn.client.download(&made.artifact_id).await.unwrap() == whole);

    let (id, parts) = begun(&cairn, declared("b", SIZE)).await;
    put_all(&parts[..1], &whole).await;
    cairn.client.abort_upload(&id).await.unwrap();
    // The parts are reclaimed with the upload, and those that arrive until then too.
    put_to(&parts[1].url, part_of(&whole, &parts[1]).to_vec()).await;
    cairn.collect_everything().await;
    assert_ne!(
        put_to(&parts[2].url, part_of(&whole, &parts[2]).to_vec()).await,
        200
    );
    assert_eq!(cairn.stored().await.len(), 1);
    let refusal = refused(cairn.client.presign(&id).await);
    assert_eq!(refusal.reason, "UPLOAD_EXPIRED");
}

/// A part that is being put while the upload is aborted and reclaimed leaves nothing.
#[tokio::test]
async fn abort_while_a_part_is_put_leaves_nothing() {
    let cairn = signing().await;
    let whole = content(SIZE);
    let (id, parts) = begun(&cairn, declared("a", SIZE)).await;
    let (host, target) = (parts[0].url.strip_prefix("http://").unwrap())
        .split_once('/')
        .unwrap();
    let mut put = TcpStream::connect(host).await.unwrap();
    let (first, last) = part_of(&whole, &parts[0]).split_at(MIB);
    let length = parts[0].size_bytes;
    let head = format!(
        "PUT /{target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    put.write_all(head.as_bytes()).await.unwrap();
    put.write_all(first).await.unwrap();
    cairn.client.abort_upload(&id).await.unwrap();
    cairn.collect_everything().await;
    let _ = put.write_all(last).await;
    let _ = put.read_to_end(&mut Vec::new()).await;
    cairn
        .sql("UPDATE objects SET gone_at = now() - interval '90 days' WHERE state = 'gone'")
        .await;
    eventually("what arrived late is removed", async || {
        cairn.pass("unfinished_uploads").await;
        cairn.stored().await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_session_sealed_in_between_gets_nothing() {
    let cairn = signing().await;
    let whole = content(SIZE);
    cairn
        .client
        .create(session_spec("first", "run"), "x")
        .await
        .unwrap();
    let (id, parts) = begun(&cairn, declared("a", SIZE)).await;
    put_all(&parts, &whole).await;
    cairn.client.seal("run").await.unwrap();
    for _ in 0..2 {
        let refusal = refused(cairn.client.finish_upload(&id).await);
        assert_eq!(refusal.reason, "SESSION_SEALED");
    }
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_url_ends_when_it_says() {
    let cairn = signing().await;
    let (id, _) = begun(&cairn, declared("a", 1000)).await;
    let sign = |expires_in: Option<Duration>| PresignUploadPartsRequest {
        upload_id: id.clone(),
        expires_in,
        ..PresignUploadPartsRequest::default()
    };
    let seconds = |seconds| Some(Duration { seconds, nanos: 0 });
    let signed = async |expires_in| {
        let request = sign(expires_in);
        let mut uploads = cairn.client.uploads.clone();
        let signed = uploads.presign_upload_parts(request).await;
        signed.map(tonic::Response::into_inner)
    };
    for wrong in [seconds(0), seconds(-1), seconds(43_201)] {
        let refusal = refused(signed(wrong).await);
        assert_eq!(refusal.fields, ["expires_in"]);
    }
    let short = signed(seconds(1)).await.unwrap().parts.remove(0);
    eventually("the URL has expired", async || {
        put_to(&short.url, content(1000)).await == 403
    })
    .await;
}

#[tokio::test]
async fn parts_are_signed_page_by_page() {
    let cairn = signing().await;
    let size = 120 * 8 * MIB + 1;
    let upload = cairn.client.start_upload(declared("a", size)).await;
    let id = upload.unwrap().upload_id;
    let page = async |first_part, part_count| {
        let request = PresignUploadPartsRequest {
            upload_id: id.clone(),
            first_part,
            part_count,
            ..PresignUploadPartsRequest::default()
        };
        let mut uploads = cairn.client.uploads.clone();
        let signed = uploads.presign_upload_parts(request).await;
        signed.map(tonic::Response::into_inner)
    };
    let mut numbers = Vec::new();
    for first in [0, 51, 101, 151] {
        let signed = page(first, 0).await.unwrap();
        assert_eq!(signed.total_parts, 121);
        numbers.extend(signed.parts.iter().map(|part| part.number));
    }
    assert_eq!(numbers, (1..=121).collect::<Vec<_>>());
    let last = page(121, 200).await.unwrap().parts.remove(0);
    assert_eq!((last.offset, last.size_bytes), (size as i64 - 1, 1));
    for (first, count, field) in [
        (-1, 0, "first_part"),
        (1, -1, "part_count"),
        (1, 201, "part_count"),
    ] {
        assert_eq!(refused(page(first, count).await).fields, [field]);
    }
}

#[tokio::test]
async fn only_an_unwritten_upload_of_known_size_is_presigned() {
    let cairn = signing().await;
    let client = &cairn.client;
    let start = async |spec| client.start_upload(spec).await.unwrap().upload_id;
    let (unknown, empty) = (start(spec("a")).await, start(declared("b", 0)).await);
    let written = start(declared("c", SIZE)).await;
    client.write_upload(&written, 0, content(10)).await.unwrap();
    for id in [unknown, empty, written] {
        let refusal = refused(client.presign(&id).await);
        assert_eq!(refusal.reason, "INVALID_ARGUMENT");
        assert_eq!(refusal.fields, ["upload_id"]);
    }
    let (presigned, _) = begun(&cairn, declared("d", SIZE)).await;
    let refusal = refused(client.write_upload(&presigned, 0, content(10)).await);
    assert_eq!(refusal.fields, ["position.upload_id"]);
    let other = cairn.client_of("globex").await;
    for id in [&*presigned, "upl_00000000000000000000"] {
        let refusal = refused(other.presign(id).await);
        assert_eq!(refusal.reason, "UPLOAD_NOT_FOUND");
    }
}

#[tokio::test]
async fn without_a_reachable_s3_no_part_is_signed() {
    for setup in [Setup::on(Bytes::Files), Setup::on(Bytes::S3)] {
        let cairn = setup.start().await;
        let upload = cairn.client.start_upload(declared("a", SIZE)).await;
        let id = upload.unwrap().upload_id;
        let refusal = refused(cairn.client.presign(&id).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::FailedPrecondition, "PRESIGN_UNSUPPORTED")
        );
        let whole = content(SIZE);
        cairn.client.write_upload(&id, 0, whole).await.unwrap();
        cairn.client.finish_upload(&id).await.unwrap();
    }
}

/// The quota counts the declared size from the start, and no more whatever is put.
#[tokio::test]
async fn a_presigned_upload_reserves_what_it_declares() {
    let cairn = signing().await;
    let update = TenantUpdate {
        max_stored_bytes: Some(Some(SIZE as u64 + 10)),
        ..TenantUpdate::default()
    };
    assert!(cairn.store.update_tenant("acme", update).await.unwrap());
    let (id, parts) = begun(&cairn, declared("a", SIZE)).await;
    let refusal = refused(cairn.client.create(spec("b"), content(11)).await);
    assert_eq!(refusal.reason, "QUOTA_EXCEEDED");
    put_all(&parts, &content(SIZE)).await;
    cairn.client.finish_upload(&id).await.unwrap();
    cairn.client.create(spec("b"), content(10)).await.unwrap();
    let refusal = refused(cairn.client.create(spec("c"), content(1)).await);
    assert_eq!(refusal.reason, "QUOTA_EXCEEDED");
}

/// S3 does not know the holders of its URLs, so the trail has the caller that asked for them.
#[tokio::test]
async fn signing_parts_is_in_the_audit_trail() {
    let cairn = signing().await;
    let (id, _) = begun(&cairn, declared("a", SIZE)).await;
    cairn.client.presign(&id).await.unwrap();
    let lines = format!(
        "SELECT count(*) FROM audit WHERE operation = 'PresignUploadParts'
            AND resource = 'upload {id}' AND result = 'OK' AND actor ->> 'kind' = 'key'"
    );
    assert_eq!(cairn.count(&lines).await, 2);
    let other = cairn.client_of("globex").await;
    refused(other.presign(&id).await);
    cairn.client.abort_upload(&id).await.unwrap();
    refused(cairn.client.presign(&id).await);
    assert_eq!(cairn.count(&lines).await, 2);
}

/// What the end declares, and whether the session is sealed, is known before a byte is read or combined.
#[tokio::test]
async fn a_finish_that_cannot_succeed_combines_nothing() {
    let cairn = Setup::on(Bytes::S3).proxied().signing().start().await;
    cairn
        .client
        .create(session_spec("b", "run"), "b")
        .await
        .unwrap();
    let (id, parts) = begun(&cairn, declared("a", SIZE)).await;
    put_all(&parts, &content(SIZE)).await;
    let asked = cairn.s3_proxy().heads().len();
    let request = FinishUploadRequest {
        upload_id: id.clone(),
        end: Some(UploadEnd {
            size_bytes: Some(1),
            ..UploadEnd::default()
        }),
        ..FinishUploadRequest::default()
    };
    let refusal = refused(cairn.client.finish_upload_with(request).await);
    assert_eq!(refusal.metadata["field"], "size_bytes");
    cairn.client.seal("run").await.unwrap();
    let refusal = refused(cairn.client.finish_upload(&id).await);
    assert_eq!(refusal.reason, "SESSION_SEALED");
    assert_eq!(cairn.s3_proxy().heads().len(), asked);
    let open = cairn.client.get_upload(&id).await.unwrap();
    assert_eq!(open.state(), UploadState::Open);
}

#[tokio::test]
async fn nothing_is_asked_of_s3_to_sign_parts() {
    let cairn = Setup::on(Bytes::S3).proxied().signing().start().await;
    let (id, parts) = begun(&cairn, declared("a", SIZE)).await;
    let asked = cairn.s3_proxy().heads().len();
    let again = cairn.client.presign(&id).await.unwrap();
    assert_eq!(cairn.s3_proxy().heads().len(), asked);
    let numbers = |parts: &[PresignedPart]| -> BTreeSet<i32> {
        parts.iter().map(|part| part.number).collect()
    };
    assert_eq!(numbers(&parts), numbers(&again));
}
