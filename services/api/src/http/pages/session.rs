//! The pages of a link to a session or a folder in it: a folder's files, and each file with its versions.

use axum::{http::StatusCode, response::Response};
use cairn_store::{Artifact, Download, Entry, Error, Kind, Link, PageSize, SharedSession, Stage};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    layout::{Sources, page},
    link::{Around, Pages},
    words::{self, fact},
};

/// The most files and folders of a page.
const MOST_ENTRIES: i32 = 200;
/// The most versions that the page of a file lists.
const MOST_VERSIONS: i32 = 20;

/// A page of a link to a session.
pub(in crate::http) struct SharedPage<'a> {
    pub(in crate::http) link: &'a Link,
    pub(in crate::http) session: &'a SharedSession,
    /// Where the list goes on; empty: at its beginning.
    pub(in crate::http) cursor: &'a str,
}

impl Pages {
    /// The page of a folder, by its path from the link's own.
    ///
    /// # Errors
    /// `RateLimited` when too many pages are being rendered; what `SharedSession::files` answers.
    pub(in crate::http) async fn of_folder(
        &self,
        shared: SharedPage<'_>,
        folder: &str,
    ) -> Result<Response, Error> {
        let _turn = self.turn().await?;
        let SharedPage {
            link,
            session,
            cursor,
        } = shared;
        let heading = session.heading().await?;
        let found = session.files(folder, false, sized(MOST_ENTRIES)?, cursor);
        let found = found.await?;
        let folder = folder.trim_end_matches('/');
        let title = title(session, folder, &heading.display_name);
        let archive = match folder {
            "" => "download".to_owned(),
            folder => format!("folder={}&download", encoded(folder)),
        };
        let archive = format!("{}?{archive}", self.content_host.address(&link.id));
        let own = session.shared().folder();
        let body = html! {
            a class="skip" href="#files" { "Skip to the files" }
            @if !folder.is_empty() { (trail(session, folder, &heading.display_name)) }
            header {
                h1 { bdi { (title) } }
                p class="actions" {
                    a class="button" href=(archive) { "Download all as ZIP" }
                }
                dl class="facts" {
                    (fact("Run", &html! { bdi { (words::name(session.shared().session_id())) } }))
                    @if !own.is_empty() {
                        (fact("Folder of the run", &html! { bdi { (words::name(own)) } }))
                    }
                    (fact("State", &html! {
                        @if heading.is_sealed { "sealed: nothing is added any more" } @else { "open: it may grow" }
                    }))
                    (words::end_of(link))
                }
            }
            main id="files" tabindex="-1" {
                @if found.items.is_empty() {
                    p class="none" { "There are no files here." }
                } @else {
                    ul class="files" {
                        @for entry in &found.items { (row(entry, own)) }
                    }
                }
                @if let Some(next) = &found.next {
                    p class="actions" {
                        a href=(format!("?folder={}&cursor={next}", encoded(folder))) { "More files" }
                    }
                }
            }
        };
        let sources = Sources {
            content: self.content_host.origin(),
            ..Sources::default()
        };
        Ok(page(StatusCode::OK, &title, &sources, &body))
    }

    /// The page of a file of the session.
    ///
    /// # Errors
    /// `RateLimited` when too many pages are being rendered; what reading content answers.
    pub(in crate::http) async fn of_shared_file(
        &self,
        shared: SharedPage<'_>,
        download: Download,
    ) -> Result<Response, Error> {
        let _turn = self.turn().await?;
        let SharedPage {
            link,
            session,
            cursor,
        } = shared;
        let heading = session.heading().await?;
        let artifact = download.artifact();
        let versions = session.versions(artifact, sized(MOST_VERSIONS)?, cursor);
        let versions = versions.await?;
        let own = session.shared().folder();
        let path = artifact.filename.strip_prefix(own);
        let folder = path.and_then(|path| path.rsplit_once('/'));
        let folder = folder.map_or("", |(folder, _)| folder);
        let around = Around {
            query: format!("artifact={}&", artifact.id),
            above: html! {
                (trail(session, folder, &heading.display_name))
            },
            below: older(artifact, &versions.items, versions.next.as_deref()),
        };
        self.of_file(link, download, around).await
    }
}

