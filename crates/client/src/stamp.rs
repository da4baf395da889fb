//! Telling one state of a file from another without reading it.

use std::{fs::Metadata, os::unix::fs::MetadataExt};

/// The state of a file at one moment. A write to the file changes it, as does another file in its place, also when the time
/// of the last modification is set back, as archivers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    length: u64,
    modified_ns: i64,
    /// When anything about it was last changed, which no program can set.
    changed_ns: i64,
    device: u64,
    inode: u64,
}

impl Stamp {
    /// The state of a file with this metadata.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        // A time that no file of ours has may be taken for another one.
        let ns = |seconds: i64, ns: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(ns);
        Self {
            length: metadata.len(),
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// The length of the file in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that are the same for the same state and differ for every other.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let numbers = [
            self.length,
            self.modified_ns.cast_unsigned(),
            self.changed_ns.cast_unsigned(),
            self.device,
            self.inode,
        ];
        numbers.map(u64::to_be_bytes).concat()
    }
}
