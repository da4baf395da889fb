//! Reading parts of contents, searching, comparing and editing.

use std::ops::RangeInclusive;

use cairn_client::{ArtifactRef, required, unary};
use cairn_proto::{
    json::{BytesRead, Difference, Edited, FilesFound, LinesFound, LinesRead, Preview},
    v1::{
        Artifact, ArtifactName, DiffVersionsRequest, EditArtifactRequest, GetArtifactRequest,
        GrepArtifactRequest, GrepQuery, GrepSessionRequest, PreviewArtifactRequest,
        ReadBytesRequest, ReadBytesResponse, ReadLinesRequest, ReplaceLines, ReplaceText,
        edit_artifact_request::Change,
    },
};
use futures_util::try_join;

use super::{Answer, Arguments, Mcp, ToolError};
use crate::{mcp::answer::NO_TEXT, terminal::lines};

/// How much of a content is shown as bytes, by default.
const SHOWN: i64 = 16 << 10;

/// The record of an artifact and its first bytes, at most so many.
pub(in crate::mcp) async fn whole_or_part(
    mcp: &Mcp,
    id: &str,
    limit: i64,
) -> Result<(Artifact, ReadBytesResponse), ToolError> {
    let get = GetArtifactRequest {
        artifact_id: id.to_owned(),
        ..GetArtifactRequest::default()
    };
    let read = ReadBytesRequest {
        artifact_id: id.to_owned(),
        limit,
        ..ReadBytesRequest::default()
    };
    let (mut artifacts, mut reads) = (mcp.client.artifacts.clone(), mcp.client.reads.clone());
    let (found, read) = try_join!(
        artifacts.get_artifact(unary(get)),
        reads.read_bytes(unary(read))
    )?;
    let artifact = required(found.into_inner().artifact, "artifact")?;
    Ok((artifact, read.into_inner()))
}

pub(super) async fn read(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    if let Some(offset) = arguments.number("offset") {
        return bytes(mcp, arguments, offset).await;
    }
    let (artifact_id, name) = mcp.wanted(arguments)?.into_fields();
    let request = ReadLinesRequest {
        artifact_id,
        name,
        first_line: arguments.number("first_line").unwrap_or_default(),
        limit: arguments.count("limit"),
        max_bytes: arguments.number("max_bytes").unwrap_or_default(),
        page_token: arguments.text("cursor"),
        ..ReadLinesRequest::default()
    };
    let answer = mcp.client.reads.clone().read_lines(unary(request)).await?;
    let read = LinesRead::from(answer.into_inner());
    Ok(Answer::Text(lines::raw_text(&read.lines) + &foot(&read)))
}

/// How a text goes on.
fn foot(read: &LinesRead) -> String {
    let numbers = read.lines.first().zip(read.lines.last());
    let numbers: Option<RangeInclusive<i64>> =
        numbers.map(|(first, last)| first.number..=last.number);
    let total = read.total_lines.map(|total| format!(" of {total}"));
    let total = total.unwrap_or_default();
    match (numbers, read.next_line, &read.next_cursor) {
        // Where the content was looked through in vain, only the cursor leads on.
        (None, Some(_), Some(cursor)) => {
            format!("[no line yet. Next: call again with cursor={cursor}]")
        }
        (Some(numbers), Some(next), _) => format!(
            "[to line {}{total}. Next: call again with first_line={next}]",
            numbers.end()
        ),
        (Some(numbers), None, _) if *numbers.start() > 1 => {
            format!("[to line {}, the end]", numbers.end())
        }
        (None, None, _) if !total.is_empty() && read.size_bytes > 0 => {
            format!("[there is no such line{total}]")
        }
        _ => String::new(),
    }
}

async fn bytes(mcp: &Mcp, arguments: &Arguments, offset: i64) -> Result<Answer, ToolError> {
    for other in ["first_line", "limit", "cursor"] {
        if arguments.has(other) {
            return Err(ToolError::new(format!(
                "{other} is of lines: give it without offset, or max_bytes beside offset"
            )));
        }
    }
    let (artifact_id, name) = mcp.wanted(arguments)?.into_fields();
    let request = ReadBytesRequest {
        artifact_id,
        name,
        offset,
        limit: arguments.number("max_bytes").unwrap_or(SHOWN),
    };
    let answer = mcp.client.reads.clone().read_bytes(unary(request)).await?;
    let mut answer = answer.into_inner();
    if offset > 0 {
        // The rest of a character that begins before.
        let is_rest = |byte: &&u8| **byte & 0xc0 == 0x80;
        let rest = answer.data.iter().take(3).take_while(is_rest).count();
        answer.data = answer.data.split_off(rest);
        answer.offset += rest as i64;
    }
    let read = BytesRead::from(answer);
    let Some(text) = read.text else {
        return Err(ToolError::new(format!(
            "{} is no text in UTF-8. Next: {NO_TEXT}",
            read.artifact_id
        )));
    };
    let size = read.size_bytes;
    Ok(Answer::Text(match (offset, read.next_offset) {
        (0, None) => text,
        (_, None) => format!("{text}\n[to byte {size}, the end]"),
        (_, Some(next)) => {
            format!("{text}\n[to byte {next} of {size}. Next: call again with offset={next}]")
        }
    }))
}

