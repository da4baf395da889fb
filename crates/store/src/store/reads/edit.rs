//! Makes the next version of a file by a change of its text, so that the bytes need not travel.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    model::{
        artifact::{Artifact, Created},
        error::{Error, Result},
        idempotency::Fingerprint,
        reads::{
            budget::{Cursor, ReadBudget, ReadStop},
            edit::{Change, LineBounds, Occurrences, Places},
            encoding::TextEncoding,
        },
        reference::ArtifactRef,
        spec::{ArtifactSpec, RawSpec},
        tenant::Caller,
    },
    store::{
        Store,
        read::Content,
        reads::{
            in_time::{by, is_over},
            off_thread::off_thread,
            scan::Text,
        },
        upload::{Upload, UploadEnd},
    },
};

/// An edit, unchecked beside its change.
#[derive(Debug, Clone)]
pub struct RawEdit {
    /// What to change.
    pub change: Change,
    /// The version that must be the latest; `None`: the one that is read.
    pub if_version: Option<i64>,
    /// The agent that makes the new version; may be empty.
    pub agent_id: String,
    /// What it changes; may be empty.
    pub change_summary: String,
    /// The caller's own name for the call; empty: none.
    pub idempotency_key: String,
}

/// A version that was made by a change.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The new version.
    pub created: Created,
    /// In how many places it differs from the one before; 0 in the answer to a retry.
    pub places: u64,
}

/// A change of a content: the places that become something else, and what that is.
struct Splice {
    places: Places,
    new: Bytes,
}

impl Store {
    /// The largest content that can be edited, in bytes.
    pub const EDIT_MAX_BYTES: u64 = 64 << 20;
    /// The longest time in which the place of a change is looked for.
    const EDIT_TIME: Duration = Duration::from_secs(60);

    /// Makes the next version of a file from a visible version and a change. Title, kind, language, labels, metadata and
    /// content type are those of that version, which is one of the inputs.
    ///
    /// # Errors
    /// `Invalid` for a change that does not fit the text; `VersionConflict`, `FileTooLarge`; `Unavailable` also when the
    /// place is not found in time; as `get_artifact` and `create_artifact`.
    #[tracing::instrument(skip_all)]
    pub async fn edit_artifact(
        &self,
        caller: &Caller,
        source: &ArtifactRef,
        edit: RawEdit,
    ) -> Result<Edited> {
        let asked = Fingerprint::of("EditArtifact")
            .with("source", source)
            .with("change", &edit.change)
            .with("if_version", &edit.if_version)
            .with("agent_id", &edit.agent_id)
            .with("change_summary", &edit.change_summary)
            .without_content();
        let with_key = RawSpec {
            idempotency_key: edit.idempotency_key.clone(),
            ..RawSpec::default()
        };
        let before = self.answer_before(&caller.tenant, &with_key, &asked).await;
        if let Some(created) = before.map_err(of_edit)? {
            return match caller.reach().has(&created.artifact) {
                true => Ok(Edited { created, places: 0 }),
                false => Err(Error::ArtifactNotFound(source.to_string())),
            };
        }
        let download = self.open_for(caller, source, "EditArtifact").await?;
        let artifact = download.artifact().clone();
        if edit
            .if_version
            .is_some_and(|wanted| wanted != artifact.version)
        {
            return Err(Error::VersionConflict {
                filename: artifact.filename.clone(),
                current: Some(Box::new(artifact)),
            });
        }
        if artifact.size_bytes > Self::EDIT_MAX_BYTES {
            return Err(Error::FileTooLarge {
                limit_bytes: Self::EDIT_MAX_BYTES,
                hint: " of an edit; download the content, change it and upload it",
            });
        }
        let mut text = self.text_of(download.clone()).await?;
        let splice = match &edit.change {
            Change::Replace {
                old,
                new,
                everywhere,
            } => {
                // The write reads the content again and checks its hash.
                let content = download.clone().look_at(0, artifact.size_bytes);
                let found = find(content, text.encoding, old, new, *everywhere);
                by(Instant::now() + Self::EDIT_TIME, found).await?
            }
            Change::Lines {
                first,
                last,
                text: new,
            } => self.bounds(&mut text, *first, *last, new).await?,
        };
        let removed: u64 = splice.places.iter().map(|(start, end)| end - start).sum();
        let added = (splice.places.len() * splice.new.len()) as u64;
        let size = artifact.size_bytes - removed + added;
        let places = splice.places.len() as u64;
        let mut spec = ArtifactSpec::new(next_version(artifact, &edit, size)).map_err(of_edit)?;
        spec.asked = Some(asked);
        let mut upload = self.begin_upload(caller, spec).await?;
        write(download.read(0, None), &splice, &mut upload).await?;
        let created = upload.finish(UploadEnd::default()).await?;
        Ok(Edited { created, places })
    }

