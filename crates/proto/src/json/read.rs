//! What reads answer.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;

use super::{artifact::Artifact, value::present};
use crate::v1;

/// Lines of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LinesRead {
    /// The version that was read.
    pub artifact_id: String,
    /// In order.
    pub lines: Vec<TextLine>,
    /// `end`, `count`, `bytes_out`, `bytes_scanned`, `time` or `files`: why there are no more.
    pub stop: Option<&'static str>,
    /// The number of the first line that follows.
    pub next_line: Option<i64>,
    /// What the next request has as its cursor.
    pub next_cursor: Option<String>,
    /// How many lines the text has, if that is known.
    pub total_lines: Option<i64>,
    /// The size of the content.
    pub size_bytes: i64,
    /// How much of it was looked through.
    pub scanned_bytes: i64,
    /// `utf-8`, `utf-16le` or `utf-16be`.
    pub encoding: String,
}

/// A line of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TextLine {
    /// From 1.
    pub number: i64,
    /// At most 2,000 bytes.
    pub text: String,
    /// How many bytes of the line are not in the text.
    pub cut_bytes: i64,
}

/// Lines that match, and lines near them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LinesFound {
    /// The version that was searched.
    pub artifact_id: String,
    /// In order.
    pub lines: Vec<FoundLine>,
    /// How many lines matched, of those that were looked through.
    pub match_count: i64,
    /// Why there are no more, as of lines that are read.
    pub stop: Option<&'static str>,
    /// What the next request has as its cursor.
    pub next_cursor: Option<String>,
    /// How much of the content was looked through.
    pub scanned_bytes: i64,
}

/// A line that matches, or is near one that does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct FoundLine {
    /// The line.
    #[serde(flatten)]
    pub line: TextLine,
    /// Whether it matches.
    pub is_match: bool,
}

/// Bytes of a content: as text, where they are UTF-8, or in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct BytesRead {
    /// The version that was read.
    pub artifact_id: String,
    /// The offset of the first byte.
    pub offset: i64,
    /// The bytes, if they are UTF-8.
    pub text: Option<String>,
    /// The bytes, if they are not; in base64.
    pub base64: Option<String>,
    /// Where the next bytes begin.
    pub next_offset: Option<i64>,
    /// The size of the content.
    pub size_bytes: i64,
}

/// Lines of the files of a session that match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct FilesFound {
    /// The files with matches.
    pub files: Vec<FoundFile>,
    /// How many lines matched.
    pub match_count: i64,
    /// How many files were looked through.
    pub files_searched: i64,
    /// How many files are not text.
    pub files_skipped: i64,
    /// Why there are no more, as of lines that are read.
    pub stop: Option<&'static str>,
    /// What the next request has as its cursor.
    pub next_cursor: Option<String>,
    /// How much content was looked through.
    pub scanned_bytes: i64,
}

/// The matches in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct FoundFile {
    /// The version that was searched.
    pub artifact_id: String,
    /// Its filename.
    pub filename: String,
    /// 1 or more.
    pub version: i64,
    /// How many lines matched.
    pub match_count: i64,
    /// In order.
    pub lines: Vec<FoundLine>,
}

/// A short description of a content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Preview {
    /// The version that was read.
    pub artifact_id: String,
    /// Its filename.
    pub filename: String,
    /// Its content type.
    pub content_type: String,
    /// Its size.
    pub size_bytes: i64,
    /// `text`, `markdown`, `json`, `table`, `notebook`, `image`, `zip`, `tar` or `binary`.
    pub format: Option<&'static str>,
    /// The description.
    pub text: String,
    /// Whether the text is the whole content.
    pub is_whole: bool,
    /// Of a text.
    pub encoding: Option<String>,
    /// How many lines the text has, if that is known.
    pub total_lines: Option<i64>,
    /// Of a picture, in pixels.
    pub width: Option<i64>,
    /// Of a picture, in pixels.
    pub height: Option<i64>,
}

