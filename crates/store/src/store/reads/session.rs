//! Finds lines that match a pattern in the files of a session.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    meta::list as rows,
    model::{
        artifact::Artifact,
        error::{Error, Result},
        list::{ArtifactList, Entry, RawFilter, RawOrder},
        page::{NamePosition, PageSize},
        reads::{
            budget::{Cursor, ReadBudget, ReadStop},
            encoding::HEAD,
            grep::{GrepLine, GrepWanted, RawGrep},
            text_line::{LONGEST_SHOWN, OVERHEAD},
        },
        reference::ArtifactRef,
        tenant::Caller,
        validate::Violations,
    },
    store::{Store, reads::grep::compiled},
};

/// The most files that one call searches.
const MOST_FILES: usize = 1_000;
/// The files that are listed at once.
const PAGE: i32 = 100;
/// What a file costs of the budget beside its name and its lines.
const FILE_OVERHEAD: usize = 64;

/// What was found in the files of a session.
#[derive(Debug, Clone)]
pub struct SessionFound {
    /// The files with matches, by their names.
    pub files: Vec<FileFound>,
    /// How many lines matched.
    pub matches: u64,
    /// How many files were searched, also in part.
    pub files_searched: u64,
    /// How many files were left out, because they are not text.
    pub files_skipped: u64,
    /// Why it ended.
    pub stop: ReadStop,
    /// What leads on; `None` if every file was searched.
    pub next: Option<String>,
    /// The bytes of content that were looked through.
    pub scanned_bytes: u64,
}

/// What was found in one file.
#[derive(Debug, Clone)]
pub struct FileFound {
    /// The file's latest version.
    pub artifact: Artifact,
    /// The lines, in order.
    pub lines: Vec<GrepLine>,
    /// How many lines matched.
    pub matches: u64,
}

/// Where a search of files goes on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Position {
    /// Behind this file.
    after: Option<NamePosition>,
    /// In the file after that, if it still is this artifact.
    within: Option<(String, Cursor)>,
}

/// What a call may still cost.
struct Left {
    room: usize,
    scan: u64,
    deadline: Instant,
    matches: Option<u64>,
    files: usize,
}

impl Left {
    fn stop(&self) -> Option<ReadStop> {
        if self.matches == Some(0) {
            Some(ReadStop::Count)
        } else if self.scan == 0 {
            Some(ReadStop::BytesScanned)
        } else if Instant::now() >= self.deadline {
            Some(ReadStop::Time)
        } else if self.files == 0 {
            Some(ReadStop::Files)
        } else {
            None
        }
    }

    /// Whether a further file has room, with a match of any length.
    fn has_room_for(&self, filename: &str) -> bool {
        let line = match self.matches {
            Some(_) => LONGEST_SHOWN + OVERHEAD,
            None => 0,
        };
        self.room >= filename.len() + FILE_OVERHEAD + line
    }
}

