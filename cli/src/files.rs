//! The files of a folder: which are pushed, and which fit into one folder.

pub(crate) mod names;
pub(crate) mod walk;
