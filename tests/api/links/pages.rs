//! What a person sees who opens a link in a browser.

use cairn_proto::v1::{CreateLinkRequest, RevokeLinkRequest};
use reqwest::{Client, Method, Response, header::LOCATION, redirect::Policy};

use super::{header, linked, request, send};
use harness::{Bytes, Cairn, Setup, content, spec};

/// What a browser sends when it goes to an address.
const BROWSER: (&str, &str) = (
    "accept",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
);

/// A page's head and its text.
pub(super) async fn page(url: &str) -> (Response, String) {
    let answer = request(url, &[BROWSER]).await;
    let text = request(url, &[BROWSER]).await.text().await.unwrap();
    (answer, text)
}

harness::on_s3_and_files!(a_page_says_what_it_leads_to_and_shows_it);

async fn a_page_says_what_it_leads_to_and_shows_it(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let mut report = spec("reports/\u{202e}q3 <b>.md");
    report.session_id = "run-42".into();
    report.agent_id = "writer".into();
    report.title = "Third quarter".into();
    // Larger than inline content.
    let text = format!(
        "# Sales\n\n<script>alert(1)</script>\n\n{}",
        "line\n\n".repeat(20_000)
    );
    let url = linked(&cairn, report, text.clone().into_bytes()).await;
    let (answer, shown) = page(&url).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header(&answer, "vary"), "Accept, Sec-Fetch-Dest");
    assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
    assert_eq!(header(&answer, "cache-control"), "private, no-store");
    let policy = header(&answer, "content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("script-src"), "{policy}");
    for wanted in [
        "<h1><bdi>\u{fffd}q3 &lt;b&gt;.md</bdi></h1>",
        "Third quarter",
        "run-42",
        "writer",
        "117 KiB",
        "<h2>Sales</h2>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "href=\"?download\"",
        "Link ends",
    ] {
        assert!(shown.contains(wanted), "{wanted} in {}", &shown[..3000]);
    }
    assert!(!shown.contains("<script") && !shown.contains(" style="));
    let style = shown
        .split("stylesheet\" href=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let (base, _) = url.rsplit_once('/').unwrap();
    let style = request(&format!("{base}/{}", style.unwrap()), &[]).await;
    assert_eq!(header(&style, "content-type"), "text/css; charset=utf-8");
    assert!(header(&style, "cache-control").contains("immutable"));
    // A program gets the bytes as before, and so does an image of another page.
    let program = request(&url, &[("accept", "*/*")]).await;
    assert_eq!(header(&program, "vary"), "Accept, Sec-Fetch-Dest");
    assert_eq!(program.text().await.unwrap(), text);
    let part = request(&url, &[BROWSER, ("sec-fetch-dest", "iframe")]).await;
    assert!(header(&part, "content-security-policy").contains("sandbox"));
    let head = send(Method::HEAD, &url, &[BROWSER]).await;
    assert_eq!(header(&head, "content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn a_page_previews_each_kind_of_content() {
    let cairn = Cairn::start().await;
    let png = include_bytes!("../../../docs/cairn.png");
    let utf16 = [
        &b"\xff\xfe"[..],
        &"caf\u{e9}"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>(),
    ]
    .concat();
    let cases: [(&str, &[u8], &str); 14] = [
        ("a.py", b"# 1 < 2", "# 1 &lt; 2"),
        ("a.csv", b"name,n\nx,1\n", "<th scope=\"col\">name</th>"),
        ("a.tsv", b"name\tn\nx\t1\n", "<th scope=\"col\">name</th>"),
        ("a.json", b"{\"a\": [1]}", "<details open><summary>"),
        (
            "a.ipynb",
            b"{\"cells\": [{\"cell_type\": \"code\", \"source\": \"x = 1\"}]}",
            "class=\"cell\"",
        ),
        (
            "a.png",
            png,
            "<img class=\"media\" src=\"?raw\" alt=\"a.png\">",
        ),
        (
            "a.pdf",
            b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n",
            "<iframe class=\"pdf\" src=\"?raw\"",
        ),
        (
            "a.html",
            b"<!doctype html><script>alert(1)</script>",
            "alert(",
        ),
        (
            "a.svg",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='a()'/>",
            "onload=",
        ),
        (
            "a.bin",
            b"\0\x01\x02\xff",
            "There is no preview for files of this type",
        ),
        ("utf16.txt", &utf16, "caf\u{e9}"),
        ("a.tar", &crate::reads::previews::tar(), "large.bin"),
        ("empty.txt", b"", "The file is empty."),
        ("latin.txt", b"caf\xe9 au lait", "caf\u{fffd} au lait"),
    ];
    for (name, content, wanted) in cases {
        let url = linked(&cairn, spec(name), content.to_vec()).await;
        let (answer, shown) = page(&url).await;
        assert_eq!(answer.status(), 200, "{name}");
        assert!(shown.contains(wanted), "{name}: {shown}");
        assert!(
            !shown.contains("<script") && !shown.contains("<svg"),
            "{name}"
        );
    }
}

/// However large the content, a page has a beginning of it.
#[tokio::test]
async fn a_page_of_a_large_text_is_small() {
    let cairn = Cairn::start().await;
    let text = "a line of text\n".repeat(1 << 20).into_bytes();
    let url = linked(&cairn, spec("a.log"), text).await;
    let (_, shown) = page(&url).await;
    assert!(shown.len() < 200 << 10, "{}", shown.len());
    assert!(shown.contains("These are the first 128 KiB of 15.0 MiB."));
}

#[tokio::test]
async fn downloads_are_saved_and_raw_is_shown() {
    let cairn = Cairn::start().await;
    let url = linked(&cairn, spec("a.txt"), b"hello".to_vec()).await;
    for (query, how) in [("?download", "attachment; "), ("?raw", "inline; ")] {
        let answer = request(&format!("{url}{query}"), &[BROWSER]).await;
        assert!(
            header(&answer, "content-disposition").starts_with(how),
            "{query}"
        );
        assert_eq!(answer.text().await.unwrap(), "hello", "{query}");
    }
}

#[tokio::test]
async fn a_link_that_leads_nowhere_says_why_to_people() {
    let cairn = Cairn::start().await;
    let url = linked(&cairn, spec("a.txt"), b"hello".to_vec()).await;
    let (base, link) = url.rsplit_once('/').unwrap();
    let unknown = format!("{base}/lnk_{}", "a".repeat(20));
    for (url, status, title) in [
        (unknown.clone(), 404, "There is nothing here"),
        (format!("{base}/what/is/this"), 404, "There is nothing here"),
    ] {
        let (answer, shown) = page(&url).await;
        assert_eq!(answer.status(), status, "{url}");
        assert!(shown.contains(&format!("<h1>{title}</h1>")), "{shown}");
        assert!(header(&answer, "content-security-policy").contains("'none'"));
        // A program reads JSON, and so does one that calls the API from a browser.
        let json = request(&url, &[]).await;
        assert_eq!(header(&json, "content-type"), "application/json");
    }
    let api = request(&format!("{base}/v1/nothing"), &[BROWSER]).await;
    assert_eq!(header(&api, "content-type"), "application/json");
    let revoke = RevokeLinkRequest {
        link_id: link.into(),
        ..RevokeLinkRequest::default()
    };
    let mut links = cairn.client.links.clone();
    links.revoke_link(revoke).await.unwrap();
    let (answer, shown) = page(&url).await;
    assert_eq!(answer.status(), 410);
    assert!(shown.contains("<h1>This link has ended</h1>"), "{shown}");
}

#[tokio::test]
async fn a_page_spends_no_download_and_shows_no_locked_file() {
    let cairn = Cairn::start().await;
    let made = cairn
        .client
        .upload(spec("a.txt"), b"the secret".to_vec())
        .await
        .unwrap();
    let create = async |max_downloads, password: &str| {
        let request = CreateLinkRequest {
            artifact_id: made.artifact_id.clone(),
            max_downloads,
            password: password.into(),
            ..CreateLinkRequest::default()
        };
        let created = cairn.client.links.clone().create_link(request).await;
        created.unwrap().into_inner().link.unwrap().url
    };
    let limited = create(1, "").await;
    for _ in 0..3 {
        let (_, shown) = page(&limited).await;
        assert!(
            shown.contains("0 of 1") && !shown.contains("the secret"),
            "{shown}"
        );
    }
    let bytes = request(&format!("{limited}?download"), &[BROWSER]).await;
    assert_eq!(bytes.text().await.unwrap(), "the secret");
    assert_eq!(page(&limited).await.0.status(), 410);

    let locked = create(0, "open sesame").await;
    let (answer, shown) = page(&locked).await;
    assert_eq!(answer.status(), 401);
    assert!(header(&answer, "www-authenticate").starts_with("Basic "));
    assert!(
        shown.contains("needs a password") && !shown.contains("a.txt"),
        "{shown}"
    );
    let opened = Client::new().get(&locked).header(BROWSER.0, BROWSER.1);
    let opened = opened
        .basic_auth("", Some("open sesame"))
        .send()
        .await
        .unwrap();
    assert!(opened.text().await.unwrap().contains("the secret"));
}

#[tokio::test]
async fn browsers_get_content_from_the_content_host() {
    let origin = "https://content.example.com";
    let cairn = Setup::on(Bytes::Files)
        .settings(|settings| settings.content_url = Some(origin.parse().unwrap()))
        .start()
        .await;
    let url = linked(&cairn, spec("a.png"), content(100)).await;
    let (answer, shown) = page(&url).await;
    let (_, link) = url.rsplit_once('/').unwrap();
    assert!(
        shown.contains(&format!("href=\"{origin}/{link}?download\"")),
        "{shown}"
    );
    assert!(header(&answer, "content-security-policy").contains(origin));
    let browser = Client::builder().redirect(Policy::none()).build().unwrap();
    let raw = format!("{url}?raw");
    let moved = browser
        .get(&raw)
        .header("sec-fetch-dest", "image")
        .send()
        .await
        .unwrap();
    assert_eq!(moved.status(), 307);
    assert_eq!(moved.headers()[LOCATION], format!("{origin}/{link}?raw"));
    for fields in [
        vec![],
        vec![("sec-fetch-dest", "image"), ("host", "content.example.com")],
    ] {
        let mut asked = browser.get(&raw);
        for (name, value) in fields {
            asked = asked.header(name, value);
        }
        let bytes = asked.send().await.unwrap();
        assert_eq!(
            header(&bytes, "cross-origin-resource-policy"),
            "cross-origin"
        );
        assert!(bytes.bytes().await.unwrap() == content(100));
    }
    // That host has no pages: all that it serves is content.
    let no_page = browser
        .get(&url)
        .header(BROWSER.0, BROWSER.1)
        .header("host", "content.example.com");
    let no_page = no_page.send().await.unwrap();
    assert!(no_page.bytes().await.unwrap() == content(100));
}
