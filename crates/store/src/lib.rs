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
    access::{Grant, Narrowing, RawNarrowing, Scope, Scopes},
    api_key::{ApiKey, ApiKeySecret, NewApiKey},
    archive::MOST_FILES,
    artifact::{Artifact, Created, Origin, State},
    audit::{Actor, ActorKind, AuditLine, AuditQuery, AuditedReads, Deed},
    byte_count::ByteCount,
    call_origin::CallOrigin,
    change::{Deleted, Published, StageChange},
    declared::Declared,
    deployment::{Deployment, DeploymentStatus, Pause},
    digest::ContentHash,
    erasure::Erasure,
    error::{Error, Numbers, Result, Violation, describe},
    event::{Event, EventBatch, EventKind, Subject, WatchStart, Watched},
    filter,
    id::{ArtifactId, JobId, LinkId, TodoId, UploadId},
    idempotency::IdempotencyKey,
    job::{Bulk, Job, JobState, Task},
    limit::{CountReached, LimitKind, LimitReached},
    lineage::{Derivation, Direction, Relative},
    link::{
        LINK_LOCK, Link, LinkPolicy, LinkPolicyUpdate, LinkTarget, LinksOf, NewLink, SessionFolder,
    },
    link_password::LinkPassword,
    list::{ArtifactList, Entry, Order, RawFilter, RawOrder},
    manifest::{ManifestEntry, manifest_digest},
    open_upload::{OpenUpload, UploadState},
    page::{Page, PageSize, Range},
    plan::{LimitChanges, Plan, PlanLimits},
    quota::{Fullness, Limit, Quota, QuotaExceeded},
    reads::{
        budget::{ReadBudget, ReadStop},
        diff::TextDifference,
        edit::Change,
        grep::{GrepLine, GrepWanted, RawGrep},
        lines::LinesWanted,
        pattern::Pattern,
        preview::{Description, PreviewFormat, table::Table, text_of},
        text_line::TextLine,
    },
    record::{Kind, Stage},
    reference::{ArtifactRef, FileName, RawName},
    retention::RetentionPolicy,
    selection::{RawSelection, Selection},
    session::{RawSessionFilter, Session, SessionFilter, SessionUpdate},
    span::HumanDuration,
    spec::{ArtifactSpec, Expiry, OnDuplicate, RawSpec},
    tenant::{Caller, Credential, Tenant, TenantUpdate, TenantUsage, Workload},
    ticket::{Permission, Presentation},
    todo::{NewTodo, PlanVersion, RawTodoFilter, Todo, TodoFilter, TodoState, TodoUpdate},
    update::{ArtifactUpdate, RawUpdate},
    usage::{Counts, DayOfCalls, Miscount, Usage},
    usage_days::{Made, Part, UsageQuery},
    validate::Violations,
};
pub use store::{
    Limits, Store,
    archive::{Archive, ArchiveContent},
    copy::RawContent,
    delete::BulkDeleted,
    hold::HoldsSet,
    lineage::Lineage,
    links::{Followed, FollowedLink},
    open_upload::{Finish, PartsWanted, PresignedPart, PresignedParts, UploadWriter},
    publish::ToPublish,
    read::{Content, Download},
    reads::{
        bytes::ReadBytes,
        diff::Difference,
        edit::{Edited, RawEdit},
        grep::GrepFound,
        lines::ReadLines,
        preview::{Preview, described},
        session::{FileFound, SessionFound},
    },
    restore::Restored,
    shared::{SharedHeading, SharedSession},
    stage::Staged,
    tickets::{DownloadUrl, SignedDownload, SignedTicket},
    todos::PlansRead,
    upload::{Upload, UploadEnd},
    watch::Watch,
    watch_sessions::SessionsWatch,
};
