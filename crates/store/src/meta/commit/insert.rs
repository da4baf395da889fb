//! The row of a new artifact.

use tokio_postgres::{
    Row,
    types::{Json, ToSql},
};
use uuid::Uuid;

use super::{new::NewArtifact, statements::Statements};
use crate::{
    meta::{connection::Connection, error::PgError, time::millis},
    model::{id::ids_of, text::text_of},
};

/// Writes the row of an artifact, published or unpublished.
pub(super) async fn insert_artifact(
    client: &Connection,
    statements: &Statements,
    new: &NewArtifact,
    object: &Uuid,
) -> Result<Row, PgError> {
    let spec = &new.spec;
    let inputs = ids_of(&spec.inputs);
    let record: &[&(dyn ToSql + Sync)] = &[
        &new.tenant.0,
        &new.id.as_str(),
        &text_of(&spec.session_id),
        &text_of(&spec.namespace),
        &text_of(&spec.user_id),
        &text_of(&spec.agent_id),
        &spec.filename.as_str(),
        &new.content_type.as_str(),
        &i64::try_from(new.size).unwrap_or(i64::MAX),
        &new.hash.as_bytes(),
        &Json(spec.metadata.pairs()),
        object,
        &new.ttl.map(millis),
        &spec.title.as_str(),
        &spec.kind.as_str(),
        &spec.language.as_str(),
        &spec.change_summary.as_str(),
        &spec.stage.as_str(),
        &spec.labels,
        &inputs,
        &spec.persistent,
    ];
    let actor = Json(&new.actor);
    let mut record = record.to_vec();
    record.push(&actor);
    if !spec.unpublished {
        return client.query_one(&statements.insert_artifact, &record).await;
    }
    let window = millis(new.unpublished_window);
    record.extend([&spec.if_version as &(dyn ToSql + Sync), &window]);
    client.query_one(&statements.insert_pending, &record).await
}
