//! Serves links to sessions and to folders in them: a page with the files for people, a list of them for programs, one of
//! the files, or all of them as a ZIP archive.

use axum::{
    Json,
    body::Body,
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use cairn_proto::json::Page;
use cairn_store::{
    ArchiveContent, Artifact, Entry, Error, FollowedLink, LinkId, PageSize, SharedSession,
};
use futures_util::stream;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::{
    conditions::Validators,
    delivery::{Links, Refused, count, not_in_range, part_of, send, settled},
    headers::{caching, describe_archive},
    pages::{SharedPage, VARY, Visit},
    ranges::{Wanted, wanted},
};
use crate::error::log;

/// The address of a link to a session, after the "?". Of a parameter that is given twice, the first counts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    /// One artifact; empty: a folder.
    artifact: String,
    /// From the link's own folder on; empty: that itself.
    folder: String,
    /// Of the next page.
    cursor: String,
    /// All files below the folder, in place of its level.
    deep: bool,
}

impl Place {
    fn of(query: &str) -> Self {
        let mut place = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let field = match name {
                "artifact" => &mut place.artifact,
                "folder" => &mut place.folder,
                "cursor" => &mut place.cursor,
                "all" => {
                    place.deep = true;
                    continue;
                }
                _ => continue,
            };
            if field.is_empty() {
                let value = value.replace('+', " ");
                *field = percent_decode_str(&value).decode_utf8_lossy().into_owned();
            }
        }
        place
    }
}

/// `GET /lnk_…` of a link to a session.
pub(super) async fn open(
    links: &Links,
    followed: &FollowedLink,
    session: &SharedSession,
    visit: Visit,
    request: &Parts,
) -> Result<Response, Refused> {
    let place = Place::of(request.uri.query().unwrap_or_default());
    if !place.artifact.is_empty() {
        let opened = session.open(&place.artifact).await;
        let download = opened.map_err(Refused::Noted)?;
        return match visit {
            Visit::Page => {
                let page = SharedPage {
                    link: followed.link(),
                    session,
                    cursor: &place.cursor,
                };
                Ok(links.pages.of_shared_file(page, download).await?)
            }
            Visit::Bytes | Visit::Download => send(links, followed, download, visit, request).await,
        };
    }
    match visit {
        Visit::Page => {
            let page = SharedPage {
                link: followed.link(),
                session,
                cursor: &place.cursor,
            };
            Ok(links.pages.of_folder(page, &place.folder).await?)
        }
        Visit::Bytes => {
            let list = list(session, &place, &links.public_url, &followed.link().id).await?;
            let headers = [
                (header::CACHE_CONTROL, "private, no-store"),
                (header::VARY, VARY),
            ];
            Ok((headers, Json(list)).into_response())
        }
        Visit::Download => {
            let archive = archive(session, &place.folder, request).await?;
            count(followed, &request.method, archive.status()).await?;
            Ok(archive)
        }
    }
}

/// A folder of a session, as programs get it.
#[derive(Serialize)]
struct FileList {
    session_id: String,
    /// Where the link leads in the session; empty: to all of it.
    link_folder: String,
    is_sealed: bool,
    /// As `?folder=` takes them.
    folders: Vec<String>,
    files: Vec<SharedFile>,
    #[serde(flatten)]
    page: Page,
}

/// What everyone who has the link may know of an artifact.
#[derive(Serialize)]
struct SharedFile {
    artifact_id: String,
    filename: String,
    version: i64,
    size_bytes: u64,
    content_type: String,
    content_hash: String,
    kind: &'static str,
    stage: &'static str,
    agent_id: Option<String>,
    created_at: Timestamp,
    /// Where its bytes are.
    url: String,
}

impl SharedFile {
    fn new(artifact: Artifact, public_url: &str, link: &LinkId) -> Self {
        Self {
            url: format!("{public_url}/{link}?artifact={}", artifact.id),
            artifact_id: artifact.id.to_string(),
            filename: artifact.filename,
            version: artifact.version,
            size_bytes: artifact.size_bytes,
            content_type: artifact.content_type,
            content_hash: artifact.content_hash.to_string(),
            kind: artifact.kind.as_str(),
            stage: artifact.stage.as_str(),
            agent_id: Some(artifact.agent_id).filter(|agent| !agent.is_empty()),
            created_at: artifact.created_at,
        }
    }
}

