//! Reads a text block by block, and learns where its lines begin.

use tokio::time::Instant;

use crate::{
    model::{
        error::{Error, Result},
        reads::{
            block::Look,
            budget::{Cursor, Place, ReadBudget, ReadStop},
            encoding::{HEAD, TextEncoding},
            index::LineIndex,
            splitter::Splitter,
        },
    },
    store::{
        Store,
        read::Download,
        reads::{in_time::by, off_thread::off_thread, source::Source},
    },
};

/// The most bytes that are looked through between two looks at the clock. With the longest line that is held whole, it bounds
/// what is searched at once.
const STEP: usize = 64 << 10;

/// A text whose encoding is known.
pub(super) struct Text {
    pub(super) download: Download,
    pub(super) encoding: TextEncoding,
    pub(super) index: LineIndex,
}

/// How a scan ended.
pub(super) struct Scanned {
    /// Why, unless the look had enough.
    pub(super) stop: ReadStop,
    /// The first byte that was not looked at.
    pub(super) read_to: Cursor,
    /// The bytes that were read.
    pub(super) bytes: u64,
    /// The lines of the text, if they are known.
    pub(super) total: Option<u64>,
}

impl Store {
    /// Finds out whether a content is text, and what is known about its lines.
    ///
    /// # Errors
    /// `Invalid` if it is not text; `DataCorrupted`, `Unavailable`.
    pub(super) async fn text_of(&self, download: Download) -> Result<Text> {
        match self.try_text_of(download).await? {
            Some(text) => Ok(text),
            None => Err(Error::invalid(
                "artifact_id",
                "is not text: its first 8 KiB have a NUL; use PreviewArtifact or ReadBytes",
            )),
        }
    }

    /// The same; `None` for what is not text.
    ///
    /// # Errors
    /// `DataCorrupted`, `Unavailable`.
    pub(super) async fn try_text_of(&self, download: Download) -> Result<Option<Text>> {
        let index = match self.line_indexes.get(download.key()) {
            Some(index) => (*index).clone(),
            None => {
                let head = download.clone().look_at(0, HEAD as u64).all();
                let head = by(Instant::now() + ReadBudget::TIME, head).await?;
                let index = LineIndex::new(TextEncoding::of(&head));
                self.line_indexes.put(download.key(), index.clone());
                index
            }
        };
        Ok(index.encoding.map(|encoding| Text {
            download,
            encoding,
            index,
        }))
    }

    /// Looks through a text until the look has enough, the text ends or the budget does. A look that has enough still passes
    /// up to so many bytes, if then the text ends: its number of lines is then known.
    ///
    /// # Errors
    /// `DataCorrupted`, `Unavailable`, `Internal`.
    pub(super) async fn scan<L: Look + Send + 'static>(
        &self,
        text: &mut Text,
        from: Cursor,
        budget: &ReadBudget,
        count_on: u64,
        mut look: L,
    ) -> Result<(L, Scanned)> {
        let mut splitter = Splitter::new(text.encoding, from);
        let mut source = Source::new(text.download.clone(), from.place.offset, budget);
        let deadline = Instant::now() + budget.time;
        let mut noted = begin_of(from);
        let stop = loop {
            if look.is_done() && (text.index.total.is_some() || source.unread() > count_on) {
                break ReadStop::Count;
            }
            let piece = match source.next().await? {
                Ok(piece) => piece,
                Err(stop) => break stop,
            };
            let is_late;
            (splitter, look, is_late) = off_thread(move || {
                for (at, step) in piece.chunks(STEP).enumerate() {
                    if at > 0 && Instant::now() >= deadline {
                        return (splitter, look, true);
                    }
                    splitter.feed(step, &mut look);
                }
                (splitter, look, false)
            })
            .await?;
            note(&mut text.index, &mut noted, splitter.cursor());
            if is_late {
                break ReadStop::Time;
            }
        };
        if stop == ReadStop::End {
            (splitter, look) = off_thread(move || {
                splitter.finish(&mut look);
                (splitter, look)
            })
            .await?;
            let end = splitter.cursor();
            note(&mut text.index, &mut noted, end);
            text.index.note_end(end.place);
        }
        self.line_indexes
            .put(text.download.key(), text.index.clone());
        let scanned = Scanned {
            stop,
            read_to: splitter.cursor(),
            bytes: source.scanned(),
            total: text.index.total,
        };
        Ok((look, scanned))
    }
}

/// A place from which lines can be counted.
fn begin_of(cursor: Cursor) -> Option<Place> {
    (!cursor.within).then_some(cursor.place)
}

/// Notes that a text was read up to the beginning of a line.
fn note(index: &mut LineIndex, noted: &mut Option<Place>, read_to: Cursor) {
    let Some(to) = begin_of(read_to) else {
        return;
    };
    if let Some(from) = *noted {
        index.note(from, to);
    }
    *noted = Some(to);
}
