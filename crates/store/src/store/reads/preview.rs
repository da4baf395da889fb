//! Describes a content, for a reader that has to decide what to read of it.

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use crate::{
    model::{
        artifact::Artifact,
        error::Result,
        reads::{
            budget::ReadBudget,
            preview::{
                Description, HEAD, NOTEBOOK, PreviewFormat, Seen, TAIL,
                archive::{
                    MOST_DIRECTORY, Member, TAR_HEADER, directory, listed, tar_member, zip_members,
                },
            },
        },
        reference::ArtifactRef,
        tenant::Caller,
    },
    store::{
        Store,
        read::{Download, slice},
        reads::{in_time::by, off_thread::off_thread},
    },
};

/// The most headers of a tar archive that are read: each may be a request to the blob store.
const MOST_HEADERS: usize = 64;

/// A content, described.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The artifact.
    pub artifact: Artifact,
    /// What it is.
    pub description: Description,
    /// How many lines it has, if that is known.
    pub total_lines: Option<u64>,
}

impl Store {
    /// Describes a visible artifact in at most the budget's bytes. It reads the beginning and the end of the content, and of
    /// an archive the directory.
    ///
    /// # Errors
    /// As `get_artifact`; `DataCorrupted`.
    #[tracing::instrument(skip_all)]
    pub async fn preview_artifact(
        &self,
        caller: &Caller,
        wanted: &ArtifactRef,
        budget: &ReadBudget,
    ) -> Result<Preview> {
        let download = self.open_for(caller, wanted, "PreviewArtifact").await?;
        let index = self.line_indexes.get(download.key());
        Ok(Preview {
            artifact: download.artifact().clone(),
            description: download.describe(budget.bytes_out).await?,
            total_lines: index.and_then(|index| index.total),
        })
    }
}

impl Download {
    /// Describes the content in at most `room` bytes. It reads the beginning and the end, and of an archive the directory.
    ///
    /// # Errors
    /// `DataCorrupted`; `Unavailable`, also when the time of a read is over.
    pub async fn describe(&self, room: usize) -> Result<Description> {
        let artifact = self.artifact();
        let described = Described {
            content_type: &artifact.content_type,
            filename: &artifact.filename,
            size: artifact.size_bytes,
            bytes: Source::Stored(self),
        };
        described.describe(room).await
    }
}

/// Describes a content that is in memory, in at most the budget's bytes, as a preview describes a stored one.
///
/// # Errors
/// `Internal`.
pub async fn described(
    content_type: &str,
    filename: &str,
    content: &Bytes,
    budget: &ReadBudget,
) -> Result<Description> {
    let described = Described {
        content_type,
        filename,
        size: content.len() as u64,
        bytes: Source::Held(content),
    };
    described.describe(budget.bytes_out).await
}

/// A content that is described.
struct Described<'a> {
    content_type: &'a str,
    filename: &'a str,
    size: u64,
    bytes: Source<'a>,
}

enum Source<'a> {
    Stored(&'a Download),
    Held(&'a Bytes),
}

impl Described<'_> {
    async fn describe(&self, room: usize) -> Result<Description> {
        let deadline = Instant::now() + ReadBudget::TIME;
        let size = self.size;
        let is_notebook = PreviewFormat::is_notebook(self.content_type, self.filename);
        let longest = match is_notebook && size <= NOTEBOOK {
            true => NOTEBOOK,
            false => HEAD,
        };
        let ends = async {
            let head = self.range(0, longest).await?;
            let tail = match size > head.len() as u64 {
                true => self.range(size.saturating_sub(TAIL), TAIL).await?,
                false => head.slice(head.len().saturating_sub(TAIL as usize)..),
            };
            Ok((head, tail))
        };
        let (head, tail) = by(deadline, ends).await?;
        let format = PreviewFormat::of(self.content_type, self.filename, &head);
        match format {
            PreviewFormat::Zip => by(deadline, self.of_zip(&tail, room)).await,
            PreviewFormat::Tar => self.of_tar(deadline, room).await,
            format => {
                let seen = Seen { size, head, tail };
                off_thread(move || seen.describe(format, room)).await
            }
        }
    }

    /// Some bytes of the content.
    async fn range(&self, offset: u64, length: u64) -> Result<Bytes> {
        match self.bytes {
            Source::Stored(download) => download.clone().look_at(offset, length).all().await,
            Source::Held(content) => Ok(slice(content, offset, offset.saturating_add(length))),
        }
    }

    async fn of_zip(&self, tail: &[u8], room: usize) -> Result<Description> {
        let Some(found) = directory(tail, self.size) else {
            let words = "a ZIP archive, whose members cannot be listed".to_owned();
            return Ok(Description::of(PreviewFormat::Zip, words));
        };
        let length = found.length.min(MOST_DIRECTORY);
        let directory = self.range(found.offset, length).await?;
        off_thread(move || {
            let members = zip_members(&directory);
            let text = listed(&members, Some(found.members), room);
            Description::of(PreviewFormat::Zip, text)
        })
        .await
    }

    /// Lists the members whose headers are read before the deadline.
    async fn of_tar(&self, deadline: Instant, room: usize) -> Result<Description> {
        let (mut at, mut members) = (0_u64, Vec::<Member>::new());
        while members.len() < MOST_HEADERS {
            let Ok(header) = timeout_at(deadline, self.range(at, TAR_HEADER)).await else {
                break;
            };
            let Some(member) = tar_member(&header?) else {
                break;
            };
            let padded = member.size.div_ceil(TAR_HEADER).saturating_mul(TAR_HEADER);
            at = at.saturating_add(TAR_HEADER).saturating_add(padded);
            members.push(member);
        }
        let text = listed(&members, None, room);
        Ok(Description::of(PreviewFormat::Tar, text))
    }
}
