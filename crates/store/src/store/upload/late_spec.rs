//! What an upload keeps of its content until its spec is complete.

use crate::model::media_type::SAMPLE;

/// What the rest of a spec is judged by when the content has been read.
#[derive(Default)]
pub(super) struct LateSpec {
    /// The first bytes of the content, of which its type is guessed under its final name.
    pub(super) first_bytes: Option<Vec<u8>>,
}

impl LateSpec {
    /// Keeps the first bytes; the later ones are of no interest.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        let few = bytes.len().min(SAMPLE);
        self.first_bytes
            .get_or_insert_with(|| bytes[..few].to_vec());
    }
}
