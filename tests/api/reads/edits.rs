//! Changes of a text on the server, and what differs between versions.

use cairn_proto::v1::{
    Artifact, ArtifactKind, ArtifactSpec, DiffVersionsRequest, EditArtifactRequest,
    EditArtifactResponse, ReadStop, ReplaceLines, ReplaceText, edit_artifact_request::Change,
};
use tonic::{Code, Status};

use harness::{Bytes, Cairn, Rest, Setup, refused, session_spec};
use serde_json::json;

async fn started(content: impl Into<bytes::Bytes>) -> (Cairn, Artifact) {
    let cairn = Setup::on(Bytes::Files).start().await;
    let spec = ArtifactSpec {
        kind: ArtifactKind::Document.into(),
        title: "Notes".to_owned(),
        labels: vec!["nightly".to_owned()],
        metadata: [("k".to_owned(), "v".to_owned())].into(),
        ..session_spec("notes.md", "run")
    };
    let made = cairn.client.upload(spec, content).await.unwrap();
    (cairn, made)
}

fn replace(id: &str, old: &str, new: &str) -> EditArtifactRequest {
    EditArtifactRequest {
        artifact_id: id.to_owned(),
        change: Some(Change::Replace(ReplaceText {
            old_text: old.to_owned(),
            new_text: new.to_owned(),
            everywhere: false,
        })),
        ..EditArtifactRequest::default()
    }
}

fn lines(id: &str, first_line: i64, last_line: i64, text: &str) -> EditArtifactRequest {
    EditArtifactRequest {
        artifact_id: id.to_owned(),
        change: Some(Change::Lines(ReplaceLines {
            first_line,
            last_line,
            text: text.to_owned(),
        })),
        ..EditArtifactRequest::default()
    }
}

async fn edit(cairn: &Cairn, request: EditArtifactRequest) -> Result<EditArtifactResponse, Status> {
    let answer = cairn.client.reads.clone().edit_artifact(request).await?;
    Ok(answer.into_inner())
}

async fn content(cairn: &Cairn, edited: &EditArtifactResponse) -> String {
    let id = &edited.artifact.as_ref().unwrap().artifact_id;
    String::from_utf8(cairn.client.download(id).await.unwrap()).unwrap()
}

#[tokio::test]
async fn an_edit_makes_the_next_version_with_the_same_record() {
    let (cairn, made) = started("one\ntwo\nthree\n").await;
    let request = EditArtifactRequest {
        agent_id: "editor".to_owned(),
        change_summary: "shorter".to_owned(),
        ..replace(&made.artifact_id, "two", "2")
    };
    let edited = edit(&cairn, request).await.unwrap();
    assert_eq!(content(&cairn, &edited).await, "one\n2\nthree\n");
    assert_eq!(edited.replacements, 1);
    let artifact = edited.artifact.unwrap();
    assert_eq!(
        (artifact.version, artifact.filename.as_str()),
        (2, "notes.md")
    );
    assert_eq!(
        (artifact.agent_id.as_str(), artifact.change_summary.as_str()),
        ("editor", "shorter")
    );
    assert_eq!(artifact.inputs, [made.artifact_id]);
    assert_eq!(
        (
            artifact.title,
            artifact.kind,
            artifact.labels,
            artifact.metadata,
            artifact.content_type
        ),
        (
            made.title,
            made.kind,
            made.labels,
            made.metadata,
            made.content_type
        )
    );
}

/// An edit is of the version that the caller read: a version of another agent is never overwritten.
#[tokio::test]
async fn an_edit_of_a_version_that_is_not_the_latest_conflicts() {
    let (cairn, made) = started("one\n").await;
    edit(&cairn, replace(&made.artifact_id, "one", "two"))
        .await
        .unwrap();
    let late = edit(&cairn, replace(&made.artifact_id, "one", "three")).await;
    assert_eq!(refused(late).reason, "VERSION_CONFLICT");
    let by_name = EditArtifactRequest {
        artifact_id: String::new(),
        name: Some(cairn_proto::v1::ArtifactName {
            filename: "notes.md".to_owned(),
            session_id: "run".to_owned(),
            ..Default::default()
        }),
        if_version: Some(1),
        ..replace("", "two", "three")
    };
    let refusal = refused(edit(&cairn, by_name.clone()).await);
    assert_eq!(
        (
            refusal.reason.as_str(),
            refusal.metadata["current_version"].as_str()
        ),
        ("VERSION_CONFLICT", "2")
    );
    let right = EditArtifactRequest {
        if_version: Some(2),
        ..by_name
    };
    assert_eq!(
        edit(&cairn, right).await.unwrap().artifact.unwrap().version,
        3
    );
}

