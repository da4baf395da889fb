//! The parts that a multipart upload has.

use aws_sdk_s3::{error::ProvideErrorMetadata, primitives::DateTime};

use super::{S3, failed};
use crate::blob::{BlobError, BlobResult, Multipart, Part};

/// The most pages of an answer, which has a thousand parts each.
const PAGES: usize = 11;

impl S3 {
    /// All parts in the order of their numbers, each with its size; `None` only if S3 says that it has no such upload any
    /// more. A part of which it is not clear what was put last is left out.
    pub(crate) async fn parts_of(
        &self,
        upload: &Multipart,
    ) -> BlobResult<Option<Vec<(Part, u64)>>> {
        let mut parts = Vec::new();
        let mut after = None;
        for _ in 0..PAGES {
            let listed = self
                .client
                .list_parts()
                .bucket(&self.bucket)
                .key(upload.key.as_str())
                .upload_id(&upload.id)
                .set_part_number_marker(after)
                .send()
                .await;
            let listed = match listed {
                Ok(listed) => listed,
                Err(e) if e.code() == Some("NoSuchUpload") => return Ok(None),
                Err(e) => return Err(failed("ListParts", e)),
            };
            let is_cut = listed.is_truncated() == Some(true);
            after = listed.next_part_number_marker().map(str::to_owned);
            for part in listed.parts() {
                let (Some(number), Some(etag)) = (part.part_number(), part.e_tag()) else {
                    let words = "a part has no number or no tag";
                    return Err(BlobError::failed("ListParts", words));
                };
                let etag = etag.to_owned();
                let size = part.size().and_then(|size| size.try_into().ok());
                let put_at = part.last_modified().map(DateTime::as_nanos);
                parts.push((Part { number, etag }, size.unwrap_or(0), put_at));
            }
            if !is_cut {
                return Ok(Some(last_of_each(parts)));
            }
        }
        Err(BlobError::failed("ListParts", "the list does not end"))
    }
}

/// Some servers list what a part was before beside what it is now, and tell them apart by the second alone.
fn last_of_each(mut parts: Vec<(Part, u64, Option<i128>)>) -> Vec<(Part, u64)> {
    parts.sort_by_key(|(part, _, put_at)| (part.number, *put_at));
    let mut last: Vec<(Part, u64)> = Vec::new();
    let of_number = parts.chunk_by(|(a, ..), (b, ..)| a.number == b.number);
    for versions in of_number {
        let Some((part, size, put_at)) = versions.last() else {
            continue;
        };
        let clear = |(other, _, at): &(Part, u64, Option<i128>)| at != put_at || other == part;
        if versions.iter().all(clear) {
            last.push((part.clone(), *size));
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(number: i32, etag: &str, put_at: i128) -> (Part, u64, Option<i128>) {
        let etag = etag.to_owned();
        (Part { number, etag }, 1, Some(put_at))
    }

    #[test]
    fn what_was_put_last_under_a_number_counts_if_that_is_clear() {
        let parts = vec![
            listed(1, "new", 9),
            listed(1, "old", 8),
            listed(2, "one", 5),
            listed(2, "other", 5),
            listed(3, "same", 5),
            listed(3, "same", 5),
        ];
        let last = last_of_each(parts);
        let tags: Vec<_> = last.iter().map(|(part, _)| &*part.etag).collect();
        assert_eq!(tags, ["new", "same"]);
    }
}
