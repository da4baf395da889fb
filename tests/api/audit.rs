//! The audit trail: every change, refused calls and reads of content are in it, with who did it, and no secret is.

use cairn_proto::v1::{
    AuditLine, CreateKeyRequest, CreateLinkRequest, ListAuditRequest, RevokeKeyRequest,
    RevokeLinkRequest, Scope, SealSessionRequest, SetLegalHoldRequest,
};
use cairn_store::{AuditedReads, LinkPolicyUpdate, NewApiKey, TenantUpdate};
use tonic::{Code, Status};

use harness::{
    Bytes, Cairn, Client, Rest, Setup, content, eventually, refused, session_spec, spec,
};

async fn started() -> Cairn {
    Setup::on(Bytes::Files).start().await
}

async fn list(client: &Client, request: ListAuditRequest) -> Result<Vec<AuditLine>, Status> {
    let answer = client.admin.clone().list_audit(request).await?;
    Ok(answer.into_inner().lines)
}

pub(crate) async fn trail(client: &Client) -> Vec<AuditLine> {
    let request = ListAuditRequest {
        page_size: 1000,
        ..Default::default()
    };
    list(client, request).await.unwrap()
}

/// What was done with which result, of lines that succeeded or of all.
fn deeds(lines: &[AuditLine]) -> Vec<(&str, &str)> {
    let deeds = lines.iter().map(|line| (&*line.operation, &*line.resource));
    deeds.collect()
}

/// Waits for a line that the queue brings.
pub(crate) async fn comes(client: &Client, operation: &str, result: &str) -> AuditLine {
    let mut found = None;
    eventually("the line", async || {
        let lines = trail(client).await.into_iter();
        let mut wanted = lines.filter(|it| it.operation == operation && it.result == result);
        found = wanted.next();
        found.is_some()
    })
    .await;
    found.unwrap()
}

#[tokio::test]
async fn every_change_is_in_the_trail_once_its_call_has_answered() {
    let cairn = started().await;
    let client = &cairn.client;
    let made = client.create(session_spec("a", "run"), "a").await.unwrap();
    let id = made.artifact_id;
    client
        .upload(spec("large"), content(200_000))
        .await
        .unwrap();
    let hold = SetLegalHoldRequest {
        artifact_ids: vec![id.clone()],
        legal_hold: true,
        ..Default::default()
    };
    client.artifacts.clone().set_legal_hold(hold).await.unwrap();
    let request = CreateLinkRequest {
        artifact_id: id.clone(),
        ..Default::default()
    };
    let link = client.links.clone().create_link(request).await.unwrap();
    let link_id = link.into_inner().link.unwrap().link_id;
    let revoke = RevokeLinkRequest {
        link_id: link_id.clone(),
        ..Default::default()
    };
    client.links.clone().revoke_link(revoke).await.unwrap();
    let session_id = "run".to_owned();
    let seal = SealSessionRequest {
        session_id,
        ..Default::default()
    };
    client.sessions.clone().seal_session(seal).await.unwrap();
    let mut lines = trail(client).await;
    // The key that the test uses was made with access to the database.
    lines.remove(0);
    let told = deeds(&lines);
    assert_eq!(told[0], ("CreateArtifact", &*id));
    assert_eq!(told[1].0, "CreateArtifact");
    assert_eq!(
        told[2..],
        [
            ("SetLegalHold", &*id),
            ("CreateLink", &*id),
            ("RevokeLink", &*id),
            ("SealSession", "session run"),
        ]
    );
    for line in &lines {
        let actor = line.actor.clone().unwrap();
        assert_eq!((&*line.result, &*line.tenant_name), ("OK", "acme"));
        assert_eq!((&*actor.kind, &*actor.name), ("key", &cairn.key[39..]));
        assert_eq!(actor.address, "127.0.0.1");
        assert!(!format!("{line:?}").contains(&link_id));
    }
}

