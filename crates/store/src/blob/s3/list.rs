//! Lists the bucket.

use std::time::Duration;

use super::{S3, clock::Clock, failed};
use crate::blob::{BlobError, BlobResult, Entry, Listed};

impl S3 {
    pub(in crate::blob) async fn list(&self, start: &str, after: &str) -> BlobResult<Listed> {
        let clock = Clock::default();
        let mut request = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(start);
        if !after.is_empty() {
            request = request.start_after(after);
        }
        let listed = request
            .customize()
            .interceptor(clock.clone())
            .send()
            .await
            .map_err(|e| failed("ListObjectsV2", e))?;
        let strange = |words: &str| BlobError::failed("ListObjectsV2", words);
        let now = clock
            .time()
            .ok_or_else(|| strange("the answer does not say when it was given"))?;
        let more = listed.is_truncated.unwrap_or(false);
        let mut entries = Vec::new();
        let mut last = after.to_owned();
        for object in listed.contents.unwrap_or_default() {
            let path = object.key.ok_or_else(|| strange("an entry has no key"))?;
            if !path.starts_with(start) {
                return Err(strange("a key is not one of those that were asked for"));
            }
            let size = object.size.and_then(|size| size.try_into().ok());
            let written = object
                .last_modified
                .ok_or_else(|| strange("an entry does not say when it was written"))?;
            let age = now.secs().saturating_sub(written.secs());
            entries.push(Entry {
                size: size.ok_or_else(|| strange("an entry has no size"))?,
                age: Duration::from_secs(age.try_into().unwrap_or(0)),
                version: format!("{} {}", object.e_tag.unwrap_or_default(), written.secs()),
                path: path.clone(),
            });
            last = path;
        }
        // Not every server sorts deeper keys like S3. That may leave out a foreign key, and none of ours, which all
        // have the same depth.
        if more && last.as_str() <= after {
            return Err(strange("there is more, but nothing to go on from"));
        }
        Ok(Listed {
            entries,
            next: more.then_some(last),
        })
    }
}
