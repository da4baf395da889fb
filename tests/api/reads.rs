//! Reads that are sized for a model: bounded answers and bounded work, whatever the content.

use cairn_proto::v1::{
    ArtifactName, GrepArtifactRequest, GrepQuery, ReadBytesRequest, ReadLinesRequest, ReadStop,
};
use tonic::Code;

use harness::{Bytes, Cairn, Rest, Setup, refused, spec};

mod edits;
mod large;
pub(crate) mod previews;
mod session;

fn lines_of(artifact_id: &str, first_line: i64, limit: i32) -> ReadLinesRequest {
    ReadLinesRequest {
        artifact_id: artifact_id.to_owned(),
        first_line,
        limit,
        ..ReadLinesRequest::default()
    }
}

fn grep_of(artifact_id: &str, pattern: &str) -> GrepArtifactRequest {
    GrepArtifactRequest {
        artifact_id: artifact_id.to_owned(),
        query: Some(GrepQuery {
            pattern: pattern.to_owned(),
            ..GrepQuery::default()
        }),
        ..GrepArtifactRequest::default()
    }
}

async fn made(cairn: &Cairn, content: impl Into<bytes::Bytes>) -> String {
    let made = cairn.client.create(spec("f"), content).await;
    made.unwrap().artifact_id
}

#[tokio::test]
async fn lines_are_read_by_their_numbers() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let id = made(&cairn, "one\r\ntwo\n\nfour").await;
    let mut reads = cairn.client.reads.clone();
    let read = reads.read_lines(lines_of(&id, 0, 0)).await.unwrap();
    let read = read.into_inner();
    let lines: Vec<_> = (read.lines.iter())
        .map(|line| (line.number, line.text.as_str()))
        .collect();
    assert_eq!(lines, [(1, "one"), (2, "two"), (3, ""), (4, "four")]);
    assert_eq!(read.stop(), ReadStop::End);
    assert_eq!((read.total_lines, read.next_line), (Some(4), 0));
    assert_eq!((read.size_bytes, read.encoding.as_str()), (14, "utf-8"));

    let part = reads.read_lines(lines_of(&id, 2, 2)).await.unwrap();
    let part = part.into_inner();
    assert_eq!(part.lines, read.lines[1..3]);
    assert_eq!((part.stop(), part.next_line), (ReadStop::Count, 4));
    let rest = ReadLinesRequest {
        page_token: part.next_page_token,
        ..lines_of(&id, 0, 0)
    };
    let rest = reads.read_lines(rest).await.unwrap().into_inner();
    assert_eq!(rest.lines, read.lines[3..]);

    let behind = reads.read_lines(lines_of(&id, 9, 0)).await.unwrap();
    let behind = behind.into_inner();
    assert_eq!((behind.lines.len(), behind.total_lines), (0, Some(4)));
    assert_eq!(behind.stop(), ReadStop::End);
}

#[tokio::test]
async fn an_empty_file_has_no_lines_and_no_matches() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let id = made(&cairn, "").await;
    let mut reads = cairn.client.reads.clone();
    let read = reads.read_lines(lines_of(&id, 1, 0)).await.unwrap();
    assert_eq!(read.into_inner().total_lines, Some(0));
    let found = reads.grep_artifact(grep_of(&id, "^$")).await.unwrap();
    let found = found.into_inner();
    assert_eq!((found.match_count, found.stop()), (0, ReadStop::End));
}