#[tokio::test]
async fn creates_that_are_committed_together_have_a_line_each() {
    let cairn = started().await;
    let make = |i: usize| async move { format!("{i}") };
    let made = futures_util::future::join_all((0..40).map(|i| {
        let client = cairn.client.clone();
        async move {
            let name = make(i).await;
            let made = client
                .create(session_spec(&name, "run"), name.clone())
                .await;
            made.unwrap().artifact_id
        }
    }));
    let mut ids = made.await;
    let lines = trail(&cairn.client).await.into_iter();
    let created = lines.filter(|line| line.operation == "CreateArtifact");
    let mut told: Vec<_> = created.map(|line| line.resource).collect();
    ids.sort();
    told.sort();
    assert_eq!(told, ids);
}

#[tokio::test]
async fn an_id_that_is_no_text_stops_no_other_line() {
    let cairn = started().await;
    refused(cairn.client.get("\0").await);
    refused(cairn.client.delete("art_0000000000000000").await);
    comes(&cairn.client, "DeleteArtifact", "ARTIFACT_NOT_FOUND").await;
    let line = comes(&cairn.client, "GetArtifact", "ARTIFACT_NOT_FOUND").await;
    assert_eq!(line.resource, "\u{fffd}");
}

#[tokio::test]
async fn a_key_that_lacks_a_scope_is_in_its_tenants_trail() {
    let cairn = started().await;
    let request = CreateKeyRequest {
        scopes: vec![Scope::Read.into()],
        ..Default::default()
    };
    let made = cairn.client.admin.clone().create_key(request).await;
    let made = made.unwrap().into_inner();
    let reader = Client::connect(&cairn.grpc_url, Some(&made.api_key)).await;
    refused(reader.delete("art_0000000000000000").await);
    let line = comes(&cairn.client, "DeleteArtifact", "PERMISSION_DENIED").await;
    let actor = line.actor.unwrap();
    assert_eq!(actor.id, made.key.unwrap().key_id);
    assert!(!actor.address.is_empty());
}

#[tokio::test]
async fn a_url_that_is_not_accepted_is_in_the_trail() {
    let cairn = started().await;
    let made = cairn.client.create(spec("a"), "a").await.unwrap();
    let rest = Rest::of(&cairn);
    let path = format!("/v1/artifacts/{}", made.artifact_id);
    let signed = rest.get(&format!("{path}/download-url")).await;
    let url = signed.body["download_url"].as_str().unwrap().to_owned();
    assert_eq!(cairn.get(&url).await, 200);
    let line = comes(&cairn.client, "DownloadArtifact", "OK").await;
    assert!(!line.actor.unwrap().address.is_empty());
    assert_eq!(cairn.get(&format!("{url}x")).await, 403);
    let operator = NewApiKey::of_operator();
    let made = cairn.store.issue_api_key("operators", &operator).await;
    let operator = Client::connect(&cairn.grpc_url, Some(made.unwrap().1.reveal())).await;
    let all = ListAuditRequest {
        all_tenants: true,
        page_size: 1000,
        ..Default::default()
    };
    eventually("the line of the forged URL", async || {
        let lines = list(&operator, all.clone()).await.unwrap();
        let mut forged = lines.iter().filter(|it| it.result == "PERMISSION_DENIED");
        forged.any(|line| line.resource == format!("{path}/content"))
    })
    .await;
}

#[tokio::test]
async fn a_change_that_fails_leaves_only_its_refusal() {
    let cairn = started().await;
    let missing = "art_0000000000000000";
    refused(cairn.client.delete(missing).await);
    let line = comes(&cairn.client, "DeleteArtifact", "ARTIFACT_NOT_FOUND").await;
    assert_eq!(line.resource, missing);
    let stranger = Client::connect(&cairn.grpc_url, Some("ck_wrong")).await;
    refused(stranger.delete(missing).await);
    let operator = NewApiKey::of_operator();
    let made = cairn.store.issue_api_key("operators", &operator).await;
    let operator = Client::connect(&cairn.grpc_url, Some(made.unwrap().1.reveal())).await;
    let all = ListAuditRequest {
        all_tenants: true,
        page_size: 1000,
        ..Default::default()
    };
    eventually("the stranger's line", async || {
        let lines = list(&operator, all.clone()).await.unwrap();
        let mut unknown = lines.iter().filter(|line| line.tenant_name.is_empty());
        unknown.any(|line| line.result == "UNAUTHENTICATED")
    })
    .await;
}

