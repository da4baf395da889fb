//! Delegated tokens: what they allow, who can make and narrow them, and when they end.

use std::time::Duration;

use cairn_api::TokenSettings;
use cairn_proto::{
    token::{SigningKey, Token},
    v1::{
        ArtifactSpec, CreateArtifactRequest, CreateTokenRequest, CreateTokenResponse, Narrowing,
        Scope, TokenCaveat, TokenRoot, WatchSessionRequest,
    },
};
use cairn_store::{Grant, RawNarrowing, Scope as StoreScope, config::BlobConfig};
use prost_types::Duration as Span;
use serde_json::json;
use tonic::{Code, Status};

use harness::{
    Bytes, Cairn, Client, Issuer, Rest, SIGNING_SECRET, Setup, postgres, refused, session_spec,
    spec,
};

use super::{key_of, session};
use crate::tokens::{assert_refused, who_am_i};

const RUNNER: &str = "system:serviceaccount:agents:runner";

async fn started() -> Cairn {
    Setup::on(Bytes::Files).start().await
}

async fn create(
    cairn: &Cairn,
    credential: &str,
    request: CreateTokenRequest,
) -> Result<CreateTokenResponse, Status> {
    let mut client = Client::connect(&cairn.grpc_url, Some(credential))
        .await
        .identity;
    let answer = client.create_token(request).await;
    answer.map(tonic::Response::into_inner)
}

/// A token of a credential that allows all that this does, for an hour.
async fn token_of(cairn: &Cairn, credential: &str) -> String {
    let made = create(cairn, credential, CreateTokenRequest::default()).await;
    made.unwrap().token
}

/// The token with one more caveat, which no server sees.
fn narrowed(token: &str, caveat: &TokenCaveat) -> String {
    let token = Token::read(token).unwrap().narrow(caveat).unwrap();
    token.to_string()
}

/// Now, in seconds since 1970.
fn now() -> i64 {
    harness::now().try_into().unwrap()
}

fn seconds(seconds: i64) -> Option<Span> {
    Some(Span { seconds, nanos: 0 })
}

fn of_session(id: &str) -> Option<Narrowing> {
    Some(Narrowing {
        session_ids: vec![id.to_owned()],
        ..Narrowing::default()
    })
}

#[tokio::test]
async fn a_token_allows_what_was_asked_for_and_no_more() {
    let cairn = started().await;
    let request = CreateTokenRequest {
        scopes: vec![Scope::Read.into(), Scope::Write.into()],
        narrowing: of_session("run"),
        expires_in: seconds(600),
    };
    let made = create(&cairn, &cairn.key, request.clone()).await.unwrap();
    assert!(made.token.starts_with("ct_") && made.token_id.len() == 16);
    let left = made.expires_at.unwrap().seconds - now();
    assert!((590..=600).contains(&left), "{left}");

    let me = who_am_i(&cairn, &made.token).await.unwrap();
    assert_eq!(
        (&me.scopes, &me.narrowing),
        (&request.scopes, &request.narrowing)
    );
    assert_eq!(
        (&me.expires_at, &me.token_id),
        (&made.expires_at, &made.token_id)
    );
    assert!(cairn.key.ends_with(&me.api_key_last_4));
    assert_eq!(me.stored_artifacts, 0);

    let child = Client::connect(&cairn.grpc_url, Some(&made.token)).await;
    let artifact = child.create(session_spec("a", "run"), "a").await.unwrap();
    let refusal = refused(child.create(session_spec("a", "other"), "a").await);
    assert_eq!(refusal.metadata["reach"], "session_id = \"run\"");
    let refusal = refused(child.delete(&artifact.artifact_id).await);
    assert_eq!(refusal.metadata["scope"], "delete");
    let other = cairn.client.create(spec("b"), "b").await.unwrap();
    let hidden = refused(child.get(&other.artifact_id).await);
    assert_eq!(hidden.reason, "ARTIFACT_NOT_FOUND");
}

