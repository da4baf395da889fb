//! A link to a session, or to a folder in it, gives access to what is in there and to nothing else.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use cairn_proto::v1::{
    ArtifactKind, ArtifactSpec, ArtifactStage, CreateLinkRequest, GetLinkRequest, Link,
    ListLinksRequest, RevokeLinkRequest,
};
use cairn_store::{LinkPolicyUpdate, RawNarrowing, Scope};
use reqwest::Method;
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::{error_code, header, pages::page, request, send};
use crate::{
    access::{client_of, session},
    audit::{comes, trail},
};
use harness::{
    Bytes, Cairn, Client, Setup, content, each, eventually, refused, session_spec, text,
};

fn to(session: &str, folder: &str) -> CreateLinkRequest {
    CreateLinkRequest {
        session_id: session.to_owned(),
        folder: folder.to_owned(),
        ..CreateLinkRequest::default()
    }
}

async fn create(client: &Client, request: CreateLinkRequest) -> Result<Link, Status> {
    let created = client.links.clone().create_link(request).await?;
    Ok(created.into_inner().link.unwrap())
}

/// A link to a session or a folder in it.
pub(super) async fn share(cairn: &Cairn, session: &str, folder: &str) -> Link {
    create(&cairn.client, to(session, folder)).await.unwrap()
}

async fn listed(url: &str) -> Value {
    let answer = request(url, &[]).await;
    assert_eq!(answer.status(), 200, "{url}");
    assert_eq!(header(&answer, "cache-control"), "private, no-store");
    answer.json().await.unwrap()
}

/// The files of a list, as names with their versions.
fn files(list: &Value) -> Vec<(&str, i64)> {
    let files = list["files"].as_array().unwrap().iter();
    let named = files.map(|it| (text(&it["filename"]), it["version"].as_i64().unwrap()));
    named.collect()
}

/// A session with a file, a folder with two and a deeper one, of which one has two versions, and what is around it.
async fn filled() -> Cairn {
    let cairn = Setup::on(Bytes::Files).start().await;
    for (name, run) in [
        ("report.md", "run"),
        ("src/main.rs", "run"),
        ("src/deep/a b?.rs", "run"),
        ("src/main.rs", "run"),
        ("src2/other.rs", "run"),
        ("src/secret.rs", "other"),
    ] {
        let spec = ArtifactSpec {
            agent_id: "writer".to_owned(),
            stage: ArtifactStage::Review.into(),
            ..session_spec(name, run)
        };
        cairn.client.create(spec, name).await.unwrap();
    }
    cairn
}

#[tokio::test]
async fn a_program_gets_the_files_of_a_session_level_by_level() {
    let cairn = filled().await;
    let link = share(&cairn, "run", "").await;
    assert_eq!((&*link.session_id, &*link.folder), ("run", ""));
    assert_eq!(link.artifact_id, "");
    let top = listed(&link.url).await;
    assert_eq!(top["folders"], json!(["src/", "src2/"]));
    assert_eq!(files(&top), [("report.md", 1)]);
    assert_eq!(
        (&top["session_id"], &top["is_sealed"], &top["has_more"]),
        (&json!("run"), &json!(false), &json!(false))
    );
    for folder in ["src", "src/", "src%2F"] {
        let below = listed(&format!("{}?folder={folder}", link.url)).await;
        assert_eq!(below["folders"], json!(["src/deep/"]), "{folder}");
        assert_eq!(files(&below), [("src/main.rs", 2)], "{folder}");
    }
    let all = listed(&format!("{}?all", link.url)).await;
    assert_eq!(all["folders"], json!([]));
    assert_eq!(
        files(&all),
        [
            ("report.md", 1),
            ("src/deep/a b?.rs", 1),
            ("src/main.rs", 2),
            ("src2/other.rs", 1)
        ]
    );
    let file = &all["files"][0];
    assert_eq!(file["agent_id"], "writer");
    assert_eq!(file["stage"], "review");
    assert!(file.get("metadata").is_none() && file.get("user_id").is_none());
    let bytes = request(text(&file["url"]), &[]).await;
    assert_eq!(
        header(&bytes, "content-disposition"),
        "inline; filename=\"report.md\"; filename*=UTF-8''report.md"
    );
    assert_eq!(bytes.text().await.unwrap(), "report.md");
    let part = request(text(&file["url"]), &[("range", "bytes=0-5")]).await;
    assert_eq!(part.status(), 206);
    assert_eq!(part.text().await.unwrap(), "report");
}

