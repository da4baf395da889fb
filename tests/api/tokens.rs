//! Tokens of an issuer in place of keys: which are accepted, for which tenant, and which are refused.

use std::{fs, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use cairn_api::TokenSettings;
use cairn_proto::v1::{
    ArtifactStage, ListStageChangesRequest, SetStageRequest, WatchSessionRequest, WhoAmIRequest,
    WhoAmIResponse,
};
use cairn_store::Grant;
use serde_json::{Value, json};
use tonic::Code;

use harness::{Bytes, Cairn, Client, Issuer, Refusal, Setup, now, refused, session_spec, spec};

const RUNNER: &str = "system:serviceaccount:agents:runner";

fn trusting(issuer: &Issuer) -> TokenSettings {
    TokenSettings::new(issuer.url.clone())
}

async fn start(tokens: TokenSettings) -> Cairn {
    Setup::on(Bytes::Files).tokens(tokens).start().await
}

/// A Cairn that trusts an issuer, whose runner acts for acme.
async fn started() -> (Issuer, Cairn) {
    started_with(|_| {}).await
}

/// The same, with an issuer that is asked without any pause.
async fn asking_at_once() -> (Issuer, Cairn) {
    started_with(|settings| settings.keys_pause = Duration::ZERO).await
}

async fn started_with(change: impl FnOnce(&mut TokenSettings)) -> (Issuer, Cairn) {
    let issuer = Issuer::start().await;
    let mut settings = trusting(&issuer);
    change(&mut settings);
    let cairn = start(settings).await;
    add(&cairn, "acme", &issuer, RUNNER).await;
    (issuer, cairn)
}

async fn add(cairn: &Cairn, tenant: &str, issuer: &Issuer, subject: &str) {
    let added = cairn
        .store
        .add_workload(tenant, &issuer.url, subject, &Grant::all())
        .await;
    assert_eq!(added.unwrap().subject, subject);
}

pub(crate) async fn who_am_i(cairn: &Cairn, token: &str) -> Result<WhoAmIResponse, Refusal> {
    let mut client = Client::connect(&cairn.grpc_url, Some(token)).await.identity;
    match client.who_am_i(WhoAmIRequest {}).await {
        Ok(answer) => Ok(answer.into_inner()),
        Err(status) => Err(refused::<()>(Err(status))),
    }
}

#[track_caller]
pub(crate) fn assert_refused(answer: Result<WhoAmIResponse, Refusal>, words: &str) {
    let refusal = answer.unwrap_err();
    assert_eq!(refusal.code, Code::Unauthenticated, "{refusal:?}");
    assert_eq!(refusal.reason, "UNAUTHENTICATED");
    assert!(refusal.message.contains(words), "{words} in {refusal:?}");
}

#[tokio::test]
async fn a_token_acts_for_the_tenant_that_its_subject_was_added_to() {
    let (issuer, cairn) = started().await;
    let me = who_am_i(&cairn, &issuer.token(RUNNER)).await.unwrap();
    assert_eq!((&*me.tenant_name, &*me.workload), ("acme", RUNNER));
    assert_eq!(me.api_key_last_4, "");
    let client = Client::connect(&cairn.grpc_url, Some(&issuer.token(RUNNER))).await;
    let artifact = client.create(spec("a"), "a").await.unwrap();
    cairn.client.get(&artifact.artifact_id).await.unwrap();
}

/// The error for a subject that no tenant lets in says what to do.
#[tokio::test]
async fn unknown_subject_gets_an_error_that_helps() {
    let (issuer, cairn) = started().await;
    for subject in [
        "system:serviceaccount:agents:other",
        "system:serviceaccount:agents",
        "x",
    ] {
        let answer = who_am_i(&cairn, &issuer.token(subject)).await;
        assert_refused(answer, &format!("'{subject}' of issuer '{}'", issuer.url));
    }
}

#[tokio::test]
async fn a_removed_workload_is_refused_at_once() {
    let (issuer, cairn) = started().await;
    let token = issuer.token(RUNNER);
    who_am_i(&cairn, &token).await.unwrap();
    let listed = cairn.store.list_workloads("acme").await.unwrap();
    assert!(cairn.store.remove_workload(listed[0].id).await.unwrap());
    assert_refused(who_am_i(&cairn, &token).await, "workloads add");
}

/// A pattern of subjects acts for one tenant, except for subjects that are named exactly.
#[tokio::test]
async fn subject_pattern_yields_to_an_exact_subject() {
    let (issuer, cairn) = started().await;
    add(&cairn, "globex", &issuer, "system:serviceaccount:agents:*").await;
    for (subject, tenant) in [
        (RUNNER, "acme"),
        ("system:serviceaccount:agents:other", "globex"),
    ] {
        let me = who_am_i(&cairn, &issuer.token(subject)).await.unwrap();
        assert_eq!((&*me.tenant_name, &*me.workload), (tenant, subject));
    }
    for subject in [
        "system:serviceaccount:agents2:other",
        "system:serviceaccount:agents:a:b",
        "*",
    ] {
        assert_refused(who_am_i(&cairn, &issuer.token(subject)).await, subject);
    }
}

#[tokio::test]
async fn a_workload_is_one_tenants_alone() {
    let (issuer, cairn) = started().await;
    add(&cairn, "acme", &issuer, RUNNER).await;
    let taken = cairn
        .store
        .add_workload("globex", &issuer.url, RUNNER, &Grant::all())
        .await;
    let words = taken.unwrap_err().to_string();
    assert!(words.contains("another tenant"), "{words}");
    assert_eq!(cairn.store.list_workloads("acme").await.unwrap().len(), 1);
}

/// The same subject of another issuer is another workload.
#[tokio::test]
async fn subject_of_another_issuer_is_another_workload() {
    let (issuer, other) = (Issuer::start().await, Issuer::start().await);
    let cairn = start(trusting(&issuer)).await;
    add(&cairn, "globex", &other, RUNNER).await;
    assert_refused(who_am_i(&cairn, &issuer.token(RUNNER)).await, "no tenant");
    // Both name their keys alike.
    assert_refused(who_am_i(&cairn, &other.token(RUNNER)).await, "signature");
}

#[tokio::test]
async fn a_token_that_proves_nothing_is_refused_and_why() {
    let (issuer, cairn) = started().await;
    let claims = |changes: Value| {
        let mut claims = issuer.claims(RUNNER);
        let changed = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => changed.remove(name),
                value => changed.insert(name.clone(), value.clone()),
            };
        }
        issuer.sign(&issuer.header(), &claims)
    };
    let header = |changes: Value| {
        let mut header = issuer.header();
        header
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        issuer.sign(&header, &issuer.claims(RUNNER))
    };
    let now = now();
    let token = issuer.token(RUNNER);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (head, _) = signed.split_once('.').unwrap();
    let altered = BASE64.encode(
        issuer
            .claims("system:serviceaccount:kube-system:admin")
            .to_string(),
    );
    for (token, words) in [
        (claims(json!({"exp": now - 60})), "expired"),
        (claims(json!({"nbf": now + 60})), "not valid yet"),
        (claims(json!({"nbf": "soon"})), "`nbf` is malformed"),
        (claims(json!({"exp": null})), "no `exp`"),
        (claims(json!({"exp": "never"})), "`exp`"),
        (claims(json!({"aud": "others"})), "not for audience 'cairn'"),
        (claims(json!({"aud": null})), "no `aud`"),
        (
            claims(json!({"iss": "https://example.com"})),
            "not of issuer",
        ),
        (claims(json!({"iss": null})), "no `iss`"),
        (claims(json!({"sub": null})), "no `sub`"),
        (claims(json!({"sub": "a\0b"})), "`sub`"),
        (claims(json!({"sub": "a\nb"})), "`sub`"),
        (claims(json!({"sub": "x".repeat(513)})), "`sub`"),
        (
            claims(json!({"sub": "system:serviceaccount:agents:*"})),
            "`sub`",
        ),
        (
            claims(json!({"exp": 1_000_000_000_000_000_000_u64})),
            "ten years",
        ),
        (header(json!({"crit": ["b64"]})), "demands 'b64'"),
        (header(json!({"kid": "key-9"})), "no such key"),
        (header(json!({"kid": null})), "names no key"),
        (header(json!({"alg": "none"})), "malformed"),
        (header(json!({"alg": "HS256"})), "signed by HS256"),
        (header(json!({"alg": "RS256"})), "`alg`"),
        (header(json!({"alg": "ES384"})), "signature"),
        (format!("{head}.{altered}.{signature}"), "signature"),
        (format!("{signed}."), "signature"),
        ("a.b.c".to_owned(), "malformed"),
        ("..".to_owned(), "malformed"),
        (claims(json!({"more": "x".repeat(8_000)})), "longer than"),
    ] {
        assert_refused(who_am_i(&cairn, &token).await, words);
    }
    who_am_i(&cairn, &token).await.unwrap();
}

