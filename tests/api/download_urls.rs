//! URLs from which content is read without a credential.

use cairn_proto::v1::{CreateDownloadUrlRequest, CreateDownloadUrlResponse};
use prost_types::Duration;
use tonic::Status;

use harness::{Bytes, Cairn, Client, Rest, Setup, content, eventually, refused, spec};

async fn signed(
    client: &Client,
    artifact_id: &str,
    seconds: Option<i64>,
) -> Result<CreateDownloadUrlResponse, Status> {
    let request = CreateDownloadUrlRequest {
        artifact_id: artifact_id.to_owned(),
        expires_in: seconds.map(|seconds| Duration { seconds, nanos: 0 }),
        ..CreateDownloadUrlRequest::default()
    };
    let response = client.artifacts.clone().create_download_url(request).await;
    response.map(tonic::Response::into_inner)
}

async fn made(cairn: &Cairn, name: &str, size: usize) -> String {
    let made = cairn.client.upload(spec(name), content(size)).await;
    made.unwrap().artifact_id
}

/// Content in S3 has a URL of S3's, with its type and name; other content has one of this service.
#[tokio::test]
async fn content_in_s3_is_read_there_and_other_content_here() {
    for (bytes, size, direct) in [
        (Bytes::S3, 200_000, true),
        (Bytes::S3, 100, false),
        (Bytes::Files, 200_000, false),
    ] {
        let cairn = Setup::on(bytes).signing().start().await;
        let whole = content(size);
        for (name, kind, shown) in [
            ("dir/report \"é\".html", "text/html", "attachment"),
            ("a.png", "image/png", "inline"),
        ] {
            let mut spec = spec(name);
            kind.clone_into(&mut spec.content_type);
            let made = cairn.client.upload(spec, whole.clone()).await.unwrap();
            let url = signed(&cairn.client, &made.artifact_id, None)
                .await
                .unwrap();
            assert_eq!(url.direct, direct);
            assert_eq!(
                (&url.filename, &url.content_hash, url.size_bytes),
                (&made.filename, &made.content_hash, made.size_bytes)
            );
            let read = reqwest::get(&url.url).await.unwrap();
            assert_eq!(read.status(), 200);
            let header = |name: &str| read.headers()[name].to_str().unwrap().to_owned();
            assert!(header("content-type").starts_with(kind));
            assert!(header("content-disposition").starts_with(shown));
            assert!(read.bytes().await.unwrap() == whole);
            let part = reqwest::Client::new().get(&url.url);
            let part = part.header("range", "bytes=10-19").send().await.unwrap();
            assert_eq!(part.status(), 206);
            assert!(part.bytes().await.unwrap() == whole[10..20]);
            let put = reqwest::Client::new().put(&url.url).body("x").send().await;
            assert_eq!(put.unwrap().status(), 403);
        }
    }
}

#[tokio::test]
async fn nothing_is_asked_of_s3_to_sign_a_download() {
    let cairn = Setup::on(Bytes::S3).proxied().signing().start().await;
    let id = made(&cairn, "a", 200_000).await;
    let asked = cairn.s3_proxy().heads().len();
    assert!(signed(&cairn.client, &id, None).await.unwrap().direct);
    assert_eq!(cairn.s3_proxy().heads().len(), asked);
}

#[tokio::test]
async fn only_visible_and_sound_content_has_a_url() {
    let cairn = Setup::on(Bytes::S3).signing().start().await;
    let (deleted, expired) = (
        made(&cairn, "a", 200_000).await,
        made(&cairn, "b", 200_001).await,
    );
    let damaged = made(&cairn, "c", 200_002).await;
    cairn.client.delete(&deleted).await.unwrap();
    let late = format!("UPDATE artifacts SET expires_at = now() WHERE id = '{expired}'");
    cairn.sql(&late).await;
    let ghost = format!(
        "INSERT INTO gc_ghosts (tenant_id, object_id, problem)
         SELECT tenant_id, object_id, 'missing' FROM artifacts WHERE id = '{damaged}'"
    );
    cairn.sql(&ghost).await;
    let other = cairn.client_of("globex").await;
    let fine = made(&cairn, "d", 200_003).await;
    for (client, id, reason) in [
        (&cairn.client, &deleted, "ARTIFACT_DELETED"),
        (&cairn.client, &expired, "ARTIFACT_EXPIRED"),
        (&cairn.client, &damaged, "DATA_CORRUPTED"),
        (&other, &fine, "ARTIFACT_NOT_FOUND"),
    ] {
        assert_eq!(refused(signed(client, id, None).await).reason, reason);
    }
    signed(&cairn.client, &fine, None).await.unwrap();
}

/// A URL lives an hour at most, and ends with the artifact and with the credential.
#[tokio::test]
async fn a_url_ends_with_its_artifact_and_its_credential() {
    for bytes in [Bytes::S3, Bytes::Files] {
        let cairn = Setup::on(bytes).signing().start().await;
        let id = made(&cairn, "a", 200_000).await;
        for wrong in [0, -1, 3601] {
            let refusal = refused(signed(&cairn.client, &id, Some(wrong)).await);
            assert_eq!(refusal.fields, ["expires_in"]);
        }
        let now = jiff::Timestamp::now().as_second();
        let left = |url: &CreateDownloadUrlResponse| url.expire_time.unwrap().seconds - now;
        let url = signed(&cairn.client, &id, Some(3600)).await.unwrap();
        assert!((3590..3660).contains(&left(&url)), "{}", left(&url));
        let soon = "UPDATE artifacts SET expires_at = now() + interval '10 minutes'";
        cairn.sql(soon).await;
        let url = signed(&cairn.client, &id, Some(3600)).await.unwrap();
        assert!(left(&url) <= 660, "{}", left(&url));

        let short = signed(&cairn.client, &id, Some(1)).await.unwrap();
        eventually("the URL has ended", async || {
            cairn.get(&short.url).await == 403
        })
        .await;
    }
}

#[tokio::test]
async fn a_url_is_a_read_in_the_audit_trail() {
    let cairn = Setup::on(Bytes::S3).signing().start().await;
    let id = made(&cairn, "a", 200_000).await;
    signed(&cairn.client, &id, None).await.unwrap();
    let lines = format!(
        "SELECT count(*) FROM audit WHERE operation = 'CreateDownloadUrl' AND resource = '{id}'"
    );
    eventually("the line is written", async || {
        cairn.count(&lines).await == 1
    })
    .await;
}

#[tokio::test]
async fn the_json_route_signs_urls_of_s3_too() {
    let cairn = Setup::on(Bytes::S3).signing().start().await;
    let id = made(&cairn, "a.bin", 200_000).await;
    let rest = Rest::of(&cairn);
    let path = format!("/v1/artifacts/{id}/download-url");
    let told = rest.get(&format!("{path}?expires_in=60")).await.ok();
    assert_eq!(told["expires_in"], 60);
    let url = told["download_url"].as_str().unwrap();
    assert!(url.contains("X-Amz-Signature="), "{url}");
    let read = reqwest::get(url).await.unwrap();
    assert!(read.bytes().await.unwrap() == content(200_000));
    for wrong in ["expires_in=0", "expires_in=3601", "expires=60"] {
        let answer = rest.get(&format!("{path}?{wrong}")).await;
        assert_eq!(answer.refused().0, 400, "{wrong}");
    }
}
