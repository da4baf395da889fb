//! How links handle ranges and conditions (RFC 9110 sections 13 and 14), over the wire and with the programs that
//! people use.

use std::process::Output;

use reqwest::Method;
use tempfile::TempDir;
use tokio::process::Command;

use super::{error_code, header, linked, request, send};
use harness::{Bytes, Cairn, Setup, content, spec};

harness::on_s3_and_files!(ranges_are_answered);

/// Larger than inline content, so that parts are read from the blob store.
const SIZE: usize = 100_000;

const LONG_AGO: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// A link to `SIZE` bytes, and its ETag and Last-Modified.
async fn to_content(cairn: &Cairn) -> (String, String, String) {
    let url = linked(cairn, spec("data.bin"), content(SIZE)).await;
    let whole = request(&url, &[]).await;
    let [etag, date] = ["etag", "last-modified"].map(|name| header(&whole, name).to_owned());
    assert!(etag.starts_with('"') && date.ends_with(" GMT"), "{date}");
    (url, etag, date)
}

async fn ranges_are_answered(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let (url, etag, date) = to_content(&cairn).await;
    let weak = format!("W/{etag}");
    // The first and last byte that are sent, or the whole.
    let last = SIZE - 1;
    for (range, if_range, expected) in [
        ("bytes=0-9", None, Some((0, 9))),
        ("bytes=99990-", None, Some((99_990, last))),
        ("bytes=99990-200000", None, Some((99_990, last))),
        ("bytes=-10", None, Some((99_990, last))),
        ("bytes=-200000", None, Some((0, last))),
        ("bytes=0-9, 10-19", None, Some((0, 19))),
        ("bytes=0-0, -1", None, None),
        ("bytes=9-0", None, None),
        ("lines=0-9", None, None),
        ("bytes=0-9", Some(&*etag), Some((0, 9))),
        ("bytes=0-9", Some(&*date), Some((0, 9))),
        ("bytes=0-9", Some(&*weak), None),
        ("bytes=0-9", Some("\"old\""), None),
        ("bytes=0-9", Some(LONG_AGO), None),
    ] {
        let mut fields = vec![("range", range)];
        fields.extend(if_range.map(|value| ("if-range", value)));
        let (status, part, told) = match expected {
            Some((first, last)) => (
                206,
                &content(SIZE)[first..=last],
                format!("bytes {first}-{last}/{SIZE}"),
            ),
            None => (200, &content(SIZE)[..], String::new()),
        };
        let answer = request(&url, &fields).await;
        assert_eq!(answer.status(), status, "{fields:?}");
        assert_eq!(header(&answer, "content-range"), told, "{fields:?}");
        assert_eq!(header(&answer, "content-length"), part.len().to_string());
        assert_eq!(header(&answer, "etag"), etag);
        assert_eq!(header(&answer, "last-modified"), date);
        assert!(answer.bytes().await.unwrap() == part, "{fields:?}");
        // Ranges are for GET alone.
        let head = send(Method::HEAD, &url, &fields).await;
        assert_eq!(head.status(), 200, "{fields:?}");
        assert_eq!(header(&head, "content-length"), SIZE.to_string());
    }
    for range in ["bytes=100000-", "bytes=-0", "bytes=200000-300000"] {
        let answer = request(&url, &[("range", range)]).await;
        let told = header(&answer, "content-range").to_owned();
        assert_eq!(told, format!("bytes */{SIZE}"), "{range}");
        let refusal = error_code(answer).await;
        assert_eq!(refusal, (416, "range_not_satisfiable".into()));
    }
}

