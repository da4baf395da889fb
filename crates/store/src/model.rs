//! What things are: their values, their rules and their names. No I/O, and no driver of a database or a blob store.

pub(crate) mod access;
pub(crate) mod api_key;
pub(crate) mod artifact;
pub(crate) mod audit;
pub(crate) mod byte_count;
pub(crate) mod call_origin;
mod canonical;
pub(crate) mod change;
pub(crate) mod collector;
pub(crate) mod declared;
pub(crate) mod deployment;
pub(crate) mod digest;
pub(crate) mod error;
pub(crate) mod event;
pub mod filter;
pub(crate) mod id;
pub(crate) mod idempotency;
pub(crate) mod job;
pub(crate) mod limit;
pub(crate) mod lineage;
pub(crate) mod link;
pub(crate) mod link_password;
pub(crate) mod list;
pub(crate) mod manifest;
pub(crate) mod media_type;
pub(crate) mod open_upload;
pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod quota;
pub(crate) mod record;
pub(crate) mod reference;
pub(crate) mod retention;
pub(crate) mod selection;
pub(crate) mod session;
pub(crate) mod span;
pub(crate) mod spec;
pub(crate) mod tenant;
pub(crate) mod text;
pub(crate) mod ticket;
pub(crate) mod times;
pub(crate) mod update;
pub(crate) mod usage;
pub(crate) mod usage_days;
pub(crate) mod validate;

#[cfg(test)]
mod fuzzed;