pub(super) async fn grep(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let query = GrepQuery {
        pattern: arguments.text("pattern"),
        fixed_strings: arguments.flag("fixed_strings"),
        ignore_case: arguments.flag("ignore_case"),
        context: arguments.count("context"),
        max_count: arguments.count("max_count"),
        count_only: false,
    };
    let is_of_one = arguments.has("artifact_id") || arguments.has("filename");
    if is_of_one && arguments.has("filename_glob") {
        return Err(ToolError::new(
            "filename_glob is of a session's files: give it without artifact_id and filename",
        ));
    }
    let (mut text, count, cursor, stop) = match is_of_one {
        true => {
            let (artifact_id, name) = mcp.wanted(arguments)?.into_fields();
            let request = GrepArtifactRequest {
                artifact_id,
                name,
                query: Some(query),
                page_token: arguments.text("cursor"),
                ..GrepArtifactRequest::default()
            };
            let mut reads = mcp.client.reads.clone();
            let answer = reads.grep_artifact(unary(request)).await?;
            let found = LinesFound::from(answer.into_inner());
            let text = lines::raw_search(&found.lines);
            (text, found.match_count, found.next_cursor, found.stop)
        }
        false => {
            let found = in_session(mcp, arguments, query).await?;
            let mut text = String::new();
            for file in &found.files {
                let (name, version) = (&file.filename, file.version);
                text += &format!("{name} v{version}\n{}", lines::raw_search(&file.lines));
            }
            (text, found.match_count, found.next_cursor, found.stop)
        }
    };
    text += &match cursor {
        None => format!("[matching lines: {count}]"),
        Some(cursor) => format!(
            "[matching lines so far: {count} ({}). Next: call again with cursor={cursor}]",
            stop.unwrap_or("not all was searched")
        ),
    };
    Ok(Answer::Text(text))
}

async fn in_session(
    mcp: &Mcp,
    arguments: &Arguments,
    query: GrepQuery,
) -> Result<FilesFound, ToolError> {
    let session_id = mcp.session(arguments);
    if session_id.is_empty() {
        let words = "which one? Give artifact_id, filename or session_id";
        return Err(ToolError::new(words));
    }
    let request = GrepSessionRequest {
        include_user_scope: mcp.has_user_scope(&session_id),
        session_id,
        query: Some(query),
        filename_glob: arguments.text("filename_glob"),
        namespace: mcp.namespace.clone(),
        user_id: mcp.user.clone(),
        page_token: arguments.text("cursor"),
        ..GrepSessionRequest::default()
    };
    let answer = mcp
        .client
        .reads
        .clone()
        .grep_session(unary(request))
        .await?;
    Ok(answer.into_inner().into())
}

pub(super) async fn preview(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let (artifact_id, name) = mcp.wanted(arguments)?.into_fields();
    let request = PreviewArtifactRequest {
        artifact_id,
        name,
        ..PreviewArtifactRequest::default()
    };
    let mut reads = mcp.client.reads.clone();
    let answer = reads.preview_artifact(unary(request)).await?;
    let preview = Preview::from(answer.into_inner());
    Ok(Answer::Text(format!(
        "{} ({}, {}, {} bytes)\n{}",
        preview.filename,
        preview.artifact_id,
        preview.content_type,
        preview.size_bytes,
        preview.text
    )))
}