#[tokio::test]
async fn reads_of_content_are_in_the_trail_links_included() {
    let cairn = started().await;
    let made = cairn.client.create(spec("a"), "hello").await.unwrap();
    cairn.client.download(&made.artifact_id).await.unwrap();
    let line = comes(&cairn.client, "DownloadArtifact", "OK").await;
    assert_eq!(line.resource, made.artifact_id);
    let request = CreateLinkRequest {
        artifact_id: made.artifact_id.clone(),
        ..Default::default()
    };
    let link = cairn.client.links.clone().create_link(request).await;
    let link = link.unwrap().into_inner().link.unwrap();
    let read = reqwest::get(&link.url).await.unwrap();
    assert_eq!(read.text().await.unwrap(), "hello");
    let line = comes(&cairn.client, "FollowLink", "OK").await;
    let actor = line.actor.unwrap();
    assert_eq!((&*actor.kind, &*actor.address), ("link", "127.0.0.1"));
    assert_eq!(actor.name, link.link_id[link.link_id.len() - 4..]);
    assert_eq!(line.resource, made.artifact_id);
}

/// A read is what asks for bytes.
#[tokio::test]
async fn a_look_at_the_headers_alone_is_no_read() {
    let cairn = started().await;
    let made = cairn.client.create(spec("a.txt"), "hello").await.unwrap();
    let request = CreateLinkRequest {
        artifact_id: made.artifact_id.clone(),
        ..Default::default()
    };
    let link = cairn.client.links.clone().create_link(request).await;
    let url = link.unwrap().into_inner().link.unwrap().url;
    let http = reqwest::Client::new();
    let head = http.head(&url).send().await.unwrap();
    let etag = head.headers()["etag"].to_str().unwrap().to_owned();
    let known = http.get(&url).header("if-none-match", etag).send().await;
    assert_eq!(known.unwrap().status(), 304);
    // What is refused later is written later.
    refused(cairn.client.delete("art_0000000000000000").await);
    comes(&cairn.client, "DeleteArtifact", "ARTIFACT_NOT_FOUND").await;
    let lines = trail(&cairn.client).await;
    assert!(lines.iter().all(|line| line.operation != "FollowLink"));
    let part = http.get(&url).header("range", "bytes=0-0").send().await;
    assert_eq!(part.unwrap().text().await.unwrap(), "h");
    comes(&cairn.client, "FollowLink", "OK").await;
}

#[tokio::test]
async fn an_upload_that_is_aborted_is_in_the_trail_once() {
    let cairn = started().await;
    let open = cairn.client.start_upload(spec("a")).await.unwrap();
    for _ in 0..2 {
        cairn.client.abort_upload(&open.upload_id).await.unwrap();
    }
    let lines = trail(&cairn.client).await;
    let upload = format!("upload {}", open.upload_id);
    let told = deeds(&lines);
    let aborted = told.iter().filter(|it| **it == ("AbortUpload", &*upload));
    assert_eq!(aborted.count(), 1);
}

/// Keys, links and limits that are changed without a call are in the trail of their tenant.
#[tokio::test]
async fn changes_with_access_to_the_database_are_in_the_trail() {
    let cairn = started().await;
    let store = &cairn.store;
    let everything = NewApiKey::of_everything();
    let (key, _) = store.issue_api_key("acme", &everything).await.unwrap();
    store.revoke_api_key(key.id).await.unwrap();
    let update = LinkPolicyUpdate {
        enabled: Some(false),
        ..Default::default()
    };
    store.update_link_policy("acme", update).await.unwrap();
    let first = store.bootstrap("acme", None).await.unwrap();
    assert!(first.is_some());
    let update = TenantUpdate::default();
    assert!(!store.update_tenant("missing", update).await.unwrap());
    let lines = trail(&cairn.client).await;
    let told = deeds(&lines);
    let key = format!("key {}", key.id);
    assert_eq!(
        told[1..4],
        [
            ("CreateKey", &*key),
            ("RevokeKey", &*key),
            ("SetTenant", "links of tenant acme"),
        ]
    );
    assert_eq!((told[4].0, told.len()), ("CreateKey", 5));
    let actors = lines.iter().map(|line| line.actor.clone().unwrap().kind);
    assert!(actors.into_iter().all(|kind| kind == "database"));
}