#[tokio::test]
async fn a_holder_narrows_a_token_without_the_server() {
    let cairn = started().await;
    let parent = token_of(&cairn, &cairn.key).await;
    let caveat = TokenCaveat {
        scopes: vec![Scope::Read.into()],
        narrowing: of_session("run"),
        not_after: now() + 60,
    };
    let child = narrowed(&parent, &caveat);
    let me = who_am_i(&cairn, &child).await.unwrap();
    assert_eq!(
        (me.scopes, me.narrowing),
        (caveat.scopes.clone(), caveat.narrowing.clone())
    );
    assert_eq!(me.expires_at.unwrap().seconds, caveat.not_after);

    // A caveat that names more leaves what there was.
    let wider = TokenCaveat {
        scopes: (1..=7).collect(),
        not_after: now() + 7200,
        narrowing: Some(Narrowing {
            session_prefix: "r".to_owned(),
            ..Narrowing::default()
        }),
    };
    let same = who_am_i(&cairn, &narrowed(&child, &wider)).await.unwrap();
    assert_eq!(same.scopes, caveat.scopes);
    assert_eq!(same.narrowing, caveat.narrowing);
    assert_eq!(same.expires_at.unwrap().seconds, caveat.not_after);

    // One that contradicts leaves nothing.
    let nothing = TokenCaveat {
        narrowing: of_session("other"),
        ..TokenCaveat::default()
    };
    let nothing = Client::connect(&cairn.grpc_url, Some(&narrowed(&child, &nothing))).await;
    let refusal = refused(nothing.get("art_0000000000000000").await);
    assert_eq!(refusal.code, Code::PermissionDenied);
}

#[tokio::test]
async fn a_token_is_refused_if_it_was_changed_or_has_ended() {
    let cairn = started().await;
    let parent = token_of(&cairn, &cairn.key).await;
    let ended = TokenCaveat {
        not_after: now() - 1,
        ..TokenCaveat::default()
    };
    let ended = narrowed(&parent, &ended);
    assert_refused(who_am_i(&cairn, &ended).await, "expired");
    let cut = &parent[..parent.len() - 1];
    assert_refused(who_am_i(&cairn, cut).await, "complete");
    let last = if parent.ends_with('A') { "E" } else { "A" };
    assert_refused(who_am_i(&cairn, &format!("{cut}{last}")).await, "signed");
    let unknown = TokenCaveat {
        scopes: vec![99],
        ..TokenCaveat::default()
    };
    let unknown = narrowed(&parent, &unknown);
    assert_refused(who_am_i(&cairn, &unknown).await, "does not know: scopes[0]");
}

/// A token whose signature is right and whose key does not exist, such as one from a restored database's future.
#[tokio::test]
async fn a_token_of_no_key_is_refused() {
    let cairn = started().await;
    let root = TokenRoot {
        credential_id: vec![7; 16].into(),
        grant: Some(TokenCaveat {
            not_after: now() + 60,
            ..TokenCaveat::default()
        }),
        ..TokenRoot::default()
    };
    let token = Token::issue(&SigningKey::new(1, SIGNING_SECRET), &root).unwrap();
    assert_refused(who_am_i(&cairn, &token.to_string()).await, "has ended");
}

#[tokio::test]
async fn a_token_ends_with_its_key_and_never_has_more() {
    let cairn = started().await;
    let scopes = [StoreScope::Read, StoreScope::Write];
    let key = key_of(&cairn, "acme", &scopes, RawNarrowing::default()).await;
    let token = token_of(&cairn, &key).await;
    let me = who_am_i(&cairn, &token).await.unwrap();
    assert_eq!(me.scopes, [Scope::Read, Scope::Write].map(i32::from));
    cairn
        .sql("UPDATE api_keys SET scopes = '{read}' WHERE name = 'test'")
        .await;
    let me = who_am_i(&cairn, &token).await.unwrap();
    assert_eq!(me.scopes, [i32::from(Scope::Read)]);
    cairn
        .sql("UPDATE api_keys SET expires_at = now() WHERE name = 'test'")
        .await;
    assert_refused(who_am_i(&cairn, &token).await, "has ended");

    let key = key_of(&cairn, "acme", &scopes, RawNarrowing::default()).await;
    let token = token_of(&cairn, &key).await;
    let id = cairn.store.list_api_keys("acme").await.unwrap()[0].id;
    assert!(cairn.store.revoke_api_key(id).await.unwrap());
    assert_refused(who_am_i(&cairn, &token).await, "has ended");
}

#[tokio::test]
async fn use_of_a_token_is_noted_as_use_of_its_key() {
    let cairn = started().await;
    let token = token_of(&cairn, &cairn.key).await;
    cairn.sql("UPDATE api_keys SET last_used_at = NULL").await;
    who_am_i(&cairn, &token).await.unwrap();
    harness::eventually("its use is noted", async || {
        let keys = cairn.store.list_api_keys("acme").await.unwrap();
        keys[0].last_used_at.is_some()
    })
    .await;
}