/// What differs between two versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Difference {
    /// The first version.
    pub from_artifact_id: String,
    /// The second version.
    pub to_artifact_id: String,
    /// Whether both have the same bytes.
    pub identical: bool,
    /// Whether both are text.
    pub is_text: bool,
    /// The hunks of a unified diff.
    pub diff: String,
    /// Lines that only the second version has.
    pub added_lines: i64,
    /// Lines that only the first version has.
    pub removed_lines: i64,
    /// `end`, `bytes_out` if the diff is cut, or `bytes_scanned` if the contents are too large to be compared.
    pub stop: Option<&'static str>,
    /// The size of the first version.
    pub from_size_bytes: i64,
    /// The size of the second version.
    pub to_size_bytes: i64,
}

/// A version that was made by a change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Edited {
    /// The new version.
    pub artifact: Artifact,
    /// In how many places it differs from the one before; 0 in the answer to a retry.
    pub replacements: i64,
}

/// The name of a format.
fn format(format: i32) -> Option<&'static str> {
    match v1::PreviewFormat::try_from(format).ok()? {
        v1::PreviewFormat::Unspecified => None,
        v1::PreviewFormat::Text => Some("text"),
        v1::PreviewFormat::Markdown => Some("markdown"),
        v1::PreviewFormat::Json => Some("json"),
        v1::PreviewFormat::Table => Some("table"),
        v1::PreviewFormat::Notebook => Some("notebook"),
        v1::PreviewFormat::Image => Some("image"),
        v1::PreviewFormat::Zip => Some("zip"),
        v1::PreviewFormat::Tar => Some("tar"),
        v1::PreviewFormat::Binary => Some("binary"),
    }
}

impl From<v1::GrepSessionResponse> for FilesFound {
    fn from(found: v1::GrepSessionResponse) -> Self {
        Self {
            files: found.files.into_iter().map(Into::into).collect(),
            match_count: found.match_count,
            files_searched: found.files_searched,
            files_skipped: found.files_skipped,
            stop: stop(found.stop),
            next_cursor: present(found.next_page_token),
            scanned_bytes: found.scanned_bytes,
        }
    }
}

