//! The ZIP format (PKWARE's APPNOTE 6.3.10), of stored entries whose sizes and CRC-32 are known beforehand. So a header is
//! final when it is written, and readers that take the archive as a stream need no data descriptor.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// From this on, a size or an offset is in the zip64 field.
const LARGE: u64 = 0xFFFF_FFFF;
/// From this on, the number of entries is in the zip64 record.
const MANY: u64 = 0xFFFF;

/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
/// Of directories and plain entries, and of those with zip64 fields.
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;
/// "Made by" Unix, so that the mode counts.
const UNIX: u16 = 3 << 8;
/// A regular file that its owner may write and everybody may read.
const MODE: u32 = 0o100_644 << 16;

const LOCAL: u64 = 30;
const CENTRAL: u64 = 46;
const END: u64 = 22;
const END_ZIP64: u64 = 56;
const LOCATOR: u64 = 20;

/// A file in an archive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// At most 65,535 bytes.
    pub(crate) name: &'a str,
    pub(crate) size: u64,
    pub(crate) modified: DosTime,
    /// Where its header begins in the archive.
    pub(crate) offset: u64,
}

/// A date and a time in UTC, to two seconds, as MS-DOS has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DosTime {
    date: u16,
    time: u16,
}

impl DosTime {
    /// The nearest moment that it can have: 1980 to 2107.
    pub(crate) fn of(at: Timestamp) -> Self {
        let first = DateTime::constant(1980, 1, 1, 0, 0, 0, 0);
        let last = DateTime::constant(2107, 12, 31, 23, 59, 58, 0);
        let at = at.to_zoned(TimeZone::UTC).datetime().clamp(first, last);
        let part = |value: i8| u16::from(value.unsigned_abs());
        let year = at.year().abs_diff(1980);
        Self {
            date: (year << 9) | (part(at.month()) << 5) | part(at.day()),
            time: (part(at.hour()) << 11) | (part(at.minute()) << 5) | (part(at.second()) / 2),
        }
    }
}

impl Entry<'_> {
    fn is_large(&self) -> bool {
        self.size >= LARGE
    }

    /// The length of the header before its bytes.
    pub(crate) fn local_len(&self) -> u64 {
        let extra = if self.is_large() { 20 } else { 0 };
        LOCAL + self.name.len() as u64 + extra
    }

    /// The length of its header in the directory.
    pub(crate) fn central_len(&self) -> u64 {
        CENTRAL + self.name.len() as u64 + self.central_extra().len() as u64
    }

    /// The header before its bytes.
    pub(crate) fn local(&self, crc32: u32) -> Vec<u8> {
        let mut extra = Vec::new();
        if self.is_large() {
            zip64(&mut extra, &[self.size, self.size]);
        }
        let mut out = b"PK\x03\x04".to_vec();
        self.common(&mut out, crc32, &extra);
        out.extend_from_slice(self.name.as_bytes());
        out.extend(extra);
        out
    }

    /// Its header in the directory.
    pub(crate) fn central(&self, crc32: u32) -> Vec<u8> {
        let extra = self.central_extra();
        let mut out = b"PK\x01\x02".to_vec();
        put16(&mut out, UNIX | self.version());
        self.common(&mut out, crc32, &extra);
        // No comment, the first disk, and no promise that it is text.
        out.extend([0; 6]);
        put32(&mut out, MODE);
        put32(&mut out, capped(self.offset));
        out.extend_from_slice(self.name.as_bytes());
        out.extend(extra);
        out
    }

    fn central_extra(&self) -> Vec<u8> {
        let mut large = Vec::new();
        if self.is_large() {
            large.extend([self.size, self.size]);
        }
        if self.offset >= LARGE {
            large.push(self.offset);
        }
        let mut extra = Vec::new();
        if !large.is_empty() {
            zip64(&mut extra, &large);
        }
        extra
    }

    fn version(&self) -> u16 {
        match self.is_large() || self.offset >= LARGE {
            true => VERSION_ZIP64,
            false => VERSION,
        }
    }

    /// What both headers have, from the version needed to the length of the extra field.
    fn common(&self, out: &mut Vec<u8>, crc32: u32, extra: &[u8]) {
        // Only the directory has the offset, so a header before the bytes needs zip64 only for the size.
        let is_zip64 = !extra.is_empty();
        put16(out, if is_zip64 { VERSION_ZIP64 } else { VERSION });
        put16(out, UTF8);
        put16(out, 0);
        put16(out, self.modified.time);
        put16(out, self.modified.date);
        put32(out, crc32);
        put32(out, capped(self.size));
        put32(out, capped(self.size));
        put16(out, u16::try_from(self.name.len()).unwrap_or(u16::MAX));
        put16(out, u16::try_from(extra.len()).unwrap_or(u16::MAX));
    }
}

/// The end of an archive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) entries: u64,
    /// Where the directory begins.
    pub(crate) offset: u64,
    /// The length of the directory.
    pub(crate) len: u64,
}