#[tokio::test]
async fn without_an_issuer_keys_alone_are_taken() {
    let issuer = Issuer::start().await;
    let cairn = Cairn::start().await;
    add(&cairn, "acme", &issuer, RUNNER).await;
    let answer = who_am_i(&cairn, &issuer.token(RUNNER)).await;
    assert_refused(answer, "CAIRN_TOKEN_ISSUER");
}

/// A new key of the issuer is valid at once, and one that the issuer withdrew is not.
#[tokio::test]
async fn rotated_issuer_keys_apply_at_once() {
    let (issuer, cairn) = asking_at_once().await;
    let old = issuer.token(RUNNER);
    who_am_i(&cairn, &old).await.unwrap();
    issuer.rotate();
    who_am_i(&cairn, &issuer.token(RUNNER)).await.unwrap();
    who_am_i(&cairn, &old).await.unwrap();
    issuer.rotate();
    issuer.forget_old_keys();
    who_am_i(&cairn, &issuer.token(RUNNER)).await.unwrap();
    assert_refused(who_am_i(&cairn, &old).await, "no such key");
}

#[tokio::test]
async fn invented_key_ids_make_no_storm_of_questions() {
    let (issuer, cairn) = started().await;
    who_am_i(&cairn, &issuer.token(RUNNER)).await.unwrap();
    for number in 0..20 {
        let header = json!({"alg": "ES256", "kid": format!("invented-{number}")});
        let token = issuer.sign(&header, &issuer.claims(RUNNER));
        assert_refused(who_am_i(&cairn, &token).await, "no such key");
    }
    assert_eq!(issuer.requests().len(), 1);
}