async fn list(
    session: &SharedSession,
    place: &Place,
    public_url: &str,
    link: &LinkId,
) -> Result<FileList, Error> {
    let heading = session.heading().await?;
    let size = PageSize::new(PageSize::MAX).map_err(|rule| Error::invalid("limit", rule))?;
    let found = session.files(&place.folder, place.deep, size, &place.cursor);
    let found = found.await?;
    let own = session.shared().folder();
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for entry in found.items {
        match entry {
            Entry::Folder(folder) => {
                let path = folder.strip_prefix(own).unwrap_or(&folder);
                folders.push(path.to_owned());
            }
            Entry::Artifact(artifact) => files.push(SharedFile::new(*artifact, public_url, link)),
        }
    }
    Ok(FileList {
        session_id: session.shared().session_id().to_owned(),
        link_folder: own.to_owned(),
        is_sealed: heading.is_sealed,
        folders,
        files,
        page: Page::before(found.next.unwrap_or_default()),
    })
}

/// All files of a folder as a ZIP archive. A part of it is sent only to a reader that names the archive it has the rest of:
/// a session grows, and then the archive is another one.
async fn archive(
    session: &SharedSession,
    folder: &str,
    request: &Parts,
) -> Result<Response, Error> {
    let archive = session.archive(folder).await?;
    let (size, validators) = (archive.size(), Validators::of_tag(archive.hash()));
    let mut about = caching(&validators);
    about.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    about.insert(header::VARY, HeaderValue::from_static(VARY));
    if let Some(answer) = settled(&request.headers, &validators) {
        return Ok(answer);
    }
    let wanted = match request.method == Method::GET && validators.are_named(&request.headers) {
        true => wanted(&request.headers, size),
        false => Wanted::Whole,
    };
    let mut headers = describe_archive(&archive_name(session, folder));
    let (status, content) = match wanted {
        Wanted::Nothing => return Ok(not_in_range(size, about)),
        Wanted::Part(range) => {
            let (first, last) = range.into_inner();
            headers.insert(header::CONTENT_RANGE, part_of(first, last, size));
            let content = archive.read(first, Some(last - first + 1));
            (StatusCode::PARTIAL_CONTENT, content)
        }
        Wanted::Whole => (StatusCode::OK, archive.read(0, None)),
    };
    headers.extend(about);
    headers.insert(header::CONTENT_LENGTH, content.remaining().into());
    Ok((status, headers, body(content)).into_response())
}

/// The name under which a browser saves the archive: that of the folder, or of the session.
fn archive_name(session: &SharedSession, folder: &str) -> String {
    let shared = session.shared();
    let path = format!("{}{folder}", shared.folder());
    let last = path.trim_end_matches('/').rsplit('/').next();
    let last = last.filter(|name| !name.is_empty());
    let name = last.unwrap_or(shared.session_id());
    format!("{}.zip", name.replace('/', "_"))
}

/// A body that breaks off when a content does.
fn body(content: ArchiveContent) -> Body {
    let pieces = stream::try_unfold(content, async |mut content: ArchiveContent| {
        let piece = content.next().await.inspect_err(log)?;
        Ok::<_, Error>(piece.map(|piece| (piece, content)))
    });
    Body::from_stream(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_folder_a_file_and_a_page() {
        let of = |artifact: &str, folder: &str, cursor: &str, deep| Place {
            artifact: artifact.to_owned(),
            folder: folder.to_owned(),
            cursor: cursor.to_owned(),
            deep,
        };
        for (query, place) in [
            ("", of("", "", "", false)),
            ("folder=a%2Fb+c%2F&cursor=00", of("", "a/b c/", "00", false)),
            ("artifact=art_x&raw", of("art_x", "", "", false)),
            ("all&folder=a&folder=b", of("", "a", "", true)),
        ] {
            assert_eq!(Place::of(query), place, "{query}");
        }
    }
}
