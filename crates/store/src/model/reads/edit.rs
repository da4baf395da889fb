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
    /// The bytes of a unit of the encoding: an occurrence begins with one, counted from the beginning of the content.
    unit: u64,
    /// The end of the last piece, in which an occurrence may begin.
    held: Vec<u8>,
    /// Where it begins.
    offset: u64,
    pub(crate) places: Places,
    /// There are more than one change may have.
    pub(crate) too_many: bool,
}

impl Occurrences {
    pub(crate) fn of(text: &str, encoding: TextEncoding) -> Self {
        Self {
            finder: Finder::new(&encoding.bytes(text)).into_owned(),
            unit: encoding.unit(),
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
        let (mut from, mut behind) = (0, 0);
        while let Some(at) = self.finder.find(&self.held[from..]) {
            let at = from + at;
            let start = self.offset + at as u64;
            if !start.is_multiple_of(self.unit) {
                from = at + 1;
                continue;
            }
            if self.places.len() == MOST_PLACES {
                self.too_many = true;
                break;
            }
            self.places.push((start, start + length as u64));
            behind = at + length;
            from = behind;
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
    /// The length of the byte order mark, which is no part of the first line.
    mark: u64,
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
            mark: 0,
            start: None,
            end: None,
            lines: 0,
            is_ended: true,
        }
    }

    /// One line, or a part of it, which begins at an offset.
    fn line(&mut self, number: u64, offset: u64, end: u64, begins: bool, ends: bool) {
        if number == self.first && begins {
            let start = offset.max(self.mark);
            self.start = Some(start);
            if self.last < self.first {
                self.end = Some(start);
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
        if block.offset == 0 {
            self.mark = self.encoding.mark(block.bytes) as u64;
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
            let mut found = Occurrences::of("aa", TextEncoding::Utf8);
            text.chunks(size).for_each(|piece| found.feed(piece));
            assert_eq!(found.places, [(0, 2), (3, 5), (5, 7)], "{size}");
        }
    }

    #[test]
    fn more_places_than_one_change_may_have_are_noticed() {
        let mut found = Occurrences::of("x", TextEncoding::Utf8);
        found.feed(&[b'x'; MOST_PLACES + 1]);
        assert!(found.too_many);
        assert_eq!(found.places.len(), MOST_PLACES);
    }

    /// The second byte of one unit and the first of the next are no text.
    #[test]
    fn a_text_of_utf16_is_found_between_its_units() {
        for encoding in [TextEncoding::Utf16Le, TextEncoding::Utf16Be] {
            // With the halves exchanged, these are the bytes of "ab".
            let text = encoding.bytes("\u{feff}\u{6100}\u{6200}\u{6161}\u{61}ab\u{6100}a");
            for size in [1, 3, text.len()] {
                let mut found = Occurrences::of("a", encoding);
                text.chunks(size).for_each(|piece| found.feed(piece));
                assert_eq!(found.places, [(8, 10), (10, 12), (16, 18)], "{encoding:?}");
            }
        }
    }

    fn bounds(text: &[u8], first: u64, last: u64) -> (Option<u64>, Option<u64>, u64, bool) {
        let encoding = TextEncoding::of(text).unwrap();
        let mut bounds = LineBounds::new(encoding, first, last);
        let mut splitter = Splitter::new(encoding, Cursor::START);
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

    #[test]
    fn the_first_line_begins_behind_a_byte_order_mark() {
        for text in [&b"\xff\xfea\0\n\0b\0"[..], b"\xfe\xff\0a\0\n\0b"] {
            assert_eq!(bounds(text, 1, 1), (Some(2), Some(6), 1, true));
            assert_eq!(bounds(text, 1, 0), (Some(2), Some(2), 1, true));
            assert_eq!(bounds(text, 2, 2), (Some(6), Some(8), 2, false));
        }
        assert_eq!(
            bounds(b"\xef\xbb\xbfa\n", 1, 1),
            (Some(3), Some(5), 1, true)
        );
        assert_eq!(bounds(b"\xef\xbb\xbf", 1, 1), (Some(3), Some(3), 1, false));
    }
}
