//! What all routes have in common.

use std::time::Duration;

use cairn_proto::v1::ArtifactSpec;
use harness::{Answer, Bytes, Cairn, Rest, Setup, spec};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One path of each kind of route.
const ROUTES: [(Method, &str); 9] = [
    (Method::GET, "/v1/whoami"),
    (Method::GET, "/v1/artifacts"),
    (Method::DELETE, "/v1/artifacts/art_0000000000000000"),
    (Method::POST, "/v1/artifacts/delete"),
    (Method::POST, "/v1/artifacts/art_0000000000000000/links"),
    (Method::POST, "/v1/sessions/run/seal"),
    (Method::GET, "/v1/sessions/run/events"),
    (Method::GET, "/v1/jobs"),
    (Method::PATCH, "/v1/todos/todo_0000000000000000"),
];

#[tokio::test]
async fn no_route_answers_without_a_valid_key() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let wrong = Rest::with_key(&cairn, "cairn_0000000000000000000000000000000000000000");
    for (method, path) in ROUTES {
        for request in [
            rest.anonymous(method.clone(), path),
            wrong.request(method.clone(), path),
        ] {
            let answer = Answer::to(request).await;
            assert_eq!(answer.refused(), (401, "unauthorized"), "{path}");
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_has_the_shape_of_all_errors() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    assert_eq!(rest.get("/v1/nothing").await.refused(), (404, "not_found"));
    let wrong = rest
        .send(Method::PUT, "/v1/artifacts/art_x", json!({}))
        .await;
    assert_eq!(wrong.refused(), (405, "method_not_allowed"));
    for method in ["GET", "PATCH", "DELETE"] {
        assert!(wrong.header("allow").contains(method), "{wrong:?}");
    }
    let invalid = (400, "invalid_request");
    for path in [
        "/v1/artifacts?sesion_id=run",
        "/v1/artifacts?limit=many",
        "/v1/artifacts?limit=0",
        "/v1/artifacts?limit=201",
        "/v1/artifacts?limit=1&limit=2",
        "/v1/artifacts?created_after=yesterday",
        "/v1/artifacts?kind=novel",
        "/v1/artifacts?metadata.k=1&metadata.k=2",
        "/v1/artifacts?cursor=x",
        "/v1/sessions?after=x",
        "/v1/sessions/%ff",
        "/v1/jobs?state=done",
        "/v1/todos?state=running",
    ] {
        assert_eq!(rest.get(path).await.refused(), invalid, "{path}");
    }
    for body in ["{", "[]", "{\"filter\": 1}", "{\"filtre\": \"\"}", "{} {}"] {
        let request = rest.request(Method::POST, "/v1/artifacts/delete");
        let request = request.header("content-type", "application/json");
        let answer = Answer::to(request.body(body)).await;
        assert_eq!(answer.refused(), invalid, "{body}");
    }
    let request = rest.request(Method::POST, "/v1/artifacts/delete");
    let request = request.header("content-type", "text/plain").body("{}");
    let answer = Answer::to(request).await;
    assert_eq!(answer.refused(), (415, "unsupported_media_type"));
}

#[tokio::test]
async fn a_field_at_fault_has_the_name_that_was_sent() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    for (path, field) in [
        ("/v1/artifacts?limit=500", "limit"),
        ("/v1/artifacts?cursor=x", "cursor"),
        ("/v1/artifacts?created_before=x", "created_before"),
    ] {
        let error = &rest.get(path).await.body["error"];
        assert_eq!(error["fields"][0]["field"], field, "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("{field}: ")), "{message}");
    }
}

#[tokio::test]
async fn an_error_is_a_problem_for_who_accepts_one() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let request = rest.request(Method::GET, "/v1/artifacts/art_0000000000000000");
    let answer = Answer::to(request.header("accept", "application/problem+json")).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.body["type"], "urn:cairn:error:artifact_not_found");
    assert_eq!(answer.body["code"], "artifact_not_found");
    assert_eq!(answer.body["status"], 404);
    assert!(answer.body["detail"].is_string(), "{answer:?}");
    // The same for what no route serves.
    let request = rest.request(Method::GET, "/v1/nothing");
    let answer = Answer::to(request.header("accept", "application/problem+json")).await;
    assert_eq!(answer.body["type"], "urn:cairn:error:not_found");
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let request = rest.request(Method::GET, "/v1/whoami");
    let answer = Answer::to(request.header("x-request-id", "run-7")).await;
    assert_eq!(answer.header("x-request-id"), "run-7");
    let answer = Answer::to(rest.anonymous(Method::GET, "/v1/nothing")).await;
    assert_eq!(answer.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn a_body_of_json_is_small_and_comes_in_time() {
    let setup = Setup::on(Bytes::Files);
    let setup = setup.settings(|settings| settings.request_time = Duration::from_millis(200));
    let cairn = setup.start().await;
    let rest = Rest::of(&cairn);
    let long = json!({ "filter": "x".repeat(300 << 10) });
    let answer = rest.post("/v1/artifacts/delete", long).await;
    assert_eq!(answer.refused(), (413, "request_too_large"));

    let address = cairn.http_url.trim_start_matches("http://");
    let mut slow = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/artifacts/delete HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 10\r\n\r\n{{",
        cairn.key
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn calls_of_both_faces_are_counted_together() {
    let setup = Setup::on(Bytes::Files).settings(|settings| settings.max_calls = 2);
    let cairn = setup.start().await;
    let rest = Rest::of(&cairn);
    let made = cairn.client.create(
        ArtifactSpec {
            session_id: "run".to_owned(),
            ..spec("a")
        },
        "a",
    );
    made.await.unwrap();
    // One tenant alone has half of the calls, and a watcher is one.
    let watching = rest.request(Method::GET, "/v1/sessions/run/events");
    let watching = watching.send().await.unwrap();
    assert_eq!(watching.status(), 200);
    let answer = rest.get("/v1/whoami").await;
    assert_eq!(answer.refused(), (429, "rate_limited"));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.body["error"]["retry_after_seconds"], 1);
    assert!(cairn.client.get("art_0000000000000000").await.is_err());
}
