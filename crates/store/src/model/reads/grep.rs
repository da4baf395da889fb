//! Finds the lines of a text that match a pattern.

use std::{collections::VecDeque, time::Instant};

use memchr::memrchr;

use super::{
    block::{Block, Look},
    budget::{Cursor, Place, ReadStop},
    encoding::TextEncoding,
    pattern::Pattern,
    text_line::{LONGEST_SHOWN, MOST_HELD, OVERHEAD, TextLine},
};
use crate::model::validate::Violations;

/// After so many matches in one block, lines are searched one by one: a search that looks far ahead of each match would
/// otherwise look at the same bytes again and again.
const DENSE: usize = 64;
/// How many bytes before a match are shown of a line that is cut.
const BEFORE_MATCH: usize = 200;
/// The bytes that are searched between two looks at the clock, up to the end of a line: a pattern may take a microsecond and
/// more for each.
const STEP: usize = 32 << 10;
/// What a line counts beside its bytes.
const LINE_COST: usize = 512;

/// What is searched for, and what is answered.
#[derive(Debug, Clone)]
pub struct GrepWanted {
    pub(crate) pattern: Pattern,
    /// How many lines around each match are answered.
    pub(crate) context: usize,
    /// The most matching lines of an answer; `None` counts them only.
    pub(crate) max_count: Option<u64>,
}

/// What a caller wants to find, unchecked.
#[derive(Debug, Clone, Default)]
pub struct RawGrep {
    /// The regular expression or the text.
    pub pattern: String,
    /// Whether it is a text.
    pub fixed_strings: bool,
    /// Whether upper and lower case are the same.
    pub ignore_case: bool,
    /// Lines around each match.
    pub context: i32,
    /// Matching lines; 0 is the default.
    pub max_count: i32,
    /// Only counts.
    pub count_only: bool,
}

impl GrepWanted {
    /// The most lines around a match.
    pub const MAX_CONTEXT: i32 = 10;
    /// The matching lines of a caller that did not say.
    pub const DEFAULT_COUNT: i32 = 50;
    /// The most matching lines.
    pub const MAX_COUNT: i32 = 1_000;

    /// Checks what a caller asks for.
    pub fn new(raw: RawGrep, faults: &mut Violations) -> Option<Self> {
        let RawGrep {
            context, max_count, ..
        } = raw;
        if !(0..=Self::MAX_CONTEXT).contains(&context) {
            faults.add("context", format!("must be 0 to {}", Self::MAX_CONTEXT));
        }
        if !(0..=Self::MAX_COUNT).contains(&max_count) {
            let (most, default) = (Self::MAX_COUNT, Self::DEFAULT_COUNT);
            faults.add(
                "max_count",
                format!("must be 1 to {most}, or 0 for {default}"),
            );
        }
        let max_count = match max_count {
            0 => Self::DEFAULT_COUNT,
            count => count,
        };
        let pattern = Pattern::new(&raw.pattern, raw.fixed_strings, raw.ignore_case);
        Some(Self {
            pattern: faults.check("pattern", pattern)?,
            context: match raw.count_only {
                true => 0,
                false => usize::try_from(context).unwrap_or_default(),
            },
            max_count: (!raw.count_only).then_some(u64::try_from(max_count).unwrap_or_default()),
        })
    }
}

/// A line of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrepLine {
    /// The line.
    pub line: TextLine,
    /// Whether it matches, or is near one that does.
    pub is_match: bool,
}

/// A search, as far as it has come.
pub(crate) struct Grep {
    wanted: GrepWanted,
    encoding: TextEncoding,
    room: usize,
    deadline: Instant,
    pub(crate) lines: Vec<GrepLine>,
    /// The matching lines so far.
    pub(crate) matches: u64,
    /// The last lines that were not answered.
    before: VecDeque<TextLine>,
    /// How many of the next lines are answered as context.
    after: usize,
    line_by_line: bool,
    /// The bytes until the next look at the clock.
    until_look: usize,
    long: Option<LongLine>,
    /// Why it has stopped, and at which line.
    pub(crate) stopped: Option<(ReadStop, Place)>,
}

