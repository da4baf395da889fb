//! What a narrowed credential can do over HTTP, and how long its signed URLs live.

use cairn_api::TokenSettings;
use cairn_store::{ApiKey, Grant, Narrowing, NewApiKey, RawNarrowing, Scope};
use harness::{Answer, Bytes, Cairn, Issuer, Rest, Setup, session_spec};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::uploads::Form;

/// A key of acme for the session `run` alone.
async fn narrowed(cairn: &Cairn) -> (ApiKey, Rest) {
    let narrowing = RawNarrowing {
        sessions: vec!["run".to_owned()],
        ..RawNarrowing::default()
    };
    let scopes = [Scope::Read, Scope::Write, Scope::Delete];
    let grant = Grant::new(
        scopes.into_iter().collect(),
        Narrowing::new(narrowing).unwrap(),
        None,
    );
    let new = NewApiKey::new("narrow".to_owned(), grant, None).unwrap();
    let (key, secret) = cairn.store.issue_api_key("acme", &new).await.unwrap();
    (key, Rest::with_key(cairn, secret.reveal()))
}

fn form(fields: &[(&str, &str)], file_first: bool) -> Form {
    let with_file = |form: Form| form.file("a", "text/plain", b"content");
    let add = |form: Form, (name, value): &(&str, &str)| form.field(name, value);
    if file_first {
        fields.iter().fold(with_file(Form::default()), add)
    } else {
        with_file(fields.iter().fold(Form::default(), add))
    }
}

fn wanted(session: &str) -> Value {
    json!({"filename": "b", "session_id": session, "size_bytes": 1})
}

/// A key for one session cannot create anything elsewhere, whichever way the content comes, and leaves nothing behind.
#[tokio::test]
async fn a_narrowed_key_uploads_into_its_session_alone() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let (_, rest) = narrowed(&cairn).await;
    let send = async |fields: &[(&str, &str)], file_first| {
        Answer::to(form(fields, file_first).post(&rest)).await
    };
    let denied = (403, "forbidden");
    for file_first in [true, false] {
        let other = send(&[("session_id", "other")], file_first).await;
        assert_eq!(other.refused(), denied, "{file_first}");
        let none = send(&[], file_first).await;
        assert_eq!(none.refused(), denied, "{file_first}");
        let twice = [("session_id", "run"), ("session_id", "other")];
        assert_eq!(send(&twice, file_first).await.refused(), denied);
        let own = send(&[("session_id", "run")], file_first).await;
        assert_eq!(own.status, 201, "{own:?}");
    }
    for (path, body) in [
        ("/v1/artifacts/upload-url", wanted("other")),
        ("/api/v1/sessions/other/artifacts", json!({"title": "t"})),
    ] {
        assert_eq!(rest.post(path, body).await.refused(), denied, "{path}");
    }
    let batch = json!({"artifacts": [{"spec": {"filename": "b", "session_id": "other"}}]});
    let batch = rest.post("/v1/artifacts/batch-create", batch).await.ok();
    assert_eq!(batch["outcomes"][0]["error"]["code"], "forbidden");
    let others = "SELECT count(*) FROM artifacts WHERE session_id IS DISTINCT FROM 'run'";
    assert_eq!(cairn.count(others).await, 0);
}

/// What is reserved or stored in another session looks like what does not exist.
#[tokio::test]
async fn a_narrowed_key_completes_no_upload_of_another_session() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let (_, rest) = narrowed(&cairn).await;
    let all = Rest::of(&cairn);
    let reserved = all
        .post("/v1/artifacts/upload-url", wanted("other"))
        .await
        .ok();
    let id = reserved["artifact_id"].as_str().unwrap();
    let missing = (404, "artifact_not_found");
    let complete = format!("/v1/artifacts/{id}/complete");
    assert_eq!(rest.post(&complete, json!({})).await.refused(), missing);
    let put = Client::new().put(reserved["upload_url"].as_str().unwrap());
    assert_eq!(Answer::to(put.body("x")).await.status, 200);
    let session = format!("/api/v1/sessions/other/artifacts/{id}");
    for answer in [
        rest.post(&complete, json!({})).await,
        rest.get(&format!("/v1/artifacts/{id}/download-url")).await,
        rest.get(&session).await,
        rest.send(Method::PATCH, &session, json!({"content": "y"}))
            .await,
        rest.delete(&session).await,
    ] {
        assert_eq!(answer.refused(), missing);
    }
    let made = all.post(&complete, json!({})).await.ok();
    assert_eq!(made["version"], 1);
}

