//! Resumable uploads over HTTP, by the careful profile of the IETF's draft.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use harness::{Answer, Bytes, Cairn, Proxy, Rest, Setup, content, eventually, program, text};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use sha2::{Digest, Sha256};

const MIB: usize = 1 << 20;

async fn started(rest: &Rest, spec: serde_json::Value) -> String {
    let answer = rest.post("/v1/uploads", spec).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("upload-offset"), "0");
    assert_eq!(answer.header("upload-complete"), "?0");
    assert!(answer.header("upload-limit").contains("max-size="));
    answer.header("location").to_owned()
}

fn patch(rest: &Rest, path: &str, offset: usize, last: bool, body: &[u8]) -> RequestBuilder {
    rest.request(Method::PATCH, path)
        .header("content-type", "application/partial-upload")
        .header("upload-offset", offset)
        .header("upload-complete", if last { "?1" } else { "?0" })
        .body(body.to_vec())
}

async fn head(rest: &Rest, path: &str) -> Answer {
    Answer::to(rest.request(Method::HEAD, path)).await
}

#[tokio::test]
async fn upload_is_appended_to_and_ends_as_an_artifact() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let whole = content(9 * MIB + 5);
    let path = started(&rest, json!({"filename": "f.bin", "session_id": "r"})).await;
    assert!(path.starts_with("/v1/uploads/upl_"));
    let first = Answer::to(patch(&rest, &path, 0, false, &whole[..MIB])).await;
    assert_eq!(
        (first.status, first.header("upload-offset")),
        (204, "1048576")
    );
    let now = head(&rest, &path).await;
    assert_eq!((now.status, now.header("upload-offset")), (204, "1048576"));
    assert_eq!(now.header("upload-complete"), "?0");
    assert_eq!(now.header("cache-control"), "no-store");
    let wrong = Answer::to(patch(&rest, &path, 7, true, &whole[7..])).await;
    assert_eq!(wrong.refused(), (409, "upload_offset_mismatch"));
    assert_eq!(wrong.header("upload-offset"), "1048576");
    assert_eq!(wrong.header("upload-complete"), "?0");
    let last = || Answer::to(patch(&rest, &path, MIB, true, &whole[MIB..]));
    let made = last().await;
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.header("upload-complete"), "?1");
    assert_eq!(made.header("upload-offset"), whole.len().to_string());
    assert_eq!(made.body["session_id"], "r");
    let stored = cairn.client.download(text(&made.body["artifact_id"])).await;
    assert!(stored.unwrap() == whole);
    // A lost answer is asked for again.
    let again = Answer::to(patch(&rest, &path, whole.len(), true, b"")).await;
    assert_eq!(again.ok()["artifact_id"], made.body["artifact_id"]);
    let now = head(&rest, &path).await;
    assert_eq!(now.header("upload-complete"), "?1");
    let shown = rest.get(&path).await.ok();
    assert_eq!(shown["state"], "finished");
    assert_eq!(shown["artifact_id"], made.body["artifact_id"]);
}

#[tokio::test]
async fn declared_length_and_digest_are_held_to() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let rest = Rest::of(&cairn);
    let digest = |bytes: &[u8]| {
        let hash = BASE64_STANDARD.encode(Sha256::digest(bytes));
        format!("sha-256=:{hash}:")
    };
    let start = |length: usize, digest: String| {
        rest.request(Method::POST, "/v1/uploads")
            .header("upload-complete", "?0")
            .header("upload-length", length)
            .header("repr-digest", digest)
            .json(&json!({"filename": "a.txt"}))
    };
    let started = Answer::to(start(4, digest(b"text"))).await;
    assert_eq!(started.header("upload-length"), "4");
    let path = started.header("location");
    let longer = Answer::to(patch(&rest, path, 0, true, b"texts")).await;
    assert_eq!(longer.refused(), (400, "content_mismatch"));
    let other = patch(&rest, path, 0, false, b"te").header("upload-length", 5);
    assert_eq!(Answer::to(other).await.refused(), (400, "invalid_request"));
    let wrong = Answer::to(patch(&rest, path, 0, true, b"else")).await;
    assert_eq!(wrong.refused(), (400, "content_mismatch"));
    assert_eq!(wrong.header("upload-complete"), "?1");
    let path = Answer::to(start(4, digest(b"text"))).await;
    let path = path.header("location").to_owned();
    Answer::to(patch(&rest, &path, 0, true, b"text")).await.ok();
    for (header, value) in [
        ("upload-length", "five"),
        ("upload-complete", "?1"),
        ("upload-complete", "yes"),
        ("repr-digest", "sha-256=:AAAA:"),
    ] {
        let request = rest.request(Method::POST, "/v1/uploads");
        let request = request
            .json(&json!({"filename": "a"}))
            .header(header, value);
        let answer = Answer::to(request).await;
        assert_eq!(
            answer.refused(),
            (400, "invalid_request"),
            "{header}: {value}"
        );
    }
}