/// A line that comes in parts.
struct LongLine {
    number: u64,
    offset: u64,
    length: u64,
    head: Vec<u8>,
    /// What is shown of it, once it matches.
    shown: Option<TextLine>,
    /// Whether it was answered before its end had come.
    is_answered: bool,
}

/// A line within a block.
struct Found {
    start: usize,
    end: usize,
    /// Where the match begins within the line.
    at: usize,
}

impl Grep {
    pub(crate) fn new(
        wanted: GrepWanted,
        encoding: TextEncoding,
        bytes_out: usize,
        deadline: Instant,
        from: Cursor,
    ) -> Self {
        let answered = (from.within && from.is_answered).then(|| LongLine {
            number: from.place.line,
            offset: from.place.offset,
            length: 0,
            head: Vec::new(),
            shown: None,
            is_answered: true,
        });
        Self {
            line_by_line: encoding != TextEncoding::Utf8 || !wanted.pattern.in_many_lines,
            wanted,
            encoding,
            room: bytes_out,
            deadline,
            lines: Vec::new(),
            matches: 0,
            before: VecDeque::new(),
            after: 0,
            until_look: 0,
            long: answered,
            stopped: None,
        }
    }

    /// How many bytes of the answer are left.
    pub(crate) fn room(&self) -> usize {
        self.room
    }

    fn is_full(&self) -> bool {
        self.wanted
            .max_count
            .is_some_and(|most| self.matches >= most)
    }

    fn stop(&mut self, why: ReadStop, line: u64, offset: u64) {
        self.stopped.get_or_insert((why, Place { line, offset }));
    }

    /// Whether the time is over before a line of this length; looks at the clock now and then.
    fn is_late(&mut self, length: usize) -> bool {
        let cost = length + LINE_COST;
        if let Some(left) = self.until_look.checked_sub(cost) {
            self.until_look = left;
            return false;
        }
        self.until_look = STEP;
        Instant::now() >= self.deadline
    }

    fn search(&mut self, mut block: Block<'_>) {
        while !block.bytes.is_empty() && self.stopped.is_none() {
            let next = block.bytes.get(STEP..).and_then(|behind| {
                let end = self.encoding.first_end(behind, block.offset + STEP as u64);
                end.map(|end| STEP + end)
            });
            let (step, rest) = block.bytes.split_at(next.unwrap_or(block.bytes.len()));
            let line = self.search_step(Block {
                bytes: step,
                ..block
            });
            block = Block {
                bytes: rest,
                line,
                offset: block.offset + step.len() as u64,
                ..block
            };
        }
    }

    /// Searches some lines, and returns the number of the next one unless it stops.
    fn search_step(&mut self, block: Block<'_>) -> u64 {
        let (bytes, offset) = (block.bytes, |at: usize| block.offset + at as u64);
        let (mut at, mut number) = (0, block.line);
        let mut matches = 0;
        while at < bytes.len() && self.stopped.is_none() {
            let line_by_line = self.line_by_line || matches > DENSE;
            let found = match line_by_line {
                true => self.next_line(bytes, at, block.offset),
                false => self.next_match(bytes, at, block.offset),
            };
            let until = match &found {
                Ok(found) => found.as_ref().map_or(bytes.len(), |found| found.start),
                Err(late) => *late,
            };
            number = self.pass(&bytes[at..until], number, offset(at));
            match found {
                Err(_) => self.stop(ReadStop::Time, number, offset(until)),
                Ok(None) => return number,
                Ok(Some(found)) => {
                    let line = &bytes[found.start..found.end];
                    self.hit(number, line, found.at, offset(found.start));
                    matches += 1;
                    number += 1;
                    at = found.end;
                }
            }
        }
        number
    }

