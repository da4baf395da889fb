//! A large log: the bytes that are read of it are counted where they leave the blob store.

use std::fmt::Write as _;

use cairn_proto::v1::{GrepArtifactRequest, ReadLinesRequest, ReadStop};

use harness::{ApiProcess, Bytes, Cairn, Setup, spec};

use super::{grep_of, lines_of};

const MEBIBYTE: u64 = 1 << 20;
/// The lines of the log, of 64 bytes each.
const LINES: u64 = 1 << 20;

/// 64 MiB, with one line that differs.
fn log() -> bytes::Bytes {
    let mut text = String::with_capacity(64 * LINES as usize);
    for number in 1..=LINES {
        let word = if number == 900_000 {
            "needle"
        } else {
            "nothing"
        };
        let start = text.len();
        let _ = write!(text, "{number:08} INFO {word}");
        let missing = 63 - (text.len() - start);
        text.extend(std::iter::repeat_n('.', missing));
        text.push('\n');
    }
    text.into()
}

async fn started() -> (Cairn, String) {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    let made = cairn.client.upload(spec("log"), log()).await.unwrap();
    (cairn, made.artifact_id)
}

/// What the blob store sent for a call.
async fn sent<T>(cairn: &Cairn, call: impl Future<Output = T>) -> (T, u64) {
    let before = cairn.s3_proxy().passed();
    let answer = call.await;
    (answer, cairn.s3_proxy().passed() - before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_far_behind_costs_about_what_the_first_costs() {
    let (cairn, id) = started().await;
    let mut reads = cairn.client.reads.clone();
    let (first, of_first) = sent(&cairn, reads.read_lines(lines_of(&id, 1, 10))).await;
    assert!(
        first.unwrap().into_inner().lines[0]
            .text
            .starts_with("00000001")
    );
    assert!(of_first < 2 * MEBIBYTE, "{of_first}");

    // The first time, all that lies before the line is read. From then on it is known where lines begin.
    let far = reads
        .read_lines(lines_of(&id, 1_000_000, 10))
        .await
        .unwrap();
    assert!(far.into_inner().lines[0].text.starts_with("01000000"));
    for line in [1_000_000, 500_000, 750_001] {
        let (far, of_far) = sent(&cairn, reads.read_lines(lines_of(&id, line, 10))).await;
        let text = far.unwrap().into_inner().lines.swap_remove(0).text;
        assert!(text.starts_with(&format!("{line:08}")), "{text}");
        assert!(of_far < 2 * MEBIBYTE, "{of_far} for line {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_looks_through_no_more_than_it_may() {
    let (cairn, id) = started().await;
    let mut reads = cairn.client.reads.clone();
    let most = 4 * MEBIBYTE;
    let mut request = ReadLinesRequest {
        max_scan_bytes: most as i64,
        ..lines_of(&id, 200_000, 1)
    };
    // It takes several calls to get there, each of which goes on where the one before stopped. The token leads to a line
    // before the wanted one, and no such line is returned.
    let mut calls = 0;
    let line = loop {
        let (read, passed) = sent(&cairn, reads.read_lines(request.clone())).await;
        let mut read = read.unwrap().into_inner();
        assert!(read.scanned_bytes as u64 <= most);
        assert!(passed < most + most / 4, "{passed}");
        calls += 1;
        if let Some(line) = read.lines.pop() {
            break line;
        }
        assert_eq!(read.stop(), ReadStop::BytesScanned);
        assert!(read.next_line > 60_000 * calls);
        request.page_token = read.next_page_token;
    };
    assert_eq!((line.number, calls), (200_000, 4));
    assert!(line.text.starts_with("00200000"));

    let mut request = GrepArtifactRequest {
        max_scan_bytes: 16 * MEBIBYTE as i64,
        ..grep_of(&id, "needle")
    };
    let mut stops = Vec::new();
    let mut found = Vec::new();
    loop {
        let answer = reads
            .grep_artifact(request.clone())
            .await
            .unwrap()
            .into_inner();
        stops.push(answer.stop());
        found.extend(answer.lines);
        if answer.next_page_token.is_empty() {
            break;
        }
        request.page_token = answer.next_page_token;
    }
    let expected = [
        ReadStop::BytesScanned,
        ReadStop::BytesScanned,
        ReadStop::BytesScanned,
        ReadStop::End,
    ];
    assert!(
        stops.starts_with(&expected[..3]) && stops.ends_with(&expected[3..]),
        "{stops:?}"
    );
    let [found] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(found.line.as_ref().unwrap().number, 900_000);
}

/// Searches of a text without a newline and of one with many, several at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_of_large_files_take_bounded_memory() {
    let api = ApiProcess::start(Bytes::Files, &[]).await;
    let mut ids = Vec::new();
    for content in [
        log(),
        vec![b'x'; 64 << 20].into(),
        vec![b'\n'; 64 << 20].into(),
    ] {
        let made = api.client.upload(spec("large"), content).await.unwrap();
        ids.push(made.artifact_id);
    }
    let idle = api.memory("VmRSS");
    api.forget_most();
    let searches = ids.iter().flat_map(|id| [id, id]).map(|id| {
        let mut reads = api.client.reads.clone();
        let id = id.clone();
        tokio::spawn(async move {
            let found = reads
                .grep_artifact(grep_of(&id, "needle|^y"))
                .await
                .unwrap();
            let found = found.into_inner();
            assert!(found.match_count <= 1);
            let read = reads.read_lines(lines_of(&id, 10, 5)).await.unwrap();
            assert!(read.into_inner().lines.len() <= 5);
        })
    });
    for search in searches.collect::<Vec<_>>() {
        search.await.unwrap();
    }
    let grown = api.memory("VmHWM").saturating_sub(idle);
    assert!(grown < 32 * MEBIBYTE, "grown by {} MiB", grown / MEBIBYTE);
}