#[tokio::test]
async fn an_answer_has_at_most_the_bytes_that_were_asked_for() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let text: String = (0..2_000)
        .map(|n| format!("line {n} {}\n", "x".repeat(40)))
        .collect();
    let long = format!("{}\nshort\n", "é".repeat(100_000));
    let mut reads = cairn.client.reads.clone();
    for content in [text, long] {
        let id = made(&cairn, content).await;
        for (max_bytes, most) in [(0, 16 << 10), (256, 256), (5_000, 5_000)] {
            let request = ReadLinesRequest {
                max_bytes,
                ..lines_of(&id, 1, 0)
            };
            let read = reads.read_lines(request).await.unwrap().into_inner();
            assert!(!read.lines.is_empty());
            let size = prost::Message::encoded_len(&read);
            assert!(size <= most + 300, "{size} of {most}");
            assert!(read.lines.iter().all(|line| line.text.len() <= 2_000));
            let request = GrepArtifactRequest {
                max_bytes,
                ..grep_of(&id, "x|é")
            };
            let found = reads.grep_artifact(request).await.unwrap().into_inner();
            assert!(!found.lines.is_empty());
            let size = prost::Message::encoded_len(&found);
            assert!(size <= most + 300, "{size} of {most}");
        }
        let first = reads.read_lines(lines_of(&id, 1, 1)).await.unwrap();
        let first = first.into_inner().lines.swap_remove(0);
        let whole = first.text.len() as i64 + first.cut_bytes;
        assert!(whole == 47 || whole == 200_000, "{whole}");
    }
}

#[tokio::test]
async fn matching_lines_come_with_the_lines_around_them() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let id = made(&cairn, "a\nerror: one\nb\nc\nd\nERROR: two\n").await;
    let mut reads = cairn.client.reads.clone();
    let mut request = grep_of(&id, "^error: ");
    request.query.as_mut().unwrap().context = 1;
    let found = reads.grep_artifact(request.clone()).await.unwrap();
    let found = found.into_inner();
    let lines: Vec<_> = (found.lines.iter())
        .map(|found| (found.line.as_ref().unwrap().number, found.is_match))
        .collect();
    assert_eq!(lines, [(1, false), (2, true), (3, false)]);
    assert_eq!((found.match_count, found.stop()), (1, ReadStop::End));

    request.query.as_mut().unwrap().ignore_case = true;
    request.query.as_mut().unwrap().count_only = true;
    let counted = reads.grep_artifact(request).await.unwrap().into_inner();
    assert_eq!((counted.match_count, counted.lines.len()), (2, 0));

    let mut fixed = grep_of(&id, "^error");
    fixed.query.as_mut().unwrap().fixed_strings = true;
    let none = reads.grep_artifact(fixed).await.unwrap().into_inner();
    assert_eq!(none.match_count, 0);
}

#[tokio::test]
async fn a_search_goes_on_where_it_stopped() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let text: String = (1..=100).map(|n| format!("match {n}\n")).collect();
    let id = made(&cairn, text).await;
    let mut reads = cairn.client.reads.clone();
    let mut request = grep_of(&id, "match");
    request.query.as_mut().unwrap().max_count = 30;
    let mut numbers = Vec::new();
    loop {
        let found = reads
            .grep_artifact(request.clone())
            .await
            .unwrap()
            .into_inner();
        numbers.extend(
            found
                .lines
                .iter()
                .map(|found| found.line.as_ref().unwrap().number),
        );
        if found.next_page_token.is_empty() {
            assert_eq!(found.stop(), ReadStop::End);
            break;
        }
        assert_eq!((found.stop(), found.match_count), (ReadStop::Count, 30));
        request.page_token = found.next_page_token;
    }
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
}

/// A token says where a line of one version begins, so it is refused for any other.
#[tokio::test]
async fn a_token_of_another_version_is_refused() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let id = made(&cairn, "1\n2\n3\n").await;
    let mut reads = cairn.client.reads.clone();
    let read = reads.read_lines(lines_of(&id, 1, 1)).await.unwrap();
    let token = read.into_inner().next_page_token;
    made(&cairn, "a\nb\nc\n").await;
    let by_name = ReadLinesRequest {
        name: Some(ArtifactName {
            filename: "f".to_owned(),
            ..ArtifactName::default()
        }),
        page_token: token.clone(),
        ..ReadLinesRequest::default()
    };
    let refusal = refused(reads.read_lines(by_name).await);
    assert_eq!(refusal.fields, ["page_token"]);
    let other = GrepArtifactRequest {
        page_token: token,
        ..grep_of(&id, "x")
    };
    assert_eq!(
        refused(reads.grep_artifact(other).await).fields,
        ["page_token"]
    );
}

