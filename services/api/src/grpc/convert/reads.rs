//! Messages of reads.

use cairn_proto::v1;
use cairn_store::{
    Change, Description, Difference, Error, FileFound, GrepFound, GrepLine, LinesWanted, Preview,
    PreviewFormat, RawEdit, RawGrep, ReadBudget, ReadBytes, ReadLines, ReadStop, Result,
    SessionFound, TextDifference, TextLine, Violations,
};

use super::size;

/// The budget of a read.
///
/// # Errors
/// `Invalid`.
pub(in crate::grpc) fn budget(max_bytes: i64, max_scan_bytes: i64) -> Result<ReadBudget> {
    let mut faults = Violations::new();
    let budget = ReadBudget::new(max_bytes, max_scan_bytes, &mut faults);
    faults.finish(Some(budget))
}

/// Which lines are read, and what that may cost.
///
/// # Errors
/// `Invalid`, with every field at fault.
pub(in crate::grpc) fn lines_wanted(
    request: &v1::ReadLinesRequest,
) -> Result<(LinesWanted, ReadBudget)> {
    let mut faults = Violations::new();
    let wanted = LinesWanted::new(request.first_line, request.limit, &mut faults);
    let (out, scan) = (request.max_bytes, request.max_scan_bytes);
    let budget = ReadBudget::new(out, scan, &mut faults);
    faults.finish(Some((wanted, budget)))
}

/// What is searched for.
///
/// # Errors
/// `Invalid` without a query.
pub(in crate::grpc) fn grep(query: Option<v1::GrepQuery>) -> Result<RawGrep> {
    let query = query.ok_or_else(|| Error::invalid("query", "is required"))?;
    Ok(RawGrep {
        pattern: query.pattern,
        fixed_strings: query.fixed_strings,
        ignore_case: query.ignore_case,
        context: query.context,
        max_count: query.max_count,
        count_only: query.count_only,
    })
}

pub(in crate::grpc) fn stop(stop: ReadStop) -> i32 {
    let stop = match stop {
        ReadStop::End => v1::ReadStop::End,
        ReadStop::Count => v1::ReadStop::Count,
        ReadStop::BytesOut => v1::ReadStop::BytesOut,
        ReadStop::BytesScanned => v1::ReadStop::BytesScanned,
        ReadStop::Time => v1::ReadStop::Time,
        ReadStop::Files => v1::ReadStop::Files,
    };
    stop.into()
}

fn line(line: TextLine) -> v1::TextLine {
    v1::TextLine {
        number: size(line.number),
        text: line.text,
        cut_bytes: size(line.cut_bytes),
    }
}

pub(in crate::grpc) fn grep_line(found: GrepLine) -> v1::GrepLine {
    v1::GrepLine {
        line: Some(line(found.line)),
        is_match: found.is_match,
    }
}

pub(in crate::grpc) fn lines(read: ReadLines) -> v1::ReadLinesResponse {
    v1::ReadLinesResponse {
        artifact_id: read.artifact.id.to_string(),
        lines: read.lines.into_iter().map(line).collect(),
        stop: stop(read.stop),
        next_line: read.next_line.map_or(0, size),
        next_page_token: read.next.unwrap_or_default(),
        total_lines: read.total_lines.map(size),
        size_bytes: size(read.artifact.size_bytes),
        scanned_bytes: size(read.scanned_bytes),
        encoding: read.encoding.to_owned(),
    }
}

pub(in crate::grpc) fn bytes(read: ReadBytes) -> v1::ReadBytesResponse {
    v1::ReadBytesResponse {
        artifact_id: read.artifact.id.to_string(),
        data: read.data,
        offset: size(read.offset),
        next_offset: read.next_offset.map(size),
        size_bytes: size(read.artifact.size_bytes),
    }
}

pub(in crate::grpc) fn found(found: GrepFound) -> v1::GrepArtifactResponse {
    v1::GrepArtifactResponse {
        artifact_id: found.artifact.id.to_string(),
        lines: found.lines.into_iter().map(grep_line).collect(),
        match_count: size(found.matches),
        stop: stop(found.stop),
        next_page_token: found.next.unwrap_or_default(),
        scanned_bytes: size(found.scanned_bytes),
    }
}

