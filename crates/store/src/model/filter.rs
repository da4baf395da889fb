//! Filters of lists and bulk operations: conditions that artifacts meet or do not.
//!
//! A request has fields or one expression; both become the same tree, which `meta` turns into SQL.

mod glob;
mod parse;
mod tree;
mod written;

pub use glob::Glob;
pub(crate) use parse::parse_written;
pub use parse::{SyntaxError, parse};
pub use tree::{Comparison, Condition, Filter, TextField, TextMatch};