    /// The next line that matches, of many that are searched at once.
    fn next_match(
        &mut self,
        bytes: &[u8],
        from: usize,
        offset: u64,
    ) -> Result<Option<Found>, usize> {
        if Instant::now() >= self.deadline {
            return Err(from);
        }
        let Some((start, end)) = self.wanted.pattern.find_at(bytes, from) else {
            return Ok(None);
        };
        let line = memrchr(b'\n', &bytes[from..start]).map_or(from, |at| from + at + 1);
        if line == bytes.len() {
            // Behind the last newline no line of this block begins.
            return Ok(None);
        }
        let length = self
            .encoding
            .first_end(&bytes[line..], offset + line as u64);
        let whole = &bytes[line..line + length.unwrap_or(bytes.len() - line)];
        if end > line + self.encoding.trimmed(whole).len() {
            // It can match more than one line, which no line does.
            self.line_by_line = true;
            return self.next_line(bytes, line, offset);
        }
        Ok(Some(Found {
            start: line,
            end: line + whole.len(),
            at: start - line,
        }))
    }

    /// The next line that matches, one by one; an error with the line at which the time was over.
    fn next_line(
        &mut self,
        bytes: &[u8],
        from: usize,
        offset: u64,
    ) -> Result<Option<Found>, usize> {
        let mut start = from;
        while start < bytes.len() {
            let rest = &bytes[start..];
            let length = self.encoding.first_end(rest, offset + start as u64);
            let length = length.unwrap_or(rest.len());
            if self.is_late(length) {
                return Err(start);
            }
            if let Some(at) = self.find(self.encoding.trimmed(&rest[..length])) {
                let end = start + length;
                return Ok(Some(Found { start, end, at }));
            }
            start += length;
        }
        Ok(None)
    }

    /// Where a line matches, in bytes of the content.
    fn find(&self, line: &[u8]) -> Option<usize> {
        let pattern = &self.wanted.pattern;
        if self.encoding == TextEncoding::Utf8 {
            return pattern.find_at(line, 0).map(|(start, _)| start);
        }
        let text = self.encoding.text(line);
        let (start, _) = pattern.find_at(text.as_bytes(), 0)?;
        let before = &text[..text.floor_char_boundary(start)];
        Some(self.encoding.mark(line) + self.encoding.length(before))
    }

    /// A line as the answer has it, so that its match is shown.
    fn shown(&self, number: u64, line: &[u8], match_at: usize) -> TextLine {
        let line = self.encoding.trimmed(line);
        let from = match line.len() > LONGEST_SHOWN {
            true => match_at.saturating_sub(BEFORE_MATCH),
            false => 0,
        };
        TextLine::new(
            number,
            line,
            line.len() as u64,
            self.encoding,
            from,
            LONGEST_SHOWN,
        )
    }

    /// Passes lines that do not match, and returns the number of the next one.
    fn pass(&mut self, bytes: &[u8], first: u64, offset: u64) -> u64 {
        if bytes.is_empty() {
            return first;
        }
        let ends = self.encoding.count_ends(bytes, offset);
        let is_open = self.encoding.last_end(bytes, offset) != Some(bytes.len());
        let behind = first + ends + u64::from(is_open);
        if self.wanted.context == 0 && !self.is_full() {
            return behind;
        }
        let (mut rest, mut number, mut at) = (bytes, first, offset);
        while !rest.is_empty() {
            let length = self.encoding.first_end(rest, at).unwrap_or(rest.len());
            let is_near = behind - number <= self.wanted.context as u64;
            if self.after > 0 || self.is_full() || is_near {
                let line = self.shown(number, &rest[..length], 0);
                self.pass_one(line, at);
                if self.stopped.is_some() {
                    return behind;
                }
            }
            rest = &rest[length..];
            number += 1;
            at += length as u64;
        }
        behind
    }

