//! Multipart uploads that were neither completed nor aborted.

use std::time::Duration;

use super::{S3, clock::Clock, failed};
use crate::blob::{BlobError, BlobResult, ListedUnfinished, ObjectKey, Unfinished, key::PREFIX};

impl S3 {
    pub(in crate::blob) async fn list_unfinished(
        &self,
        after: Option<(String, String)>,
    ) -> BlobResult<ListedUnfinished> {
        let clock = Clock::default();
        let (key, id) = after.unzip();
        let listed = self
            .client
            .list_multipart_uploads()
            .bucket(&self.bucket)
            .prefix(PREFIX)
            .set_key_marker(key)
            .set_upload_id_marker(id)
            .customize()
            .interceptor(clock.clone())
            .send()
            .await
            .map_err(|e| failed("ListMultipartUploads", e))?;
        let strange = |words: &str| BlobError::failed("ListMultipartUploads", words);
        let now = clock
            .time()
            .ok_or_else(|| strange("the answer does not say when it was given"))?;
        let more = listed.is_truncated.unwrap_or(false);
        let next = listed.next_key_marker.zip(listed.next_upload_id_marker);
        let mut uploads = Vec::new();
        for upload in listed.uploads.unwrap_or_default() {
            let begun = upload
                .initiated
                .ok_or_else(|| strange("an upload does not say when it was begun"))?;
            let age = now.secs().saturating_sub(begun.secs());
            uploads.push(Unfinished {
                owner: upload.key.as_deref().and_then(ObjectKey::parse),
                id: upload
                    .upload_id
                    .ok_or_else(|| strange("an upload has no id"))?,
                age: Duration::from_secs(age.try_into().unwrap_or(0)),
            });
        }
        Ok(ListedUnfinished {
            uploads,
            next: next.filter(|_| more),
        })
    }
}
