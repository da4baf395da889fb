//! The terminal: output, progress, and the signals that end a verb.

pub(crate) mod failures;
pub(crate) mod interrupt;
pub(crate) mod keys;
pub(crate) mod lines;
pub(crate) mod output;
pub(crate) mod printable;
pub(crate) mod progress;
pub(crate) mod question;
pub(crate) mod render;
pub(crate) mod signals;
pub(crate) mod transfer;