impl From<v1::GrepFile> for FoundFile {
    fn from(found: v1::GrepFile) -> Self {
        Self {
            artifact_id: found.artifact_id,
            filename: found.filename,
            version: found.version,
            match_count: found.match_count,
            lines: found.lines.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<v1::PreviewArtifactResponse> for Preview {
    fn from(preview: v1::PreviewArtifactResponse) -> Self {
        let pixels = |count: i64| (count > 0).then_some(count);
        Self {
            artifact_id: preview.artifact_id,
            filename: preview.filename,
            content_type: preview.content_type,
            size_bytes: preview.size_bytes,
            format: format(preview.format),
            text: preview.text,
            is_whole: preview.is_whole,
            encoding: present(preview.encoding),
            total_lines: preview.total_lines,
            width: pixels(preview.width),
            height: pixels(preview.height),
        }
    }
}

impl From<v1::DiffVersionsResponse> for Difference {
    fn from(found: v1::DiffVersionsResponse) -> Self {
        Self {
            from_artifact_id: found.from_artifact_id,
            to_artifact_id: found.to_artifact_id,
            identical: found.identical,
            is_text: found.is_text,
            diff: found.diff,
            added_lines: found.added_lines,
            removed_lines: found.removed_lines,
            stop: stop(found.stop),
            from_size_bytes: found.from_size_bytes,
            to_size_bytes: found.to_size_bytes,
        }
    }
}

impl From<v1::EditArtifactResponse> for Edited {
    fn from(edited: v1::EditArtifactResponse) -> Self {
        Self {
            artifact: edited.artifact.unwrap_or_default().into(),
            replacements: edited.replacements,
        }
    }
}

/// The name of a reason to stop.
fn stop(stop: i32) -> Option<&'static str> {
    match v1::ReadStop::try_from(stop).ok()? {
        v1::ReadStop::Unspecified => None,
        v1::ReadStop::End => Some("end"),
        v1::ReadStop::Count => Some("count"),
        v1::ReadStop::BytesOut => Some("bytes_out"),
        v1::ReadStop::BytesScanned => Some("bytes_scanned"),
        v1::ReadStop::Time => Some("time"),
        v1::ReadStop::Files => Some("files"),
    }
}

impl From<v1::TextLine> for TextLine {
    fn from(line: v1::TextLine) -> Self {
        Self {
            number: line.number,
            text: line.text,
            cut_bytes: line.cut_bytes,
        }
    }
}

impl From<v1::GrepLine> for FoundLine {
    fn from(found: v1::GrepLine) -> Self {
        Self {
            line: found.line.unwrap_or_default().into(),
            is_match: found.is_match,
        }
    }
}

impl From<v1::ReadLinesResponse> for LinesRead {
    fn from(read: v1::ReadLinesResponse) -> Self {
        Self {
            artifact_id: read.artifact_id,
            lines: read.lines.into_iter().map(Into::into).collect(),
            stop: stop(read.stop),
            next_line: (read.next_line > 0).then_some(read.next_line),
            next_cursor: present(read.next_page_token),
            total_lines: read.total_lines,
            size_bytes: read.size_bytes,
            scanned_bytes: read.scanned_bytes,
            encoding: read.encoding,
        }
    }
}

impl From<v1::GrepArtifactResponse> for LinesFound {
    fn from(found: v1::GrepArtifactResponse) -> Self {
        Self {
            artifact_id: found.artifact_id,
            lines: found.lines.into_iter().map(Into::into).collect(),
            match_count: found.match_count,
            stop: stop(found.stop),
            next_cursor: present(found.next_page_token),
            scanned_bytes: found.scanned_bytes,
        }
    }
}

impl From<v1::ReadBytesResponse> for BytesRead {
    fn from(read: v1::ReadBytesResponse) -> Self {
        let (mut data, mut next_offset) = (read.data, read.next_offset);
        if let (Err(e), Some(_)) = (std::str::from_utf8(&data), next_offset)
            && e.error_len().is_none()
            && e.valid_up_to() > 0
        {
            // The range ends within a character: the next one begins with it.
            data.truncate(e.valid_up_to());
            next_offset = i64::try_from(data.len())
                .ok()
                .map(|read_bytes| read.offset + read_bytes);
        }
        let text = std::str::from_utf8(&data).ok().map(str::to_owned);
        Self {
            artifact_id: read.artifact_id,
            offset: read.offset,
            base64: text.is_none().then(|| BASE64_STANDARD.encode(&data)),
            text,
            next_offset,
            size_bytes: read.size_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BytesRead;
    use crate::v1::ReadBytesResponse;

    fn read(data: &'static [u8], next_offset: Option<i64>) -> BytesRead {
        let read = ReadBytesResponse {
            data: data.into(),
            offset: 10,
            next_offset,
            ..ReadBytesResponse::default()
        };
        read.into()
    }

    #[test]
    fn a_range_of_text_ends_between_characters() {
        let whole = read("aé".as_bytes(), Some(13));
        assert_eq!(
            (whole.text.as_deref(), whole.next_offset),
            (Some("aé"), Some(13))
        );
        let cut = read(b"a\xc3", Some(12));
        assert_eq!(
            (cut.text.as_deref(), cut.next_offset),
            (Some("a"), Some(11))
        );
        let binary = read(b"\xff\0", Some(12));
        assert_eq!(
            (binary.base64.as_deref(), binary.next_offset),
            (Some("/wA="), Some(12))
        );
        assert_eq!(read(b"a\xc3", None).base64.as_deref(), Some("YcM="));
    }
}