#[tokio::test]
async fn nobody_makes_a_token_that_allows_more_than_they_may() {
    let cairn = started().await;
    let key = key_of(&cairn, "acme", &[StoreScope::Read], session("run")).await;
    let wider = CreateTokenRequest {
        scopes: vec![Scope::Write.into()],
        ..CreateTokenRequest::default()
    };
    let refusal = refused(create(&cairn, &key, wider).await);
    assert_eq!(
        (refusal.code, &*refusal.metadata["scope"]),
        (Code::PermissionDenied, "write")
    );
    for (field, request) in [
        (
            "narrowing",
            CreateTokenRequest {
                narrowing: of_session("other"),
                ..CreateTokenRequest::default()
            },
        ),
        (
            "expires_in",
            CreateTokenRequest {
                expires_in: seconds(86_401),
                ..CreateTokenRequest::default()
            },
        ),
        (
            "expires_in",
            CreateTokenRequest {
                expires_in: seconds(0),
                ..CreateTokenRequest::default()
            },
        ),
        (
            "scopes[0]",
            CreateTokenRequest {
                scopes: vec![99],
                ..CreateTokenRequest::default()
            },
        ),
    ] {
        assert_eq!(refused(create(&cairn, &key, request).await).fields, [field]);
    }
    let admin = CreateTokenRequest {
        scopes: vec![Scope::Admin.into()],
        ..CreateTokenRequest::default()
    };
    let refusal = refused(create(&cairn, &cairn.key, admin).await);
    assert_eq!(refusal.fields, ["scopes"]);
    let long = CreateTokenRequest {
        narrowing: Some(Narrowing {
            session_ids: (0..16).map(|i| format!("{i:0>255}")).collect(),
            ..Narrowing::default()
        }),
        ..CreateTokenRequest::default()
    };
    let refusal = refused(create(&cairn, &cairn.key, long).await);
    assert_eq!(refusal.fields, ["narrowing"]);
    assert!(refusal.message.contains("too long"), "{refusal:?}");
}

#[tokio::test]
async fn a_token_of_a_token_allows_no_more_and_lasts_no_longer() {
    let cairn = started().await;
    let parent = token_of(&cairn, &cairn.key).await;
    let caveat = TokenCaveat {
        scopes: vec![Scope::Read.into()],
        narrowing: of_session("run"),
        not_after: now() + 60,
    };
    let parent = narrowed(&parent, &caveat);
    let longer = CreateTokenRequest {
        expires_in: seconds(86_400),
        ..CreateTokenRequest::default()
    };
    let child = create(&cairn, &parent, longer).await.unwrap();
    assert_eq!(child.scopes, caveat.scopes);
    assert_eq!(child.narrowing, caveat.narrowing);
    assert_eq!(child.expires_at.unwrap().seconds, caveat.not_after);
    who_am_i(&cairn, &child.token).await.unwrap();
}

#[tokio::test]
async fn a_token_of_a_workload_ends_with_it_and_names_it() {
    let issuer = Issuer::start().await;
    let settings = TokenSettings::new(issuer.url.clone());
    let cairn = Setup::on(Bytes::Files).tokens(settings).start().await;
    let add = async |subject: &str| {
        let grant = Grant::all();
        let added = cairn
            .store
            .add_workload("acme", &issuer.url, subject, &grant);
        added.await.unwrap().id
    };
    let group = add("system:serviceaccount:agents:*").await;
    let of_issuer = issuer.token(RUNNER);
    let longest = CreateTokenRequest {
        expires_in: seconds(86_400),
        ..CreateTokenRequest::default()
    };
    let made = create(&cairn, &of_issuer, longest).await.unwrap();
    let me = who_am_i(&cairn, &made.token).await.unwrap();
    assert_eq!((&*me.workload, &*me.tenant_name), (RUNNER, "acme"));
    // It proves no more than the issuer's token does, and for no longer.
    let proven = who_am_i(&cairn, &of_issuer).await.unwrap();
    assert_eq!(made.expires_at, proven.expires_at);
    assert!(made.expires_at.unwrap().seconds < now() + 86_000);

    // From now on the subject is a workload of its own.
    let own = add(RUNNER).await;
    assert_refused(who_am_i(&cairn, &made.token).await, "was removed");
    assert!(cairn.store.remove_workload(own).await.unwrap());
    who_am_i(&cairn, &made.token).await.unwrap();
    assert!(cairn.store.remove_workload(group).await.unwrap());
    assert_refused(who_am_i(&cairn, &made.token).await, "was removed");
}

/// During a rotation replicas accept what either key signed.
#[tokio::test]
async fn tokens_are_accepted_while_a_key_that_signed_them_is() {
    let (database, folder) = (postgres::database().await, tempfile::tempdir().unwrap());
    let start = async |keys: Vec<SigningKey>| {
        let blobs = BlobConfig::Fs(folder.path().to_owned());
        let setup = Setup::on(Bytes::Files).database(database.clone());
        let setup = setup.config(move |config| config.blobs = blobs);
        let setup = setup.settings(|settings| settings.delegation = keys);
        setup.start().await
    };
    let (old, new) = (
        SigningKey::new(1, b"an old secret of the deployment"),
        SigningKey::new(2, b"a new secret of the deployment"),
    );
    let before = start(vec![old.clone()]).await;
    let by_old = token_of(&before, &before.key).await;
    let during = start(vec![new.clone(), old]).await;
    let by_new = token_of(&during, &during.key).await;
    for token in [&by_old, &by_new] {
        who_am_i(&during, token).await.unwrap();
    }
    let after = start(vec![new]).await;
    who_am_i(&after, &by_new).await.unwrap();
    assert_refused(who_am_i(&after, &by_old).await, "key was replaced");

    let without = start(Vec::new()).await;
    assert_refused(who_am_i(&without, &by_new).await, "no keys");
    let request = CreateTokenRequest::default();
    let refusal = refused(create(&without, &without.key, request).await);
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::FailedPrecondition, "TOKENS_DISABLED")
    );
}

