//! Signs the URLs to which strangers put the parts of an upload, straight into S3.
//!
//! The holder of a URL writes one part of a multipart upload that this server alone can combine. Nothing of it counts
//! before a finish has combined the parts and read what they have become.

use std::time::Duration;

use jiff::Timestamp;

use super::known::{not_open, shown};
use crate::{
    blob::unavailable,
    meta::uploads as rows,
    model::{
        audit::Deed,
        error::{Error, Result},
        id::{ArtifactId, UploadId},
        open_upload::{OpenUpload, UploadState},
        spec::RawSpec,
        tenant::Caller,
        validate::Violations,
    },
    store::{Store, upload::part_size_for},
};

/// How many parts are signed at once, unless a caller says so, and at most.
const PARTS: i32 = 50;
const MOST_PARTS: i32 = 200;
/// How long the URLs of parts work, unless a caller says so, and at most.
const LIFE: Duration = Duration::from_secs(3600);
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// How long an upload of one part stays open after the end of its URL, for a late byte and for the call that completes it.
const AFTER_URL: Duration = Duration::from_secs(3600);

/// Which parts are to be signed, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct PartsWanted {
    first: u64,
    count: u64,
    life: Duration,
}

impl PartsWanted {
    /// Checks what a caller gave; 0 and `None`: the default.
    ///
    /// # Errors
    /// `Invalid`, with the fields at fault.
    pub fn new(first: i32, count: i32, life: Option<Duration>) -> Result<Self> {
        let mut faults = Violations::new();
        let first = if first == 0 { 1 } else { first };
        let first = u64::try_from(first).map_err(|_| "must be 0 or more");
        let first = faults.check("first_part", first);
        let count = if count == 0 { PARTS } else { count };
        let count = match count {
            1..=MOST_PARTS => Ok(count.unsigned_abs().into()),
            _ => Err("must be 0 to 200"),
        };
        let count = faults.check("part_count", count);
        let life = life.unwrap_or(LIFE);
        let life = match (Duration::from_secs(1)..=LONGEST).contains(&life) {
            true => Ok(life),
            false => Err("must be 1 second to 12 hours"),
        };
        let life = faults.check("expires_in", life);
        let wanted = first.zip(count).zip(life);
        faults.finish(wanted.map(|((first, count), life)| Self { first, count, life }))
    }

    /// The only part of a content that is put as a whole.
    fn only(life: Duration) -> Self {
        Self {
            first: 1,
            count: 1,
            life,
        }
    }
}

/// The parts of an upload, and their URLs.
#[derive(Debug, Clone)]
pub struct PresignedParts {
    /// The upload.
    pub upload: OpenUpload,
    /// Those that were asked for, in order.
    pub parts: Vec<PresignedPart>,
    /// How many the content has.
    pub total: u64,
    /// How long the URLs work from now on.
    pub life: Duration,
    /// The end of that.
    pub expires_at: Timestamp,
}

/// A part, and its URL.
#[derive(Debug, Clone)]
pub struct PresignedPart {
    /// Its number, from 1 on.
    pub number: i32,
    /// Where it begins in the content.
    pub offset: u64,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// The URL.
    pub url: String,
}

impl Store {
    /// Signs the URLs of some parts of an upload, which from then on takes its content in no other way.
    ///
    /// # Errors
    /// `OpenUploadNotFound`, `UploadExpired`; `UploadTakenOver` for one that is being finished; `Invalid` for one whose
    /// size is not declared or that was written to; `PresignUnsupported`; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn presign_upload_parts(
        &self,
        caller: &Caller,
        id: &str,
        wanted: PartsWanted,
    ) -> Result<PresignedParts> {
        let (row, _) = self.known_upload(caller, id).await?;
        let invalid = |rule| Error::invalid("upload_id", rule);
        let size = row.declared.filter(|size| *size > 0);
        let size = size.ok_or_else(|| {
            invalid("must be of an upload that declares a size_bytes of 1 or more")
        })?;
        let (part, window) = (part_size_for(size) as u64, self.times.upload_window);
        self.presign(caller, &row.id, part, window, wanted).await
    }

    /// Opens an upload of one part, which is put as a whole to the returned URL; also returns how long that works. The
    /// upload ends an hour after it unless it is finished.
    ///
    /// # Errors
    /// As `start_upload`, and `PresignUnsupported`.
    #[tracing::instrument(skip_all)]
    pub async fn presign_upload(
        &self,
        caller: &Caller,
        spec: RawSpec,
        life: Duration,
    ) -> Result<(ArtifactId, PresignedPart, Duration)> {
        let window = self.times.upload_window.min(life + AFTER_URL);
        let row = self.open_upload(caller, spec, window).await?;
        let size = row.declared.unwrap_or(0);
        let signed = self.presign(caller, &row.id, size, window, PartsWanted::only(life));
        let PresignedParts {
            mut parts, life, ..
        } = signed.await?;
        let part = parts.pop();
        let part = part.ok_or_else(|| Error::internal("an upload of one part has none"))?;
        Ok((row.artifact, part, life))
    }

    /// Whether `presign_upload` is possible and worth it: content of so many bytes lies in an S3 that callers can reach.
    #[must_use]
    pub fn presigns(&self, size: u64) -> bool {
        self.blobs.signer().is_some() && size > self.limits().inline_bytes as u64
    }

    async fn presign(
        &self,
        caller: &Caller,
        id: &UploadId,
        part_bytes: u64,
        window: Duration,
        wanted: PartsWanted,
    ) -> Result<PresignedParts> {
        let signer = self.blobs.signer().ok_or(Error::PresignUnsupported)?;
        let signing = signer.begin().await.map_err(unavailable)?;
        let resource = format!("upload {}", id.as_str());
        let deed = Deed::done(caller, "PresignUploadParts", &resource);
        let client = self.meta.client().await?;
        let settled = rows::presign(&client, id, part_bytes, window, &deed).await?;
        drop(client);
        let Some(row) = settled else {
            let (row, _) = self.known_upload(caller, id.as_str()).await?;
            return Err(match shown(&row).state {
                UploadState::Open => Error::invalid(
                    "upload_id",
                    "must be of an upload that was never written to or finished: go on with WriteUpload",
                ),
                _ => not_open(&row),
            });
        };
        let upload = shown(&row);
        let multipart = self.multipart_of(caller, row.object, row.multipart_id.clone());
        let multipart = multipart.await?;
        let (size, part) = (
            row.declared.unwrap_or(0),
            row.presigned_part.unwrap_or(part_bytes),
        );
        let total = size.div_ceil(part);
        let life = signing.lasting(wanted.life);
        let (life, expires_at) = Self::lasting(caller, life, row.expires_at);
        let mut parts = Vec::new();
        for number in (wanted.first..=total).take(usize::try_from(wanted.count).unwrap_or(0)) {
            let offset = (number - 1) * part;
            let size_bytes = part.min(size - offset);
            let number = i32::try_from(number).map_err(|e| Error::Internal(e.into()))?;
            let url = signing.part(&multipart, number, size_bytes, life);
            parts.push(PresignedPart {
                number,
                offset,
                size_bytes,
                url: url.await.map_err(unavailable)?,
            });
        }
        Ok(PresignedParts {
            upload,
            parts,
            total,
            life,
            expires_at,
        })
    }
}
