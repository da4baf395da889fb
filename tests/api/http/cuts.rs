//! Uploads over HTTP that break off at any byte, or lie about their length, show and leave nothing.

use harness::{Bytes, Cairn, Setup, eventually};
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
    let host = cairn.http_url.strip_prefix("http://").unwrap().to_owned();
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
