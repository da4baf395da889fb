//! A line as an answer has it.

use super::encoding::TextEncoding;

/// The most bytes of a line in an answer.
pub(crate) const LONGEST_SHOWN: usize = 2_000;
/// What a line costs of the budget beside its text: its number and the marks around it.
pub(crate) const OVERHEAD: usize = 24;

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
    /// A line, of which at most so many bytes are shown, from this byte on. `length` is that of the whole line.
    pub(crate) fn new(
        number: u64,
        line: &[u8],
        length: u64,
        encoding: TextEncoding,
        from: usize,
        most: usize,
    ) -> Self {
        let start = from.min(line.len());
        let mut shown = &line[start..line.len().min(start + most)];
        if (shown.len() as u64) < length {
            shown = between_characters(shown, line, start, encoding);
        }
        Self {
            number,
            text: encoding.text(shown).into_owned(),
            cut_bytes: length.saturating_sub(shown.len() as u64),
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

/// A part of a line without the halves of characters at its ends.
fn between_characters<'a>(
    shown: &'a [u8],
    line: &[u8],
    start: usize,
    encoding: TextEncoding,
) -> &'a [u8] {
    if encoding != TextEncoding::Utf8 {
        let odd = start % 2;
        let shown = shown.get(odd..).unwrap_or_default();
        return &shown[..shown.len() / 2 * 2];
    }
    let is_inside = |byte: &u8| byte & 0xc0 == 0x80;
    let skipped = match start {
        0 => 0,
        _ => shown
            .iter()
            .take(3)
            .take_while(|byte| is_inside(byte))
            .count(),
    };
    let shown = &shown[skipped..];
    let next = line.get(start + skipped + shown.len());
    if !next.is_some_and(is_inside) {
        return shown;
    }
    // The last character goes on behind the end: it is left out with its first byte.
    let inside = shown
        .iter()
        .rev()
        .take(3)
        .take_while(|byte| is_inside(byte))
        .count();
    let end = shown.len() - inside;
    match end.checked_sub(1).map(|last| shown[last]) {
        Some(first) if first >= 0xc0 => &shown[..end - 1],
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::{TextEncoding::Utf8, TextLine};

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
}
