//! Sessions: what a run produced, and its end.

use jiff::Timestamp;
use serde_json::json;

use crate::{
    digest::ContentHash,
    error::{Error, Result},
    idempotency::{Fingerprint, IdempotencyKey, Once},
    manifest::manifest_digest,
    meta::{manifests, sessions as rows},
    names::Label,
    page::{Listing, Page, PageSize, Range},
    store::Store,
    tenant::Tenant,
};

/// Everything one run produced.
#[derive(Debug, Clone)]
pub struct Session {
    /// The orchestrator's own name for the run.
    pub id: String,
    /// How many of its artifacts are visible now.
    pub artifact_count: u64,
    /// The sum of their sizes.
    pub size_bytes: u64,
    /// When it was sealed, if it was.
    pub sealed_at: Option<Timestamp>,
    /// When its oldest visible artifact was made.
    pub first_artifact_at: Option<Timestamp>,
    /// When its newest visible artifact was made.
    pub last_artifact_at: Option<Timestamp>,
    /// When its first artifact was made.
    pub created_at: Timestamp,
    /// Whether it is held, with all that is in it.
    pub legal_hold: bool,
    /// The digest of its manifest, once it is sealed.
    pub manifest_hash: Option<ContentHash>,
}

impl Store {
    /// Returns a session.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `Unavailable`.
    pub async fn get_session(&self, tenant: &Tenant, id: &str) -> Result<Session> {
        let id = session_id(id)?;
        let client = self.meta.client().await?;
        rows::get(&client, tenant.id, id.as_str()).await
    }

    /// Lists sessions, those with the most recent activity first.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `Unavailable`.
    pub async fn list_sessions(
        &self,
        tenant: &Tenant,
        created: Range<Timestamp>,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Session>> {
        let listing = Listing::new(("sessions", tenant.id, created));
        let after = listing.position(token)?;
        let client = self.meta.client().await?;
        let rows = rows::list(&client, tenant.id, created, after.as_ref(), size).await?;
        Ok(listing.page(rows, size))
    }

    /// Seals a session for good, and returns it. Sealing it again changes nothing.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `Unavailable`.
    pub async fn seal_session(
        &self,
        tenant: &Tenant,
        id: &str,
        key: Option<&IdempotencyKey>,
    ) -> Result<Session> {
        let id = session_id(id)?;
        let mut client = self.meta.client().await?;
        let asked = Fingerprint::of("SealSession").with("session_id", &id);
        if let Ok(once) = Once::begin(self, &mut client, tenant.id, key, asked).await? {
            match rows::seal(&once.tx, tenant.id, id.as_str()).await? {
                rows::Sealing::NotFound => {
                    return Err(Error::SessionNotFound(id.as_str().to_owned()));
                }
                rows::Sealing::Before => {}
                rows::Sealing::Now => {
                    let held = manifests::whole(&once.tx, tenant.id, id.as_str()).await?;
                    let digest = manifest_digest(&held);
                    rows::keep_manifest(&once.tx, tenant.id, id.as_str(), digest).await?;
                }
            }
            once.commit(json!({"session_id": id.as_str()})).await?;
        }
        rows::get(&client, tenant.id, id.as_str()).await
    }
}

pub(crate) fn session_id(text: &str) -> Result<Label> {
    Label::new(text.to_owned()).map_err(|rule| Error::invalid("session_id", rule))
}
