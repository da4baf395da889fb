//! The conditions of a commit beyond its own content: the inputs, the quota, and the latest version of the file.

use futures_util::join;
use tokio_postgres::{Row, types::ToSql};

use super::{
    new::{NewArtifact, Outcome},
    statements::Statements,
};
use crate::{
    meta::{artifact_row, connection::Connection, error::PgError, row::each},
    model::{artifact::Artifact, error::Result, id::ids_of, spec::OnDuplicate, text::text_of},
};

/// The inputs that are not visible.
pub(super) async fn missing_inputs(
    client: &Connection,
    statements: &Statements,
    new: &NewArtifact,
) -> Result<Vec<String>, PgError> {
    if new.spec.inputs.is_empty() {
        return Ok(Vec::new());
    }
    let inputs = ids_of(&new.spec.inputs);
    // An unpublished artifact may have unpublished inputs of its session.
    let beside = Some(text_of(&new.spec.session_id)).filter(|_| new.spec.unpublished);
    let rows = client
        .query(
            &statements.missing_inputs,
            &[&new.tenant.0, &inputs, &beside],
        )
        .await?;
    Ok(each(&rows, 0)?)
}

/// Locks the filename for a conditional commit, and reads its latest visible version: until the end of the transaction
/// no other one can add a version.
pub(super) async fn current_version(
    client: &Connection,
    statements: &Statements,
    new: &NewArtifact,
) -> Result<Option<Row>, PgError> {
    let spec = &new.spec;
    if !spec.is_conditional() {
        return Ok(None);
    }
    let tenant = &new.tenant.0;
    let (filename, session) = (spec.filename.as_str(), text_of(&spec.session_id));
    let (user, namespace) = (text_of(&spec.user_id), text_of(&spec.namespace));
    let name: [&(dyn ToSql + Sync); 5] = [tenant, &filename, &session, &user, &namespace];
    let (claimed, current) = join!(
        client.execute(&statements.claim_name, &name),
        client.query_opt(&statements.current, &name),
    );
    claimed?;
    current
}

/// Assigns the file's next version. This comes before the object: a transaction that stores the same new content waits
/// there, and must not hold a filename that the other one still needs.
pub(super) async fn take_version(
    client: &Connection,
    statements: &Statements,
    new: &NewArtifact,
) -> Result<(), PgError> {
    let spec = &new.spec;
    if spec.unpublished {
        return Ok(());
    }
    let (filename, session) = (spec.filename.as_str(), text_of(&spec.session_id));
    let (user, namespace) = (text_of(&spec.user_id), text_of(&spec.namespace));
    client
        .execute(
            &statements.take_version,
            &[&new.tenant.0, &filename, &session, &user, &namespace],
        )
        .await?;
    Ok(())
}

/// Compares the latest version with the caller's conditions.
pub(super) fn hold_against(new: &NewArtifact, current: Option<Row>) -> Result<Option<Outcome>> {
    if !new.spec.is_conditional() {
        return Ok(None);
    }
    let current = current.as_ref().map(artifact_row::read).transpose()?;
    let version = current.as_ref().map_or(0, |current| current.version);
    if new
        .spec
        .if_version
        .is_some_and(|expected| expected != version)
    {
        return Ok(Some(Outcome::Conflict(current.map(Box::new))));
    }
    let is_same =
        |current: &Artifact| current.content_hash == new.hash && current.size_bytes == new.size;
    Ok(match (new.spec.on_duplicate, current) {
        (OnDuplicate::ReturnExisting, Some(current)) if is_same(&current) => {
            Some(Outcome::Existing(Box::new(current)))
        }
        _ => None,
    })
}