    /// The place of some lines.
    async fn bounds(&self, text: &mut Text, first: u64, last: u64, new: &str) -> Result<Splice> {
        let (encoding, size) = (text.encoding, text.download.artifact().size_bytes);
        let budget = ReadBudget {
            bytes_out: 0,
            bytes_scanned: u64::MAX,
            time: Self::EDIT_TIME,
        };
        let look = LineBounds::new(encoding, first, last);
        let scanned = self.scan(text, Cursor::START, &budget, 0, look).await?;
        let (found, scanned) = scanned;
        if scanned.stop == ReadStop::Time {
            return Err(is_over());
        }
        let is_appended = last < first && first == found.lines + 1;
        let (start, end) = match (found.start, found.end) {
            (Some(start), Some(end)) => (start, end),
            (None, _) if is_appended => (size, size),
            (start, _) => {
                let field = match start {
                    None => "lines.first_line",
                    Some(_) => "lines.last_line",
                };
                let lines = found.lines;
                let rule =
                    format!("must be in the text, which has {lines} lines: read it with ReadLines");
                return Err(Error::invalid(field, rule));
            }
        };
        let mut new = new.to_owned();
        if found.start.is_none() && size > 0 && !found.is_ended {
            new.insert(0, '\n');
        }
        let is_followed = end < size || found.is_ended;
        if !new.is_empty() && !new.ends_with('\n') && is_followed {
            new.push('\n');
        }
        Ok(Splice {
            places: vec![(start, end)],
            new: encoding.bytes(&new).into(),
        })
    }
}

/// The places of a text.
///
/// # Errors
/// `Invalid` if it is not there, or more often than it may be.
async fn find(
    mut content: Content,
    encoding: TextEncoding,
    old: &str,
    new: &str,
    everywhere: bool,
) -> Result<Splice> {
    let mut found = Occurrences::of(old, encoding);
    while let Some(piece) = content.next().await? {
        found = off_thread(move || {
            found.feed(&piece);
            found
        })
        .await?;
    }
    let count = found.places.len();
    let rule = if count == 0 {
        "is not in the text: read it with ReadLines or GrepArtifact, and repeat it exactly, with its white space".to_owned()
    } else if found.too_many {
        format!("is in the text more than {count} times: replace a longer text")
    } else if count > 1 && !everywhere {
        format!(
            "is in the text {count} times: add some of the text around it, or set replace.everywhere"
        )
    } else {
        return Ok(Splice {
            places: found.places,
            new: encoding.bytes(new).into(),
        });
    };
    Err(Error::invalid("replace.old_text", rule))
}

/// Writes a content with its changes. The content is checked against its hash on the way.
async fn write(mut content: Content, splice: &Splice, upload: &mut Upload) -> Result<()> {
    let Splice { places, new } = splice;
    let (mut at, mut next) = (0, 0);
    while let Some(mut piece) = content.next().await? {
        while !piece.is_empty() {
            let length = piece.len() as u64;
            let Some((start, end)) = places.get(next).copied() else {
                at += length;
                upload.write(std::mem::take(&mut piece)).await?;
                continue;
            };
            let is_before = at < start;
            if at == start {
                upload.write(new.clone()).await?;
            }
            let until = if is_before { start } else { end };
            let taken = (until - at).min(length);
            let part = piece.split_to(usize::try_from(taken).unwrap_or(piece.len()));
            at += taken;
            if is_before {
                upload.write(part).await?;
            } else if at == end {
                next += 1;
            }
        }
    }
    for _ in next..places.len() {
        upload.write(new.clone()).await?;
    }
    Ok(())
}

/// The spec of the next version of a file.
fn next_version(source: Artifact, edit: &RawEdit, size: u64) -> RawSpec {
    RawSpec {
        content_type: source.content_type,
        session_id: source.session_id.unwrap_or_default(),
        namespace: source.namespace,
        user_id: source.user_id,
        agent_id: edit.agent_id.clone(),
        metadata: source.metadata,
        title: source.title,
        kind: source.kind.as_str().to_owned(),
        language: source.language,
        change_summary: edit.change_summary.clone(),
        labels: source.labels,
        inputs: vec![source.id.to_string()],
        if_version: Some(source.version),
        idempotency_key: edit.idempotency_key.clone(),
        size_bytes: i64::try_from(size).ok(),
        persistent: source.persistent,
        filename: source.filename,
        ..RawSpec::default()
    }
}

/// A violation of the spec, which an edit has not, as one of the edit.
fn of_edit(error: Error) -> Error {
    match error {
        Error::Invalid(mut faults) => {
            for fault in &mut faults {
                if let Some(field) = fault.field.strip_prefix("spec.") {
                    fault.field = field.to_owned();
                }
            }
            Error::Invalid(faults)
        }
        error => error,
    }
}
