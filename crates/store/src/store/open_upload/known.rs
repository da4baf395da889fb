//! The rows of uploads, as their callers know them.

use std::time::Duration;

use crate::{
    meta::{
        connection::Connection,
        uploads::{self as rows, Kept, Progress, UploadRow},
    },
    model::{
        error::{Error, Result},
        id::{ArtifactId, UploadId},
        open_upload::{OpenUpload, UploadState, upload_id},
        spec::ArtifactSpec,
        tenant::Caller,
    },
    store::Store,
};

/// An upload, and who calls.
#[derive(Clone, Copy)]
pub(super) struct Under<'a> {
    pub(super) caller: &'a Caller,
    pub(super) row: &'a UploadRow,
}

/// How often a call checks at least that it still has its upload.
const CHECK: Duration = Duration::from_secs(10);

impl Store {
    /// After how long a call that works on an upload checks that it still has it, and renews its lease.
    pub(super) fn check_after(&self) -> Duration {
        CHECK.min(self.times.upload_window / 3)
    }

    /// The row of an upload within reach, and its spec.
    pub(super) async fn known_upload(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<(UploadRow, ArtifactSpec)> {
        let client = self.meta.client().await?;
        known(&client, caller, &upload_id(id)?).await
    }

    /// Records the progress of a call that has taken an upload, and returns one more number for a part.
    pub(super) async fn record(
        &self,
        under: &Under<'_>,
        fence: i64,
        progress: Progress<'_>,
        content_type: Option<&str>,
    ) -> Result<i32> {
        let (tenant, id) = (under.caller.tenant.id, &under.row.id);
        let client = self.meta.client().await?;
        let window = self.times.upload_window;
        let kept = rows::record(&client, tenant, id, fence, progress, content_type, window);
        match kept.await? {
            Kept::Done(number) => Ok(number),
            Kept::TakenOver => Err(Error::UploadTakenOver(id.to_string())),
            Kept::Ended => Err(ENDED),
        }
    }
}

pub(super) async fn known(
    client: &Connection,
    caller: &Caller,
    id: &UploadId,
) -> Result<(UploadRow, ArtifactSpec)> {
    let row = rows::find(client, caller.tenant.id, id).await?;
    let within = row.map(|row| within(caller, row)).transpose()?.flatten();
    within.ok_or_else(|| Error::OpenUploadNotFound(id.to_string()))
}

/// A row and its spec, if it is within the caller's reach.
pub(super) fn within(caller: &Caller, row: UploadRow) -> Result<Option<(UploadRow, ArtifactSpec)>> {
    let mut spec = ArtifactSpec::new(row.spec.clone())?;
    if caller.reach().may_create(&spec).is_err() {
        return Ok(None);
    }
    spec.id = Some(row.artifact.clone());
    Ok(Some((row, spec)))
}

pub(super) fn shown(row: &UploadRow) -> OpenUpload {
    let state = match (&row.made, row.reserved, row.finishing) {
        (Some(_), ..) => UploadState::Finished,
        (None, None, _) => UploadState::Ended,
        (None, Some(_), Some(_)) => UploadState::Finishing,
        (None, Some(_), None) => UploadState::Open,
    };
    OpenUpload {
        id: row.id.clone(),
        state,
        committed_bytes: row.committed(),
        size_bytes: row.declared,
        content_hash: row.spec.content_hash.clone(),
        filename: row.spec.filename.clone(),
        session_id: row.spec.session_id.clone(),
        created_at: row.created_at,
        expires_at: row.expires_at,
        presigned_part_bytes: row.presigned_part,
        artifact_id: row.made.as_ref().map(ArtifactId::to_string),
    }
}

/// Why a call could not take an upload, or lost it.
pub(super) fn not_open(row: &UploadRow) -> Error {
    let id = row.id.to_string();
    match shown(row).state {
        UploadState::Finished => Error::OpenUploadNotFound(id),
        UploadState::Ended => ENDED,
        UploadState::Open | UploadState::Finishing => Error::UploadTakenOver(id),
    }
}

pub(super) const ENDED: Error =
    Error::UploadExpired("it was aborted, or got no bytes for too long");
