//! What an artifact is and how it is kept: the rules, and the order of their effects.
//!
//! [`Store`] is the way in. It speaks to Postgres, where the records are, and to a blob store, where the bytes are, and
//! to no network face: errors, names and pages here know of no transport. The two meet in this crate alone, under the
//! protocol of docs/architecture.md, which never loses bytes that an artifact refers to.

mod blob;
pub mod config;
pub mod gc;
mod meta;
mod metrics;
mod model;
mod store;
mod trace;

pub use config::gc::GcConfig;
pub use model::{
    artifact::{Artifact, Created, Origin, State},
    byte_count::ByteCount,
    digest::ContentHash,
    error::{Error, Result, Violation, describe},
    filter,
    id::{ArtifactId, JobId, LinkId},
    idempotency::IdempotencyKey,
    page::{Page, PageSize, Range},
    record::{Kind, Stage},
    reference::{ArtifactRef, FileName, RawName},
    retention::Keeping,
    selection::{RawSelection, Selection},
    span::Span,
    spec::{ArtifactSpec, Expiry, OnDuplicate, RawSpec},
    validate::Violations,
};
pub use store::{
    Limits, Store,
    copy::RawContent,
    delete::{BulkDeleted, Deleted},
    deployment::{Deployment, Pause, Standing},
    hold::HoldsSet,
    jobs::{Bulk, Job, JobState, Task},
    lineage::{Derivation, Direction, Lineage, Relative},
    links::Link,
    list::{ArtifactList, Entry, Order, RawFilter, RawOrder},
    manifest::{ManifestEntry, manifest_digest},
    publish::{Published, ToPublish},
    quotas::{Fullness, Limit, Quota, QuotaExceeded},
    read::{Content, Download},
    restore::Restored,
    sessions::{Session, SessionFilter, SessionUpdate},
    stage::{StageChange, Staged},
    tenants::{
        ApiKey, ApiKeySecret, Caller, Credential, Tenant,
        limits::{TenantUpdate, TenantUsage},
    },
    update::{ArtifactUpdate, RawUpdate},
    upload::{Upload, UploadEnd},
    usage::{Miscount, Usage},
    watch::{Event, From as WatchFrom, Happening, Subject, Told, Watch},
    workloads::Workload,
};
