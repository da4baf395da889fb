//! Reads that are sized for a model: what they may cost, how text is divided into lines, and what is found in it. Nothing here
//! reads a byte; pieces of content come in, and lines go out.

pub(crate) mod block;
pub(crate) mod budget;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod encoding;
pub(crate) mod grep;
pub(crate) mod index;
pub(crate) mod lines;
pub(crate) mod pattern;
pub(crate) mod preview;
pub(crate) mod splitter;
pub(crate) mod text_line;
