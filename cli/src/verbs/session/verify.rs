//! `cairn session verify`.

use cairn_client::Client;
use serde::Serialize;

use crate::{
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

/// Reads the whole manifest and computes its digest here, independently of the server.
pub(super) async fn run(
    client: &Client,
    session_id: String,
    output: Output,
) -> Result<(), CliError> {
    let manifest = client.verify_manifest(&session_id).await?;
    let verified = Verified {
        verified: manifest.is_sound(),
        session_id,
        manifest_hash: manifest.sealed_hash,
        computed_hash: manifest.computed_hash,
        entries: manifest.entries,
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
