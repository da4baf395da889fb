//! Divides a text into lines, piece by piece.

use super::{
    block::{Block, Look},
    budget::{Cursor, Place},
    encoding::TextEncoding,
};

/// The longest line that is held whole, in bytes. A longer one is looked at in parts.
pub(crate) const LONGEST_WHOLE: usize = 64 << 10;

/// Divides pieces of a text into blocks; holds one piece and one line.
pub(crate) struct Splitter {
    encoding: TextEncoding,
    /// What was received of lines that have not ended.
    held: Vec<u8>,
    /// Where `held` begins.
    place: Place,
    /// Whether `held` is a later part of a long line.
    within: bool,
}

impl Splitter {
    /// For a text that is read from here on.
    pub(crate) fn new(encoding: TextEncoding, from: Cursor) -> Self {
        Self {
            encoding,
            held: Vec::new(),
            place: from.place,
            within: from.within,
        }
    }

    /// The first byte that was not looked at.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor {
            place: self.place,
            within: self.within,
            is_answered: false,
        }
    }

    /// Takes the next piece.
    pub(crate) fn feed(&mut self, piece: &[u8], look: &mut impl Look) {
        self.held.extend_from_slice(piece);
        if self.within
            && let Some(end) = self.encoding.first_end(&self.held, self.place.offset)
        {
            self.pass(end, true, 1, look);
        }
        if !self.within
            && let Some(end) = self.encoding.last_end(&self.held, self.place.offset)
        {
            let bytes = &self.held[..end];
            let lines = self.encoding.count_ends(bytes, self.place.offset);
            self.pass(end, true, lines, look);
        }
        if self.held.len() > LONGEST_WHOLE {
            let whole = self.encoding.whole(self.held.len(), self.place.offset);
            self.pass(whole, false, 0, look);
        }
    }

    /// Passes the last line, if it has no end. Then the cursor is behind the text: its line is one more than there are.
    pub(crate) fn finish(&mut self, look: &mut impl Look) {
        if !self.held.is_empty() || self.within {
            self.pass(self.held.len(), true, 1, look);
        }
    }

    fn pass(&mut self, length: usize, ends: bool, lines: u64, look: &mut impl Look) {
        look.look(Block {
            bytes: &self.held[..length],
            line: self.place.line,
            offset: self.place.offset,
            begins: !self.within,
            ends,
        });
        self.within = !ends;
        self.held.drain(..length);
        self.place.line += lines;
        self.place.offset += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<(String, u64, u64, bool, bool)>);

    impl Look for Seen {
        fn look(&mut self, block: Block<'_>) {
            let text = String::from_utf8_lossy(block.bytes).into_owned();
            let seen = (text, block.line, block.offset, block.begins, block.ends);
            self.0.push(seen);
        }

        fn is_done(&self) -> bool {
            false
        }
    }

    #[test]
    fn lines_are_the_same_in_pieces_of_any_size() {
        let text = b"a\n\nbb\nlast";
        for size in 1..=text.len() {
            let mut seen = Seen::default();
            let mut splitter = Splitter::new(TextEncoding::Utf8, Cursor::START);
            for piece in text.chunks(size) {
                splitter.feed(piece, &mut seen);
            }
            splitter.finish(&mut seen);
            let joined: String = seen.0.iter().map(|(text, ..)| text.as_str()).collect();
            assert_eq!(joined.as_bytes(), text);
            for (text, line, offset, begins, ends) in &seen.0 {
                assert!(begins & ends);
                let before = &joined[..usize::try_from(*offset).unwrap()];
                assert_eq!(*line, 1 + before.matches('\n').count() as u64, "{text}");
            }
            let end = Cursor::at(Place {
                line: 5,
                offset: 10,
            });
            assert_eq!(splitter.cursor(), end);
        }
    }

    #[test]
    fn a_long_line_is_passed_in_parts() {
        let mut seen = Seen::default();
        let mut splitter = Splitter::new(TextEncoding::Utf8, Cursor::START);
        splitter.feed(b"short\n", &mut seen);
        for _ in 0..3 {
            splitter.feed(&vec![b'x'; LONGEST_WHOLE + 1], &mut seen);
            assert!(splitter.cursor().within);
        }
        splitter.feed(b"end\nnext\n", &mut seen);
        let parts: Vec<_> = seen
            .0
            .iter()
            .map(|(_, line, _, b, e)| (*line, *b, *e))
            .collect();
        let expected = [
            (1, true, true),
            (2, true, false),
            (2, false, false),
            (2, false, false),
            (2, false, true),
            (3, true, true),
        ];
        assert_eq!(parts, expected);
        assert!(splitter.held.capacity() < 4 * LONGEST_WHOLE);
    }
}
