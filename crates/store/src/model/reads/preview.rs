//! A short description of a content, for a reader that has to decide what to read of it.

pub(crate) mod archive;
mod json;
mod notebook;
pub(crate) mod table;
mod text;

use std::borrow::Cow;

use bytes::Bytes;

use super::encoding::TextEncoding;

/// How much of the beginning of a content is looked at, in bytes.
pub(crate) const HEAD: u64 = 256 << 10;
/// How much of the end.
pub(crate) const TAIL: u64 = 66 << 10;
/// The largest notebook that is read whole, in bytes.
pub(crate) const NOTEBOOK: u64 = 4 << 20;

/// What a preview is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewFormat {
    /// Text of no known structure: its first and last lines.
    Text,
    /// Markdown: its headings, and its first lines.
    Markdown,
    /// JSON or lines of JSON: the shape of its values, and its beginning.
    Json,
    /// Comma- or tab-separated values: their columns with types, and the first rows.
    Table,
    /// A Jupyter notebook: the beginning of each cell.
    Notebook,
    /// A picture: its size.
    Image,
    /// A ZIP archive: its members.
    Zip,
    /// A tar archive: its first members.
    Tar,
    /// Anything else: its first bytes.
    Binary,
}

impl PreviewFormat {
    /// Whether a text is a notebook, by its type and its name.
    pub(crate) fn is_notebook(content_type: &str, filename: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/x-ipynb+json")
            || filename.to_ascii_lowercase().ends_with(".ipynb")
    }

    /// What a content is, by its first bytes, and then by its type and its name.
    #[must_use]
    pub fn of(content_type: &str, filename: &str, head: &[u8]) -> Self {
        let content_type = content_type.to_ascii_lowercase();
        let content_type = content_type.split(';').next().unwrap_or_default().trim();
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            return Self::Zip;
        }
        if head.get(257..262) == Some(b"ustar") {
            return Self::Tar;
        }
        if imagesize::image_type(head).is_ok() && !content_type.starts_with("text/") {
            return Self::Image;
        }
        if TextEncoding::of(head).is_none() {
            return Self::Binary;
        }
        if Self::is_notebook(content_type, filename) {
            return Self::Notebook;
        }
        let name = filename.to_ascii_lowercase();
        let is_named = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if content_type.contains("json") || is_named(&[".json", ".jsonl", ".ndjson"]) {
            Self::Json
        } else if matches!(content_type, "text/csv" | "text/tab-separated-values")
            || is_named(&[".csv", ".tsv"])
        {
            Self::Table
        } else if content_type == "text/markdown" || is_named(&[".md", ".markdown"]) {
            Self::Markdown
        } else {
            Self::Text
        }
    }
}

/// The text of a content that begins so, without a byte order mark; what is not valid becomes U+FFFD. `None` if it is not
/// text.
#[must_use]
pub fn text_of(head: &[u8]) -> Option<Cow<'_, str>> {
    TextEncoding::of(head).map(|encoding| encoding.text(head))
}

/// A short description of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// What it is made for.
    pub format: PreviewFormat,
    /// The encoding of a text.
    pub encoding: Option<&'static str>,
    /// The description.
    pub text: String,
    /// Whether the text is the whole content.
    pub is_whole: bool,
    /// Width and height of a picture, in pixels.
    pub dimensions: Option<(u64, u64)>,
}

impl Description {
    /// One of a format, with a text.
    pub(crate) fn of(format: PreviewFormat, text: String) -> Self {
        Self {
            format,
            encoding: None,
            text,
            is_whole: false,
            dimensions: None,
        }
    }
}

/// What is known of a content.
pub(crate) struct Seen {
    pub(crate) size: u64,
    /// At most `HEAD` bytes of its beginning; of a notebook, all.
    pub(crate) head: Bytes,
    /// At most `TAIL` bytes of its end.
    pub(crate) tail: Bytes,
}

impl Seen {
    /// Describes a content that is no archive, in at most so many bytes.
    pub(crate) fn describe(&self, format: PreviewFormat, room: usize) -> Description {
        let Some(encoding) = TextEncoding::of(&self.head) else {
            return self.of_bytes(format, room);
        };
        if format == PreviewFormat::Image {
            return self.of_bytes(format, room);
        }
        let text = encoding.text(&self.head);
        let is_read = self.size == self.head.len() as u64;
        let structure = match format {
            PreviewFormat::Markdown => text::outline(&text),
            PreviewFormat::Json => json::shape(&text, is_read),
            PreviewFormat::Table => table::columns(&text, !is_read),
            PreviewFormat::Notebook => match notebook::cells(&self.head) {
                Some(cells) => {
                    return Description {
                        encoding: Some(encoding.name()),
                        ..Description::of(format, text::cut(&cells, room))
                    };
                }
                None => json::shape(&text, is_read),
            },
            _ => String::new(),
        };
        let is_short = is_read && text.len() <= room;
        let whole = is_short && text.lines().all(|line| line.len() <= text::LONGEST_LINE);
        if whole && (structure.is_empty() || text.len() <= room / 4) {
            return Description {
                encoding: Some(encoding.name()),
                is_whole: true,
                ..Description::of(format, text.into_owned())
            };
        }
        let mut described = text::cut(&structure, room / 2);
        if !described.is_empty() {
            described.push('\n');
        }
        let left = room - described.len();
        let tail = match is_read {
            true => text.clone(),
            false => {
                // The tail may begin within a unit of the encoding.
                let offset = self.size.saturating_sub(self.tail.len() as u64);
                let divided = usize::from(!offset.is_multiple_of(encoding.unit()));
                encoding.text(self.tail.get(divided..).unwrap_or_default())
            }
        };
        described += &text::ends(&text, &tail, self.size, left);
        Description {
            encoding: Some(encoding.name()),
            ..Description::of(format, described)
        }
    }

    fn of_bytes(&self, format: PreviewFormat, room: usize) -> Description {
        if format == PreviewFormat::Image
            && let Ok(size) = imagesize::blob_size(&self.head)
        {
            let (width, height) = (size.width as u64, size.height as u64);
            let words = format!("an image of {width} x {height} pixels");
            return Description {
                dimensions: Some((width, height)),
                ..Description::of(format, words)
            };
        }
        let first = &self.head[..self.head.len().min(64)];
        let words = format!("not text; the first bytes in hex: {}", hex::encode(first));
        Description::of(PreviewFormat::Binary, text::cut(&words, room))
    }
}

#[cfg(test)]
mod tests;
