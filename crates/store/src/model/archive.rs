//! ZIP archives of many artifacts: the names in them, and their format.

pub(crate) mod names;
pub(crate) mod zip;

/// What the plans of all archives of a process may take, in KiB.
pub(crate) const PLANS: usize = 64 << 10;

/// The most files of an archive.
pub const MOST_FILES: usize = 10_000;