pub(super) async fn diff(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let mut request = DiffVersionsRequest {
        from_artifact_id: arguments.text("from_artifact_id"),
        to_artifact_id: arguments.text("to_artifact_id"),
        context: arguments
            .number("context")
            .map(|_| arguments.count("context")),
        ..DiffVersionsRequest::default()
    };
    let by_ids = arguments.has("from_artifact_id") && arguments.has("to_artifact_id");
    let by_name = arguments.has("filename") && arguments.has("from_version");
    let any_id = arguments.has("from_artifact_id") || arguments.has("to_artifact_id");
    match (by_ids, by_name) {
        (true, false) if !arguments.has("filename") => {}
        (false, true) if !any_id => {
            let filename = arguments.text("filename");
            let name = mcp.name(filename, mcp.session(arguments), 0);
            let version = |field| ArtifactName {
                version: arguments.number(field).unwrap_or_default(),
                ..name.clone()
            };
            request.from_name = Some(version("from_version"));
            request.to_name = Some(version("to_version"));
        }
        _ => {
            return Err(ToolError::new(
                "give filename and from_version, or from_artifact_id and to_artifact_id",
            ));
        }
    }
    let mut reads = mcp.client.reads.clone();
    let answer = reads.diff_versions(unary(request)).await?;
    let found = Difference::from(answer.into_inner());
    let sizes = (found.from_size_bytes, found.to_size_bytes);
    let foot = match (found.identical, found.is_text, found.stop) {
        (true, ..) => "[the versions have the same content]".to_owned(),
        (_, false, _) => format!(
            "[the versions differ, {} and {} bytes, and one of them is no text. Next: {NO_TEXT}]",
            sizes.0, sizes.1
        ),
        (_, _, Some("bytes_scanned")) => format!(
            "[the versions differ, {} and {} bytes, and are too large to be compared]",
            sizes.0, sizes.1
        ),
        (_, _, stop) => {
            let cut = if stop == Some("bytes_out") {
                ", not all is shown"
            } else {
                ""
            };
            format!(
                "[lines added: {}, removed: {}{cut}]",
                found.added_lines, found.removed_lines
            )
        }
    };
    Ok(Answer::Text(found.diff + &foot))
}

pub(super) async fn edit(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let (artifact_id, name) = match mcp.wanted(arguments)? {
        ArtifactRef::Id(id) => (id, None),
        ArtifactRef::Name(name) => (String::new(), Some(name)),
    };
    let request = EditArtifactRequest {
        artifact_id,
        name,
        change: Some(change(arguments)?),
        if_version: arguments.number("if_version"),
        agent_id: mcp.agent.clone(),
        change_summary: arguments.text("change_summary"),
        ..EditArtifactRequest::default()
    };
    let mut reads = mcp.client.reads.clone();
    let answer = reads.edit_artifact(unary(request)).await?;
    Answer::record(&Edited::from(answer.into_inner()))
}

/// The change that a call means: of a text, or of lines.
fn change(arguments: &Arguments) -> Result<Change, ToolError> {
    let has_any = |names: &[&str]| names.iter().any(|name| arguments.has(name));
    let of_text = has_any(&["old_text", "new_text", "everywhere"]);
    let of_lines = has_any(&["first_line", "last_line", "text"]);
    match (of_text, of_lines, arguments.number("first_line")) {
        (true, false, _) if arguments.has("old_text") && arguments.has("new_text") => {
            Ok(Change::Replace(ReplaceText {
                old_text: arguments.text("old_text"),
                new_text: arguments.text("new_text"),
                everywhere: arguments.flag("everywhere"),
            }))
        }
        (false, true, Some(first_line)) if arguments.has("text") => {
            Ok(Change::Lines(ReplaceLines {
                first_line,
                last_line: arguments.number("last_line").unwrap_or(first_line),
                text: arguments.text("text"),
            }))
        }
        _ => Err(ToolError::new(
            "give old_text and new_text, or first_line and text; what replaces may be empty",
        )),
    }
}

#[cfg(test)]
mod tests {
    use cairn_proto::json::TextLine;

    use super::*;

    fn read(lines: &[i64], next_line: Option<i64>, total_lines: Option<i64>) -> LinesRead {
        let line = |number: &i64| TextLine {
            number: *number,
            text: "x".to_owned(),
            cut_bytes: 0,
        };
        LinesRead {
            artifact_id: "art_0".to_owned(),
            lines: lines.iter().map(line).collect(),
            stop: None,
            next_line,
            next_cursor: next_line.map(|_| "on".to_owned()),
            total_lines,
            size_bytes: 9,
            scanned_bytes: 9,
            encoding: "utf-8".to_owned(),
        }
    }

    #[test]
    fn the_foot_says_how_to_go_on() {
        for (read, words) in [
            (read(&[1, 2], None, Some(2)), ""),
            (
                read(&[1, 2], Some(3), Some(9)),
                "[to line 2 of 9. Next: call again with first_line=3]",
            ),
            (read(&[8, 9], None, Some(9)), "[to line 9, the end]"),
            (read(&[], None, Some(9)), "[there is no such line of 9]"),
            (
                read(&[], Some(700), None),
                "[no line yet. Next: call again with cursor=on]",
            ),
        ] {
            assert_eq!(foot(&read), words);
        }
    }
}
