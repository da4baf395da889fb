//! The manifest of a sealed session.

use cairn_proto::v1::{GetSessionRequest, ListManifestRequest, ManifestEntry};
use sha2::{Digest, Sha256};

use crate::{Client, Error, pages, required, unary};

/// A manifest whose digest was computed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedManifest {
    /// The digest that was kept when the session was sealed; `None` when the server has none.
    pub sealed_hash: Option<String>,
    /// The digest of the entries that the server lists now.
    pub computed_hash: String,
    /// How many artifacts the manifest has.
    pub entries: usize,
}

impl VerifiedManifest {
    /// Whether the manifest is the one that was sealed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.sealed_hash.as_ref() == Some(&self.computed_hash)
    }
}

impl Client {
    /// Reads the whole manifest of a sealed session and computes its digest, so that the server's need not be believed.
    ///
    /// # Errors
    ///
    /// A refusal with reason SESSION_NOT_SEALED while the session is open. A digest that differs is no error: see
    /// [`VerifiedManifest::is_sound`].
    pub async fn verify_manifest(&self, session_id: &str) -> Result<VerifiedManifest, Error> {
        let mut sessions = self.sessions.clone();
        // First, because this call is the one that fails for an open session.
        let entries = pages::read_all(async |page_size, page_token| {
            let request = ListManifestRequest {
                page_size,
                page_token,
                session_id: session_id.to_owned(),
            };
            let answer = sessions.list_manifest(unary(request)).await?.into_inner();
            Ok((answer.entries, answer.next_page_token))
        })
        .await?;
        let request = unary(GetSessionRequest {
            session_id: session_id.to_owned(),
        });
        let answer = sessions.get_session(request).await?.into_inner();
        let sealed_hash = required(answer.session, "session")?.manifest_hash;
        Ok(VerifiedManifest {
            sealed_hash: (!sealed_hash.is_empty()).then_some(sealed_hash),
            computed_hash: digest(&entries),
            entries: entries.len(),
        })
    }
}

/// As the specification of `Session.manifest_hash` says.
pub(crate) fn digest(entries: &[ManifestEntry]) -> String {
    let mut lines: Vec<String> = entries
        .iter()
        .map(|entry| {
            format!(
                "{}\t{}\t{}\t{}\t{}\n",
                entry.filename,
                entry.version,
                entry.artifact_id,
                entry.size_bytes,
                entry.content_hash
            )
        })
        .collect();
    // Strings are ordered by their bytes.
    lines.sort_unstable();
    let digest = Sha256::digest(lines.concat());
    format!("sha256:{}", hex::encode(digest))
}

#[cfg(test)]
mod tests {
    use cairn_proto::v1::ManifestEntry;

    use super::digest;

    fn entry(filename: &str, version: i64) -> ManifestEntry {
        ManifestEntry {
            filename: filename.to_owned(),
            version,
            artifact_id: "art_1".to_owned(),
            size_bytes: 3,
            content_hash: "sha256:00".to_owned(),
        }
    }

    /// Computed with printf, sort and sha256sum.
    #[test]
    fn a_digest_is_of_the_lines_in_the_order_of_their_bytes() {
        let entries = [
            entry("é.txt", 1),
            entry("a", 10),
            entry("a", 2),
            entry("Z", 1),
        ];
        assert_eq!(
            digest(&entries),
            "sha256:57012d820edf1244d0b57075959c53ff2965da17963b01b8d746a84be83ca5b6"
        );
    }

    #[test]
    fn an_empty_manifest_has_the_digest_of_no_bytes() {
        let of_nothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(&[]), of_nothing);
    }
}
