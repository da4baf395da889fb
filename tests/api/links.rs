//! A link gives read access to its holder only, and its content can do no harm.

use cairn_proto::v1::{
    ArtifactSpec, CreateLinkRequest, GetLinkRequest, ListLinksRequest, RevokeLinkRequest,
};
use reqwest::{Method, Response};
use tonic::Code;

use harness::{Bytes, Cairn, Setup, content, refused, spec};

mod archives;
mod browser;
mod http;
mod limits;
mod pages;
mod sessions;

harness::on_s3_and_files!(a_link_serves_the_bytes_whole_or_in_part);

async fn request(url: &str, headers: &[(&'static str, &str)]) -> Response {
    send(Method::GET, url, headers).await
}

async fn send(method: Method, url: &str, headers: &[(&'static str, &str)]) -> Response {
    let mut request = reqwest::Client::new().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

async fn error_code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["error"]["status"], status);
    (status, body["error"]["code"].as_str().unwrap().to_owned())
}

async fn linked(cairn: &Cairn, spec: ArtifactSpec, content: Vec<u8>) -> String {
    let made = cairn.client.upload(spec, content).await.unwrap();
    cairn.client.link(&made.artifact_id).await.unwrap().url
}

async fn a_link_serves_the_bytes_whole_or_in_part(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    for size in [1000, 100_000, 9 << 20] {
        let whole = content(size);
        let url = linked(&cairn, spec("data.bin"), whole.clone()).await;
        let response = request(&url, &[]).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-length"), size.to_string());
        assert!(response.bytes().await.unwrap() == whole);

        let part = request(&url, &[("range", "bytes=100-199")]).await;
        assert_eq!(part.status(), 206);
        assert_eq!(
            header(&part, "content-range"),
            format!("bytes 100-199/{size}")
        );
        assert!(part.bytes().await.unwrap() == whole[100..200]);
        let head = send(Method::HEAD, &url, &[]).await;
        assert_eq!(head.status(), 200);
        assert_eq!(header(&head, "content-length"), size.to_string());
        assert!(head.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_browser_shows_what_is_harmless_and_saves_the_rest() {
    let cairn = Cairn::start().await;
    for (name, how) in [
        ("a.txt", "inline"),
        ("a.png", "inline"),
        ("a.md", "inline"),
        ("a.yaml", "inline"),
        ("a.js", "inline"),
        ("a.pdf", "inline"),
        ("a", "inline"),
        ("a.html", "attachment"),
        ("a.svg", "attachment"),
        ("a.xml", "attachment"),
        ("a.xhtml", "attachment"),
    ] {
        let url = linked(&cairn, spec(name), b"<script>alert(1)</script>".to_vec()).await;
        let response = request(&url, &[]).await;
        let disposition = header(&response, "content-disposition");
        assert!(
            disposition.starts_with(&format!("{how}; ")),
            "{name}: {disposition}"
        );
        if how == "inline" {
            // Despite its name it is text.
            let shown = "text/plain; charset=utf-8";
            assert_eq!(header(&response, "content-type"), shown, "{name}");
        }
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert!(header(&response, "content-security-policy").contains("sandbox"));
        assert_eq!(header(&response, "referrer-policy"), "no-referrer");
        assert!(
            !response
                .headers()
                .contains_key("access-control-allow-origin")
        );
    }
}

#[tokio::test]
async fn a_filename_cannot_break_out_of_its_header() {
    let cairn = Cairn::start().await;
    let name = "dir/ev\"il; x=1; \u{202e}é%.txt";
    let url = linked(&cairn, spec(name), vec![1]).await;
    let response = request(&url, &[]).await;
    let expected = "inline; filename=\"ev_il; x=1; ___.txt\"; \
                    filename*=UTF-8''ev%22il%3B%20x%3D1%3B%20%E2%80%AE%C3%A9%25.txt";
    assert_eq!(header(&response, "content-disposition"), expected);
}

#[tokio::test]
async fn a_link_ends_when_it_expires_is_revoked_or_its_artifact_goes() {
    let cairn = Cairn::start().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let id = &made.artifact_id;
    let revoked = cairn.client.link(id).await.unwrap();
    let expired = cairn.client.link(id).await.unwrap();
    let open = cairn.client.link(id).await.unwrap();
    let revoke = RevokeLinkRequest {
        link_id: revoked.link_id.clone(),
        ..RevokeLinkRequest::default()
    };
    let mut links = cairn.client.links.clone();
    let first = links
        .revoke_link(revoke.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(links.revoke_link(revoke).await.unwrap().into_inner(), first);
    cairn
        .sql(&format!(
            "UPDATE links SET expires_at = now() WHERE id = '{}'",
            expired.link_id
        ))
        .await;
    for link in [&revoked, &expired] {
        let answer = error_code(request(&link.url, &[]).await).await;
        assert_eq!(answer, (410, "link_expired".into()));
        let get = GetLinkRequest {
            link_id: link.link_id.clone(),
        };
        links.get_link(get).await.unwrap();
    }
    assert_eq!(request(&open.url, &[]).await.status(), 200);
    cairn.client.delete(id).await.unwrap();
    let answer = error_code(request(&open.url, &[]).await).await;
    assert_eq!(answer, (410, "artifact_already_deleted".into()));
    let body: serde_json::Value = request(&open.url, &[]).await.json().await.unwrap();
    assert_eq!(body["error"]["details"]["artifact_id"], id.as_str());
    let deleted_at = &body["error"]["deleted_at"];
    assert!(deleted_at.is_string() && *deleted_at == body["error"]["details"]["deleted_at"]);
}

#[tokio::test]
async fn what_is_no_link_is_not_found() {
    let cairn = Cairn::start().await;
    for path in ["lnk_00000000000000000000", "lnk_x", "art_0000000000000000"] {
        let answer = error_code(request(&format!("{}/{path}", cairn.http_url), &[]).await).await;
        assert_eq!(answer, (404, "link_not_found".into()), "{path}");
    }
    for path in ["", "a/b", "../etc/passwd"] {
        let url = format!("{}/{path}", cairn.http_url);
        assert_eq!(request(&url, &[]).await.status(), 404, "{path}");
    }
    let url = format!("{}/lnk_00000000000000000000", cairn.http_url);
    assert_eq!(send(Method::POST, &url, &[]).await.status(), 405);
}

#[tokio::test]
async fn link_lives_a_week_by_default_and_at_most_a_year() {
    let cairn = Cairn::start().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let link = cairn.client.link(&made.artifact_id).await.unwrap();
    assert!(link.link_id.starts_with("lnk_") && link.link_id.len() == 24);
    let life = link.expires_at.unwrap().seconds - link.created_at.unwrap().seconds;
    assert_eq!(life, 7 * 24 * 3600);
    for seconds in [0, -1, 365 * 24 * 3600 + 1] {
        let request = CreateLinkRequest {
            artifact_id: made.artifact_id.clone(),
            expires_in: Some(prost_types::Duration { seconds, nanos: 0 }),
            ..CreateLinkRequest::default()
        };
        let refusal = refused(cairn.client.links.clone().create_link(request).await);
        assert_eq!(refusal.fields, ["expires_in"], "{seconds}");
    }
}

#[tokio::test]
async fn links_are_listed_newest_first_and_belong_to_their_tenant() {
    let cairn = Cairn::start().await;
    let mut expected = Vec::new();
    for name in ["a", "b", "a"] {
        let made = cairn.client.create(spec(name), "x").await.unwrap();
        let link = cairn.client.link(&made.artifact_id).await.unwrap();
        expected.insert(0, (made.artifact_id, link.link_id));
    }
    let mut links = cairn.client.links.clone();
    let list = ListLinksRequest {
        page_size: 2,
        ..ListLinksRequest::default()
    };
    let first = links.list_links(list.clone()).await.unwrap().into_inner();
    let next = ListLinksRequest {
        page_token: first.next_page_token.clone(),
        ..list
    };
    let second = links.list_links(next.clone()).await.unwrap().into_inner();
    let listed: Vec<_> = [first.links, second.links]
        .concat()
        .into_iter()
        .map(|link| (link.artifact_id, link.link_id))
        .collect();
    assert_eq!(listed, expected);
    assert_eq!(second.next_page_token, "");
    let of_one = ListLinksRequest {
        artifact_id: expected[1].0.clone(),
        ..ListLinksRequest::default()
    };
    let of_one = links.list_links(of_one).await.unwrap().into_inner();
    assert_eq!(of_one.links.len(), 1);

    let mut stranger = cairn.client_of("stranger").await.links;
    let all = stranger
        .list_links(ListLinksRequest::default())
        .await
        .unwrap();
    assert!(all.into_inner().links.is_empty());
    let link_id = expected[0].1.clone();
    let get = GetLinkRequest {
        link_id: link_id.clone(),
    };
    let revoke = RevokeLinkRequest {
        link_id,
        ..RevokeLinkRequest::default()
    };
    for refusal in [
        refused(stranger.get_link(get).await.map(drop)),
        refused(stranger.revoke_link(revoke).await.map(drop)),
    ] {
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::NotFound, "LINK_NOT_FOUND")
        );
    }
    let refusal = refused(stranger.list_links(next).await);
    assert_eq!(
        refusal.fields,
        ["page_token"],
        "a token is good for its own list alone"
    );
}

#[tokio::test]
async fn a_reader_notices_bytes_that_have_changed() {
    let cairn = Cairn::start().await;
    let url = linked(&cairn, spec("a"), content(1 << 20)).await;
    cairn.corrupt(&content((1 << 20) + 1)[1..]).await;
    let response = request(&url, &[]).await;
    assert!(response.bytes().await.is_err(), "it breaks off");
}
