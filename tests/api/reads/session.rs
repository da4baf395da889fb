//! Searches of the files of a session.

use cairn_proto::v1::{GrepQuery, GrepSessionRequest, GrepSessionResponse, ReadStop};
use tonic::Status;

use harness::{Bytes, Cairn, Client, Rest, Setup, refused, session_spec};

fn request(pattern: &str) -> GrepSessionRequest {
    GrepSessionRequest {
        session_id: "run".to_owned(),
        query: Some(GrepQuery {
            pattern: pattern.to_owned(),
            ..GrepQuery::default()
        }),
        ..GrepSessionRequest::default()
    }
}

async fn search(
    client: &Client,
    request: GrepSessionRequest,
) -> Result<GrepSessionResponse, Status> {
    let answer = client.reads.clone().grep_session(request).await?;
    Ok(answer.into_inner())
}

fn names(found: &GrepSessionResponse) -> Vec<&str> {
    found
        .files
        .iter()
        .map(|file| file.filename.as_str())
        .collect()
}

async fn started() -> Cairn {
    let cairn = Setup::on(Bytes::Files).start().await;
    for (name, content) in [
        ("src/a.rs", "fn old() {}\n"),
        ("src/a.rs", "fn main() {}\nfn other() {}\n"),
        ("src/b.rs", "// fn\n"),
        ("texts/c.md", "no function\n"),
        ("logo.png", "\0fn\n"),
    ] {
        let made = cairn
            .client
            .create(session_spec(name, "run"), content)
            .await;
        made.unwrap();
    }
    let other = session_spec("src/d.rs", "other");
    cairn.client.create(other, "fn d() {}\n").await.unwrap();
    cairn
}

#[tokio::test]
async fn the_latest_versions_of_a_session_are_searched() {
    let cairn = started().await;
    let found = search(&cairn.client, request(r"\bfn\b")).await.unwrap();
    assert_eq!(names(&found), ["src/a.rs", "src/b.rs"]);
    assert_eq!(
        (found.match_count, found.files_searched, found.files_skipped),
        (3, 3, 1)
    );
    assert_eq!(
        (found.stop(), found.next_page_token.as_str()),
        (ReadStop::End, "")
    );
    assert_eq!((found.files[0].version, found.files[0].match_count), (2, 2));
    assert_eq!(found.files[0].lines[1].line.as_ref().unwrap().number, 2);

    let globbed = GrepSessionRequest {
        filename_glob: "**/*.md".to_owned(),
        ..request("fn|function")
    };
    assert_eq!(
        names(&search(&cairn.client, globbed).await.unwrap()),
        ["texts/c.md"]
    );
    let below = GrepSessionRequest {
        filename_prefix: "src/".to_owned(),
        ..request("main")
    };
    assert_eq!(
        names(&search(&cairn.client, below).await.unwrap()),
        ["src/a.rs"]
    );
    let none = GrepSessionRequest {
        session_id: String::new(),
        ..request("x")
    };
    assert_eq!(
        refused(search(&cairn.client, none).await).fields,
        ["session_id"]
    );
}

/// The bytes of each line of the files that are searched.
const LINE: usize = 200;

/// Whatever ends a call, the next one goes on there: in the middle of a file or with the next one. No line is cut for lack of
/// room that the next call has.
#[tokio::test]
async fn a_search_of_a_session_goes_on_where_it_stopped() {
    let cairn = Setup::on(Bytes::Files).start().await;
    for file in 0..12 {
        let content: String = (1..=10)
            .map(|n| format!("match {n:<0$}\n", LINE - 6))
            .collect();
        let name = format!("{file:02}.txt");
        cairn
            .client
            .create(session_spec(&name, "run"), content)
            .await
            .unwrap();
    }
    for (max_count, max_bytes) in [(7, 0), (1000, 300), (1000, 2570)] {
        let mut request = GrepSessionRequest {
            max_bytes,
            ..request("match")
        };
        request.query.as_mut().unwrap().max_count = max_count;
        let mut seen = Vec::new();
        loop {
            let found = search(&cairn.client, request.clone()).await.unwrap();
            for file in &found.files {
                for found in &file.lines {
                    let line = found.line.as_ref().unwrap();
                    assert_eq!((line.text.len(), line.cut_bytes), (LINE, 0));
                    seen.push((file.filename.clone(), line.number));
                }
            }
            if found.next_page_token.is_empty() {
                break;
            }
            request.page_token = found.next_page_token;
        }
        let expected =
            (0..12).flat_map(|file| (1..=10).map(move |n| (format!("{file:02}.txt"), n)));
        assert_eq!(
            seen,
            expected.collect::<Vec<_>>(),
            "{max_count} {max_bytes}"
        );
    }
    let mut counted = request("match");
    counted.query.as_mut().unwrap().count_only = true;
    let counted = search(&cairn.client, counted).await.unwrap();
    assert_eq!((counted.match_count, counted.files.len()), (120, 12));
    assert!(counted.files.iter().all(|file| file.lines.is_empty()));

    let rest = Rest::of(&cairn);
    let found = rest
        .get("/v1/sessions/run/grep?pattern=10&filename_glob=0*.txt")
        .await
        .ok();
    assert_eq!(
        (&found["match_count"], &found["files"][9]["filename"]),
        (&10.into(), &"09.txt".into())
    );
}
