//! What differs between two texts.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use similar::{Algorithm, ChangeTag, TextDiff};

use super::{budget::ReadStop, encoding::TextEncoding, text_line::LONGEST_SHOWN};

/// The most bytes of a text that is compared.
pub(crate) const MOST_BYTES: u64 = 1 << 20;
/// The most lines: each costs memory beside its bytes.
const MOST_LINES: usize = 50_000;

/// What differs, as a unified diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextDifference {
    /// The hunks; empty if the texts are equal or were not compared.
    pub diff: String,
    /// Lines that only the second text has.
    pub added: u64,
    /// Lines that only the first text has.
    pub removed: u64,
    /// Why the diff ends.
    pub stop: ReadStop,
}

impl TextDifference {
    /// Of texts that are equal or that were not compared.
    #[must_use]
    pub fn none(stop: ReadStop) -> Self {
        Self {
            diff: String::new(),
            added: 0,
            removed: 0,
            stop,
        }
    }

    /// Compares two contents line by line; `None` if one of them is not text. After some time the rest is compared
    /// roughly: the diff is right then too, and longer.
    pub(crate) fn of(
        old: &[u8],
        new: &[u8],
        context: usize,
        bytes_out: usize,
        time: Duration,
    ) -> Option<Self> {
        let (of_old, of_new) = (TextEncoding::of(old)?, TextEncoding::of(new)?);
        let (old, new) = (of_old.text(old), of_new.text(new));
        let (old, new) = (lines(&old), lines(&new));
        if old.len().max(new.len()) > MOST_LINES {
            return Some(Self::none(ReadStop::BytesScanned));
        }
        let diff = TextDiff::configure()
            .algorithm(Algorithm::Patience)
            .deadline(Instant::now() + time)
            .diff_slices(&old, &new);
        let mut found = Self::none(ReadStop::End);
        for change in diff.iter_all_changes() {
            match change.tag() {
                ChangeTag::Insert => found.added += 1,
                ChangeTag::Delete => found.removed += 1,
                ChangeTag::Equal => {}
            }
        }
        for hunk in diff.unified_diff().context_radius(context).iter_hunks() {
            let mut lines = format!("{}\n", hunk.header());
            for change in hunk.iter_changes() {
                let line = change.value();
                let text = line.strip_suffix('\n').unwrap_or(line);
                let mark = match change.tag() {
                    ChangeTag::Insert => '+',
                    ChangeTag::Delete => '-',
                    ChangeTag::Equal => ' ',
                };
                lines.push(mark);
                let shown = text.floor_char_boundary(LONGEST_SHOWN);
                lines.push_str(&text[..shown]);
                if shown < text.len() {
                    let _ = write!(lines, " [… {} bytes more]", text.len() - shown);
                }
                lines.push('\n');
                if text.len() == line.len() {
                    lines.push_str("\\ No newline at end of file\n");
                }
                if found.diff.len() + lines.len() > bytes_out {
                    break;
                }
            }
            let room = bytes_out - found.diff.len();
            if lines.len() > room {
                // A hunk is divided between lines.
                let end = lines[..lines.floor_char_boundary(room)].rfind('\n');
                found.diff.push_str(&lines[..end.map_or(0, |end| end + 1)]);
                found.stop = ReadStop::BytesOut;
                break;
            }
            found.diff.push_str(&lines);
        }
        Some(found)
    }
}

/// The lines of a text with their ends. A carriage return alone ends none.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(old: &str, new: &str, bytes_out: usize) -> TextDifference {
        let time = Duration::from_secs(60);
        TextDifference::of(old.as_bytes(), new.as_bytes(), 1, bytes_out, time).unwrap()
    }

    #[test]
    fn a_diff_is_unified_and_counts_lines() {
        let found = diff("a\nb\nc\nd\n", "a\nB\nc\nd", 1000);
        assert_eq!((found.added, found.removed), (2, 2));
        let expected = "@@ -1,4 +1,4 @@\n a\n-b\n+B\n c\n-d\n+d\n\\ No newline at end of file\n";
        assert_eq!(found.diff, expected);
        assert_eq!(found.stop, ReadStop::End);
        assert_eq!(
            diff("a\n", "a\n", 1000),
            TextDifference::none(ReadStop::End)
        );
    }

    #[test]
    fn a_diff_has_at_most_its_bytes_and_ends_between_lines() {
        let old: String = (0..500).map(|n| format!("line {n}\n")).collect();
        let new = old.replace("line 1", "row é");
        for bytes_out in [256, 1000] {
            let found = diff(&old, &new, bytes_out);
            assert!(found.diff.len() <= bytes_out && found.diff.ends_with('\n'));
            assert_eq!(found.stop, ReadStop::BytesOut);
            assert_eq!(found.added, 111);
        }
        let long = diff("", &"x".repeat(100_000), 5_000);
        assert!(long.diff.contains("[… 98000 bytes more]"));
    }

    #[test]
    fn a_carriage_return_alone_ends_no_line() {
        let found = diff("a\rb\r\nc\n", "a\rB\r\nc\n", 1000);
        assert_eq!((found.added, found.removed), (1, 1));
        assert_eq!(found.diff, "@@ -1,2 +1,2 @@\n-a\rb\r\n+a\rB\r\n c\n");
    }

    #[test]
    fn texts_that_would_take_much_memory_are_not_compared() {
        let many = "\n".repeat(MOST_LINES + 1);
        assert_eq!(
            diff(&many, "", 1000),
            TextDifference::none(ReadStop::BytesScanned)
        );
        assert!(TextDifference::of(b"\0", b"", 1, 1000, Duration::MAX).is_none());
    }
}
