//! Uploads over HTTP that break off at any byte, or lie about their length, show and leave nothing.

use harness::{Answer, Bytes, Cairn, Rest, Setup, content, eventually, text};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const BOUNDARY: &str = "xxBOUNDARYxx";

/// A form with a file that is too large for a row, and its head with this length.
fn form(key: &str, host: &str, length: impl Fn(usize) -> usize) -> (Vec<u8>, Vec<u8>) {
    let mut body = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"session_id\"\r\n\r\nrun\r\n--{BOUNDARY}\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"a\"\r\ncontent-type: text/plain\r\n\r\n"
    )
    .into_bytes();
    body.extend(vec![b'a'; 100_000]);
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
    let head = format!(
        "POST /v1/artifacts HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\nconnection: close\r\n\r\n",
        length(body.len())
    );
    (head.into_bytes(), body)
}

/// A request with this body, in bytes.
fn request(host: &str, head: &str, body: &[u8]) -> (usize, Vec<u8>) {
    let length = body.len();
    let head =
        format!("{head}\r\nhost: {host}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    (head.len(), [head.as_bytes(), body].concat())
}

/// Sends this and breaks off, or waits for an answer; what came back.
async fn sent(host: &str, bytes: &[u8], breaks_off: bool) -> String {
    let mut connection = TcpStream::connect(host).await.unwrap();
    let _ = connection.write_all(bytes).await;
    if breaks_off {
        let _ = connection.shutdown().await;
    }
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn nothing_is_there(cairn: &Cairn, what: &str) {
    let staged = "SELECT count(*) FROM objects WHERE state = 'staging'";
    eventually("the call has ended", async || {
        cairn.count(staged).await == 0
    })
    .await;
    let made = "SELECT count(*) FROM artifacts";
    assert_eq!(cairn.count(made).await, 0, "{what}");
}

#[tokio::test]
async fn a_form_that_breaks_off_anywhere_leaves_nothing() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let host = host(&cairn);
    let (head, body) = form(&cairn.key, &host, |length| length);
    let at = |text: &str| {
        let found = body
            .windows(text.len())
            .position(|it| it == text.as_bytes());
        head.len() + found.unwrap()
    };
    let whole = [&head[..], &body[..]].concat();
    for (what, cut) in [
        ("in the request line", 10),
        ("in the headers", head.len() / 2),
        ("before the body", head.len()),
        ("in the first boundary", head.len() + 5),
        ("in the head of a part", at("form-data; name=\"file\"") + 8),
        ("between the head and the content", at("text/plain") + 14),
        ("in the content", head.len() + body.len() / 2),
        ("before the last boundary", whole.len() - BOUNDARY.len() - 8),
        ("in the last boundary", whole.len() - 6),
    ] {
        let answer = sent(&host, &whole[..cut], true).await;
        assert!(!answer.contains(" 201 "), "{what}: {answer}");
        nothing_is_there(&cairn, what).await;
    }
    // A length that is longer than the form harms nothing: the form says itself where it ends.
    for (what, by) in [("shorter", -50_i64), ("much shorter", -99_990)] {
        let length = |length: usize| (length as i64 + by) as usize;
        let (head, body) = form(&cairn.key, &host, length);
        let answer = sent(&host, &[head, body].concat(), true).await;
        assert!(
            !answer.contains(" 201 "),
            "a length that is {what}: {answer}"
        );
        nothing_is_there(&cairn, what).await;
    }
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await, Vec::<String>::new());
    assert!(sent(&host, &whole, false).await.contains(" 201 "));
}

/// What arrived of an append is kept, and the upload goes on behind it.
#[tokio::test]
async fn an_append_that_breaks_off_anywhere_is_continued() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let (rest, host) = (Rest::of(&cairn), host(&cairn));
    let whole = content(300_000);
    let credential = format!("authorization: Bearer {}", cairn.key);
    let append = |path: &str, offset: usize| {
        let head = format!(
            "PATCH {path} HTTP/1.1\r\n{credential}\r\ncontent-type: application/partial-upload\r\n\
             upload-offset: {offset}\r\nupload-complete: ?1"
        );
        request(&host, &head, &whole[offset..])
    };
    for cut in [Cut::RequestLine, Cut::Headers, Cut::BeforeBody, Cut::Body] {
        let opened = rest.post("/v1/uploads", json!({"filename": "a"})).await;
        let path = opened.header("location").to_owned();
        let (head, bytes) = append(&path, 0);
        let sent_bytes = cut.at(head, bytes.len());
        let answer = sent(&host, &bytes[..sent_bytes], true).await;
        assert!(!answer.contains(" 200 "), "{cut:?}: {answer}");
        let arrived = sent_bytes.saturating_sub(head);
        let mut offset = 0;
        eventually("what arrived is kept", async || {
            let now = Answer::to(rest.request(Method::HEAD, &path)).await;
            offset = now.header("upload-offset").parse().unwrap();
            offset == arrived
        })
        .await;
        let (_, rest_of_it) = append(&path, offset);
        let answer = sent(&host, &rest_of_it, false).await;
        assert!(answer.contains(" 200 "), "{cut:?}: {answer}");
        let shown = rest.get(&path).await.ok();
        let stored = cairn.client.download(text(&shown["artifact_id"])).await;
        assert!(stored.unwrap() == whole, "{cut:?}");
    }
}

/// A signed URL of the server takes the whole content or nothing, and takes it again.
#[tokio::test]
async fn a_signed_put_that_breaks_off_anywhere_is_repeated() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let (rest, host) = (Rest::of(&cairn), host(&cairn));
    let whole = content(300_000);
    for cut in [Cut::RequestLine, Cut::Headers, Cut::BeforeBody, Cut::Body] {
        let wanted = json!({"filename": "a", "size_bytes": whole.len()});
        let told = rest.post("/v1/artifacts/upload-url", wanted).await.body;
        let url = text(&told["upload_url"]);
        let path = url.strip_prefix(&cairn.http_url).unwrap();
        let (head, bytes) = request(&host, &format!("PUT {path} HTTP/1.1"), &whole);
        let sent_bytes = cut.at(head, bytes.len());
        let answer = sent(&host, &bytes[..sent_bytes], true).await;
        assert!(!answer.contains(" 200 "), "{cut:?}: {answer}");
        let id = text(&told["artifact_id"]);
        let complete = format!("/v1/artifacts/{id}/complete");
        let early = rest.post(&complete, json!({})).await;
        assert!(early.status >= 400, "{cut:?}: {early:?}");
        let answer = sent(&host, &bytes, false).await;
        assert!(answer.contains(" 200 "), "{cut:?}: {answer}");
        rest.post(&complete, json!({})).await.ok();
        assert!(cairn.client.download(id).await.unwrap() == whole, "{cut:?}");
    }
}

/// Where a request breaks off.
#[derive(Debug, Clone, Copy)]
enum Cut {
    RequestLine,
    Headers,
    BeforeBody,
    Body,
}

impl Cut {
    fn at(self, head: usize, whole: usize) -> usize {
        match self {
            Self::RequestLine => 10,
            Self::Headers => head / 2,
            Self::BeforeBody => head,
            Self::Body => (head + whole) / 2,
        }
    }
}

fn host(cairn: &Cairn) -> String {
    cairn.http_url.strip_prefix("http://").unwrap().to_owned()
}
