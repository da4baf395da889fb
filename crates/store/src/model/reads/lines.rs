//! Reads some lines of a text.

use super::{
    block::{Block, Look},
    budget::{Cursor, Place, ReadStop},
    encoding::TextEncoding,
    text_line::{LONGEST_SHOWN, MOST_HELD, OVERHEAD, TextLine},
};
use crate::model::validate::Violations;

/// Which lines are read.
#[derive(Debug, Clone, Copy)]
pub struct LinesWanted {
    /// The number of the first, from 1.
    pub(crate) first: u64,
    /// The most lines.
    pub(crate) limit: usize,
}

impl LinesWanted {
    /// The lines of a caller that did not say.
    pub const DEFAULT: i32 = 2_000;
    /// The most lines.
    pub const MAX: i32 = 10_000;

    /// Checks what a caller asks for; 0 is the first line, or the default.
    pub fn new(first_line: i64, limit: i32, faults: &mut Violations) -> Self {
        if first_line < 0 {
            faults.add("first_line", "must be 1 or more, or 0 for the first");
        }
        let limit = match limit {
            0 => Self::DEFAULT,
            limit => limit,
        };
        if !(1..=Self::MAX).contains(&limit) {
            let rule = format!("must be 1 to {}, or 0 for {}", Self::MAX, Self::DEFAULT);
            faults.add("limit", rule);
        }
        Self {
            first: first_line.max(1).cast_unsigned(),
            limit: usize::try_from(limit).unwrap_or(1),
        }
    }
}

/// The lines of an answer, as they come.
pub(crate) struct LineReader {
    encoding: TextEncoding,
    wanted: LinesWanted,
    /// How much of the budget is left.
    room: usize,
    pub(crate) lines: Vec<TextLine>,
    /// A line of which only parts have come.
    partial: Option<Partial>,
    /// Why it has stopped, and where the first line begins that it did not take.
    pub(crate) stopped: Option<(ReadStop, Place)>,
}

struct Partial {
    /// Where the line begins.
    place: Place,
    head: Vec<u8>,
    length: u64,
}

impl LineReader {
    pub(crate) fn new(encoding: TextEncoding, wanted: LinesWanted, bytes_out: usize) -> Self {
        Self {
            encoding,
            wanted,
            room: bytes_out,
            lines: Vec::new(),
            partial: None,
            stopped: None,
        }
    }

    /// Takes what has come of a long line as the last one: it was not read to its end. A line that has no room is the next
    /// one to read.
    pub(crate) fn give_up(&mut self) {
        let Some(Partial {
            place,
            head,
            length,
        }) = self.partial.take()
        else {
            return;
        };
        if !self.add(place.line, &head, length) {
            self.stopped.get_or_insert((ReadStop::BytesOut, place));
        }
    }

    /// Adds a line if there is room; one that has no room even alone is cut.
    fn add(&mut self, number: u64, line: &[u8], length: u64) -> bool {
        let most = match self.lines.is_empty() {
            true => LONGEST_SHOWN.min(self.room.saturating_sub(OVERHEAD)),
            false => LONGEST_SHOWN,
        };
        let line = TextLine::new(number, line, length, self.encoding, 0, most);
        let fits = line.cost() <= self.room || self.lines.is_empty();
        if fits {
            self.room = self.room.saturating_sub(line.cost());
            self.lines.push(line);
        }
        fits
    }

    fn whole_lines(&mut self, block: Block<'_>) {
        let mut place = Place {
            line: block.line,
            offset: block.offset,
        };
        let mut rest = block.bytes;
        while !rest.is_empty() {
            let end = self.encoding.first_end(rest, place.offset);
            let (line, behind) = rest.split_at(end.unwrap_or(rest.len()));
            if place.line >= self.wanted.first {
                if self.lines.len() == self.wanted.limit {
                    self.stopped = Some((ReadStop::Count, place));
                    return;
                }
                let shown = self.encoding.trimmed(line);
                if !self.add(place.line, shown, shown.len() as u64) {
                    self.stopped = Some((ReadStop::BytesOut, place));
                    return;
                }
            }
            place.line += 1;
            place.offset += line.len() as u64;
            rest = behind;
        }
    }

    fn part(&mut self, block: Block<'_>) {
        if block.begins && block.line >= self.wanted.first {
            let place = Place {
                line: block.line,
                offset: block.offset,
            };
            if self.lines.len() == self.wanted.limit {
                self.stopped = Some((ReadStop::Count, place));
                return;
            }
            let head = block.bytes[..block.bytes.len().min(MOST_HELD)].to_vec();
            self.partial = Some(Partial {
                place,
                head,
                length: block.bytes.len() as u64,
            });
            return;
        }
        let Some(partial) = &mut self.partial else {
            return;
        };
        let bytes = match block.ends {
            true => self.encoding.trimmed(block.bytes),
            false => block.bytes,
        };
        partial.length += bytes.len() as u64;
        if block.ends {
            self.give_up();
        }
    }
}

impl Look for LineReader {
    fn look(&mut self, block: Block<'_>) {
        if self.is_done() {
            return;
        }
        match block.begins && block.ends {
            true => self.whole_lines(block),
            false => self.part(block),
        }
    }

    fn is_done(&self) -> bool {
        self.stopped.is_some()
    }
}

/// Where the next read of lines goes on, if there is more.
pub(crate) fn next_of(
    stop: ReadStop,
    stopped: Option<(ReadStop, Place)>,
    read_to: Cursor,
) -> Option<Cursor> {
    match (stop, stopped) {
        (ReadStop::End, _) => None,
        (_, Some((_, place))) => Some(Cursor::at(place)),
        (_, None) => Some(read_to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reads::splitter::Splitter;

    /// The numbers of the lines of one read of some lines, which looks through at most so many bytes, and where it goes on.
    fn read(text: &[u8], from: Cursor, room: usize, scan: usize) -> (Vec<u64>, Option<Cursor>) {
        let wanted = LinesWanted {
            first: from.place.line,
            limit: 100,
        };
        let mut reader = LineReader::new(TextEncoding::Utf8, wanted, room);
        let mut splitter = Splitter::new(TextEncoding::Utf8, from);
        let rest = &text[usize::try_from(from.place.offset).unwrap()..];
        let mut stop = ReadStop::BytesScanned;
        for piece in rest[..rest.len().min(scan)].chunks(10_000) {
            splitter.feed(piece, &mut reader);
        }
        if rest.len() <= scan {
            splitter.finish(&mut reader);
            stop = ReadStop::End;
        }
        reader.give_up();
        let stop = reader.stopped.map_or(stop, |(stop, _)| stop);
        let lines = reader.lines.iter().map(|line| line.number).collect();
        (lines, next_of(stop, reader.stopped, splitter.cursor()))
    }

    /// A long line that has no room in one answer is in the next one, whether its end was read or not.
    #[test]
    fn a_long_line_without_room_is_the_next_to_read() {
        let text = format!("one\ntwo\n{}\nlast\n", "x".repeat(100_000));
        let place = Place { line: 3, offset: 8 };
        for scan in [1 << 20, 90_000] {
            let (lines, next) = read(text.as_bytes(), Cursor::START, 256, scan);
            assert_eq!(lines, [1, 2]);
            assert_eq!(next, Some(Cursor::at(place)));
        }
        let (lines, next) = read(text.as_bytes(), Cursor::at(place), 256, 1 << 20);
        assert_eq!(lines, [3]);
        assert_eq!(next.unwrap().place.line, 4);
    }
}