#[tokio::test]
async fn a_link_to_a_folder_leads_nowhere_else() {
    let cairn = filled().await;
    let link = share(&cairn, "run", "src").await;
    assert_eq!(link.folder, "src/");
    let own = listed(&link.url).await;
    assert_eq!(own["link_folder"], "src/");
    assert_eq!(files(&own), [("src/main.rs", 2)]);
    assert_eq!(own["folders"], json!(["deep/"]));
    let deep = listed(&format!("{}?folder=deep", link.url)).await;
    assert_eq!(files(&deep), [("src/deep/a b?.rs", 1)]);
    for folder in ["..", "../", "a/../../..", "/", "/etc", "deep//", "%00"] {
        let url = format!("{}?folder={folder}", link.url);
        for url in [url.clone(), format!("{url}&download")] {
            let answer = error_code(request(&url, &[]).await).await;
            assert_eq!(answer, (400, "invalid_request".into()), "{url}");
        }
    }
    let whole = share(&cairn, "run", "").await;
    let all = listed(&format!("{}?all", whole.url)).await;
    let other = share(&cairn, "other", "").await;
    let others = listed(&format!("{}?all", other.url)).await;
    for outside in [&all["files"][0], &all["files"][3], &others["files"][0]] {
        let id = text(&outside["artifact_id"]);
        for url in [
            format!("{}?artifact={id}", link.url),
            format!("{}?artifact={id}&download", link.url),
        ] {
            let answer = error_code(request(&url, &[]).await).await;
            assert_eq!(answer, (404, "artifact_not_found".into()), "{url}");
        }
        let (answer, _) = page(&format!("{}?artifact={id}", link.url)).await;
        assert_eq!(answer.status(), 404);
    }
}

#[tokio::test]
async fn what_comes_later_is_in_the_link_and_what_is_deleted_is_not() {
    let cairn = filled().await;
    let link = share(&cairn, "run", "src").await;
    let spec = session_spec("src/later.rs", "run");
    let made = cairn.client.create(spec, "later").await.unwrap();
    assert_eq!(
        files(&listed(&link.url).await),
        [("src/later.rs", 1), ("src/main.rs", 2)]
    );
    let url = format!("{}?artifact={}", link.url, made.artifact_id);
    assert_eq!(request(&url, &[]).await.status(), 200);
    cairn.client.delete(&made.artifact_id).await.unwrap();
    assert_eq!(files(&listed(&link.url).await), [("src/main.rs", 2)]);
    let answer = error_code(request(&url, &[]).await).await;
    assert_eq!(answer, (410, "artifact_already_deleted".into()));
    let archive = request(&format!("{}?download", link.url), &[]).await;
    let bytes = archive.bytes().await.unwrap();
    assert!(!bytes.windows(5).any(|part| part == b"later"));
}

#[tokio::test]
async fn a_link_to_a_session_ends_as_others_do() {
    let cairn = filled().await;
    let [revoked, expired, open] = [
        share(&cairn, "run", "").await,
        share(&cairn, "run", "").await,
        share(&cairn, "run", "").await,
    ];
    let revoke = RevokeLinkRequest {
        link_id: revoked.link_id.clone(),
        ..RevokeLinkRequest::default()
    };
    let mut links = cairn.client.links.clone();
    links.revoke_link(revoke).await.unwrap();
    let sql = format!(
        "UPDATE links SET expires_at = now() WHERE id = '{}'",
        expired.link_id
    );
    cairn.sql(&sql).await;
    let list = listed(&open.url).await;
    let artifact = text(&list["files"][0]["artifact_id"]);
    for link in [&revoked, &expired] {
        for rest in ["", "?download", &format!("?artifact={artifact}")] {
            let answer = error_code(request(&format!("{}{rest}", link.url), &[]).await).await;
            assert_eq!(answer, (410, "link_expired".into()), "{rest}");
        }
    }
    let update = LinkPolicyUpdate {
        enabled: Some(false),
        ..LinkPolicyUpdate::default()
    };
    assert!(
        cairn
            .store
            .update_link_policy("acme", update)
            .await
            .unwrap()
    );
    let answer = error_code(request(&open.url, &[]).await).await;
    assert_eq!(answer.1, "links_disabled");
    let refusal = refused(create(&cairn.client, to("run", "")).await);
    assert_eq!(refusal.reason, "LINKS_DISABLED");
}

