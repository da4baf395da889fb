//! `cairn session verify`.

use cairn_proto::{
    json::present,
    v1::{GetSessionRequest, ListManifestRequest, ManifestEntry},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::OneArgs;
use crate::{
    args::page,
    client::{required, unary},
    error::CliError,
    terminal::output::{Output, fields},
};

#[derive(Serialize)]
struct Verified {
    session_id: String,
    manifest_hash: Option<String>,
    computed_hash: String,
    entries: usize,
    verified: bool,
}

/// Reads the whole manifest and computes its digest here, so that nobody has to believe the server's.
pub(super) async fn run(args: OneArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let session_id = args.session_id;
    // First, for it is this that says that a session is open.
    let fetch = async |page_size, page_token| {
        let request = ListManifestRequest {
            page_size,
            page_token,
            session_id: session_id.clone(),
        };
        let answer = client.sessions.list_manifest(unary(request)).await?;
        let answer = answer.into_inner();
        Ok((answer.entries, answer.next_page_token))
    };
    let entries = page::read_all(fetch).await?;
    let request = unary(GetSessionRequest {
        session_id: session_id.clone(),
    });
    let answer = client.sessions.get_session(request).await?.into_inner();
    let manifest_hash = present(required(answer.session, "session")?.manifest_hash);

    let computed_hash = digest(&entries);
    let verified = Verified {
        verified: manifest_hash.as_ref() == Some(&computed_hash),
        session_id,
        manifest_hash,
        computed_hash,
        entries: entries.len(),
    };
    // Also when it differs: who looks into it needs both digests.
    output.data(&verified, || verified.fields())?;
    match (verified.verified, verified.manifest_hash) {
        (true, _) => Ok(()),
        (false, Some(_)) => Err(CliError::Server(format!(
            "session {}: its manifest is not the one that was sealed",
            verified.session_id
        ))),
        (false, None) => Err(CliError::Server(format!(
            "session {}: it is sealed, and has no digest to verify its manifest with",
            verified.session_id
        ))),
    }
}

impl Verified {
    fn fields(&self) -> String {
        let verified = if self.verified { "yes" } else { "NO" };
        fields(&[
            ("session", Some(self.session_id.clone())),
            ("entries", Some(self.entries.to_string())),
            ("sealed with", self.manifest_hash.clone()),
            ("computed", Some(self.computed_hash.clone())),
            ("verified", Some(verified.to_owned())),
        ])
    }
}

/// As the specification of `Session.manifest_hash` says.
fn digest(entries: &[ManifestEntry]) -> String {
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
    fn the_digest_is_that_of_the_lines_in_the_order_of_their_bytes() {
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
    fn the_digest_of_nothing_is_that_of_no_bytes() {
        let of_nothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(&[]), of_nothing);
    }
}
