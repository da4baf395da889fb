//! What things are: their values, their rules and their names. No I/O, and no driver of a database or a blob store.

pub(crate) mod artifact;
pub(crate) mod byte_count;
mod canonical;
pub(crate) mod digest;
pub(crate) mod error;
pub mod filter;
pub(crate) mod id;
pub(crate) mod idempotency;
mod media_type;
pub(crate) mod page;
pub(crate) mod record;
pub(crate) mod reference;
pub(crate) mod retention;
pub(crate) mod selection;
pub(crate) mod span;
pub(crate) mod spec;
pub(crate) mod text;
pub(crate) mod validate;
