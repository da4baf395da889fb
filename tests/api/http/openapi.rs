//! The description of the API: it has every route, and the server keeps to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use harness::{Bytes, Cairn, Rest, Setup, program, session_spec};
use reqwest::Method;
use serde_json::Value;

async fn described(cairn: &Cairn) -> Value {
    let rest = Rest::of(cairn);
    let answer = rest.anonymous(Method::GET, "/v1/openapi.json").send().await;
    answer.unwrap().json().await.unwrap()
}

/// The methods and paths of the tables in docs/http.md.
fn documented() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/http.md");
    let text = fs::read_to_string(path).unwrap();
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let routes = rows
        .flat_map(|row| row.split(", "))
        .filter(|route| route.contains(" /"));
    routes.map(str::to_owned).collect()
}

/// The route as the documentation writes it: a parameter is ID, and a second one is ARTIFACT.
fn written(method: &str, path: &str) -> String {
    let mut parameters = ["ID", "ARTIFACT"].into_iter();
    let parts = path.split('/').map(|part| match part.starts_with('{') {
        true => parameters.next().unwrap(),
        false => part,
    });
    format!(
        "{} {}",
        method.to_uppercase(),
        parts.collect::<Vec<_>>().join("/")
    )
}

/// Routes that are let in by a ticket in their URL are not written about: callers get the whole URL.
#[tokio::test]
async fn the_description_has_the_routes_of_the_documentation() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let document = described(&cairn).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut routes = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["security"].is_null() {
                assert!(
                    operation["description"].as_str().unwrap().len() > 20,
                    "{path}"
                );
                routes.insert(written(method, path));
            }
        }
    }
    assert_eq!(routes, documented());
}

/// A field and its type in a request, an answer and a query, as generated clients need them.
#[tokio::test]
async fn the_description_has_the_types_of_requests_and_answers() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let document = described(&cairn).await;
    let list = &document["paths"]["/v1/artifacts"]["get"];
    let parameters = list["parameters"].as_array().unwrap().iter();
    let schemas: BTreeMap<_, _> = parameters
        .map(|it| (it["name"].as_str().unwrap(), &it["schema"]))
        .collect();
    assert_eq!(schemas["latest_only"]["type"], "boolean");
    assert_eq!(schemas["limit"]["maximum"], 200);
    let stage = &document["paths"]["/v1/artifacts/stage"]["post"]["requestBody"];
    let fields = &stage["content"]["application/json"]["schema"]["properties"];
    assert_eq!(fields["artifact_ids"]["items"]["type"], "string");
    let artifact = &document["components"]["schemas"]["Artifact"]["properties"];
    assert_eq!(artifact["size_bytes"]["type"], "integer");
}

#[tokio::test]
async fn the_page_for_people_needs_no_script() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let rest = Rest::of(&cairn);
    let page = rest
        .anonymous(Method::GET, "/v1/docs")
        .send()
        .await
        .unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let page = page.text().await.unwrap();
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
    for path in described(&cairn).await["paths"].as_object().unwrap().keys() {
        assert!(page.contains(path), "{path}");
    }
}

/// Requests that the description allows, and requests that it forbids, drawn by schemathesis: none has a fault of the
/// server as its answer, each answer is as described, and a credential is asked for where the description says so.
#[tokio::test]
async fn the_server_keeps_to_its_description() {
    let cairn = Setup::on(Bytes::Files).start().await;
    for name in ["a", "b"] {
        let made = cairn.client.create(session_spec(name, "run"), name);
        made.await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = program::command(&program::of_python("schemathesis"));
    command
        .arg("run")
        .arg(format!("{}/v1/openapi.json", cairn.http_url))
        .args(["-H", &format!("Authorization: Bearer {}", cairn.key)])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance",
        ])
        .args([
            "--checks",
            "response_schema_conformance,response_headers_conformance,ignored_auth",
        ])
        .args(["--checks", "unsupported_method,allow_header_conformance"])
        .args([
            "--phases",
            "coverage,fuzzing",
            "--max-examples",
            "10",
            "--seed",
            "1",
        ])
        .args(["--generation-deterministic", "--no-shrink"])
        .args([
            "--continue-on-failure",
            "--no-color",
            "--request-timeout",
            "60",
        ])
        // Streams of events do not end, and schemathesis cannot send the media type of a part of an upload.
        .args(["--exclude-path-regex", r"(events|\{upload_id\})$"])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .env("NO_PROXY", "*");
    let done = program::run_long(&mut command).await;
    let output = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.code, Some(0), "{output}\n{}", done.stderr);
}
