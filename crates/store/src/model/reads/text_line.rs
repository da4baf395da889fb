//! A line as an answer has it.

use super::encoding::TextEncoding;

/// The most bytes of a line in an answer.
pub(crate) const LONGEST_SHOWN: usize = 2_000;
/// What a line costs of the budget beside its text: its number and the marks around it.
pub(crate) const OVERHEAD: usize = 24;
/// The bytes of a line that are held while the rest of it comes: enough for what an answer shows of it.
pub(crate) const MOST_HELD: usize = held_for(LONGEST_SHOWN);

/// A line of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextLine {
    /// Its number, from 1.
    pub number: u64,
    /// Its text without its end, or the first bytes of it.
    pub text: String,
    /// How many bytes of the line are not in the text.
    pub cut_bytes: u64,
}

impl TextLine {
    /// A line, of which at most so many bytes are shown, from this byte on. `length` is that of the whole line, of which at
    /// least the first `MOST_HELD` bytes are given.
    pub(crate) fn new(
        number: u64,
        line: &[u8],
        length: u64,
        encoding: TextEncoding,
        from: usize,
        most: usize,
    ) -> Self {
        let start = from.min(line.len());
        let start = start + inside(&line[start..], start, encoding);
        // More bytes than these have no room: those behind them need not be decoded.
        let rest = &line[start..line.len().min(start + held_for(most))];
        let (text, used) = encoding.text_within(rest, most);
        Self {
            number,
            text,
            cut_bytes: length.saturating_sub(used as u64),
        }
    }

    /// The same line with at most so many bytes of its text.
    pub(crate) fn cut_to(self, most: usize) -> Self {
        let (bytes, before) = (self.text.as_bytes(), self.cut_bytes);
        let length = bytes.len() as u64;
        let cut = Self::new(self.number, bytes, length, TextEncoding::Utf8, 0, most);
        Self {
            cut_bytes: before + cut.cut_bytes,
            ..cut
        }
    }

    /// What it costs of the budget.
    pub(crate) fn cost(&self) -> usize {
        self.text.len() + OVERHEAD
    }
}

/// How many bytes some text of a line is made of at most: a character of UTF-16 has up to twice the bytes that it has in
/// UTF-8, and behind them a character may be divided.
const fn held_for(most: usize) -> usize {
    2 * most + 8
}

/// How many bytes belong to a character that begins before them. They are those of a line from `start` on.
fn inside(bytes: &[u8], start: usize, encoding: TextEncoding) -> usize {
    match encoding {
        _ if start == 0 => 0,
        TextEncoding::Utf8 => {
            let first = bytes.iter().take(3);
            first.take_while(|byte| *byte & 0xc0 == 0x80).count()
        }
        _ => (start % 2).min(bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        TextEncoding::{self, Utf8},
        TextLine,
    };

    fn shown(line: &str, from: usize, most: usize) -> (String, u64) {
        let bytes = line.as_bytes();
        let line = TextLine::new(1, bytes, bytes.len() as u64, Utf8, from, most);
        (line.text, line.cut_bytes)
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        assert_eq!(shown("abc", 0, 3), ("abc".to_owned(), 0));
        assert_eq!(shown("abcd", 0, 3), ("abc".to_owned(), 1));
        assert_eq!(shown("aéb", 0, 2), ("a".to_owned(), 3));
        assert_eq!(shown("aéb", 2, 9), ("b".to_owned(), 3));
        assert_eq!(shown("𝄞𝄞", 0, 7), ("𝄞".to_owned(), 4));
        assert_eq!(shown("𝄞𝄞", 1, 7), ("𝄞".to_owned(), 4));
        assert_eq!(shown("", 5, 7), (String::new(), 0));
    }

    /// What is shown is bounded as an answer has it, not as the content has it: U+FFFD is longer than what it replaces.
    #[test]
    fn a_line_is_cut_by_the_bytes_of_its_text() {
        let broken = [0xff; 10];
        let line = TextLine::new(1, &broken, 10, Utf8, 0, 7);
        assert_eq!(
            (line.text.as_str(), line.cut_bytes),
            ("\u{fffd}\u{fffd}", 8)
        );
        let wide = TextEncoding::Utf16Le.bytes("€€€a");
        let line = TextLine::new(1, &wide, 8, TextEncoding::Utf16Le, 0, 7);
        assert_eq!((line.text.as_str(), line.cut_bytes), ("€€", 4));
        let marked = TextLine::new(1, b"\xef\xbb\xbfab", 5, Utf8, 0, 2);
        assert_eq!((marked.text.as_str(), marked.cut_bytes), ("ab", 0));
    }
}
