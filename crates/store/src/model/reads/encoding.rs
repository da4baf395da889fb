//! The encoding of a text, by its first bytes.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memrchr};

/// How many bytes decide what a content is.
pub(crate) const HEAD: usize = 8 << 10;

/// How lines are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextEncoding {
    /// UTF-8, or a text of bytes in which lines end with a byte 10.
    Utf8,
    /// UTF-16 with the low byte first, by its byte order mark.
    Utf16Le,
    /// UTF-16 with the high byte first, by its byte order mark.
    Utf16Be,
}

impl TextEncoding {
    /// The encoding of a content that begins so; `None` for one that is not text, because it has a NUL.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        let head = &head[..head.len().min(HEAD)];
        match head {
            [0xff, 0xfe, 0, 0, ..] => None,
            [0xff, 0xfe, ..] => Some(Self::Utf16Le),
            [0xfe, 0xff, ..] => Some(Self::Utf16Be),
            head => memchr(0, head).is_none().then_some(Self::Utf8),
        }
    }

    /// Its name as IANA registers it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
        }
    }

    /// Where the first line of some bytes ends, behind its newline. The bytes begin at this offset of the content.
    pub(crate) fn first_end(self, bytes: &[u8], offset: u64) -> Option<usize> {
        match self {
            Self::Utf8 => memchr(b'\n', bytes).map(|at| at + 1),
            _ => memchr_iter(b'\n', bytes).find_map(|at| self.wide_end(bytes, offset, at)),
        }
    }

    /// Where the last whole line of some bytes ends.
    pub(crate) fn last_end(self, bytes: &[u8], offset: u64) -> Option<usize> {
        match self {
            Self::Utf8 => memrchr(b'\n', bytes).map(|at| at + 1),
            _ => memchr_iter(b'\n', bytes)
                .rev()
                .find_map(|at| self.wide_end(bytes, offset, at)),
        }
    }

    /// How many lines of some bytes end.
    pub(crate) fn count_ends(self, bytes: &[u8], offset: u64) -> u64 {
        let ends = memchr_iter(b'\n', bytes);
        match self {
            Self::Utf8 => ends.count() as u64,
            _ => ends
                .filter(|at| self.wide_end(bytes, offset, *at).is_some())
                .count() as u64,
        }
    }

    /// The end of a newline of two bytes of which the one at `at` is 10.
    fn wide_end(self, bytes: &[u8], offset: u64, at: usize) -> Option<usize> {
        let is_even = (offset + at as u64).is_multiple_of(2);
        match self {
            Self::Utf16Le if is_even && bytes.get(at + 1) == Some(&0) => Some(at + 2),
            Self::Utf16Be if !is_even && at > 0 && bytes[at - 1] == 0 => Some(at + 1),
            _ => None,
        }
    }

    /// The length of the byte order mark with which some bytes begin.
    pub(crate) fn mark(self, bytes: &[u8]) -> usize {
        let mark: &[u8] = match self {
            Self::Utf8 => b"\xef\xbb\xbf",
            Self::Utf16Le => b"\xff\xfe",
            Self::Utf16Be => b"\xfe\xff",
        };
        match bytes.starts_with(mark) {
            true => mark.len(),
            false => 0,
        }
    }

    /// The bytes of a unit, which is a character or a part of one.
    pub(crate) fn unit(self) -> u64 {
        match self {
            Self::Utf8 => 1,
            _ => 2,
        }
    }

    /// How many of these bytes can be taken without dividing a unit.
    pub(crate) fn whole(self, length: usize, offset: u64) -> usize {
        match self {
            Self::Utf8 => length,
            _ if (offset + length as u64).is_multiple_of(2) => length,
            _ => length.saturating_sub(1),
        }
    }

    /// A line without its end.
    pub(crate) fn trimmed(self, line: &[u8]) -> &[u8] {
        let (newline, before): (&[u8], &[u8]) = match self {
            Self::Utf8 => (b"\n", b"\r"),
            Self::Utf16Le => (b"\n\0", b"\r\0"),
            Self::Utf16Be => (b"\0\n", b"\0\r"),
        };
        let line = line.strip_suffix(newline).unwrap_or(line);
        line.strip_suffix(before).unwrap_or(line)
    }

    /// A text in this encoding.
    pub(crate) fn bytes(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }

    /// At most so many bytes of the text with which some bytes begin, and how many of the bytes it is. What is not
    /// valid becomes U+FFFD, and a byte order mark is left out.
    pub(crate) fn text_within(self, bytes: &[u8], most: usize) -> (String, usize) {
        let (mut text, mut used) = (String::new(), self.mark(bytes));
        let bytes = &bytes[used..];
        let mut add = |character: char, length: usize| {
            let fits = text.len() + character.len_utf8() <= most;
            if fits {
                text.push(character);
                used += length;
            }
            fits
        };
        match self {
            Self::Utf8 => {
                for chunk in bytes.utf8_chunks() {
                    let invalid = chunk.invalid().len();
                    let broken = (invalid > 0).then_some((char::REPLACEMENT_CHARACTER, invalid));
                    let valid = chunk.valid().chars().map(|c| (c, c.len_utf8()));
                    if !valid.chain(broken).all(|(c, length)| add(c, length)) {
                        break;
                    }
                }
            }
            _ => {
                let unit = match self {
                    Self::Utf16Be => u16::from_be_bytes,
                    _ => u16::from_le_bytes,
                };
                let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
                for c in char::decode_utf16(units) {
                    let length = 2 * c.as_ref().map_or(1, |c| c.len_utf16());
                    if !add(c.unwrap_or(char::REPLACEMENT_CHARACTER), length) {
                        break;
                    }
                }
            }
        }
        (text, used)
    }

    /// How many bytes a text has in this encoding.
    pub(crate) fn length(self, text: &str) -> usize {
        match self {
            Self::Utf8 => text.len(),
            _ => 2 * text.encode_utf16().count(),
        }
    }

    /// The text of a line; what is not valid becomes U+FFFD, and a byte order mark is left out.
    pub(crate) fn text(self, line: &[u8]) -> Cow<'_, str> {
        let text = match self {
            Self::Utf8 => String::from_utf8_lossy(line),
            Self::Utf16Le => wide(line, u16::from_le_bytes).into(),
            Self::Utf16Be => wide(line, u16::from_be_bytes).into(),
        };
        match text {
            Cow::Borrowed(text) => text.strip_prefix('\u{feff}').unwrap_or(text).into(),
            Cow::Owned(text) => match text.strip_prefix('\u{feff}') {
                Some(rest) => rest.to_owned().into(),
                None => text.into(),
            },
        }
    }
}