#[tokio::test]
async fn files_and_archives_are_downloads_and_lists_are_none() {
    let cairn = filled().await;
    let wanted = CreateLinkRequest {
        max_downloads: 2,
        ..to("run", "")
    };
    let link = create(&cairn.client, wanted).await.unwrap();
    let all = listed(&format!("{}?all", link.url)).await;
    let file = text(&all["files"][0]["url"]);
    let archive = format!("{}?download", link.url);
    for url in [file, &archive] {
        assert_eq!(send(Method::HEAD, url, &[]).await.status(), 200);
        let (answer, shown) = page(url.trim_end_matches("?download")).await;
        assert_eq!(answer.status(), 200);
        assert!(shown.contains("0 of 2"), "{shown}");
    }
    assert_eq!(request(file, &[]).await.status(), 200);
    let first = request(&archive, &[]).await;
    assert_eq!(first.status(), 200);
    first.bytes().await.unwrap();
    for url in [file, &archive, &link.url] {
        let answer = error_code(request(url, &[]).await).await;
        assert_eq!(answer, (410, "link_expired".into()), "{url}");
    }
    let get = GetLinkRequest {
        link_id: link.link_id,
    };
    let got = cairn.client.links.clone().get_link(get).await.unwrap();
    assert_eq!(got.into_inner().link.unwrap().downloads, 2);
}

#[tokio::test]
async fn a_password_guards_the_list_the_files_and_the_archive() {
    let cairn = filled().await;
    let wanted = CreateLinkRequest {
        password: "open sesame".to_owned(),
        ..to("run", "")
    };
    let link = create(&cairn.client, wanted).await.unwrap();
    let basic = format!("Basic {}", BASE64.encode("any:open sesame"));
    let with = [("authorization", &*basic)];
    let list: Value = request(&link.url, &with).await.json().await.unwrap();
    let file = text(&list["files"][0]["url"]).to_owned();
    for url in [link.url.clone(), file, format!("{}?download", link.url)] {
        let refused = request(&url, &[]).await;
        assert!(header(&refused, "www-authenticate").starts_with("Basic "));
        assert_eq!(error_code(refused).await, (401, "unauthorized".into()));
        assert_eq!(request(&url, &with).await.status(), 200);
    }
    let (answer, shown) = page(&link.url).await;
    assert_eq!(answer.status(), 401);
    assert!(!shown.contains("report.md"), "{shown}");
}