#[tokio::test]
async fn appends_without_their_headers_are_refused() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let rest = Rest::of(&cairn);
    let path = started(&rest, json!({"filename": "a"})).await;
    let bare = |kind: &str| {
        let request = rest.request(Method::PATCH, &path).body("x");
        request.header("content-type", kind.to_owned())
    };
    let kind = Answer::to(bare("application/octet-stream")).await;
    assert_eq!(kind.refused(), (415, "unsupported_media_type"));
    for (complete, offset) in [("", "0"), ("?0", ""), ("?2", "0"), ("?0", "-1")] {
        let mut request = bare("application/partial-upload");
        for (name, value) in [("upload-complete", complete), ("upload-offset", offset)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        assert_eq!(
            Answer::to(request).await.refused(),
            (400, "invalid_request")
        );
    }
    assert_eq!(head(&rest, &path).await.header("upload-offset"), "0");
    let listed = rest.get("/v1/uploads").await.ok();
    assert_eq!(listed["uploads"][0]["filename"], "a");
    assert_eq!(rest.delete(&path).await.status, 204);
    let ended = Answer::to(patch(&rest, &path, 0, true, b"x")).await;
    assert_eq!(ended.refused(), (409, "upload_expired"));
    let unknown = head(&rest, "/v1/uploads/upl_00000000000000000000").await;
    assert_eq!(unknown.status, 404);
    let anonymous = rest.anonymous(Method::HEAD, &path);
    assert_eq!(Answer::to(anonymous).await.status, 401);
}

/// tus-js-client, unmodified, uploads a file while its connection is cut again and again.
#[tokio::test]
async fn tus_js_client_uploads_through_cuts() {
    let cairn = Cairn::start().await;
    let proxy = Proxy::before_tcp(cairn.http_url.strip_prefix("http://").unwrap()).await;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let module = here.join("../.tools/npm/node_modules/tus-js-client");
    assert!(
        module.is_dir(),
        "{} is missing: scripts/bootstrap test installs it",
        module.display()
    );
    let whole = content(30 * MIB);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.bin");
    std::fs::write(&file, &whole).unwrap();
    let endpoint = format!(
        "http://{}/v1/uploads?filename=a.bin&session_id=run",
        proxy.address
    );
    let mut command = program::command(Path::new("node"));
    command
        .arg(here.join("api/http/tus.cjs"))
        .args([
            module.as_os_str(),
            endpoint.as_ref(),
            cairn.key.as_ref(),
            file.as_os_str(),
        ])
        .env("CHUNK", (2 * MIB).to_string());
    let cuts = async {
        for parts in [1, 5, 9] {
            let stored = format!(
                "SELECT count(*) FROM uploads
                 WHERE parts_bytes + coalesce(octet_length(tail), 0) >= {}",
                parts * 2 * MIB
            );
            eventually("some of it is stored", async || {
                cairn.count(&stored).await == 1
            })
            .await;
            proxy.break_after(1);
            eventually("it breaks", async || proxy.has_broken()).await;
        }
    };
    let (done, ()) = tokio::join!(program::run(&mut command), cuts);
    let done = done.ok().json();
    assert!(done["retries"].as_i64().unwrap() > 0, "{done}");
    let made = "SELECT id FROM artifacts WHERE filename = 'a.bin'";
    let made = cairn.database().await.query_one(made, &[]).await.unwrap();
    assert!(cairn.client.download(made.get(0)).await.unwrap() == whole);
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await.len(), 1);
}
