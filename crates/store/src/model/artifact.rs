//! The artifact, and how it came to be.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    digest::ContentHash,
    id::ArtifactId,
    record::{Kind, Stage},
};

/// One immutable version of one named file, with the context in which it was made.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its identifier.
    pub id: ArtifactId,
    /// As it was given.
    pub filename: String,
    /// 1, 2, 3 … for each filename within its scope; 0 while it is unpublished.
    pub version: i64,
    /// As given or guessed.
    pub content_type: String,
    /// Length of the content in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the content, computed here.
    pub content_hash: ContentHash,
    /// The run that made it.
    pub session_id: Option<String>,
    /// The application's name; may be empty.
    pub namespace: String,
    /// Whose file it is; may be empty.
    pub user_id: String,
    /// Who made it; may be empty.
    pub agent_id: String,
    /// The caller's own pairs.
    pub metadata: Vec<(String, String)>,
    /// When it expires, if ever; while it is unpublished, when it is discarded.
    pub expires_at: Option<Timestamp>,
    /// When it was committed, by the database's clock.
    pub created_at: Timestamp,
    /// For people; may be empty.
    pub title: String,
    /// What it is for.
    pub kind: Kind,
    /// The programming or human language of the content; may be empty.
    pub language: String,
    /// What this version changed; may be empty.
    pub change_summary: String,
    /// How far it has come.
    pub stage: Stage,
    /// Projects, sprints and the like, in alphabetical order.
    pub labels: Vec<String>,
    /// The ids of the artifacts that it was made from.
    pub inputs: Vec<String>,
    /// Counts the changes of this record.
    pub revision: i64,
    /// When the record last changed.
    pub updated_at: Timestamp,
    /// Whether it is under a legal hold, of its own or of its session.
    pub legal_hold: bool,
    /// Whether it stays when its session is deleted.
    pub persistent: bool,
}

impl Artifact {
    /// Its approximate size in an answer, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let texts = [
            &self.filename,
            &self.content_type,
            &self.namespace,
            &self.user_id,
            &self.agent_id,
            &self.title,
            &self.language,
            &self.change_summary,
        ];
        let session = self.session_id.as_ref().map_or(0, String::len);
        let texts: usize = texts.into_iter().map(String::len).sum();
        let pairs: usize = self
            .metadata
            .iter()
            .map(|(k, v)| k.len() + v.len() + 8)
            .sum();
        let lists = self.labels.iter().chain(&self.inputs);
        let lists: usize = lists.map(|text| text.len() + 3).sum();
        texts + session + pairs + lists + 256
    }

    /// Changes with every change of the record.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("r{}", self.revision)
    }
}

/// The answer to a request to create an artifact.
#[derive(Debug, Clone)]
pub struct Created {
    /// The artifact.
    pub artifact: Artifact,
    /// How it came to be.
    pub origin: Origin,
    /// Its current state: a repeated answer may be about an artifact that is gone.
    pub state: State,
}

/// Whether an artifact can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can.
    Visible,
    /// It has expired.
    Expired,
    /// It was deleted.
    Deleted,
    /// It waits for `commit_session`.
    Unpublished,
}

/// How a requested artifact was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Created, with its own bytes.
    New,
    /// Created, with bytes that the tenant already had.
    Deduplicated,
    /// It existed: the latest version of its file, with the same content.
    Existing,
}
