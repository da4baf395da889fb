//! What a caller declares at the end of an upload.

use crate::model::{
    digest::ContentHash,
    error::{Error, Result},
    spec::check_content,
    validate::Violations,
};

/// The end of an upload, and what its content must match.
#[derive(Debug, Clone, Copy, Default)]
pub struct UploadEnd {
    hash: Option<ContentHash>,
    size: Option<u64>,
}

impl UploadEnd {
    /// The end of a content with this hash and length; an empty hash and no length: of any content.
    ///
    /// # Errors
    /// `Invalid`, with the fields at fault.
    pub fn new(content_hash: &str, size_bytes: Option<i64>) -> Result<Self> {
        let mut faults = Violations::new();
        let hash = (!content_hash.is_empty())
            .then(|| faults.check("end.content_hash", content_hash.parse()))
            .flatten();
        let size = size_bytes.and_then(|size| {
            let rule = "must be 0 or more";
            faults.check("end.size_bytes", u64::try_from(size).map_err(|_| rule))
        });
        faults.finish(Some(Self { hash, size }))
    }

    /// Compares a size that is known before the content is read.
    ///
    /// # Errors
    /// `ContentMismatch`.
    pub(in crate::store) fn check_size(self, size: u64) -> Result<()> {
        match self.size.filter(|declared| *declared != size) {
            None => Ok(()),
            Some(declared) => Err(Error::ContentMismatch {
                field: "size_bytes",
                declared: declared.to_string(),
                actual: size.to_string(),
            }),
        }
    }

    /// Compares what arrived with it.
    ///
    /// # Errors
    /// `ContentMismatch`.
    pub(in crate::store) fn check(self, size: u64, hash: ContentHash) -> Result<()> {
        check_content((self.size, self.hash), (size, hash))
    }
}