#[tokio::test]
async fn while_the_issuer_is_away_its_known_keys_are_good() {
    let (issuer, cairn) = asking_at_once().await;
    issuer.go_away(true);
    let refusal = who_am_i(&cairn, &issuer.token(RUNNER)).await.unwrap_err();
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::Unavailable, "UNAVAILABLE")
    );
    assert!(refusal.message.contains("token issuer"), "{refusal:?}");
    // Cairn's own keys do not depend on it.
    cairn.client.create(spec("a"), "a").await.unwrap();
    issuer.go_away(false);
    who_am_i(&cairn, &issuer.token(RUNNER)).await.unwrap();
    issuer.go_away(true);
    who_am_i(&cairn, &issuer.token(RUNNER)).await.unwrap();
}

#[tokio::test]
async fn the_issuer_is_asked_with_the_bearer_of_a_file_as_it_is_then() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "first\n").unwrap();
    let (issuer, cairn) = started_with(|settings| {
        settings.keys_pause = Duration::ZERO;
        settings.keys_url = Some(format!("{}/keys", settings.issuer).parse().unwrap());
        settings.bearer_file = Some(file.clone());
    })
    .await;
    who_am_i(&cairn, &issuer.token(RUNNER)).await.unwrap();
    fs::write(&file, "second\n").unwrap();
    issuer.rotate();
    who_am_i(&cairn, &issuer.token(RUNNER)).await.unwrap();
    let requests = issuer.requests();
    for (request, bearer) in requests.iter().zip(["first", "second"]) {
        let wanted = format!("authorization: Bearer {bearer}\r\n");
        assert!(request.contains(&wanted), "{request}");
    }
    assert_eq!(requests.len(), 2);
}

#[tokio::test]
async fn what_a_workload_does_is_said_to_be_its_doing() {
    let (issuer, cairn) = started().await;
    let client = Client::connect(&cairn.grpc_url, Some(&issuer.token(RUNNER))).await;
    let artifact = client.create(spec("a"), "a").await.unwrap();
    let mut request = SetStageRequest {
        artifact_ids: vec![artifact.artifact_id.clone()],
        ..SetStageRequest::default()
    };
    request.set_stage(ArtifactStage::Review);
    client
        .artifacts
        .clone()
        .set_stage(request.clone())
        .await
        .unwrap();
    request.set_stage(ArtifactStage::Final);
    cairn
        .client
        .artifacts
        .clone()
        .set_stage(request)
        .await
        .unwrap();
    let request = ListStageChangesRequest {
        artifact_id: artifact.artifact_id,
        name: None,
    };
    let listed = client.artifacts.clone().list_stage_changes(request).await;
    let by: Vec<_> = listed
        .unwrap()
        .into_inner()
        .changes
        .into_iter()
        .map(|change| (change.workload, change.api_key_last_4.len()))
        .collect();
    assert_eq!(by, [(String::new(), 4), (RUNNER.to_owned(), 0)]);
}