#[tokio::test]
async fn a_session_is_linked_only_by_who_reaches_all_of_it() {
    let cairn = filled().await;
    let link = share(&cairn, "run", "").await;
    let stranger = cairn.client_of("stranger").await;
    let narrow = client_of(&cairn, &Scope::EVERY, session("run")).await;
    let elsewhere = client_of(&cairn, &Scope::EVERY, session("other")).await;
    let by_folder = RawNarrowing {
        filename_prefix: "src/".to_owned(),
        ..session("run")
    };
    let by_folder = client_of(&cairn, &Scope::EVERY, by_folder).await;
    for client in [&stranger, &elsewhere] {
        let refusal = refused(create(client, to("run", "")).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::NotFound, "SESSION_NOT_FOUND")
        );
    }
    let refusal = refused(create(&by_folder, to("run", "src")).await);
    assert_eq!(refusal.code, Code::PermissionDenied);
    let own = create(&narrow, to("run", "src")).await.unwrap();

    let get = |link: &Link| GetLinkRequest {
        link_id: link.link_id.clone(),
    };
    let revoke = RevokeLinkRequest {
        link_id: link.link_id.clone(),
        ..RevokeLinkRequest::default()
    };
    for client in [stranger, elsewhere, by_folder] {
        let mut links = client.links;
        let all = links.list_links(ListLinksRequest::default()).await;
        assert!(all.unwrap().into_inner().links.is_empty());
        for refusal in [
            refused(links.get_link(get(&link)).await.map(drop)),
            refused(links.revoke_link(revoke.clone()).await.map(drop)),
        ] {
            assert_eq!(refusal.reason, "LINK_NOT_FOUND");
        }
    }
    let mut links = narrow.links;
    assert_eq!(
        links.get_link(get(&link)).await.unwrap().into_inner().link,
        Some(link.clone())
    );
    let all = links.list_links(ListLinksRequest::default()).await;
    assert_eq!(all.unwrap().into_inner().links, [own, link]);
    links.revoke_link(revoke).await.unwrap();
    let reader = client_of(&cairn, &[Scope::Read], RawNarrowing::default()).await;
    let refusal = refused(create(&reader, to("run", "")).await);
    assert_eq!(refusal.code, Code::PermissionDenied);
}

#[tokio::test]
async fn a_link_leads_to_an_artifact_or_to_a_session_that_exists() {
    let cairn = filled().await;
    let made = cairn.client.create(session_spec("b", "run"), "b").await;
    let id = made.unwrap().artifact_id;
    for (request, fields) in [
        (CreateLinkRequest::default(), ["artifact_id"]),
        (
            CreateLinkRequest {
                artifact_id: id.clone(),
                ..to("run", "")
            },
            ["session_id"],
        ),
        (to("", "src"), ["folder"]),
        (
            CreateLinkRequest {
                artifact_id: id.clone(),
                ..to("", "src")
            },
            ["folder"],
        ),
        (to("run", "../x"), ["folder"]),
        (to("run", "/"), ["folder"]),
        (to("run", "a//"), ["folder"]),
        (to("run", &"x".repeat(256)), ["folder"]),
        (to("a\nb", ""), ["session_id"]),
    ] {
        let refusal = refused(create(&cairn.client, request.clone()).await);
        assert_eq!(refusal.fields, fields, "{request:?}");
    }
    let refusal = refused(create(&cairn.client, to("never", "")).await);
    assert_eq!(refusal.reason, "SESSION_NOT_FOUND");
    let both = ListLinksRequest {
        artifact_id: id,
        session_id: "run".to_owned(),
        ..ListLinksRequest::default()
    };
    let refusal = refused(cairn.client.links.clone().list_links(both).await);
    assert_eq!(refusal.fields, ["session_id"]);
}