fn sized(most: i32) -> Result<PageSize, Error> {
    PageSize::new(most).map_err(|rule| Error::invalid("limit", rule))
}

/// The name of a folder, or of the session.
fn title(session: &SharedSession, folder: &str, display_name: &str) -> String {
    let path = format!("{}{folder}", session.shared().folder());
    let last = path.trim_end_matches('/').rsplit('/').next();
    match last.filter(|name| !name.is_empty()) {
        Some(last) => words::name(last),
        None => words::name(called(session, display_name)),
    }
}

fn called<'a>(session: &'a SharedSession, display_name: &'a str) -> &'a str {
    match display_name {
        "" => session.shared().session_id(),
        name => name,
    }
}

/// The way from the link's own folder to this one.
fn trail(session: &SharedSession, folder: &str, display_name: &str) -> Markup {
    let ends = folder.match_indices('/').map(|(at, _)| at);
    let ends = ends.chain((!folder.is_empty()).then_some(folder.len()));
    html! {
        nav class="trail" aria-label="Folders" {
            a href="?" { bdi { (title(session, "", display_name)) } }
            @for end in ends {
                " / "
                a href=(format!("?folder={}", encoded(&folder[..end]))) {
                    bdi { (words::name(folder[..end].rsplit('/').next().unwrap_or_default())) }
                }
            }
        }
    }
}

/// A folder or a file of the list.
fn row(entry: &Entry, own: &str) -> Markup {
    match entry {
        Entry::Folder(folder) => {
            let path = folder.strip_prefix(own).unwrap_or(folder);
            let path = path.trim_end_matches('/');
            let name = path.rsplit('/').next().unwrap_or_default();
            html! {
                li {
                    a href=(format!("?folder={}", encoded(path))) { bdi { (words::name(name)) } "/" }
                    span class="faint" { "folder" }
                }
            }
        }
        Entry::Artifact(artifact) => {
            let name = artifact.filename.rsplit('/').next().unwrap_or_default();
            html! {
                li {
                    a href=(format!("?artifact={}", artifact.id)) { bdi { (words::name(name)) } }
                    (said_of(artifact, true))
                }
            }
        }
    }
}

/// What a line says of a file beside its name, and whether that is its version.
fn said_of(artifact: &Artifact, with_version: bool) -> Markup {
    let version = format!("{}", artifact.version);
    html! {
        span class="faint" {
            (words::size(artifact.size_bytes))
            @if with_version { " · version " (version) }
            @if artifact.kind != Kind::Other { " · " (artifact.kind.as_str()) }
            @if artifact.stage != Stage::default() { " · " (artifact.stage.as_str()) }
            @if !artifact.agent_id.is_empty() { " · by " bdi { (words::name(&artifact.agent_id)) } }
            " · " (words::moment(artifact.created_at))
        }
    }
}

/// The versions of a file, if it has others.
fn older(shown: &Artifact, versions: &[Artifact], next: Option<&str>) -> Markup {
    let is_alone = next.is_none() && versions.iter().all(|version| version.id == shown.id);
    html! {
        @if !is_alone {
            section class="versions" {
                h2 { "Versions" }
                ul class="files" {
                    @for version in versions {
                        @let number = format!("Version {}", version.version);
                        li {
                            @if version.id == shown.id {
                                strong aria-current="page" { (number) ", shown above" }
                            } @else {
                                a href=(format!("?artifact={}", version.id)) { (number) }
                            }
                            (said_of(version, false))
                        }
                    }
                }
                @if let Some(next) = next {
                    p class="actions" {
                        a href=(format!("?artifact={}&cursor={next}", shown.id)) { "Older versions" }
                    }
                }
            }
        }
    }
}

/// A folder's path as a value in an address.
fn encoded(path: &str) -> String {
    utf8_percent_encode(path, NON_ALPHANUMERIC).to_string()
}
