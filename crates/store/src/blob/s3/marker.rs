//! The mark of the bucket's deployment.

use aws_sdk_s3::primitives::ByteStream;

use super::{S3, failed};
use crate::blob::{BlobError, BlobResult, key::MARKER};

/// A mark is far shorter; a larger object under its key is not read into memory.
const LONGEST: i64 = 1024;

impl S3 {
    pub(in crate::blob) async fn marker(&self) -> BlobResult<Option<String>> {
        let got = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(MARKER)
            .send()
            .await;
        let got = match got {
            Ok(got) => got,
            Err(e) if e.as_service_error().is_some_and(|e| e.is_no_such_key()) => return Ok(None),
            Err(e) => return Err(failed("GetObject", e)),
        };
        if got.content_length.is_none_or(|length| length > LONGEST) {
            let words = format!("the content of {MARKER} is not the mark of a deployment");
            return Err(BlobError::failed("GetObject", words));
        }
        let text = got.body.collect().await;
        let text = text.map_err(|e| BlobError::failed("reading from S3", e))?;
        let text = String::from_utf8(text.to_vec());
        text.map(Some)
            .map_err(|e| BlobError::failed("reading the mark of the bucket", e))
    }

    /// Not every server supports the condition, so the caller reads the result.
    pub(in crate::blob) async fn claim(&self, text: &str) -> BlobResult<()> {
        let put = self
            .put_object(MARKER)
            .if_none_match("*")
            .body(ByteStream::from(text.as_bytes().to_vec()))
            .send()
            .await;
        match put {
            Err(e) => match e.raw_response().map(|r| r.status().as_u16()) {
                // It exists already, perhaps from our own attempt whose answer was lost.
                Some(409 | 412) => Ok(()),
                Some(400 | 501) => self.mark(text).await,
                _ => Err(failed("PutObject", e)),
            },
            Ok(_) => Ok(()),
        }
    }

    pub(in crate::blob) async fn mark(&self, text: &str) -> BlobResult<()> {
        self.put_object(MARKER)
            .body(ByteStream::from(text.as_bytes().to_vec()))
            .send()
            .await
            .map(drop)
            .map_err(|e| failed("PutObject", e))
    }
}