#[tokio::test]
async fn a_retry_of_a_session_link_returns_the_first_one() {
    let cairn = filled().await;
    let keyed = |folder| CreateLinkRequest {
        idempotency_key: "key".to_owned(),
        ..to("run", folder)
    };
    let first = create(&cairn.client, keyed("src")).await.unwrap();
    // The same folder.
    assert_eq!(create(&cairn.client, keyed("src/")).await.unwrap(), first);
    let refusal = refused(create(&cairn.client, keyed("")).await);
    assert_eq!(refusal.reason, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(refusal.metadata["fields"], "session");
}

#[tokio::test]
async fn links_of_a_session_are_listed_apart() {
    let cairn = filled().await;
    let made = cairn.client.create(session_spec("b", "run"), "b").await;
    cairn.client.link(&made.unwrap().artifact_id).await.unwrap();
    share(&cairn, "other", "").await;
    let mut own = Vec::new();
    for folder in ["", "src", "src2"] {
        own.insert(0, share(&cairn, "run", folder).await);
    }
    let mut links = cairn.client.links.clone();
    let of = |page_token: &str, session: &str| ListLinksRequest {
        page_size: 2,
        page_token: page_token.to_owned(),
        session_id: session.to_owned(),
        ..ListLinksRequest::default()
    };
    let first = links.list_links(of("", "run")).await.unwrap().into_inner();
    assert_eq!(first.links, own[..2]);
    let next = &first.next_page_token;
    let second = links.list_links(of(next, "run")).await;
    assert_eq!(second.unwrap().into_inner().links, own[2..]);
    let refusal = refused(links.list_links(of(next, "other")).await);
    assert_eq!(refusal.fields, ["page_token"]);
}

#[tokio::test]
async fn a_sealed_session_stays_linked_and_says_that_it_is_sealed() {
    let cairn = filled().await;
    let link = share(&cairn, "run", "").await;
    let (_, shown) = page(&link.url).await;
    assert!(shown.contains("it may grow"), "{shown}");
    cairn.client.seal("run").await.unwrap();
    assert_eq!(listed(&link.url).await["is_sealed"], true);
    let (_, shown) = page(&link.url).await;
    assert!(shown.contains("sealed"), "{shown}");
    share(&cairn, "run", "src").await;
}

#[tokio::test]
async fn the_page_of_a_session_shows_a_folder_with_its_files() {
    let cairn = Setup::on(Bytes::Files).start().await;
    for name in ["<b>x.txt", "src/\u{202e}q3.rs", "src/b.rs"] {
        let spec = ArtifactSpec {
            agent_id: "writer <i>".to_owned(),
            stage: ArtifactStage::Final.into(),
            kind: ArtifactKind::Code.into(),
            ..session_spec(name, "run-42")
        };
        cairn.client.create(spec, content(3000)).await.unwrap();
    }
    let link = share(&cairn, "run-42", "").await;
    let (answer, shown) = page(&link.url).await;
    assert_eq!(answer.status(), 200);
    let policy = header(&answer, "content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("script-src"));
    for wanted in [
        "<h1><bdi>run-42</bdi></h1>",
        "<bdi>&lt;b&gt;x.txt</bdi>",
        "2.92 KiB · version 1 · code · final · by <bdi>writer &lt;i&gt;</bdi>",
        "href=\"?folder=src\"",
        "href=\"?download\"",
        "Link ends",
    ] {
        assert!(shown.contains(wanted), "{wanted} in {shown}");
    }
    assert!(!shown.contains("b.rs"), "only one level: {shown}");
    let (_, below) = page(&format!("{}?folder=src", link.url)).await;
    for wanted in [
        "<bdi>b.rs</bdi>",
        "\u{fffd}q3.rs",
        "href=\"?folder=src&amp;download\"",
        "href=\"?\"",
    ] {
        assert!(below.contains(wanted), "{wanted} in {below}");
    }
    let (_, empty) = page(&format!("{}?folder=nothing", link.url)).await;
    assert!(empty.contains("There are no files here."), "{empty}");
}

#[tokio::test]
async fn the_page_of_a_file_has_its_preview_and_its_versions() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let mut made = Vec::new();
    for number in 1..=23 {
        let spec = session_spec("src/notes.md", "run");
        let artifact = cairn.client.create(spec, format!("# Draft {number}")).await;
        made.push(artifact.unwrap().artifact_id);
    }
    let link = share(&cairn, "run", "").await;
    let of = |id: &str| format!("{}?artifact={id}", link.url);
    let latest = &made[22];
    let (answer, shown) = page(&of(latest)).await;
    assert_eq!(answer.status(), 200);
    for wanted in [
        "<h2>Draft 23</h2>",
        "Version 23, shown above",
        &format!("href=\"?artifact={latest}&amp;download\""),
        &format!("href=\"?artifact={}\"", made[21]),
        "href=\"?folder=src\"",
    ] {
        assert!(shown.contains(wanted), "{wanted} in {shown}");
    }
    assert!(!shown.contains("Version 3<"), "twenty at once: {shown}");
    let older = shown.split("&amp;cursor=").nth(1).unwrap();
    let older = older.split('"').next().unwrap();
    let (_, rest) = page(&format!("{}&cursor={older}", of(latest))).await;
    assert!(rest.contains("Version 3<") && !rest.contains("Version 4<"));
    let (_, first) = page(&of(&made[0])).await;
    assert!(first.contains("<h2>Draft 1</h2>"), "{first}");
    let raw = request(&format!("{}&raw", of(&made[0])), &[]).await;
    assert_eq!(raw.text().await.unwrap(), "# Draft 1");
}

#[tokio::test]
async fn a_page_of_a_large_folder_goes_on_where_it_ended() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let create = |i: usize| {
        let spec = session_spec(&format!("{i:03}.txt"), "run");
        cairn.client.create(spec, "same")
    };
    for made in futures_util::future::join_all((0..201).map(create)).await {
        made.unwrap();
    }
    let link = share(&cairn, "run", "").await;
    let (_, shown) = page(&link.url).await;
    assert!(shown.contains("199.txt") && !shown.contains("200.txt"));
    let next = shown.split("&amp;cursor=").nth(1).unwrap();
    let next = next.split('"').next().unwrap();
    let (_, rest) = page(&format!("{}?cursor={next}", link.url)).await;
    assert!(rest.contains("200.txt") && !rest.contains("199.txt"));
    let first = listed(&link.url).await;
    assert_eq!(first["has_more"], true);
    let token = text(&first["next_cursor"]);
    let rest = listed(&format!("{}?cursor={token}", link.url)).await;
    assert_eq!(each(&rest["files"], "filename"), ["200.txt"]);
    let answer = error_code(request(&format!("{}?folder=a&cursor={token}", link.url), &[]).await);
    assert_eq!(answer.await, (400, "invalid_request".into()));
}

