//! What an artifact is and how it is kept: the rules, and the order of their effects.
//!
//! [`Store`] is the way in. It speaks to Postgres, where the records are, and to a blob store, where the bytes are, and
//! to no network face: errors, names and pages here know of no transport. The two meet in this crate alone, under the
//! protocol of docs/architecture.md, which never loses bytes that an artifact refers to.

mod artifact;
mod blob;
mod bytes;
pub mod config;
mod copy;
mod delete;
mod deployment;
mod digest;
mod error;
mod event;
pub mod filter;
pub mod gc;
mod hashing;
mod hold;
mod id;
mod idempotency;
mod job;
mod lineage;
mod link;
mod list;
mod manifest;
mod media;
mod meta;
mod metrics;
mod names;
mod page;
mod publish;
mod quota;
mod read;
mod record;
mod reference;
mod restore;
mod selection;
mod session;
mod span;
mod spec;
mod stable;
mod stage;
mod store;
mod tenant;
mod trace;
mod trust;
mod update;
mod upload;
mod usage;
mod validate;
mod workload;

pub use artifact::{Artifact, Created, Origin, State};
pub use bytes::ByteCount;
pub use copy::RawContent;
pub use delete::{BulkDeleted, Deleted};
pub use deployment::{Deployment, Pause, Standing};
pub use digest::ContentHash;
pub use error::{Error, Result, Violation, describe};
pub use event::{Event, From as WatchFrom, Happening, Subject, Told, Watch};
pub use hold::HoldsSet;
pub use id::{ArtifactId, JobId, LinkId};
pub use idempotency::IdempotencyKey;
pub use job::{Bulk, Job, JobState, Task};
pub use lineage::{Derivation, Direction, Lineage, Relative};
pub use link::Link;
pub use list::{ArtifactList, Entry, Order, RawFilter, RawOrder};
pub use manifest::{ManifestEntry, manifest_digest};
pub use page::{Page, PageSize, Range};
pub use publish::{Published, ToPublish};
pub use quota::{Fullness, Limit, Quota, QuotaExceeded};
pub use read::{Content, Download};
pub use record::{Kind, Stage};
pub use reference::{ArtifactRef, FileName, RawName};
pub use restore::Restored;
pub use selection::{RawSelection, Selection};
pub use session::{Session, SessionFilter, SessionUpdate};
pub use span::Span;
pub use spec::{ArtifactSpec, Expiry, OnDuplicate, RawSpec};
pub use stage::{StageChange, Staged};
pub use store::{Limits, Store};
pub use tenant::{
    ApiKey, ApiKeySecret, Caller, Credential, Tenant,
    keeping::Keeping,
    limits::{TenantUpdate, TenantUsage},
};
pub use update::{ArtifactUpdate, RawUpdate};
pub use upload::{Upload, UploadEnd};
pub use usage::{Miscount, Usage};
pub use validate::Violations;
pub use workload::Workload;
