//! What a page shows of a content: a bounded part, by its type.

use cairn_store::{Artifact, Download, Error};
use maud::{Markup, html};
use tokio::task::spawn_blocking;

use super::words;

mod markdown;
mod notebook;
mod plain;
mod source;
mod table;
mod tree;

/// How much of a text, a table or a Markdown file is shown, in bytes.
const SHOWN: u64 = 128 << 10;
/// How much is read of what is understood only as a whole, in bytes.
const WHOLE: u64 = 512 << 10;

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

/// What is rendered here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Markdown,
    Json,
    Notebook,
    /// With this between its cells, in the beginning of which a semicolon may take its place.
    Table(u8),
}

/// Reads and renders a bounded part of a content.
///
/// # Errors
/// What reading answers.
pub(super) async fn previewed(download: Download) -> Result<Preview, Error> {
    let artifact = download.artifact();
    let size = artifact.size_bytes;
    let kind = artifact.content_type.to_ascii_lowercase();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if let Some(media) = media(essence) {
        return Ok(Preview::Media(media));
    }
    let Some(form) = form(essence, artifact) else {
        return Ok(Preview::Unknown);
    };
    let shown = match form {
        Form::Json | Form::Notebook if size <= WHOLE => WHOLE,
        _ => SHOWN,
    };
    let name = artifact.filename.clone();
    let mut reading = download.read(0, Some(shown));
    let mut sample = Vec::new();
    while let Some(piece) = reading.next().await? {
        sample.extend_from_slice(&piece);
    }
    let is_cut = size > sample.len() as u64;
    let rendered = spawn_blocking(move || render(form, &name, &sample, is_cut)).await;
    let markup = rendered.map_err(|_| Error::internal("a panic while a preview was rendered"))?;
    Ok(Preview::Rendered {
        markup,
        cut: is_cut.then_some((shown, size)),
    })
}

fn media(essence: &str) -> Option<Media> {
    Some(match essence {
        "image/avif" | "image/bmp" | "image/gif" | "image/jpeg" | "image/png" | "image/webp" => {
            Media::Image
        }
        "audio/aac" | "audio/flac" | "audio/mp4" | "audio/mpeg" | "audio/ogg" | "audio/wav"
        | "audio/webm" | "audio/x-wav" => Media::Audio,
        "video/mp4" | "video/ogg" | "video/webm" => Media::Video,
        "application/pdf" => Media::Pdf,
        _ => return None,
    })
}

fn form(essence: &str, artifact: &Artifact) -> Option<Form> {
    let extension = artifact.filename.rsplit('.').next().unwrap_or_default();
    Some(match essence {
        "application/x-ipynb+json" => Form::Notebook,
        "application/json" | "text/plain" if extension.eq_ignore_ascii_case("ipynb") => {
            Form::Notebook
        }
        "application/json" => Form::Json,
        "text/markdown" => Form::Markdown,
        "text/csv" => Form::Table(b','),
        "text/tab-separated-values" => Form::Table(b'\t'),
        "application/javascript"
        | "application/jsonl"
        | "application/sql"
        | "application/toml"
        | "application/x-ndjson"
        | "application/xml"
        | "application/yaml"
        | "image/svg+xml" => Form::Text,
        _ if essence.starts_with("text/") => Form::Text,
        _ if essence.ends_with("+json") => Form::Json,
        _ if essence.ends_with("+xml") => Form::Text,
        _ => return None,
    })
}

fn render(form: Form, name: &str, sample: &[u8], is_cut: bool) -> Markup {
    if sample.is_empty() {
        return html! { p { "The file is empty." } };
    }
    // A character that is cut off at the end goes; others become U+FFFD.
    let whole = match std::str::from_utf8(sample) {
        Err(e) if is_cut && e.error_len().is_none() => &sample[..e.valid_up_to()],
        _ => sample,
    };
    let text = String::from_utf8_lossy(whole);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let rendered = match form {
        Form::Text => source::render(text, name),
        Form::Markdown => Some(markdown::render(text)),
        Form::Json if !is_cut => tree::render(text),
        Form::Notebook if !is_cut => notebook::render(text),
        Form::Json | Form::Notebook => source::render(text, "a.json"),
        Form::Table(delimiter) => table::render(text, delimiter, is_cut),
    };
    rendered.unwrap_or_else(|| plain::render(text))
}

impl Preview {
    /// As a part of a page. `source`: where the content is.
    pub(super) fn show(&self, name: &str, source: &str) -> Markup {
        let raw = format!("{source}?raw");
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