#[tokio::test]
async fn the_trail_has_who_shared_and_who_read_a_session() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let made = cairn.client.create(session_spec("a", "run"), "a").await;
    let id = made.unwrap().artifact_id;
    let link = share(&cairn, "run", "").await;
    let line = comes(&cairn.client, "CreateLink", "OK").await;
    assert_eq!(line.resource, "session run");
    assert!(!format!("{line:?}").contains(&link.link_id));
    let file = request(&format!("{}?artifact={id}", link.url), &[]).await;
    file.bytes().await.unwrap();
    let line = comes(&cairn.client, "FollowLink", "OK").await;
    assert_eq!(line.resource, id);
    let archive = request(&format!("{}?download", link.url), &[]).await;
    archive.bytes().await.unwrap();
    eventually("the line of the archive", async || {
        let lines = trail(&cairn.client).await.into_iter();
        let mut read = lines.filter(|line| line.operation == "FollowLink");
        read.any(|line| line.resource == "session run")
    })
    .await;
}

#[tokio::test]
async fn pages_of_a_session_take_content_from_the_content_host() {
    let origin = "https://content.example.com";
    let setup = Setup::on(Bytes::Files)
        .settings(|settings| settings.content_url = Some(origin.parse().unwrap()));
    let cairn = setup.start().await;
    let spec = session_spec("a.png", "run");
    let made = cairn.client.create(spec, content(100)).await;
    let id = made.unwrap().artifact_id;
    let link = share(&cairn, "run", "").await;
    let (_, shown) = page(&link.url).await;
    let archive = format!("href=\"{origin}/{}?download\"", link.link_id);
    assert!(shown.contains(&archive), "{shown}");
    let (_, shown) = page(&format!("{}?artifact={id}", link.url)).await;
    let there = format!("{origin}/{}?artifact={id}&amp;raw", link.link_id);
    for wanted in [format!("src=\"{there}\""), format!("href=\"{there}\"")] {
        assert!(shown.contains(&wanted), "{wanted} in {shown}");
    }
    // A browser that asks the pages' host for content is sent there.
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let asked = http
        .get(format!("{}?artifact={id}&raw", link.url))
        .header("sec-fetch-dest", "image");
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), 307);
    assert_eq!(header(&answer, "location"), there.replace("&amp;", "&"));
}