#[tokio::test]
async fn conditions_are_answered_as_rfc_9110_says() {
    let cairn = Cairn::start().await;
    let (url, etag, date) = to_content(&cairn).await;
    let weak = format!("W/{etag}");
    let both = format!("\"old\", {weak}");
    let future = "Fri, 01 Jan 2100 00:00:00 GMT";
    let range = ("range", "bytes=0-9");
    let table: &[(&[(&'static str, &str)], u16)] = &[
        (&[("if-match", &etag)], 200),
        (&[("if-match", "*")], 200),
        (&[("if-match", "\"old\"")], 412),
        (&[("if-match", &weak)], 412),
        (&[("if-none-match", &etag)], 304),
        (&[("if-none-match", &both)], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"old\"")], 200),
        (&[("if-modified-since", &date)], 304),
        (&[("if-modified-since", future)], 304),
        (&[("if-modified-since", LONG_AGO)], 200),
        (&[("if-modified-since", "soon")], 200),
        (&[("if-unmodified-since", &date)], 200),
        (&[("if-unmodified-since", LONG_AGO)], 412),
        (
            &[("if-none-match", "\"old\""), ("if-modified-since", &date)],
            200,
        ),
        (
            &[("if-match", &etag), ("if-unmodified-since", LONG_AGO)],
            200,
        ),
        (&[("if-match", "\"old\""), range], 412),
        (&[("if-none-match", &etag), range], 304),
        (&[("if-match", &etag), range], 206),
    ];
    for (fields, expected) in table {
        let answer = request(&url, fields).await;
        assert_eq!(answer.status(), *expected, "{fields:?}");
        assert_eq!(header(&answer, "etag"), etag, "{fields:?}");
        let head = send(Method::HEAD, &url, fields).await;
        let of_head = if *expected == 206 { 200 } else { *expected };
        assert_eq!(head.status(), of_head, "HEAD {fields:?}");
        if *expected == 304 {
            assert_eq!(header(&answer, "content-type"), "");
            assert!(answer.bytes().await.unwrap().is_empty());
        } else if *expected == 412 {
            let refusal = error_code(answer).await;
            assert_eq!(refusal, (412, "precondition_failed".into()));
        }
    }
}

#[tokio::test]
async fn an_empty_content_has_no_range_but_its_end() {
    let cairn = Cairn::start().await;
    let url = linked(&cairn, spec("empty"), Vec::new()).await;
    for (range, status, told) in [
        ("bytes=0-", 416, "bytes */0"),
        ("bytes=0-0", 416, "bytes */0"),
        ("bytes=-5", 200, ""),
    ] {
        let answer = request(&url, &[("range", range)]).await;
        assert_eq!(answer.status(), status, "{range}");
        assert_eq!(header(&answer, "content-range"), told, "{range}");
    }
    for method in [Method::GET, Method::HEAD] {
        let answer = send(method, &url, &[]).await;
        assert_eq!(header(&answer, "content-length"), "0");
        assert!(answer.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_charset_of_a_text_is_that_of_its_bytes() {
    let cairn = Cairn::start().await;
    let (utf8, latin) = ("café".repeat(20_000), b"caf\xe9".repeat(20_000));
    for (name, bytes, expected) in [
        ("a.txt", utf8.into_bytes(), "text/plain; charset=utf-8"),
        ("small.txt", "é".into(), "text/plain; charset=utf-8"),
        ("empty.txt", Vec::new(), "text/plain; charset=utf-8"),
        ("latin.txt", latin, "text/plain"),
        ("latin.html", b"caf\xe9".to_vec(), "text/html"),
        ("a.html", "é".into(), "text/html; charset=utf-8"),
        ("plan.md", "# é".into(), "text/plain; charset=utf-8"),
        ("a.json", "{}".into(), "application/json"),
    ] {
        let url = linked(&cairn, spec(name), bytes).await;
        for method in [Method::GET, Method::HEAD] {
            let answer = send(method, &url, &[]).await;
            assert_eq!(header(&answer, "content-type"), expected, "{name}");
        }
    }
}

/// Runs a program in a folder, without the settings of the user who runs the tests.
async fn run(folder: &TempDir, program: &str, args: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder.path()).env_clear();
    let output = command.env("PATH", std::env::var_os("PATH").unwrap());
    let output = output.output().await;
    output.unwrap_or_else(|e| panic!("{program}: {e}; scripts/bootstrap test installs it"))
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) {
    std::fs::write(folder.path().join(name), bytes).unwrap();
}

fn is_whole(folder: &TempDir, name: &str) -> bool {
    std::fs::read(folder.path().join(name)).unwrap() == content(SIZE)
}

#[tokio::test]
async fn curl_asks_whether_a_link_is_newer_and_goes_on() {
    let cairn = Cairn::start().await;
    let (url, ..) = to_content(&cairn).await;
    let folder = TempDir::new().unwrap();
    let status = async |args: &[&str]| {
        let common = ["-sS", "-R", "-o", "data", "-w", "%{http_code}", &url];
        let output = run(&folder, "curl", &[args, &common].concat()).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(status(&[]).await, "200");
    assert_eq!(status(&["-z", "data"]).await, "304");
    assert!(is_whole(&folder, "data"));
    assert_eq!(status(&["-z", LONG_AGO]).await, "200");
    write(&folder, "data", &content(SIZE)[..70_000]);
    assert_eq!(status(&["-C", "-"]).await, "206");
    assert!(is_whole(&folder, "data"));
}

#[tokio::test]
async fn wget_asks_whether_a_link_is_newer_and_goes_on() {
    let cairn = Cairn::start().await;
    let (url, ..) = to_content(&cairn).await;
    let name = url.rsplit('/').next().unwrap();
    let folder = TempDir::new().unwrap();
    let told = async |args: &[&str]| {
        let common = ["-nv", "-S", &url];
        let output = run(&folder, "wget", &[args, &common].concat()).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(told(&["-N"]).await.contains("200 OK"));
    assert!(told(&["-N"]).await.contains("304 Not Modified"));
    assert!(is_whole(&folder, name));
    write(&folder, name, &content(SIZE)[..70_000]);
    assert!(told(&["-c"]).await.contains("206 Partial Content"));
    assert!(is_whole(&folder, name));
}