fn wide(line: &[u8], unit: impl Fn([u8; 2]) -> u16) -> String {
    let units = line.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    let decoded = char::decode_utf16(units);
    decoded
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::TextEncoding::{self, Utf8, Utf16Be, Utf16Le};

    #[test]
    fn the_first_bytes_say_what_a_text_is() {
        for (head, expected) in [
            (&b"plain"[..], Some(Utf8)),
            (b"", Some(Utf8)),
            (b"\xef\xbb\xbfx", Some(Utf8)),
            (b"\xff\xfea\0", Some(Utf16Le)),
            (b"\xfe\xff\0a", Some(Utf16Be)),
            (b"\xff\xfe\0\0a\0\0\0", None),
            (b"\x89PNG\r\n\0", None),
            (b"caf\xe9", Some(Utf8)),
        ] {
            assert_eq!(TextEncoding::of(head), expected, "{head:?}");
        }
    }

    #[test]
    fn a_newline_of_utf16_is_two_bytes_at_an_even_offset() {
        // U+0A0A is no newline, and neither is the second half of one unit with the first of the next.
        let le: Vec<u8> = "a\u{a0a}\u{a00}\nb"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let be: Vec<u8> = "a\u{a0a}\u{a00}\nb"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        for (encoding, bytes) in [(Utf16Le, le), (Utf16Be, be)] {
            assert_eq!(encoding.first_end(&bytes, 0), Some(8), "{encoding:?}");
            assert_eq!(encoding.last_end(&bytes, 0), Some(8));
            assert_eq!(encoding.count_ends(&bytes, 0), 1);
            let line = encoding.trimmed(&bytes[..8]);
            assert_eq!(encoding.text(line), "a\u{a0a}\u{a00}");
        }
    }

    #[test]
    fn an_end_of_line_and_a_mark_are_no_text() {
        assert_eq!(Utf8.trimmed(b"a\r\n"), b"a");
        assert_eq!(Utf8.text(b"\xef\xbb\xbfa\xff"), "a\u{fffd}");
    }
}
