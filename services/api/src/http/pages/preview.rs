//! What a page shows of a content: a bounded part, by its type.

use cairn_store::{Download, Error, PreviewFormat, text_of};
use maud::{Markup, html};
use tokio::task::spawn_blocking;

use super::words;
use crate::http::headers::shown;

mod markdown;
mod notebook;
mod plain;
mod source;
mod table;
mod tree;

/// How much of a text, a table or a Markdown file is shown, in bytes.
const SHOWN: usize = 128 << 10;
/// How much is read, in bytes: JSON and notebooks are understood only as a whole.
const READ: u64 = 512 << 10;
/// The longest list of an archive's members, in bytes.
const LISTED: usize = 64 << 10;
/// The largest preview, in bytes: it stays in memory while a slow reader takes it.
const LARGEST: usize = 1 << 20;

/// What a page shows of a content.
pub(super) enum Preview {
    /// Nothing, because reading counts.
    Withheld,
    /// Nothing, because of its type.
    Unknown,
    /// The browser shows it itself.
    Media(Media),
    /// Something of it, rendered here.
    Rendered {
        markup: Markup,
        /// How many of how many bytes.
        cut: Option<(u64, u64)>,
    },
}

/// What browsers show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Image,
    Audio,
    Video,
    Pdf,
}

/// Reads and renders a bounded part of a content.
///
/// # Errors
/// What reading answers.
pub(super) async fn previewed(download: Download) -> Result<Preview, Error> {
    let artifact = download.artifact();
    let (name, size) = (artifact.filename.clone(), artifact.size_bytes);
    if let Some(media) = media(&artifact.content_type) {
        return Ok(Preview::Media(media));
    }
    let head = download.clone().read(0, Some(READ)).all().await?;
    match PreviewFormat::of(&artifact.content_type, &name, &head) {
        PreviewFormat::Image | PreviewFormat::Binary => Ok(Preview::Unknown),
        PreviewFormat::Zip | PreviewFormat::Tar => {
            let list = download.describe(LISTED).await?;
            Ok(Preview::Rendered {
                markup: plain::render(&list.text),
                cut: None,
            })
        }
        format => {
            let rendered = spawn_blocking(move || render(format, &name, &head, size)).await;
            rendered.map_err(|_| Error::internal("a panic while a preview was rendered"))
        }
    }
}

/// Renders what is text, of which this is the beginning.
fn render(format: PreviewFormat, name: &str, head: &[u8], size: u64) -> Preview {
    if size == 0 {
        let markup = html! { p { "The file is empty." } };
        return Preview::Rendered { markup, cut: None };
    }
    let is_whole = head.len() as u64 == size;
    if is_whole
        && let Some(text) = text_of(head)
        && let Some(markup) = match format {
            PreviewFormat::Json => tree::render(&text),
            PreviewFormat::Notebook => notebook::render(&text),
            _ => None,
        }
        && markup.0.len() <= LARGEST
    {
        return Preview::Rendered { markup, cut: None };
    }
    let part = &head[..head.len().min(SHOWN)];
    let is_cut = (part.len() as u64) < size;
    let text = text_of(part).unwrap_or_default();
    // A character that is cut off at the end.
    let text = match is_cut {
        true => text.trim_end_matches(char::REPLACEMENT_CHARACTER),
        false => &text,
    };
    let markup = match format {
        PreviewFormat::Markdown => Some(markdown::render(text)),
        PreviewFormat::Table => table::render(text, is_cut),
        PreviewFormat::Json | PreviewFormat::Notebook => source::render(text, "a.json"),
        _ => source::render(text, name),
    };
    let markup = markup.filter(|markup| markup.0.len() <= LARGEST);
    Preview::Rendered {
        markup: markup.unwrap_or_else(|| plain::render(text)),
        cut: is_cut.then_some((part.len() as u64, size)),
    }
}

fn media(content_type: &str) -> Option<Media> {
    match shown(content_type)? {
        "application/pdf" => Some(Media::Pdf),
        kind if kind.starts_with("image/") => Some(Media::Image),
        kind if kind.starts_with("audio/") => Some(Media::Audio),
        kind if kind.starts_with("video/") => Some(Media::Video),
        _ => None,
    }
}

impl Preview {
    /// As a part of a page. `raw`: where the content is, to be shown.
    pub(super) fn show(&self, name: &str, raw: &str) -> Markup {
        match self {
            Self::Withheld => html! {
                p class="none" { "There is no preview: this link counts each time the file is read." }
            },
            Self::Unknown => html! {
                p class="none" { "There is no preview for files of this type. Download it to open it." }
            },
            Self::Media(Media::Image) => html! { img class="media" src=(raw) alt=(name); },
            Self::Media(Media::Audio) => html! {
                audio class="media" controls preload="metadata" src=(raw) aria-label=(name) {}
            },
            Self::Media(Media::Video) => html! {
                video class="media" controls preload="metadata" src=(raw) aria-label=(name) {}
            },
            Self::Media(Media::Pdf) => html! {
                iframe class="pdf" src=(raw) title=(name) {}
            },
            Self::Rendered { markup, cut } => html! {
                (markup)
                @if let Some((shown, size)) = cut {
                    p class="cut" {
                        "These are the first " (words::size(*shown)) " of " (words::size(*size))
                        ". Download the file to see the rest."
                    }
                }
            },
        }
    }
}
