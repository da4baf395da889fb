//! What a list or a bulk operation is about: conditions that artifacts meet or do not.
//!
//! Requests say it field by field or as one expression; both become the same tree, which `meta` turns into SQL.

mod glob;
mod parse;
mod tree;
mod written;

pub use glob::Glob;
pub(crate) use parse::parse_written;
pub use parse::{SyntaxError, parse};
pub use tree::{Comparison, Condition, Filter, TextField, TextMatch};
