//! The JSON form of the API: the same names and types in the answers of HTTP, in `cairn --json` and in what clients print.
//!
//! The messages of `proto/cairn/v1` say what each field means. In JSON a field that has no value is `null` and never
//! missing, times are RFC 3339 in UTC with a Z, and enumerations are lower-case words. A value of an enumeration that this
//! build does not know is `null`.

mod access;
mod artifact;
mod audit;
mod change;
mod error;
mod event;
mod identity;
mod job;
mod limit;
mod lineage;
mod link;
mod page;
mod read;
mod session;
mod todo;
mod url;
mod value;

pub use access::{ApiKey, Narrowing, NewToken, Workload, scopes};
pub use artifact::Artifact;
pub use audit::{AuditLine, OcsfEvent};
pub use change::{DeletedArtifact, StageChange, Staged};
pub use error::{Error, ErrorBody, Violation};
pub use event::{Event, EventArtifact};
pub use identity::{Identity, UsageRow};
pub use job::Job;
pub use limit::{Limit, LimitState, limit_kind};
pub use lineage::{Derivation, Lineage, LineageArtifact};
pub use link::Link;
pub use page::Page;
pub use read::{
    BytesRead, Difference, Edited, FilesFound, FoundFile, FoundLine, LinesFound, LinesRead,
    Preview, TextLine,
};
pub use session::{PublishedArtifact, SealedSession, Session};
pub use todo::Todo;
pub use url::DownloadUrl;
pub use value::{
    artifact_state, duration, job_state, job_type, kind, present, stage, timestamp, todo_state,
};
