//! Changes a text: where, and to what.

use memchr::memmem::Finder;

use super::{
    block::{Block, Look},
    encoding::TextEncoding,
};
use crate::model::validate::Violations;

/// The longest text of a change, in bytes.
const LONGEST: usize = 64 << 10;
/// The most places of one change.
const MOST_PLACES: usize = 10_000;

/// A change of a text.
#[derive(Debug, Clone, serde::Serialize)]
pub enum Change {
    /// A text becomes another.
    Replace {
        /// The text, which is not empty.
        old: String,
        /// What it becomes.
        new: String,
        /// Wherever it is; otherwise it must be there once.
        everywhere: bool,
    },
    /// Whole lines become others.
    Lines {
        /// The number of the first, from 1.
        first: u64,
        /// The number of the last; one less than the first to insert before that.
        last: u64,
        /// What they become.
        text: String,
    },
}

impl Change {
    /// A text that becomes another.
    pub fn replace(old: String, new: String, everywhere: bool, faults: &mut Violations) -> Self {
        if old.is_empty() {
            faults.add("replace.old_text", "is required");
        }
        if old == new && !old.is_empty() {
            faults.add("replace.new_text", "must differ from old_text");
        }
        for (field, text) in [("replace.old_text", &old), ("replace.new_text", &new)] {
            check_length(field, text, faults);
        }
        Self::Replace {
            old,
            new,
            everywhere,
        }
    }

    /// Lines that become others.
    pub fn lines(first: i64, last: i64, text: String, faults: &mut Violations) -> Self {
        if first < 1 {
            faults.add("lines.first_line", "must be 1 or more");
        }
        if last < first.saturating_sub(1) {
            let rule = "must be first_line or more, or one less to insert before first_line";
            faults.add("lines.last_line", rule);
        }
        check_length("lines.text", &text, faults);
        let number = |line: i64| u64::try_from(line).unwrap_or_default();
        Self::Lines {
            first: number(first),
            last: number(last),
            text,
        }
    }
}

fn check_length(field: &str, text: &str, faults: &mut Violations) {
    if text.len() > LONGEST {
        let rule =
            format!("must have at most {LONGEST} bytes: create a version with the whole text");
        faults.add(field, rule);
    }
}

/// Where bytes of a content are replaced, in order: from, and up to.
pub(crate) type Places = Vec<(u64, u64)>;

/// Finds a text in pieces of a content.
pub(crate) struct Occurrences {
    finder: Finder<'static>,
    /// The end of the last piece, in which an occurrence may begin.
    held: Vec<u8>,
    /// Where it begins.
    offset: u64,
    pub(crate) places: Places,
    /// There are more than one change may have.
    pub(crate) too_many: bool,
}

impl Occurrences {
    pub(crate) fn of(text: &[u8]) -> Self {
        Self {
            finder: Finder::new(text).into_owned(),
            held: Vec::new(),
            offset: 0,
            places: Vec::new(),
            too_many: false,
        }
    }

    /// Takes the next piece.
    pub(crate) fn feed(&mut self, piece: &[u8]) {
        self.held.extend_from_slice(piece);
        let length = self.finder.needle().len();
        let mut behind = 0;
        for at in self.finder.find_iter(&self.held) {
            if self.places.len() == MOST_PLACES {
                self.too_many = true;
                break;
            }
            let start = self.offset + at as u64;
            self.places.push((start, start + length as u64));
            behind = at + length;
        }
        let kept = self.held.len().saturating_sub(length - 1).max(behind);
        self.held.drain(..kept);
        self.offset += kept as u64;
    }
}

/// Finds where some lines begin and end.
pub(crate) struct LineBounds {
    encoding: TextEncoding,
    first: u64,
    last: u64,
    pub(crate) start: Option<u64>,
    pub(crate) end: Option<u64>,
    /// The lines so far.
    pub(crate) lines: u64,
    /// Whether the last byte so far ends a line.
    pub(crate) is_ended: bool,
}

impl LineBounds {
    pub(crate) fn new(encoding: TextEncoding, first: u64, last: u64) -> Self {
        Self {
            encoding,
            first,
            last,
            start: None,
            end: None,
            lines: 0,
            is_ended: true,
        }
    }

    /// One line, or a part of it, which begins at an offset.
    fn line(&mut self, number: u64, offset: u64, end: u64, begins: bool, ends: bool) {
        if number == self.first && begins {
            self.start = Some(offset);
            if self.last < self.first {
                self.end = Some(offset);
            }
        }
        if number == self.last && ends && self.last >= self.first {
            self.end = Some(end);
        }
        self.lines = number;
    }
}

impl Look for LineBounds {
    fn look(&mut self, block: Block<'_>) {
        if self.is_done() {
            return;
        }
        if !(block.begins && block.ends) {
            let end = block.offset + block.bytes.len() as u64;
            self.line(block.line, block.offset, end, block.begins, block.ends);
            self.is_ended =
                self.encoding.last_end(block.bytes, block.offset) == Some(block.bytes.len());
            return;
        }
        let (mut rest, mut number, mut offset) = (block.bytes, block.line, block.offset);
        while !rest.is_empty() && !self.is_done() {
            let length = self.encoding.first_end(rest, offset);
            self.is_ended = length.is_some();
            let length = length.unwrap_or(rest.len());
            let end = offset + length as u64;
            self.line(number, offset, end, true, true);
            rest = &rest[length..];
            number += 1;
            offset = end;
        }
    }

    fn is_done(&self) -> bool {
        self.end.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reads::{budget::Cursor, splitter::Splitter};

    #[test]
    fn a_text_is_found_across_pieces_and_without_overlaps() {
        let text = b"aaXaaaaXa";
        for size in 1..=text.len() {
            let mut found = Occurrences::of(b"aa");
            text.chunks(size).for_each(|piece| found.feed(piece));
            assert_eq!(found.places, [(0, 2), (3, 5), (5, 7)], "{size}");
        }
    }

    #[test]
    fn more_places_than_one_change_may_have_are_noticed() {
        let mut found = Occurrences::of(b"x");
        found.feed(&[b'x'; MOST_PLACES + 1]);
        assert!(found.too_many);
        assert_eq!(found.places.len(), MOST_PLACES);
    }

    fn bounds(text: &[u8], first: u64, last: u64) -> (Option<u64>, Option<u64>, u64, bool) {
        let mut bounds = LineBounds::new(TextEncoding::Utf8, first, last);
        let mut splitter = Splitter::new(TextEncoding::Utf8, Cursor::START);
        text.chunks(3)
            .for_each(|piece| splitter.feed(piece, &mut bounds));
        splitter.finish(&mut bounds);
        (bounds.start, bounds.end, bounds.lines, bounds.is_ended)
    }

    #[test]
    fn lines_have_a_first_byte_and_one_behind_them() {
        let text = b"one\ntwo\nthree";
        assert_eq!(bounds(text, 2, 2), (Some(4), Some(8), 2, true));
        assert_eq!(bounds(text, 2, 3), (Some(4), Some(13), 3, false));
        assert_eq!(bounds(text, 2, 1), (Some(4), Some(4), 2, true));
        assert_eq!(bounds(text, 4, 4), (None, None, 3, false));
        assert_eq!(bounds(text, 2, 9), (Some(4), None, 3, false));
        assert_eq!(bounds(b"", 1, 0), (None, None, 0, true));
    }
}
