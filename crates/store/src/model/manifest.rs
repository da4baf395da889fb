//! Manifests: what a session held when it was sealed, and the digest of that, which anyone can recompute.

use sha2::{Digest, Sha256};

use super::digest::ContentHash;

/// One artifact of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestEntry {
    /// Its filename.
    pub filename: String,
    /// Its version.
    pub version: i64,
    /// Its id.
    pub artifact_id: String,
    /// Its size.
    pub size_bytes: u64,
    /// The SHA-256 of its content.
    pub content_hash: ContentHash,
}

impl ManifestEntry {
    /// Its approximate size in an answer, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.filename.len() + self.artifact_id.len() + 128
    }

    /// Its line: filename, version, id, size and `sha256:` hash, separated by tabs. A filename has no control
    /// characters, so every line can be parsed.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "{}\t{}\t{}\t{}\t{}\n",
            self.filename, self.version, self.artifact_id, self.size_bytes, self.content_hash
        )
    }
}

/// The digest of a manifest: SHA-256 over the lines of its entries, sorted by their bytes.
#[must_use]
pub fn manifest_digest<'a>(entries: impl IntoIterator<Item = &'a ManifestEntry>) -> ContentHash {
    let mut lines: Vec<_> = entries.into_iter().map(ManifestEntry::line).collect();
    lines.sort_unstable();
    let digest = lines
        .iter()
        .fold(Sha256::new(), |digest, line| digest.chain_update(line));
    ContentHash::from(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_sorted_lines() {
        let entry = |filename: &str, version| ManifestEntry {
            filename: filename.to_owned(),
            version,
            artifact_id: "art_0000000000000000".to_owned(),
            size_bytes: 1,
            content_hash: ContentHash::of(b"x"),
        };
        let (a, b) = (entry("a", 2), entry("a.b", 1));
        let hash = ContentHash::of(b"x");
        let id = &a.artifact_id;
        let text = format!("a\t2\t{id}\t1\t{hash}\na.b\t1\t{id}\t1\t{hash}\n");
        assert_eq!(manifest_digest([&a, &b]), ContentHash::of(text.as_bytes()));
        assert_eq!(manifest_digest([&b, &a]), manifest_digest([&a, &b]));
        assert_eq!(manifest_digest([]), ContentHash::of(b""));
    }
}
