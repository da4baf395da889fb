//! Finds lines of a text that match a pattern.

use std::time::Instant;

use crate::{
    model::{
        artifact::Artifact,
        error::Result,
        reads::{
            budget::{Cursor, ReadBudget, ReadStop},
            grep::{Grep, GrepLine, GrepWanted, RawGrep},
            lines::next_of,
        },
        reference::ArtifactRef,
        tenant::Caller,
        validate::Violations,
    },
    store::{
        Store,
        reads::{off_thread::off_thread, scan::Text},
    },
};

/// What was found in a text.
#[derive(Debug, Clone)]
pub struct GrepFound {
    /// The artifact.
    pub artifact: Artifact,
    /// The lines, in order.
    pub lines: Vec<GrepLine>,
    /// How many lines matched, of those that were looked through.
    pub matches: u64,
    /// Why it ended.
    pub stop: ReadStop,
    /// What leads on; `None` if everything was looked through.
    pub next: Option<String>,
    /// The bytes of content that were looked through.
    pub scanned_bytes: u64,
}

/// What was found in a part of a text.
pub(super) struct Part {
    pub(super) lines: Vec<GrepLine>,
    pub(super) matches: u64,
    pub(super) stop: ReadStop,
    /// Where it goes on; `None` at the end.
    pub(super) next: Option<Cursor>,
    pub(super) scanned_bytes: u64,
    /// The bytes of the answer that are left.
    pub(super) room: usize,
}

impl Store {
    /// Finds lines of a visible artifact, from its start or from a token of an earlier answer to the same request.
    ///
    /// # Errors
    /// `Invalid` for what is not text, for a pattern that cannot be used, and for a token of another artifact; as
    /// `get_artifact`; `DataCorrupted`.
    #[tracing::instrument(skip_all)]
    pub async fn grep_artifact(
        &self,
        caller: &Caller,
        wanted: &ArtifactRef,
        grep: RawGrep,
        budget: &ReadBudget,
        token: &str,
    ) -> Result<GrepFound> {
        let grep = compiled(grep).await?;
        let download = self.open_for(caller, wanted, "GrepArtifact").await?;
        let artifact = download.artifact().clone();
        let (listing, from) = self.cursor_of(caller, "grep", &artifact, token).await?;
        let mut text = self.text_of(download).await?;
        let from = from.unwrap_or(Cursor::START);
        let part = self.grep_from(&mut text, from, grep, budget).await?;
        Ok(GrepFound {
            artifact,
            lines: part.lines,
            matches: part.matches,
            stop: part.stop,
            next: part.next.map(|next| listing.token(next)),
            scanned_bytes: part.scanned_bytes,
        })
    }

    /// Finds lines of a text from a place on.
    ///
    /// # Errors
    /// `DataCorrupted`, `Unavailable`.
    pub(super) async fn grep_from(
        &self,
        text: &mut Text,
        from: Cursor,
        wanted: GrepWanted,
        budget: &ReadBudget,
    ) -> Result<Part> {
        let deadline = Instant::now() + budget.time;
        let grep = Grep::new(wanted, text.encoding, budget.bytes_out, deadline, from);
        let (mut grep, scanned) = self.scan(text, from, budget, 0, grep).await?;
        let is_answered = grep.give_up();
        let stop = grep.stopped.map_or(scanned.stop, |(stop, _)| stop);
        let read_to = Cursor {
            is_answered,
            ..scanned.read_to
        };
        Ok(Part {
            next: next_of(stop, grep.stopped, read_to),
            room: grep.room(),
            matches: grep.matches,
            lines: grep.lines,
            stop,
            scanned_bytes: scanned.bytes,
        })
    }
}

/// Compiles a pattern, which takes time.
///
/// # Errors
/// `Invalid`.
pub(super) async fn compiled(raw: RawGrep) -> Result<GrepWanted> {
    off_thread(move || {
        let mut faults = Violations::new();
        let wanted = GrepWanted::new(raw, &mut faults);
        faults.finish(wanted)
    })
    .await?
}