impl End {
    fn is_zip64(self) -> bool {
        self.entries >= MANY || self.offset >= LARGE || self.len >= LARGE
    }

    /// The length of the records.
    pub(crate) fn records_len(self) -> u64 {
        let zip64 = if self.is_zip64() {
            END_ZIP64 + LOCATOR
        } else {
            0
        };
        zip64 + END
    }

    /// The records behind the directory.
    pub(crate) fn records(self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.is_zip64() {
            out.extend(b"PK\x06\x06");
            put64(&mut out, END_ZIP64 - 12);
            put16(&mut out, UNIX | VERSION_ZIP64);
            put16(&mut out, VERSION_ZIP64);
            put32(&mut out, 0);
            put32(&mut out, 0);
            put64(&mut out, self.entries);
            put64(&mut out, self.entries);
            put64(&mut out, self.len);
            put64(&mut out, self.offset);
            out.extend(b"PK\x06\x07");
            put32(&mut out, 0);
            put64(&mut out, self.offset.saturating_add(self.len));
            put32(&mut out, 1);
        }
        let entries = u16::try_from(self.entries.min(MANY)).unwrap_or(u16::MAX);
        out.extend(b"PK\x05\x06");
        put16(&mut out, 0);
        put16(&mut out, 0);
        put16(&mut out, entries);
        put16(&mut out, entries);
        put32(&mut out, capped(self.len));
        put32(&mut out, capped(self.offset));
        put16(&mut out, 0);
        out
    }
}

/// The extra field with the numbers that do not fit elsewhere.
fn zip64(out: &mut Vec<u8>, numbers: &[u64]) {
    put16(out, 1);
    put16(out, u16::try_from(numbers.len() * 8).unwrap_or(u16::MAX));
    for number in numbers {
        put64(out, *number);
    }
}

/// The number, or the mark that it is in the zip64 field.
fn capped(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn put16(out: &mut Vec<u8>, number: u16) {
    out.extend(number.to_le_bytes());
}

fn put32(out: &mut Vec<u8>, number: u32) {
    out.extend(number.to_le_bytes());
}

fn put64(out: &mut Vec<u8>, number: u64) {
    out.extend(number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(size: u64, offset: u64) -> Entry<'static> {
        Entry {
            name: "é.txt",
            size,
            modified: DosTime::of(Timestamp::UNIX_EPOCH),
            offset,
        }
    }

    #[test]
    fn headers_are_as_long_as_they_say() {
        for size in [0, 5, LARGE - 1, LARGE, u64::MAX / 2] {
            for offset in [0, LARGE - 1, LARGE, 1 << 40] {
                let entry = entry(size, offset);
                assert_eq!(entry.local(1).len() as u64, entry.local_len());
                assert_eq!(entry.central(1).len() as u64, entry.central_len());
            }
        }
        for entries in [0, MANY - 1, MANY] {
            for offset in [0, LARGE] {
                let end = End {
                    entries,
                    offset,
                    len: 7,
                };
                assert_eq!(end.records().len() as u64, end.records_len());
            }
        }
    }

    #[test]
    fn zip64_fields_are_there_only_where_they_are_needed() {
        // Version needed, the two sizes and the length of the extra field of the header before the bytes.
        let local = |size| {
            let header = entry(size, 0).local(1);
            (header[4], header[18..26].to_vec(), header[28])
        };
        assert_eq!(
            local(LARGE - 1),
            (20, [0xFE, 0xFF, 0xFF, 0xFF].repeat(2), 0)
        );
        assert_eq!(local(LARGE), (45, vec![0xFF; 8], 20));
        let header = entry(LARGE, 0).local(1);
        let field = [&[1, 0, 16, 0][..], &LARGE.to_le_bytes().repeat(2)].concat();
        assert!(header.ends_with(&field));
        // In the directory, of a small file far behind: its offset alone.
        let header = entry(5, LARGE + 1).central(1);
        let field = [&[1, 0, 8, 0][..], &(LARGE + 1).to_le_bytes()].concat();
        assert!(header.ends_with(&field) && header[42..46] == [0xFF; 4] && header[6] == 45);
        let is_zip64 = |entries, offset| {
            let records = End {
                entries,
                offset,
                len: 1,
            }
            .records();
            records.starts_with(b"PK\x06\x06")
        };
        assert!(!is_zip64(MANY - 1, LARGE - 1));
        assert!(is_zip64(MANY, 0) && is_zip64(1, LARGE));
    }

    #[test]
    fn times_are_kept_within_what_the_format_has() {
        let of = |text: &str| DosTime::of(text.parse().expect("a time"));
        let exact = of("2026-11-30T23:59:59Z");
        assert_eq!(
            (exact.date, exact.time),
            ((46 << 9) | (11 << 5) | 30, (23 << 11) | (59 << 5) | 29)
        );
        assert_eq!(of("1970-01-01T00:00:00Z"), of("1980-01-01T00:00:00Z"));
        assert_eq!(of("3000-01-01T00:00:00Z"), of("2107-12-31T23:59:59Z"));
    }
}
