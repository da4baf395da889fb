//! Reads some lines of a text.

use crate::{
    model::{
        artifact::Artifact,
        error::{Error, Result},
        page::Listing,
        reads::{
            budget::{Cursor, ReadBudget, ReadStop},
            lines::{LineReader, LinesWanted, next_of},
            text_line::TextLine,
        },
        reference::ArtifactRef,
        tenant::Caller,
    },
    store::Store,
};

/// The bytes behind the last line of an answer that are still read, if the text ends within them: then its number of lines is
/// known.
const COUNT_ON: u64 = 1 << 20;

/// Some lines of a text.
#[derive(Debug, Clone)]
pub struct ReadLines {
    /// The artifact.
    pub artifact: Artifact,
    /// The lines, in order.
    pub lines: Vec<TextLine>,
    /// Why there are no more.
    pub stop: ReadStop,
    /// The number of the first line that follows; `None` if none does.
    pub next_line: Option<u64>,
    /// What leads on to that line without counting; `None` if none follows.
    pub next: Option<String>,
    /// How many lines the text has, if that is known.
    pub total_lines: Option<u64>,
    /// The bytes of content that were looked through.
    pub scanned_bytes: u64,
    /// The name of the encoding.
    pub encoding: &'static str,
}

impl Store {
    /// Reads lines of a visible artifact, from the first wanted one or from a token of an earlier answer.
    ///
    /// # Errors
    /// `Invalid` for what is not text, and for a token of another artifact; as `get_artifact`; `DataCorrupted`.
    #[tracing::instrument(skip_all)]
    pub async fn read_lines(
        &self,
        caller: &Caller,
        wanted: &ArtifactRef,
        lines: LinesWanted,
        budget: &ReadBudget,
        token: &str,
    ) -> Result<ReadLines> {
        let download = self.open_for(caller, wanted, "ReadLines").await?;
        let artifact = download.artifact().clone();
        let (listing, from) = self.cursor_of(caller, "lines", &artifact, token).await?;
        let mut text = self.text_of(download).await?;
        // A token may lead to a place before the first wanted line, if the budget ended there; what is known may be nearer.
        let known = text.index.before(lines.first);
        let (first, from) = match from {
            Some(from) if from.place.offset >= known.offset => {
                (from.place.line.max(lines.first), from)
            }
            _ => (lines.first, Cursor::at(known)),
        };
        let lines = LinesWanted { first, ..lines };
        let reader = LineReader::new(text.encoding, lines, budget.bytes_out);
        let scanned = self.scan(&mut text, from, budget, COUNT_ON, reader).await?;
        let (mut reader, scanned) = scanned;
        reader.give_up();
        let stop = reader.stopped.map_or(scanned.stop, |(stop, _)| stop);
        let next = next_of(stop, reader.stopped, scanned.read_to);
        Ok(ReadLines {
            artifact,
            lines: reader.lines,
            stop,
            next_line: next.map(|next| next.place.line),
            next: next.map(|next| listing.token(next)),
            total_lines: scanned.total,
            scanned_bytes: scanned.bytes,
            encoding: text.encoding.name(),
        })
    }

    /// What signs the tokens of a read of an artifact, and where one leads.
    ///
    /// # Errors
    /// `Invalid` for a token of another artifact or of another kind; `Unavailable`.
    pub(super) async fn cursor_of(
        &self,
        caller: &Caller,
        read: &str,
        artifact: &Artifact,
        token: &str,
    ) -> Result<(Listing, Option<Cursor>)> {
        let of = (read, caller.tenant.id, artifact.id.as_str());
        let listing = self.listing(&of).await?;
        let refuse = |_| {
            let rule = "must be the next_page_token of the same read of the same version";
            Error::invalid("page_token", rule)
        };
        let from = match listing.position(token) {
            Err(e @ Error::Invalid(_)) => return Err(refuse(e)),
            from => from?,
        };
        Ok((listing, from))
    }
}