    /// Passes a line that does not match, and begins at an offset.
    fn pass_one(&mut self, line: TextLine, offset: u64) {
        let number = line.number;
        if self.after > 0 {
            self.after -= 1;
            if !self.push(line, false) {
                self.stop(ReadStop::BytesOut, number, offset);
            }
        } else if self.is_full() {
            self.stop(ReadStop::Count, number, offset);
        } else {
            self.before.push_back(line);
            if self.before.len() > self.wanted.context {
                self.before.pop_front();
            }
        }
    }

    /// Takes a line that matches.
    fn hit(&mut self, number: u64, line: &[u8], at: usize, offset: u64) {
        if self.stopped.is_some() {
            return;
        }
        let shown = self.shown(number, line, at);
        self.take(shown, offset);
    }

    fn take(&mut self, line: TextLine, offset: u64) {
        if self.wanted.max_count.is_none() {
            self.matches += 1;
            return;
        }
        let number = line.number;
        if self.is_full() {
            self.stop(ReadStop::Count, number, offset);
            return;
        }
        let before: usize = self.before.iter().map(TextLine::cost).sum();
        if before + line.cost() > self.room && self.lines.iter().any(|line| line.is_match) {
            self.stop(ReadStop::BytesOut, number, offset);
            return;
        }
        for line in std::mem::take(&mut self.before) {
            // Of the first match, the context is left out before the match is.
            if line.cost() + LONGEST_SHOWN + OVERHEAD <= self.room {
                self.push(line, false);
            }
        }
        let most = self.room.saturating_sub(OVERHEAD);
        let line = match line.text.len() > most {
            true => line.cut_to(most),
            false => line,
        };
        self.push(line, true);
        self.matches += 1;
        self.after = self.wanted.context;
    }

    fn push(&mut self, line: TextLine, is_match: bool) -> bool {
        let fits = line.cost() <= self.room || is_match;
        if fits {
            self.room = self.room.saturating_sub(line.cost());
            self.lines.push(GrepLine { line, is_match });
        }
        fits
    }

    /// Looks at a part of a line that is too long to be held. A match across two parts is not found.
    fn part(&mut self, block: Block<'_>) {
        let mut long = match self.long.take() {
            Some(long) if !block.begins => long,
            _ => LongLine {
                number: block.line,
                offset: block.offset,
                length: 0,
                head: block.bytes[..block.bytes.len().min(MOST_HELD)].to_vec(),
                shown: None,
                is_answered: false,
            },
        };
        let bytes = match block.ends {
            true => self.encoding.trimmed(block.bytes),
            false => block.bytes,
        };
        let length = bytes.len() as u64;
        if let Some(line) = &mut long.shown {
            line.cut_bytes += length;
        } else if !long.is_answered
            && let Some(at) = self.find(bytes)
        {
            let mut line = self.shown(long.number, bytes, at);
            line.cut_bytes += long.length;
            long.shown = Some(line);
        }
        long.length += length;
        if !block.ends {
            self.long = Some(long);
            return;
        }
        if let Some(line) = long.shown {
            self.take(line, long.offset);
        } else if !long.is_answered {
            let (encoding, head) = (self.encoding, &long.head);
            let line = TextLine::new(long.number, head, long.length, encoding, 0, LONGEST_SHOWN);
            self.pass_one(line, long.offset);
        }
    }

    /// Takes a match in a long line that was not read to its end. Returns whether that line is answered: then the search
    /// that goes on behind does not answer it again.
    pub(crate) fn give_up(&mut self) -> bool {
        let Some(long) = self.long.take() else {
            return false;
        };
        match long.shown {
            Some(line) => {
                self.take(line, long.offset);
                self.stopped.is_none()
            }
            None => long.is_answered,
        }
    }
}

impl Look for Grep {
    fn look(&mut self, block: Block<'_>) {
        if self.is_done() {
            return;
        }
        match block.begins && block.ends {
            true => self.search(block),
            false => self.part(block),
        }
    }

    fn is_done(&self) -> bool {
        self.stopped.is_some()
    }
}

#[cfg(test)]
mod tests;