#[tokio::test]
async fn a_text_must_be_there_once_unless_it_is_replaced_everywhere() {
    let (cairn, made) = started("a b a b a").await;
    let id = &made.artifact_id;
    for (old, words) in [("a", "3 times"), ("c", "ReadLines"), ("", "is required")] {
        let refusal = refused(edit(&cairn, replace(id, old, "x")).await);
        assert_eq!(
            (refusal.code, refusal.fields),
            (Code::InvalidArgument, vec!["replace.old_text".to_owned()])
        );
        assert!(refusal.message.contains(words), "{}", refusal.message);
    }
    let mut everywhere = replace(id, "a", "long");
    if let Some(Change::Replace(it)) = &mut everywhere.change {
        it.everywhere = true;
    }
    let edited = edit(&cairn, everywhere).await.unwrap();
    assert_eq!(content(&cairn, &edited).await, "long b long b long");
    assert_eq!(edited.replacements, 3);
    let none = edit(
        &cairn,
        EditArtifactRequest {
            artifact_id: id.clone(),
            ..Default::default()
        },
    );
    assert_eq!(refused(none.await).fields, ["change"]);
}

#[tokio::test]
async fn lines_are_replaced_inserted_removed_and_appended() {
    for (before, (first, last, text), after) in [
        ("1\n2\n3\n", (2, 2, "two"), "1\ntwo\n3\n"),
        ("1\n2\n3\n", (2, 3, "rest\n"), "1\nrest\n"),
        ("1\n2\n3", (3, 3, "three"), "1\n2\nthree"),
        ("1\n2\n", (1, 2, ""), ""),
        ("1\n2\n", (2, 1, "1a\n1b"), "1\n1a\n1b\n2\n"),
        ("1\n2\n", (3, 2, "3"), "1\n2\n3\n"),
        ("1\n2", (3, 2, "3"), "1\n2\n3"),
        ("", (1, 0, "1\n"), "1\n"),
    ] {
        let (cairn, made) = started(before).await;
        let edited = edit(&cairn, lines(&made.artifact_id, first, last, text)).await;
        assert_eq!(
            content(&cairn, &edited.unwrap()).await,
            after,
            "{before:?} {first}-{last}"
        );
    }
    let (cairn, made) = started("1\n2\n").await;
    for (first, last, field) in [
        (0, 0, "lines.first_line"),
        (4, 4, "lines.first_line"),
        (2, 3, "lines.last_line"),
        (2, 0, "lines.last_line"),
    ] {
        let refusal = refused(edit(&cairn, lines(&made.artifact_id, first, last, "x")).await);
        assert_eq!(refusal.fields, [field], "{first}-{last}");
    }
}

#[tokio::test]
async fn an_edit_under_a_key_takes_effect_once() {
    let (cairn, made) = started("n = 1\n").await;
    let request = EditArtifactRequest {
        idempotency_key: "k".to_owned(),
        ..replace(&made.artifact_id, "1", "11")
    };
    let first = edit(&cairn, request.clone()).await.unwrap();
    let again = edit(&cairn, request.clone()).await.unwrap();
    assert_eq!(again.artifact, first.artifact);
    assert_eq!(again.replacements, 0);
    let other = EditArtifactRequest {
        idempotency_key: "k".to_owned(),
        ..replace(&made.artifact_id, "1", "2")
    };
    assert_eq!(
        refused(edit(&cairn, other).await).reason,
        "IDEMPOTENCY_KEY_REUSED"
    );
    cairn.client.seal("run").await.unwrap();
    let id = &first.artifact.unwrap().artifact_id;
    let sealed = edit(&cairn, replace(id, "11", "3")).await;
    assert_eq!(refused(sealed).reason, "SESSION_SEALED");
}