pub(in crate::grpc) fn session_found(found: SessionFound) -> v1::GrepSessionResponse {
    v1::GrepSessionResponse {
        files: found.files.into_iter().map(file_found).collect(),
        match_count: size(found.matches),
        files_searched: size(found.files_searched),
        files_skipped: size(found.files_skipped),
        stop: stop(found.stop),
        next_page_token: found.next.unwrap_or_default(),
        scanned_bytes: size(found.scanned_bytes),
    }
}

fn file_found(found: FileFound) -> v1::GrepFile {
    v1::GrepFile {
        artifact_id: found.artifact.id.to_string(),
        filename: found.artifact.filename,
        version: found.artifact.version,
        match_count: size(found.matches),
        lines: found.lines.into_iter().map(grep_line).collect(),
    }
}

pub(in crate::grpc) fn preview(preview: Preview) -> v1::PreviewArtifactResponse {
    v1::PreviewArtifactResponse {
        artifact_id: preview.artifact.id.to_string(),
        filename: preview.artifact.filename,
        content_type: preview.artifact.content_type,
        size_bytes: size(preview.artifact.size_bytes),
        total_lines: preview.total_lines.map(size),
        ..description(preview.description)
    }
}

/// A description, without what it is of.
pub(in crate::grpc) fn description(description: Description) -> v1::PreviewArtifactResponse {
    let format = match description.format {
        PreviewFormat::Text => v1::PreviewFormat::Text,
        PreviewFormat::Markdown => v1::PreviewFormat::Markdown,
        PreviewFormat::Json => v1::PreviewFormat::Json,
        PreviewFormat::Table => v1::PreviewFormat::Table,
        PreviewFormat::Notebook => v1::PreviewFormat::Notebook,
        PreviewFormat::Image => v1::PreviewFormat::Image,
        PreviewFormat::Zip => v1::PreviewFormat::Zip,
        PreviewFormat::Tar => v1::PreviewFormat::Tar,
        PreviewFormat::Binary => v1::PreviewFormat::Binary,
    };
    let (width, height) = description.dimensions.unwrap_or_default();
    v1::PreviewArtifactResponse {
        format: format.into(),
        text: description.text,
        is_whole: description.is_whole,
        encoding: description.encoding.unwrap_or_default().to_owned(),
        width: size(width),
        height: size(height),
        ..v1::PreviewArtifactResponse::default()
    }
}

pub(in crate::grpc) fn difference(found: Difference) -> v1::DiffVersionsResponse {
    let identical = found.from.content_hash == found.to.content_hash;
    let is_text = found.text.is_some();
    let text = found
        .text
        .unwrap_or_else(|| TextDifference::none(ReadStop::End));
    v1::DiffVersionsResponse {
        from_artifact_id: found.from.id.to_string(),
        to_artifact_id: found.to.id.to_string(),
        identical,
        is_text,
        diff: text.diff,
        added_lines: size(text.added),
        removed_lines: size(text.removed),
        stop: stop(text.stop),
        from_size_bytes: size(found.from.size_bytes),
        to_size_bytes: size(found.to.size_bytes),
    }
}

/// What an edit changes.
///
/// # Errors
/// `Invalid`, with every field at fault.
pub(in crate::grpc) fn edit(
    change: Option<v1::edit_artifact_request::Change>,
    if_version: Option<i64>,
    agent_id: String,
    change_summary: String,
    idempotency_key: String,
) -> Result<RawEdit> {
    use v1::edit_artifact_request::Change as Sent;
    let mut faults = Violations::new();
    let change = match change {
        None => {
            faults.add("change", "is required: replace or lines");
            None
        }
        Some(Sent::Replace(it)) => {
            let (old, new) = (it.old_text, it.new_text);
            Some(Change::replace(old, new, it.everywhere, &mut faults))
        }
        Some(Sent::Lines(it)) => {
            let (first, last) = (it.first_line, it.last_line);
            Some(Change::lines(first, last, it.text, &mut faults))
        }
    };
    Ok(RawEdit {
        change: faults.finish(change)?,
        if_version,
        agent_id,
        change_summary,
        idempotency_key,
    })
}