#[tokio::test]
async fn what_is_not_text_is_refused_with_the_call_to_make() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let id = made(&cairn, "\x7fELF\0\0\n\n").await;
    let mut reads = cairn.client.reads.clone();
    let refusal = refused(reads.read_lines(lines_of(&id, 1, 1)).await);
    assert_eq!(
        (refusal.code, refusal.fields),
        (Code::InvalidArgument, vec!["artifact_id".to_owned()])
    );
    assert!(refusal.message.contains("ReadBytes"), "{}", refusal.message);
    let refusal = refused(reads.grep_artifact(grep_of(&id, "E")).await);
    assert!(
        refusal.message.contains("PreviewArtifact"),
        "{}",
        refusal.message
    );
    let request = ReadBytesRequest {
        artifact_id: id,
        offset: 1,
        limit: 4,
        ..ReadBytesRequest::default()
    };
    let read = reads.read_bytes(request).await.unwrap().into_inner();
    assert_eq!((&*read.data, read.next_offset), (&b"ELF\0"[..], Some(5)));
}

#[tokio::test]
async fn every_wrong_field_of_a_read_is_named() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let id = made(&cairn, "x").await;
    let mut reads = cairn.client.reads.clone();
    let request = ReadLinesRequest {
        max_bytes: 255,
        max_scan_bytes: 1,
        ..lines_of(&id, -1, 10_001)
    };
    let refusal = refused(reads.read_lines(request).await);
    assert_eq!(
        refusal.fields,
        ["first_line", "limit", "max_bytes", "max_scan_bytes"]
    );
    let mut request = grep_of(&id, "(");
    let query = request.query.as_mut().unwrap();
    (query.context, query.max_count) = (11, -1);
    let refusal = refused(reads.grep_artifact(request).await);
    assert_eq!(refusal.fields, ["context", "max_count", "pattern"]);
    let request = ReadBytesRequest {
        artifact_id: id.clone(),
        offset: -1,
        limit: -1,
        ..ReadBytesRequest::default()
    };
    assert_eq!(
        refused(reads.read_bytes(request).await).fields,
        ["limit", "offset"]
    );
    let without = GrepArtifactRequest {
        artifact_id: id,
        ..GrepArtifactRequest::default()
    };
    assert_eq!(
        refused(reads.grep_artifact(without).await).fields,
        ["query"]
    );
}

#[tokio::test]
async fn http_reads_what_grpc_reads() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let id = made(&cairn, "one\ntwo é\nthree\n").await;
    let rest = Rest::of(&cairn);
    let lines = rest
        .get(&format!("/v1/artifacts/{id}/lines?first_line=2&limit=1"))
        .await
        .ok();
    assert_eq!(lines["lines"][0]["text"], "two é");
    assert_eq!(
        (&lines["stop"], &lines["next_line"]),
        (&"count".into(), &3.into())
    );
    let cursor = lines["next_cursor"].as_str().unwrap();
    let rest_of_it = rest
        .get(&format!("/v1/artifacts/{id}/lines?cursor={cursor}"))
        .await
        .ok();
    assert_eq!(rest_of_it["lines"][0]["number"], 3);
    let found = rest
        .get(&format!("/v1/artifacts/{id}/grep?pattern=%5Et&context=1"))
        .await
        .ok();
    assert_eq!(found["match_count"], 2);
    assert_eq!(found["lines"][0]["is_match"], false);
    // The range ends within a character, which begins the next one.
    let bytes = rest
        .get(&format!("/v1/artifacts/{id}/bytes?offset=4&limit=5"))
        .await
        .ok();
    assert_eq!(
        (&bytes["text"], &bytes["next_offset"]),
        (&"two ".into(), &8.into())
    );
    let refused = rest.get(&format!("/v1/artifacts/{id}/grep")).await;
    assert_eq!(refused.refused(), (400, "invalid_request"));
}
