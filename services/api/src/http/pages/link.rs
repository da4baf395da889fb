//! The page of a link: what it leads to, a preview, and a button that saves it.

use std::{sync::Arc, time::Duration};

use axum::{http::StatusCode, response::Response};
use cairn_store::{Artifact, Download, Error, Link, Stage};
use jiff::Timestamp;
use maud::{Markup, html};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    content_host::ContentHost,
    layout::{Sources, page},
    preview::{Preview, previewed},
    words,
};

/// How many pages are read and rendered at once; each needs a few megabytes.
const AT_ONCE: usize = 16;
/// How long a page waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the pages of links.
#[derive(Clone)]
pub(in crate::http) struct Pages {
    content_host: ContentHost,
    turns: Arc<Semaphore>,
}

impl Pages {
    pub(in crate::http) fn new(content_host: ContentHost) -> Self {
        Self {
            content_host,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// The page of a link.
    ///
    /// # Errors
    /// `RateLimited` when too many pages are being rendered; what reading content answers.
    pub(in crate::http) async fn of_link(
        &self,
        link: &Link,
        download: Download,
    ) -> Result<Response, Error> {
        let turn = timeout(PATIENCE, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(Error::RateLimited("pages being rendered"));
        };
        let artifact = download.artifact().clone();
        // Each reading of a link with a limit counts, so that a page would use one up.
        let preview = match link.max_downloads {
            Some(_) => Preview::Withheld,
            None => previewed(download).await?,
        };
        let source = self.content_host.address(&link.id);
        let name = words::name(artifact.filename.rsplit('/').next().unwrap_or_default());
        let body = html! {
            a class="skip" href="#preview" { "Skip to the preview" }
            header {
                h1 { bdi { (name) } }
                @if artifact.filename.contains('/') {
                    p class="path" { bdi { (words::name(&artifact.filename)) } }
                }
                @if !artifact.title.is_empty() {
                    p class="title" { bdi { (words::name(&artifact.title)) } }
                }
                p class="actions" {
                    a class="button" href=(format!("{source}?download")) { "Download" }
                    " "
                    a href=(format!("{source}?raw")) { "Open the file alone" }
                }
                (facts(&artifact, link))
            }
            main id="preview" tabindex="-1" {
                (preview.show(&name, &source))
            }
        };
        let sources = Sources {
            content: self.content_host.origin(),
            ..Sources::default()
        };
        Ok(page(StatusCode::OK, &name, &sources, &body))
    }
}

fn facts(artifact: &Artifact, link: &Link) -> Markup {
    let version = format!("{}", artifact.version);
    html! {
        dl class="facts" {
            (fact("Size", &html! { (words::size(artifact.size_bytes)) }))
            (fact("Version", &html! { (version) }))
            @if !artifact.agent_id.is_empty() {
                (fact("Made by", &html! { bdi { (words::name(&artifact.agent_id)) } }))
            }
            @if let Some(session) = &artifact.session_id {
                (fact("In run", &html! { bdi { (words::name(session)) } }))
            }
            (fact("Made", &words::moment(artifact.created_at)))
            @if artifact.stage != Stage::default() {
                (fact("Stage", &html! { (artifact.stage.as_str()) }))
            }
            (fact("Link ends", &html! {
                (words::until(link.expires_at, Timestamp::now())) " ("
                (words::moment(link.expires_at)) ")"
            }))
            @if let Some(most) = link.max_downloads {
                (fact("Downloads", &html! { (link.downloads) " of " (most) }))
            }
        }
        details class="more" {
            summary { "Type and checksum" }
            dl class="facts" {
                (fact("Type", &html! { bdi { (words::name(&artifact.content_type)) } }))
                (fact("Checksum", &html! { code { (artifact.content_hash) } }))
            }
        }
    }
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}
