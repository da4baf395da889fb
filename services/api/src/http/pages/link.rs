//! The page of a file: what it is, a preview, and a button that saves it.

use std::{sync::Arc, time::Duration};

use axum::{http::StatusCode, response::Response};
use cairn_store::{Artifact, Download, Error, Link, Stage};
use maud::{Markup, html};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{
    content_host::ContentHost,
    layout::{Sources, page},
    preview::{Preview, previewed},
    words::{self, fact},
};

/// How many pages are read and rendered at once; each needs a few megabytes.
const AT_ONCE: usize = 16;
/// How long a page waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the pages of links.
#[derive(Clone)]
pub(in crate::http) struct Pages {
    pub(super) content_host: ContentHost,
    turns: Arc<Semaphore>,
}

/// What surrounds a file that is one of many.
#[derive(Default)]
pub(super) struct Around {
    /// What its address has after the "?", to which more can be added; empty for the file that the link itself leads to.
    pub(super) query: String,
    /// The way back to its folder.
    pub(super) above: Markup,
    /// Its other versions.
    pub(super) below: Markup,
}

impl Pages {
    pub(in crate::http) fn new(content_host: ContentHost) -> Self {
        Self {
            content_host,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Waits for a turn to render a page.
    ///
    /// # Errors
    /// `RateLimited` when too many pages are being rendered.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Error> {
        match timeout(PATIENCE, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Error::RateLimited("pages being rendered")),
        }
    }

    /// The page of a link to one artifact.
    ///
    /// # Errors
    /// `RateLimited` when too many pages are being rendered; what reading content answers.
    pub(in crate::http) async fn of_link(
        &self,
        link: &Link,
        download: Download,
    ) -> Result<Response, Error> {
        let _turn = self.turn().await?;
        self.of_file(link, download, Around::default()).await
    }

    /// The page of a file, by a caller that has its turn.
    ///
    /// # Errors
    /// What reading content answers.
    pub(super) async fn of_file(
        &self,
        link: &Link,
        download: Download,
        around: Around,
    ) -> Result<Response, Error> {
        let artifact = download.artifact().clone();
        // Each reading of a link with a limit counts, so that a page would use one up.
        let preview = match link.max_downloads {
            Some(_) => Preview::Withheld,
            None => previewed(download).await?,
        };
        let source = format!("{}?{}", self.content_host.address(&link.id), around.query);
        let (save, raw) = (format!("{source}download"), format!("{source}raw"));
        let name = words::name(artifact.filename.rsplit('/').next().unwrap_or_default());
        let body = html! {
            a class="skip" href="#preview" { "Skip to the preview" }
            (around.above)
            header {
                h1 { bdi { (name) } }
                @if artifact.filename.contains('/') {
                    p class="path" { bdi { (words::name(&artifact.filename)) } }
                }
                @if !artifact.title.is_empty() {
                    p class="title" { bdi { (words::name(&artifact.title)) } }
                }
                p class="actions" {
                    a class="button" href=(save) { "Download" }
                    " "
                    a href=(raw) { "Open the file alone" }
                }
                (facts(&artifact, link))
            }
            main id="preview" tabindex="-1" {
                (preview.show(&name, &raw))
            }
            (around.below)
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
            (words::end_of(link))
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
