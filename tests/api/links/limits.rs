//! Limits of links: downloads, passwords, and what an operator allows a tenant.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use cairn_proto::v1::{CreateLinkRequest, GetLinkRequest, Link};
use cairn_store::LinkPolicyUpdate;
use futures_util::future::join_all;
use reqwest::Method;
use tonic::{Code, Status};

use super::{error_code, header, request, send};
use harness::{Bytes, Cairn, Setup, refused, spec};

const PASSWORD: &str = "correct horse: battery";

async fn started() -> (Cairn, String) {
    let cairn = Setup::on(Bytes::Files).start().await;
    let made = cairn.client.create(spec("a.txt"), "content").await.unwrap();
    (cairn, made.artifact_id)
}

async fn create(cairn: &Cairn, request: CreateLinkRequest) -> Result<Link, Status> {
    let created = cairn.client.links.clone().create_link(request).await?;
    Ok(created.into_inner().link.unwrap())
}

async fn get(cairn: &Cairn, link: &Link) -> Link {
    let request = GetLinkRequest {
        link_id: link.link_id.clone(),
    };
    let got = cairn.client.links.clone().get_link(request).await;
    got.unwrap().into_inner().link.unwrap()
}

fn to(artifact: &str) -> CreateLinkRequest {
    CreateLinkRequest {
        artifact_id: artifact.to_owned(),
        ..CreateLinkRequest::default()
    }
}

fn basic(password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("any:{password}")))
}

/// The status that a reader with this password gets.
async fn status_with(url: &str, password: &str) -> u16 {
    let answer = request(url, &[("authorization", &basic(password))]).await;
    answer.status().as_u16()
}