#[tokio::test]
async fn reads_are_left_out_where_the_setting_says_so() {
    let setup = Setup::on(Bytes::Files);
    let cairn = setup.config(|config| config.audit_reads = AuditedReads::None);
    let cairn = cairn.start().await;
    let made = cairn.client.create(spec("a"), "hello").await.unwrap();
    cairn.client.download(&made.artifact_id).await.unwrap();
    // What is refused later is written later.
    refused(cairn.client.delete("art_0000000000000000").await);
    comes(&cairn.client, "DeleteArtifact", "ARTIFACT_NOT_FOUND").await;
    let lines = trail(&cairn.client).await;
    assert!(
        lines
            .iter()
            .all(|line| line.operation != "DownloadArtifact")
    );
}

#[tokio::test]
async fn a_refused_http_request_is_in_the_trail() {
    let cairn = started().await;
    let answer = Rest::of(&cairn)
        .get("/v1/artifacts/art_0000000000000000")
        .await;
    assert_eq!(answer.status, 404);
    let line = comes(&cairn.client, "GetArtifact", "ARTIFACT_NOT_FOUND").await;
    assert_eq!(line.resource, "/v1/artifacts/art_0000000000000000");
}

#[tokio::test]
async fn the_trail_is_for_administrators_of_the_tenant() {
    let cairn = started().await;
    let key = |scope: Scope| CreateKeyRequest {
        scopes: vec![scope.into()],
        ..Default::default()
    };
    let made = cairn
        .client
        .admin
        .clone()
        .create_key(key(Scope::Read))
        .await;
    let made = made.unwrap().into_inner();
    let reader = Client::connect(&cairn.grpc_url, Some(&made.api_key)).await;
    let refusal = refused(list(&reader, ListAuditRequest::default()).await);
    assert_eq!(refusal.code, Code::PermissionDenied);
    let all = ListAuditRequest {
        all_tenants: true,
        ..Default::default()
    };
    let refusal = refused(list(&cairn.client, all).await);
    assert_eq!(refusal.metadata["scope"], "operator");
    let key_id = made.key.unwrap().key_id;
    let revoke = RevokeKeyRequest {
        key_id: key_id.clone(),
    };
    cairn.client.admin.clone().revoke_key(revoke).await.unwrap();
    let lines = trail(&cairn.client).await;
    let key = format!("key {key_id}");
    let told = deeds(&lines);
    assert!(told.contains(&("CreateKey", &key)) && told.contains(&("RevokeKey", &key)));
}

#[tokio::test]
async fn the_trail_comes_in_pages_and_is_never_changed() {
    let cairn = started().await;
    for name in ["a", "b", "c"] {
        cairn.client.create(spec(name), name).await.unwrap();
    }
    let mut lines = Vec::new();
    let mut request = ListAuditRequest {
        page_size: 2,
        ..Default::default()
    };
    loop {
        let answer = cairn.client.admin.clone().list_audit(request.clone()).await;
        let page = answer.unwrap().into_inner();
        lines.extend(page.lines);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(lines.len(), 4, "one of the test's key");
    for change in ["UPDATE audit SET result = 'x'", "DELETE FROM audit"] {
        let done = cairn.database().await.batch_execute(change).await;
        assert!(done.is_err(), "{change}");
    }
    assert!(cairn.pass("audit").await.failures.is_empty());
}

#[tokio::test]
async fn lines_of_days_without_a_worker_are_dropped_with_their_age() {
    let cairn = started().await;
    let add = |at: &str| {
        format!(
            "INSERT INTO audit (at, operation, resource, result, actor) VALUES ({at}, 'x', '', 'OK', '{{}}')"
        )
    };
    let lines = "SELECT count(*) FROM audit_other";
    cairn.sql(&add("now() - interval '2 years'")).await;
    cairn.sql(&add("now() - interval '2 days'")).await;
    assert!(cairn.pass("audit").await.failures.is_empty());
    assert_eq!(cairn.count(lines).await, 2, "one is young");
    let database = cairn.database().await;
    let none = database.batch_execute("TRUNCATE audit_other").await;
    none.unwrap();
    cairn.sql(&add("now() - interval '2 years'")).await;
    assert!(cairn.pass("audit").await.failures.is_empty());
    assert_eq!(cairn.count(lines).await, 0);
}
