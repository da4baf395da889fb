//! The files of a folder: which of them are pushed, and which fit into one folder.

pub(crate) mod names;
pub(crate) mod walk;