async fn allow(cairn: &Cairn, update: LinkPolicyUpdate) {
    assert!(
        cairn
            .store
            .update_link_policy("acme", update)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_link_ends_with_its_last_download() {
    let (cairn, id) = started().await;
    let wanted = CreateLinkRequest {
        max_downloads: 3,
        ..to(&id)
    };
    let link = create(&cairn, wanted).await.unwrap();
    assert_eq!((link.max_downloads, link.downloads), (3, 0));
    // These send no content.
    assert_eq!(send(Method::HEAD, &link.url, &[]).await.status(), 200);
    let missed = [("range", "bytes=100-200")];
    assert_eq!(request(&link.url, &missed).await.status(), 416);
    let whole = request(&link.url, &[]).await;
    let etag = header(&whole, "etag").to_owned();
    assert_eq!(whole.text().await.unwrap(), "content");
    let known = [("if-none-match", &*etag)];
    assert_eq!(request(&link.url, &known).await.status(), 304);
    assert_eq!(get(&cairn, &link).await.downloads, 1);
    // A part counts as well, and of many at once no more than are left succeed.
    let part = [("range", "bytes=0-0")];
    let answers = join_all((0..6).map(|_| request(&link.url, &part))).await;
    let sent = answers
        .iter()
        .filter(|answer| answer.status() == 206)
        .count();
    assert_eq!(sent, 2);
    let refusal = error_code(request(&link.url, &[]).await).await;
    assert_eq!(refusal, (410, "link_expired".into()));
    assert_eq!(get(&cairn, &link).await.downloads, 3);
}

#[tokio::test]
async fn a_password_is_needed_where_one_is_set() {
    let (cairn, id) = started().await;
    let wanted = CreateLinkRequest {
        password: PASSWORD.into(),
        ..to(&id)
    };
    let link = create(&cairn, wanted).await.unwrap();
    assert!(link.password_protected && get(&cairn, &link).await.password_protected);
    for authorization in [
        "",
        "Bearer x",
        "Basic ???",
        "Basic eA==",
        &basic("wrong one"),
    ] {
        let answer = request(&link.url, &[("authorization", authorization)]).await;
        assert!(header(&answer, "www-authenticate").starts_with("Basic "));
        let refusal = error_code(answer).await;
        assert_eq!(refusal, (401, "unauthorized".into()), "{authorization}");
    }
    // Twice: the second is not compared again.
    for _ in 0..2 {
        assert_eq!(status_with(&link.url, PASSWORD).await, 200);
    }
    assert_eq!(status_with(&link.url, "wrong one").await, 401);
    for password in ["short", "line\nbreak", &"x".repeat(129)] {
        let wanted = CreateLinkRequest {
            password: password.into(),
            ..to(&id)
        };
        let refusal = refused(create(&cairn, wanted).await);
        assert_eq!(refusal.fields, ["password"], "{password}");
    }
}

#[tokio::test]
async fn wrong_passwords_lock_a_link_for_a_while() {
    let (cairn, id) = started().await;
    let wanted = CreateLinkRequest {
        password: PASSWORD.into(),
        ..to(&id)
    };
    let [link, other] = [
        create(&cairn, wanted.clone()).await,
        create(&cairn, wanted).await,
    ];
    let (link, other) = (link.unwrap(), other.unwrap());
    let guesses = (0..14).map(|n| {
        let url = link.url.clone();
        async move { status_with(&url, &format!("guess {n} of many")).await }
    });
    let answers = join_all(guesses).await;
    let compared = answers.iter().filter(|status| **status == 401).count();
    assert_eq!(compared, 10, "{answers:?}");
    let locked = request(&link.url, &[("authorization", &basic(PASSWORD))]).await;
    assert_eq!(header(&locked, "retry-after"), "900");
    assert_eq!(error_code(locked).await, (429, "rate_limited".into()));
    assert_eq!(status_with(&other.url, PASSWORD).await, 200);
    let earlier = "UPDATE links SET attempts_since = now() - interval '15 minutes'";
    cairn.sql(earlier).await;
    assert_eq!(status_with(&link.url, PASSWORD).await, 200);
}

/// No reader with the right password is refused because of the others.
#[tokio::test]
async fn right_passwords_at_once_lock_no_link() {
    let (cairn, id) = started().await;
    let wanted = CreateLinkRequest {
        password: PASSWORD.into(),
        ..to(&id)
    };
    let link = create(&cairn, wanted).await.unwrap();
    let readers = join_all((0..30).map(|_| status_with(&link.url, PASSWORD))).await;
    assert_eq!(readers, [200; 30]);
    assert_eq!(cairn.count("SELECT sum(attempts) FROM links").await, 0);
}

#[tokio::test]
async fn links_that_are_switched_off_do_not_open() {
    let (cairn, id) = started().await;
    let link = create(&cairn, to(&id)).await.unwrap();
    let switch = async |on: bool| {
        let update = LinkPolicyUpdate {
            enabled: Some(on),
            ..LinkPolicyUpdate::default()
        };
        allow(&cairn, update).await;
    };
    switch(false).await;
    let refusal = refused(create(&cairn, to(&id)).await);
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::FailedPrecondition, "LINKS_DISABLED")
    );
    let refusal = error_code(request(&link.url, &[]).await).await;
    assert_eq!(refusal, (403, "links_disabled".into()));
    switch(true).await;
    assert_eq!(request(&link.url, &[]).await.status(), 200);
    create(&cairn, to(&id)).await.unwrap();
}

#[tokio::test]
async fn a_tenants_links_keep_to_its_limits() {
    let (cairn, id) = started().await;
    let day = std::time::Duration::from_secs(24 * 3600);
    let update = LinkPolicyUpdate {
        max_ttl: Some(Some(day)),
        max_downloads: Some(Some(5)),
        ..LinkPolicyUpdate::default()
    };
    allow(&cairn, update).await;
    let link = create(&cairn, to(&id)).await.unwrap();
    let life = link.expires_at.unwrap().seconds - link.created_at.unwrap().seconds;
    assert_eq!((life, link.max_downloads), (24 * 3600, 5));
    let long = prost_types::Duration {
        seconds: 24 * 3600 + 1,
        nanos: 0,
    };
    for (wanted, field) in [
        (
            CreateLinkRequest {
                expires_in: Some(long),
                ..to(&id)
            },
            "expires_in",
        ),
        (
            CreateLinkRequest {
                max_downloads: 6,
                ..to(&id)
            },
            "max_downloads",
        ),
        (
            CreateLinkRequest {
                max_downloads: -1,
                ..to(&id)
            },
            "max_downloads",
        ),
    ] {
        assert_eq!(refused(create(&cairn, wanted).await).fields, [field]);
    }
}
