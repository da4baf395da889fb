//! Reads that are sized for a model: they look through content on the server, and answer with a bounded part of it.

pub(crate) mod bytes;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod grep;
mod in_time;
pub(crate) mod indexes;
pub(crate) mod lines;
mod off_thread;
pub(crate) mod preview;
mod scan;
pub(crate) mod session;
mod source;
