//! The fields of an artifact that a caller wants.

use cairn_proto::v1::Artifact;
use cairn_store::{Error, Result};
use prost_types::FieldMask;

/// A read mask: some of the fields of Artifact, or all of them.
pub(super) struct Mask(Option<Vec<String>>);

impl Mask {
    /// Checks a mask; none, and one without paths, means all fields.
    ///
    /// # Errors
    /// `Invalid`, for a path that names no field.
    pub(super) fn new(mask: Option<FieldMask>) -> Result<Self> {
        let paths = mask.unwrap_or_default().paths;
        if paths.len() > FIELDS.len() {
            let rule = format!("must name at most {} fields", FIELDS.len());
            return Err(Error::invalid("read_mask", rule));
        }
        if let Some(unknown) = paths.iter().find(|path| !FIELDS.contains(&path.as_str())) {
            let unknown: String = unknown.chars().take(64).collect();
            let rule = format!("'{unknown}' is no field of Artifact that a mask may name");
            return Err(Error::invalid("read_mask", rule));
        }
        Ok(Self(Some(paths).filter(|paths| !paths.is_empty())))
    }

    /// The artifact with the wanted fields.
    pub(super) fn of(&self, from: Artifact) -> Artifact {
        let Some(paths) = &self.0 else {
            return from;
        };
        let wants = |field: &str| paths.iter().any(|path| path == field);
        Artifact {
            artifact_id: only(wants("artifact_id"), from.artifact_id),
            filename: only(wants("filename"), from.filename),
            version: only(wants("version"), from.version),
            content_type: only(wants("content_type"), from.content_type),
            size_bytes: only(wants("size_bytes"), from.size_bytes),
            content_hash: only(wants("content_hash"), from.content_hash),
            session_id: only(wants("session_id"), from.session_id),
            namespace: only(wants("namespace"), from.namespace),
            user_id: only(wants("user_id"), from.user_id),
            agent_id: only(wants("agent_id"), from.agent_id),
            metadata: only(wants("metadata"), from.metadata),
            expires_at: only(wants("expires_at"), from.expires_at),
            created_at: only(wants("created_at"), from.created_at),
            title: only(wants("title"), from.title),
            kind: only(wants("kind"), from.kind),
            language: only(wants("language"), from.language),
            change_summary: only(wants("change_summary"), from.change_summary),
            stage: only(wants("stage"), from.stage),
            labels: only(wants("labels"), from.labels),
            inputs: only(wants("inputs"), from.inputs),
            etag: only(wants("etag"), from.etag),
            updated_at: only(wants("updated_at"), from.updated_at),
            state: only(wants("state"), from.state),
            legal_hold: only(wants("legal_hold"), from.legal_hold),
            persistent: only(wants("persistent"), from.persistent),
            // Only the answer to a create has these.
            deduplicated: false,
            existing: false,
        }
    }
}

fn only<T: Default>(wanted: bool, value: T) -> T {
    if wanted { value } else { T::default() }
}

/// The fields that a mask may name.
const FIELDS: [&str; 25] = [
    "artifact_id",
    "filename",
    "version",
    "content_type",
    "size_bytes",
    "content_hash",
    "session_id",
    "namespace",
    "user_id",
    "agent_id",
    "metadata",
    "expires_at",
    "created_at",
    "title",
    "kind",
    "language",
    "change_summary",
    "stage",
    "labels",
    "inputs",
    "etag",
    "updated_at",
    "state",
    "legal_hold",
    "persistent",
];
