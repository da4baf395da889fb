//! Jobs: work that is too large for one call.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    access::{Narrowing, Scope},
    error::{Error, Result},
    id::JobId,
    record::Stage,
    tenant::Credential,
    validate::excerpt,
};

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Deletes the artifacts that match.
    DeleteArtifacts,
    /// Moves the artifacts that match to a stage.
    SetStage {
        /// Where to.
        stage: Stage,
        /// The agent that requested it; may be empty.
        agent_id: String,
    },
    /// Deletes what a session contains, except persistent and held artifacts.
    DeleteSession {
        /// Which.
        session_id: String,
    },
    /// Puts the artifacts that match under a legal hold, or releases it.
    SetLegalHold {
        /// True: put them under a hold. False: release it.
        hold: bool,
    },
}

impl Task {
    /// What its caller needs, to start it or to end it.
    pub(crate) fn scope(&self) -> Scope {
        match self {
            Self::DeleteArtifacts | Self::DeleteSession { .. } => Scope::Delete,
            Self::SetStage { .. } => Scope::Write,
            Self::SetLegalHold { .. } => Scope::Hold,
        }
    }

    /// Whether it skips held artifacts.
    pub(crate) fn deletes(&self) -> bool {
        matches!(self, Self::DeleteArtifacts | Self::DeleteSession { .. })
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum JobState {
    /// It has work to do.
    Running,
    /// It has done all of it.
    Succeeded,
    /// It was cancelled.
    Cancelled,
    /// A batch failed too often.
    Failed,
}

impl JobState {
    /// Its name in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// Work that the store continues by itself.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its identifier.
    pub id: JobId,
    /// What it does.
    pub task: Task,
    /// How far it is.
    pub state: JobState,
    /// The narrowing of the caller that started it.
    pub(crate) narrowing: Narrowing,
    /// The filter of its artifacts, as given.
    pub filter: String,
    /// How many artifacts it has processed.
    pub done_count: u64,
    /// The sum of their sizes in bytes.
    pub size_bytes: u64,
    /// How many it skipped because they are held.
    pub held_count: u64,
    /// How many artifacts it had to process when it began; `MAX_COUNT` and one if not all were counted.
    pub estimated_count: u64,
    /// When it was requested. Artifacts that were created since are ignored.
    pub created_at: Timestamp,
    /// When it last made progress.
    pub updated_at: Timestamp,
    /// When it ended, if it has.
    pub finished_at: Option<Timestamp>,
    /// The credential that requested it.
    pub credential: Credential,
    /// Why its last batch failed; empty if it did not.
    pub last_error: String,
}

impl Job {
    /// The maximum number of artifacts that are counted beforehand.
    pub(crate) const MAX_COUNT: usize = 10_000;

    /// Its approximate size in an answer, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let agent = match &self.task {
            Task::DeleteArtifacts | Task::SetLegalHold { .. } => 0,
            Task::SetStage { agent_id, .. } => agent_id.len(),
            Task::DeleteSession { session_id } => session_id.len(),
        };
        self.filter.len() + self.last_error.len() + self.credential.workload().len() + agent + 256
    }
}

/// The result of a call about any number of artifacts.
#[derive(Debug, Clone)]
pub enum Bulk<T> {
    /// There were few, and the call is done.
    Done(T),
    /// There are many, and a job does it.
    Started(Box<Job>),
}

impl<T: Serialize + DeserializeOwned> Bulk<T> {
    /// The JSON that an idempotency key stores as the result.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Done(done) => json!(done),
            Self::Started(job) => json!({"job_id": job.id.as_str()}),
        }
    }
}

pub(crate) fn job_id(text: &str) -> Result<JobId> {
    text.parse().map_err(|_| Error::JobNotFound(excerpt(text)))
}
