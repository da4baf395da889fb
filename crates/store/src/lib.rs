//! What an artifact is and how it is kept: the rules, and the order of their effects.
//!
//! [`Store`] is the way in. It speaks to Postgres, where the records are, and to a blob store, where the bytes are, and
//! to no network face: errors, names and pages here know of no transport. The two meet in this crate alone, under the
//! protocol of docs/architecture.md, which never loses bytes that an artifact refers to.

mod artifact;
mod blob;
pub mod config;
mod delete;
mod digest;
mod error;
pub mod gc;
mod id;
mod idempotency;
mod link;
mod list;
mod meta;
mod names;
mod page;
mod read;
mod record;
mod reference;
mod session;
mod store;
mod tenant;
mod upload;
mod validate;

pub use artifact::{Artifact, ArtifactSpec, Created, Expiry, OnDuplicate, Origin, RawSpec, State};
pub use delete::Deleted;
pub use digest::ContentHash;
pub use error::{Error, Result, Violation, describe};
pub use id::{ArtifactId, LinkId};
pub use idempotency::IdempotencyKey;
pub use link::Link;
pub use list::ArtifactFilter;
pub use page::{Page, PageSize, Range};
pub use read::{Content, Download};
pub use record::{Kind, Stage};
pub use reference::{ArtifactRef, FileName, RawName};
pub use session::Session;
pub use store::{Limits, Store};
pub use tenant::{ApiKey, ApiKeySecret, Caller, Tenant};
pub use upload::Upload;
pub use validate::Violations;
