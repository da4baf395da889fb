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
        /// Who asked for it; may be empty.
        agent_id: String,
    },
    /// Deletes what a session holds, but for what stays, and what is held.
    DeleteSession {
        /// Which.
        session_id: String,
    },
    /// Puts the artifacts that match under a legal hold, or ends it.
    SetLegalHold {
        /// Whether they are to be held.
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

    /// Whether it leaves alone what is held.
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
    /// It was ended before its time.
    Cancelled,
    /// It met faults too often.
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

/// Work that the store goes on with by itself.
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
    /// Which artifacts it is about, as it was put.
    pub filter: String,
    /// How many artifacts it has dealt with.
    pub done_count: u64,
    /// The sum of their sizes in bytes.
    pub size_bytes: u64,
    /// How many it left alone because they are held.
    pub held_count: u64,
    /// How many there were to deal with when it began; `MAX_COUNT` and one when they were not all counted.
    pub estimated_count: u64,
    /// When it was asked for. What was created since is not meant.
    pub created_at: Timestamp,
    /// When it last made progress.
    pub updated_at: Timestamp,
    /// When it ended, if it has.
    pub finished_at: Option<Timestamp>,
    /// By what it was asked for.
    pub credential: Credential,
    /// Why its last batch failed; empty when it did not.
    pub last_error: String,
}

impl Job {
    /// The most artifacts that are counted beforehand.
    pub(crate) const MAX_COUNT: usize = 10_000;

    /// About how many bytes it has in an answer.
    pub(crate) fn weight(&self) -> usize {
        let agent = match &self.task {
            Task::DeleteArtifacts | Task::SetLegalHold { .. } => 0,
            Task::SetStage { agent_id, .. } => agent_id.len(),
            Task::DeleteSession { session_id } => session_id.len(),
        };
        self.filter.len() + self.last_error.len() + self.credential.workload().len() + agent + 256
    }
}

/// What came of a call about any number of artifacts.
#[derive(Debug, Clone)]
pub enum Bulk<T> {
    /// They were few, and it is done.
    Done(T),
    /// They are many, and it goes on.
    Started(Box<Job>),
}

impl<T: Serialize + DeserializeOwned> Bulk<T> {
    /// What a key stands for.
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