#[tokio::test]
async fn a_watch_with_a_token_goes_on_while_its_tenant_is_the_same() {
    let issuer = Issuer::start().await;
    let setup = Setup::on(Bytes::Files).tokens(trusting(&issuer));
    // Its credential is checked before each message.
    let setup = setup.settings(|settings| settings.trust = Duration::ZERO);
    let cairn = setup.start().await;
    add(&cairn, "acme", &issuer, RUNNER).await;
    let client = Client::connect(&cairn.grpc_url, Some(&issuer.token(RUNNER))).await;
    client.create(session_spec("a", "run"), "a").await.unwrap();
    let request = WatchSessionRequest {
        session_id: "run".into(),
        ..WatchSessionRequest::default()
    };
    let mut watch = client
        .sessions
        .clone()
        .watch_session(request)
        .await
        .unwrap()
        .into_inner();
    let mut events = 0;
    while events < 2 {
        events += watch.message().await.unwrap().unwrap().events.len();
        client.create(session_spec("a", "run"), "b").await.unwrap();
    }
    let listed = cairn.store.list_workloads("acme").await.unwrap();
    assert!(cairn.store.remove_workload(listed[0].id).await.unwrap());
    add(&cairn, "globex", &issuer, RUNNER).await;
    let ended = loop {
        // Events from before the workload moved may still arrive.
        match watch.message().await {
            Ok(told) => assert!(told.is_some(), "it ends with an error"),
            Err(status) => break status,
        }
        cairn
            .client
            .create(session_spec("a", "run"), "c")
            .await
            .unwrap();
    };
    assert_eq!(ended.code(), Code::Unauthenticated);
}

/// Each issuer has its audience and its keys, and a subject of one is not the same subject of another.
#[tokio::test]
async fn several_issuers_have_own_keys_audiences_and_workloads() {
    let (first, second, stranger) = (
        Issuer::start().await,
        Issuer::start().await,
        Issuer::start().await,
    );
    let fetch = reqwest::Client::new().get(format!("{}/keys", second.url));
    let keys = fetch.header("accept", "application/jwk-set+json").send();
    let keys = keys.await.unwrap().bytes().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let keys_file = folder.path().join("keys.json");
    fs::write(&keys_file, keys).unwrap();
    let of_second = TokenSettings {
        audience: "theirs".to_owned(),
        keys_file: Some(keys_file),
        ..trusting(&second)
    };
    let setup = Setup::on(Bytes::Files).tokens(trusting(&first));
    let cairn = setup.tokens(of_second).start().await;
    add(&cairn, "acme", &first, RUNNER).await;
    add(&cairn, "other", &second, RUNNER).await;
    let asked = second.requests().len();
    let mine = who_am_i(&cairn, &first.token(RUNNER)).await.unwrap();
    assert_eq!(mine.tenant_name, "acme");
    let claims = |issuer: &Issuer, audience: &str| {
        let mut claims = issuer.claims(RUNNER);
        claims["aud"] = json!(audience);
        claims
    };
    let theirs = second.sign(&second.header(), &claims(&second, "theirs"));
    let theirs = who_am_i(&cairn, &theirs).await.unwrap();
    assert_eq!(theirs.tenant_name, "other");
    assert_eq!(second.requests().len(), asked, "its keys are in the file");
    let refused = async |token: String, words: &str| {
        assert_refused(who_am_i(&cairn, &token).await, words);
    };
    // The audience of the other issuer; an issuer that is not trusted; one that claims to be another.
    let wrong = second.sign(&second.header(), &claims(&second, "cairn"));
    refused(wrong, "audience 'theirs'").await;
    refused(stranger.token(RUNNER), "none of the issuers").await;
    let forged = stranger.sign(&stranger.header(), &claims(&first, "cairn"));
    refused(forged, "signature").await;
    refused("a.b.c".to_owned(), "malformed").await;
}
