//! Where lines of a text begin, as a by-product of reading it.

use super::{budget::Place, encoding::TextEncoding};

/// The most places of an index: 128 KiB of memory, whatever the size of the text.
const MOST: usize = 8 << 10;
/// How far apart places are at first, in bytes.
const STRIDE: u64 = 256 << 10;

/// Some beginnings of lines, at most so far apart that finding a line costs one stride. A text of 2 GiB has a place for each
/// 256 KiB; a larger one has places twice as far apart, and so on.
#[derive(Debug, Clone)]
pub(crate) struct LineIndex {
    /// `None`: it is not text.
    pub(crate) encoding: Option<TextEncoding>,
    places: Vec<Place>,
    stride: u64,
    /// Up to where the text was read from its start on.
    read_to: Place,
    /// How many lines there are, once that is known.
    pub(crate) total: Option<u64>,
}

impl LineIndex {
    pub(crate) fn new(encoding: Option<TextEncoding>) -> Self {
        Self {
            encoding,
            places: Vec::new(),
            stride: STRIDE,
            read_to: Place::START,
            total: None,
        }
    }

    /// The last known place that is not behind a line.
    pub(crate) fn before(&self, line: u64) -> Place {
        if self.read_to.line <= line {
            return self.read_to;
        }
        let behind = self.places.partition_point(|place| place.line <= line);
        match behind.checked_sub(1) {
            Some(last) => self.places[last],
            None => Place::START,
        }
    }

    /// Notes that a text was read from a place to another. What lies behind a gap is not noted.
    pub(crate) fn note(&mut self, from: Place, to: Place) {
        if from.offset > self.read_to.offset || to.offset <= self.read_to.offset {
            return;
        }
        self.read_to = to;
        let last = self.places.last().map_or(0, |place| place.offset);
        if to.offset - last >= self.stride {
            self.places.push(to);
        }
        if self.places.len() > MOST {
            self.stride *= 2;
            let mut last = 0;
            let stride = self.stride;
            self.places.retain(|place| {
                let is_far = place.offset - last >= stride;
                if is_far {
                    last = place.offset;
                }
                is_far
            });
        }
    }

    /// Notes that the text ends at a place, one line behind its last.
    pub(crate) fn note_end(&mut self, at: Place) {
        if self.read_to == at {
            self.total = Some(at.line - 1);
        }
    }

    /// How far it has been read: an index that was read further knows more.
    pub(crate) fn knows_more_than(&self, other: &Self) -> bool {
        (self.read_to.offset, self.total.is_some()) > (other.read_to.offset, other.total.is_some())
    }

    /// Its memory, in bytes.
    pub(crate) fn weight(&self) -> u32 {
        let places = self.places.capacity() * size_of::<Place>();
        u32::try_from(places + size_of::<Self>()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_before_a_line_is_near_and_never_behind() {
        let mut index = LineIndex::new(Some(TextEncoding::Utf8));
        let mut at = Place::START;
        // A text of 64 GiB, with a line for each 100 bytes.
        for _ in 0..1 << 18 {
            let next = Place {
                line: at.line + 2_621,
                offset: at.offset + 262_100,
            };
            index.note(at, next);
            at = next;
        }
        assert!(index.weight() <= 300 << 10, "{}", index.weight());
        for line in [
            1,
            2,
            2_622,
            1_000_000,
            100_000_000,
            at.line - 1,
            at.line + 5,
        ] {
            let place = index.before(line);
            assert!(place.line <= line);
            let gap = (line - place.line) * 100;
            assert!(gap <= 2 * index.stride, "line {line} is {gap} bytes away");
        }
    }

    #[test]
    fn what_lies_behind_a_gap_is_not_noted() {
        let place = |line, offset| Place { line, offset };
        let mut index = LineIndex::new(Some(TextEncoding::Utf8));
        index.note(place(50, 5_000), place(60, 6_000));
        assert_eq!(index.before(55), Place::START);
        index.note(Place::START, place(10, 1_000));
        assert_eq!(index.before(55), place(10, 1_000));
        index.note_end(place(60, 6_000));
        assert_eq!(index.total, None);
        index.note_end(place(10, 1_000));
        assert_eq!(index.total, Some(9));
    }
}