#[tokio::test]
async fn a_watch_ends_when_its_token_does() {
    let setup = Setup::on(Bytes::Files);
    // Its credential is checked before each message.
    let setup = setup.settings(|settings| settings.trust = Duration::ZERO);
    let cairn = setup.start().await;
    let client = &cairn.client;
    client.create(session_spec("a", "run"), "a").await.unwrap();
    let request = CreateTokenRequest {
        expires_in: seconds(1),
        ..CreateTokenRequest::default()
    };
    let token = create(&cairn, &cairn.key, request).await.unwrap().token;
    let watcher = Client::connect(&cairn.grpc_url, Some(&token)).await;
    let request = WatchSessionRequest {
        session_id: "run".into(),
        ..WatchSessionRequest::default()
    };
    let watch = watcher.sessions.clone().watch_session(request).await;
    let mut watch = watch.unwrap().into_inner();
    let ended = loop {
        match watch.message().await {
            Ok(told) => assert!(told.is_some(), "it ends with an error"),
            Err(status) => break status,
        }
        client.create(session_spec("a", "run"), "b").await.unwrap();
    };
    assert_eq!(ended.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_retry_with_another_token_of_the_same_reach_has_one_effect() {
    let cairn = started().await;
    let create = async || {
        let caveat = TokenCaveat {
            narrowing: of_session("run"),
            ..TokenCaveat::default()
        };
        let token = narrowed(&token_of(&cairn, &cairn.key).await, &caveat);
        let mut client = Client::connect(&cairn.grpc_url, Some(&token)).await;
        let request = CreateArtifactRequest {
            spec: Some(ArtifactSpec {
                idempotency_key: "once".to_owned(),
                ..session_spec("a", "run")
            }),
            content: "a".into(),
            preview_bytes: 0,
        };
        let answer = client.artifacts.create_artifact(request).await;
        answer.unwrap().into_inner().artifact
    };
    let first = create().await;
    assert_eq!(create().await, first);
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 1);
}

#[tokio::test]
async fn the_json_api_makes_and_understands_tokens() {
    let cairn = started().await;
    let rest = Rest::of(&cairn);
    let request = json!({
        "scopes": ["read", "write"],
        "narrowing": {"session_ids": ["run"]},
        "expires_in": 600,
    });
    let made = rest.post("/v1/tokens", request).await;
    assert_eq!(
        (made.status, &made.body["scopes"]),
        (201, &json!(["read", "write"]))
    );
    let child = Rest::with_key(&cairn, made.body["token"].as_str().unwrap());
    let me = child.get("/v1/whoami").await;
    assert_eq!(me.status, 200);
    for field in ["token_id", "narrowing", "expires_at"] {
        assert_eq!(me.body[field], made.body[field], "{field}");
    }
    let new = json!({"filename": "a", "session_id": "run", "size_bytes": 1});
    let url = child.post("/v1/artifacts/upload-url", new).await;
    let sent = reqwest::Client::new()
        .put(url.body["upload_url"].as_str().unwrap())
        .body("a");
    assert_eq!(sent.send().await.unwrap().status(), 200);
    let complete = format!(
        "/v1/artifacts/{}/complete",
        url.body["artifact_id"].as_str().unwrap()
    );
    assert_eq!(child.post(&complete, json!({})).await.status, 200);
    let list = child.get("/v1/artifacts").await;
    assert_eq!(list.body["artifacts"][0]["filename"], json!("a"));
    let keys = child.delete("/v1/artifacts/art_0000000000000000").await;
    assert_eq!(
        (keys.status, &keys.body["error"]["code"]),
        (403, &json!("forbidden"))
    );
    for (request, field) in [
        (json!({"scopes": ["own"]}), "scopes[0]"),
        (json!({"expires_in": 0}), "expires_in"),
        (json!({"narrowing": {"project": "p"}}), "narrowing.project"),
    ] {
        let refused = rest.post("/v1/tokens", request).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(refused.body["error"]["fields"][0]["field"], json!(field));
    }
}
