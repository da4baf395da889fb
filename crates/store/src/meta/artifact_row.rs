//! The row of an artifact: the one list of its columns, how they are read, and what makes it visible.

use std::fmt;

use jiff::Timestamp;
use tokio_postgres::{Row, types::FromSql};

use super::row::{self, Column, Damage, at, count};
use crate::model::{
    artifact::{Artifact, State},
    error::{Error, Result},
    id::ArtifactId,
    reference::FileName,
    text::text_of,
};

/// The columns that a new artifact brings with it, in `artifacts` and in `pending_artifacts`. Every statement that inserts
/// or moves a row has them in this order, before its own columns.
pub(super) const STORED: [&str; 19] = [
    "id",
    "session_id",
    "namespace",
    "user_id",
    "agent_id",
    "filename",
    "content_type",
    "size_bytes",
    "sha256",
    "metadata",
    "object_id",
    "title",
    "kind",
    "language",
    "change_summary",
    "stage",
    "labels",
    "inputs",
    "persistent",
];

/// What the other columns of an artifact are, by name: of a row `a` of `artifacts`, and of one of `pending_artifacts`.
const OTHERS: [(&str, &str, &str); 6] = [
    ("version", "a.version", "0::bigint"),
    ("expires_at", "a.expires_at", "a.discard_at"),
    ("created_at", "a.created_at", "a.created_at"),
    ("revision", "a.revision", "1::bigint"),
    ("updated_at", "a.updated_at", "a.created_at"),
    ("legal_hold", "a.held OR a.session_held", "false"),
];

/// The columns that `read` reads, as a statement selects them.
pub(super) enum Columns {
    Published,
    Pending,
}

/// The columns of a row `a` of `artifacts`.
pub(super) const COLUMNS: Columns = Columns::Published;
/// The columns of a row `a` of `pending_artifacts`.
pub(super) const PENDING_COLUMNS: Columns = Columns::Pending;

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&stored("a."))?;
        for (name, published, pending) in OTHERS {
            let expression = match self {
                Self::Published => published,
                Self::Pending => pending,
            };
            write!(f, ", {expression} AS {name}")?;
        }
        Ok(())
    }
}

/// The stored columns, each with this before it.
pub(super) fn stored(before: &str) -> String {
    STORED.map(|name| format!("{before}{name}")).join(", ")
}

/// What makes an artifact `a` visible. It expires at its second, whether or not the collector has run.
pub(super) const VISIBLE: &str = "a.state = 'live' \
     AND (a.expires_at IS NULL OR a.expires_at > now() OR a.held OR a.session_held)";

/// `VISIBLE` of another alias.
pub(super) fn visible_as(alias: &str) -> String {
    VISIBLE.replace("a.", &format!("{alias}."))
}

/// The rows `a` of one file: its scope from parameter $2 on, as `name_parameters` gives it.
pub(super) const NAMED: &str = "a.tenant_id = $1 AND a.filename COLLATE \"C\" = $2 AND coalesce(a.session_id, '') = $3 \
     AND a.user_id = $4 AND a.namespace = $5";

/// The parameters of `NAMED`, from $2 on.
pub(super) fn name_parameters(name: &FileName) -> [&str; 4] {
    [
        name.filename.as_str(),
        text_of(&name.session_id),
        text_of(&name.user_id),
        text_of(&name.namespace),
    ]
}

/// Reads an artifact from a row that has `COLUMNS` or `PENDING_COLUMNS`.
///
/// # Errors
/// `RecordDamaged`.
pub(super) fn read(row: &Row) -> Result<Artifact> {
    row::read(row, "artifact", "id", |row| {
        let metadata: serde_json::Value = at(row, "metadata")?;
        let pairs = metadata.as_object().ok_or(Damage::Malformed("metadata"))?;
        let named = |column| at::<&str>(row, column);
        Ok(Artifact {
            id: (named("id")?.parse()).map_err(|_| Damage::Malformed("id"))?,
            filename: at(row, "filename")?,
            version: at(row, "version")?,
            content_type: at(row, "content_type")?,
            size_bytes: count(row, "size_bytes")?,
            content_hash: (at::<&[u8]>(row, "sha256")?.try_into())
                .map_err(|_| Damage::Malformed("sha256"))?,
            session_id: at(row, "session_id")?,
            namespace: at(row, "namespace")?,
            user_id: at(row, "user_id")?,
            agent_id: at(row, "agent_id")?,
            metadata: pairs
                .iter()
                .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()))
                .collect(),
            expires_at: at(row, "expires_at")?,
            created_at: at(row, "created_at")?,
            title: at(row, "title")?,
            kind: (named("kind")?.parse()).map_err(|_| Damage::Malformed("kind"))?,
            language: at(row, "language")?,
            change_summary: at(row, "change_summary")?,
            stage: (named("stage")?.parse()).map_err(|_| Damage::Malformed("stage"))?,
            labels: at(row, "labels")?,
            inputs: at(row, "inputs")?,
            revision: at(row, "revision")?,
            updated_at: at(row, "updated_at")?,
            legal_hold: at(row, "legal_hold")?,
            persistent: at(row, "persistent")?,
        })
    })
}

/// A column of an artifact's row.
///
/// # Errors
/// `RecordDamaged`.
pub(super) fn column<'a, T: FromSql<'a>>(row: &'a Row, column: impl Column) -> Result<T> {
    let id = at(row, "id").unwrap_or("unknown");
    row::of("artifact", id, at(row, column))
}

/// An artifact's id, which is never malformed.
///
/// # Errors
/// `Internal`.
pub(super) fn artifact_id(id: &str) -> Result<ArtifactId> {
    id.parse()
        .map_err(|_| Error::internal("an artifact's row has a malformed id"))
}

/// The artifact of a row of `COLUMNS`, `VISIBLE AS visible` and `deleted_at`. A row that the expiry pass deleted counts as
/// expired: a caller can only delete what has not expired.
///
/// # Errors
/// `ArtifactExpired`, `ArtifactDeleted`, `RecordDamaged`.
pub(super) fn visible(row: &Row) -> Result<Artifact> {
    let artifact = read(row)?;
    if column(row, "visible")? {
        return Ok(artifact);
    }
    let deleted_at: Option<Timestamp> = column(row, "deleted_at")?;
    let id = artifact.id.to_string();
    Err(match (artifact.expires_at, deleted_at) {
        (Some(expires_at), None) => Error::ArtifactExpired { id, expires_at },
        (Some(expires_at), Some(deleted_at)) if deleted_at >= expires_at => {
            Error::ArtifactExpired { id, expires_at }
        }
        (_, Some(deleted_at)) => Error::ArtifactDeleted { id, deleted_at },
        (None, None) => Error::internal("an artifact is neither visible, expired nor deleted"),
    })
}

/// An artifact and its state, of a row of `COLUMNS`, `visible`, which is NULL for an unpublished one, and `deleted_at`.
///
/// # Errors
/// `RecordDamaged`.
pub(super) fn with_state(row: &Row) -> Result<(Artifact, State)> {
    if column::<Option<bool>>(row, "visible")?.is_none() {
        return Ok((read(row)?, State::Unpublished));
    }
    let state = match visible(row) {
        Ok(_) => State::Visible,
        Err(Error::ArtifactExpired { .. }) => State::Expired,
        Err(Error::ArtifactDeleted { .. }) => State::Deleted,
        Err(e) => return Err(e),
    };
    Ok((read(row)?, state))
}
