//! URLs from which content is read without a credential.

use std::time::Duration;

use cairn_store::{ArtifactRef, Caller, DownloadUrl, Error, Result, SignedDownload};

use super::Services;
use crate::http::headers::presentation;

/// How long a URL works, unless a caller says so, and at most.
const LIFE: Duration = Duration::from_secs(900);
const LONGEST: Duration = Duration::from_secs(3600);

/// Signs a URL for the content of an artifact, and says what is behind it.
///
/// # Errors
/// `Invalid` for a life that no URL has; what `sign_download` returns.
pub(crate) async fn sign(
    services: &Services,
    caller: &Caller,
    wanted: &ArtifactRef,
    life: Option<Duration>,
) -> Result<(String, SignedDownload)> {
    let life = life.unwrap_or(LIFE);
    if !(Duration::from_secs(1)..=LONGEST).contains(&life) {
        return Err(Error::invalid("expires_in", "must be 1 second to 1 hour"));
    }
    let signed = services
        .store
        .sign_download(caller, wanted, life, presentation);
    let signed = signed.await?;
    let url = match &signed.url {
        DownloadUrl::Direct(url) => url.clone(),
        DownloadUrl::Ticket(ticket) => of_content(services, signed.artifact.id.as_str(), ticket),
    };
    Ok((url, signed))
}

/// The URL of an artifact's content with a ticket.
pub(crate) fn of_content(services: &Services, artifact: &str, ticket: &str) -> String {
    let url = &services.public_url;
    format!("{url}/v1/artifacts/{artifact}/content?ticket={ticket}")
}