/// The URLs for reading and sending that a caller gets.
async fn urls(cairn: &Cairn, rest: &Rest) -> [String; 2] {
    let made = cairn.client.create(session_spec("a", "run"), "a").await;
    let path = format!("/v1/artifacts/{}/download-url", made.unwrap().artifact_id);
    let read = rest.get(&path).await.ok();
    let write = rest
        .post("/v1/artifacts/upload-url", wanted("run"))
        .await
        .ok();
    [&read["download_url"], &write["upload_url"]].map(|url| url.as_str().unwrap().to_owned())
}

async fn assert_refused([read, write]: &[String; 2]) {
    let forbidden = (403, "forbidden");
    let answer = Answer::to(Client::new().get(read)).await;
    assert_eq!(answer.refused(), forbidden);
    let answer = Answer::to(Client::new().put(write).body("x")).await;
    assert_eq!(answer.refused(), forbidden);
}

#[tokio::test]
async fn a_signed_url_ends_with_the_key_that_asked_for_it() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let (key, rest) = narrowed(&cairn).await;
    let (other, others) = narrowed(&cairn).await;
    let urls_of_key = urls(&cairn, &rest).await;
    let urls_of_other = urls(&cairn, &others).await;
    assert!(cairn.store.revoke_api_key(key.id).await.unwrap());
    assert_refused(&urls_of_key).await;
    assert_eq!(
        Answer::to(Client::new().get(&urls_of_other[0]))
            .await
            .status,
        200
    );
    let expire = format!(
        "UPDATE api_keys SET expires_at = now() WHERE id = '{}'",
        other.id
    );
    cairn.sql(&expire).await;
    assert_refused(&urls_of_other).await;
}

#[tokio::test]
async fn a_signed_url_lives_no_longer_than_its_key() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let minute = std::time::Duration::from_secs(60);
    let new = NewApiKey::new("brief".to_owned(), Grant::all(), Some(minute)).unwrap();
    let (key, secret) = cairn.store.issue_api_key("acme", &new).await.unwrap();
    let rest = Rest::with_key(&cairn, secret.reveal());
    let made = cairn.client.create(session_spec("a", "run"), "a").await;
    let path = format!("/v1/artifacts/{}/download-url", made.unwrap().artifact_id);
    let read = rest.get(&path).await.ok();
    let write = rest
        .post("/v1/artifacts/upload-url", wanted("run"))
        .await
        .ok();
    for url in [&read, &write] {
        assert!(url["expires_in"].as_u64().unwrap() < 60, "{url}");
    }
    let end = key.grant.not_after().unwrap().to_string();
    assert!(
        read["expires_at"].as_str().unwrap() <= end.as_str(),
        "{read} {end}"
    );
}

#[tokio::test]
async fn a_signed_url_ends_with_the_workload_that_asked_for_it() {
    let issuer = Issuer::start().await;
    let setup = Setup::on(Bytes::Files).tokens(TokenSettings::new(issuer.url.clone()));
    let cairn = setup.start().await;
    let subject = "system:serviceaccount:agents:runner";
    let grant = Grant::all();
    let added = cairn
        .store
        .add_workload("acme", &issuer.url, subject, &grant);
    let workload = added.await.unwrap();
    let rest = Rest::with_key(&cairn, &issuer.token(subject));
    let urls = urls(&cairn, &rest).await;
    assert_eq!(Answer::to(Client::new().get(&urls[0])).await.status, 200);
    assert!(cairn.store.remove_workload(workload.id).await.unwrap());
    assert_refused(&urls).await;
}