/// Content of several parts: the change lies across two pieces of it.
#[tokio::test]
async fn a_large_text_is_edited_where_it_is() {
    let mut text = vec![b'.'; 20 << 20];
    let at = (256 << 10) - 3;
    text[at..at + 6].copy_from_slice(b"needle");
    let (cairn, made) = started(text.clone()).await;
    let edited = edit(&cairn, replace(&made.artifact_id, "needle", "pin"))
        .await
        .unwrap();
    text.splice(at..at + 6, *b"pin");
    let id = &edited.artifact.as_ref().unwrap().artifact_id;
    assert!(cairn.client.download(id).await.unwrap() == text);
}

#[tokio::test]
async fn versions_are_compared_line_by_line() {
    let (cairn, first) = started("one\ntwo\nthree\n").await;
    let second = edit(&cairn, replace(&first.artifact_id, "two", "2"))
        .await
        .unwrap();
    let second = second.artifact.unwrap();
    let mut reads = cairn.client.reads.clone();
    let request = |from: &str, to: &str| DiffVersionsRequest {
        from_artifact_id: from.to_owned(),
        to_artifact_id: to.to_owned(),
        context: Some(0),
        ..DiffVersionsRequest::default()
    };
    let found = reads
        .diff_versions(request(&first.artifact_id, &second.artifact_id))
        .await;
    let found = found.unwrap().into_inner();
    assert_eq!(found.diff, "@@ -2 +2 @@\n-two\n+2\n");
    assert_eq!(
        (found.added_lines, found.removed_lines, found.stop()),
        (1, 1, ReadStop::End)
    );
    let same = reads
        .diff_versions(request(&first.artifact_id, &first.artifact_id))
        .await;
    assert!(same.unwrap().into_inner().identical);

    let binary = cairn
        .client
        .create(session_spec("b", "run"), "\0")
        .await
        .unwrap();
    let found = reads
        .diff_versions(request(&first.artifact_id, &binary.artifact_id))
        .await;
    let found = found.unwrap().into_inner();
    assert_eq!(
        (found.is_text, found.identical, found.diff.as_str()),
        (false, false, "")
    );
    let large = cairn
        .client
        .upload(session_spec("l", "run"), vec![b'\n'; (1 << 20) + 1])
        .await
        .unwrap();
    let found = reads
        .diff_versions(request(&first.artifact_id, &large.artifact_id))
        .await;
    assert_eq!(found.unwrap().into_inner().stop(), ReadStop::BytesScanned);
    let refusal = refused(reads.diff_versions(request(&first.artifact_id, "")).await);
    assert_eq!(refusal.fields, ["to_artifact_id"]);

    let rest = Rest::of(&cairn);
    let path = format!(
        "/v1/artifacts/{}/diff?to={}",
        first.artifact_id, second.artifact_id
    );
    assert_eq!(rest.get(&path).await.ok()["added_lines"], 1);
    let path = format!("/v1/artifacts/{}/edit", second.artifact_id);
    let edited = rest
        .post(
            &path,
            json!({"lines": {"first_line": 1, "last_line": 1, "text": "1"}}),
        )
        .await
        .ok();
    assert_eq!(
        (&edited["artifact"]["version"], &edited["replacements"]),
        (&3.into(), &1.into())
    );
}

/// A byte order mark says what the encoding is: without it the text would be other bytes.
#[tokio::test]
async fn an_edit_of_the_first_line_keeps_the_mark() {
    let wide = |text: &str| -> Vec<u8> {
        let text = format!("\u{feff}{text}");
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    let (cairn, made) = started(wide("one\ntwo\n")).await;
    let mut id = made.artifact_id;
    for (first, last, text, expected) in [
        (1, 1, "eins", "eins\ntwo\n"),
        (1, 0, "null", "null\neins\ntwo\n"),
    ] {
        let edited = edit(&cairn, lines(&id, first, last, text)).await.unwrap();
        id = edited.artifact.unwrap().artifact_id;
        assert_eq!(cairn.client.download(&id).await.unwrap(), wide(expected));
    }
}