impl Store {
    /// Searches the latest versions of the files that a filter admits, in the order of their names.
    ///
    /// # Errors
    /// `Invalid` for a filter without a session, a pattern that cannot be used, and a token of another request;
    /// `FilterTooCostly`, `DataCorrupted`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn grep_session(
        &self,
        caller: &Caller,
        filter: RawFilter,
        grep: RawGrep,
        budget: &ReadBudget,
        token: &str,
    ) -> Result<SessionFound> {
        let mut faults = Violations::new();
        if filter.session_id.is_empty() {
            faults.add("session_id", "is required");
        }
        let order = RawOrder {
            order_by: "filename",
            latest_only: true,
            delimiter: "",
        };
        let list = ArtifactList::new(filter, order, &mut faults);
        let list = faults.finish(list)?;
        let wanted = compiled(grep).await?;
        let listing = self.listing(&("grep", caller.tenant.id, &list)).await?;
        let mut position: Position = listing.position(token)?.unwrap_or_default();
        let list = list.within(caller.grant.narrowing());
        let mut left = Left {
            room: budget.bytes_out,
            scan: budget.bytes_scanned,
            deadline: Instant::now() + budget.time,
            matches: wanted.max_count,
            files: MOST_FILES,
        };
        let mut found = SessionFound {
            files: Vec::new(),
            matches: 0,
            files_searched: 0,
            files_skipped: 0,
            stop: ReadStop::End,
            next: None,
            scanned_bytes: 0,
        };
        let size = PageSize::new(PAGE).map_err(|rule| Error::invalid("page_size", rule))?;
        'pages: loop {
            let client = self.meta.client().await?;
            let after = position.after.clone();
            let page =
                Box::pin(rows::by_name(&client, caller.tenant.id, &list, after, size)).await?;
            drop(client);
            let is_last = page.len() <= usize::try_from(PAGE).unwrap_or_default();
            for (entry, at) in page {
                if let Some(stop) = left.stop() {
                    found.stop = stop;
                    break 'pages;
                }
                let within = position.within.take();
                if let Some(Entry::Artifact(artifact)) = entry {
                    if !found.files.is_empty() && !left.has_room_for(&artifact.filename) {
                        found.stop = ReadStop::BytesOut;
                        position.within = within;
                        break 'pages;
                    }
                    let from = match within {
                        Some((id, cursor)) if id == artifact.id.as_str() => cursor,
                        _ => Cursor::START,
                    };
                    let id = artifact.id.to_string();
                    let went_on =
                        self.grep_file(caller, *artifact, from, &wanted, &mut left, &mut found);
                    if let Some((stop, cursor)) = went_on.await? {
                        found.stop = stop;
                        position.within = Some((id, cursor));
                        break 'pages;
                    }
                }
                position.after = Some(at);
            }
            if is_last {
                return Ok(found);
            }
        }
        found.next = Some(listing.token(position));
        Ok(found)
    }

    /// Searches one file; returns why it was left before its end, and where.
    async fn grep_file(
        &self,
        caller: &Caller,
        artifact: Artifact,
        from: Cursor,
        wanted: &GrepWanted,
        left: &mut Left,
        found: &mut SessionFound,
    ) -> Result<Option<(ReadStop, Cursor)>> {
        left.files -= 1;
        let reference = ArtifactRef::Id(artifact.id.clone());
        let download = match self.open_for(caller, &reference, "GrepSession").await {
            // It ended since it was listed.
            Err(
                Error::ArtifactNotFound(_)
                | Error::ArtifactExpired { .. }
                | Error::ArtifactDeleted { .. },
            ) => return Ok(None),
            download => download?,
        };
        let head = artifact.size_bytes.min(HEAD as u64);
        left.scan = left.scan.saturating_sub(head);
        let Some(mut text) = self.try_text_of(download).await? else {
            found.scanned_bytes += head;
            found.files_skipped += 1;
            return Ok(None);
        };
        let overhead = artifact.filename.len() + FILE_OVERHEAD;
        let budget = ReadBudget {
            bytes_out: left.room.saturating_sub(overhead),
            bytes_scanned: left.scan.max(1),
            time: left.deadline.saturating_duration_since(Instant::now()),
        };
        let wanted = GrepWanted {
            max_count: left.matches,
            ..wanted.clone()
        };
        let part = self.grep_from(&mut text, from, wanted, &budget).await?;
        found.files_searched += 1;
        found.scanned_bytes += head + part.scanned_bytes;
        found.matches += part.matches;
        left.scan = left.scan.saturating_sub(part.scanned_bytes);
        left.matches = left.matches.map(|left| left.saturating_sub(part.matches));
        if part.matches > 0 {
            left.room = part.room;
            found.files.push(FileFound {
                artifact,
                lines: part.lines,
                matches: part.matches,
            });
        }
        Ok(part.next.map(|next| (part.stop, next)))
    }
}
