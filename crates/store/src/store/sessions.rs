//! Sessions: what a run produced, and its end.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::{
    meta::{
        connection::Transaction,
        manifests,
        sessions::{self as rows, Sealing},
    },
    model::{
        digest::ContentHash,
        error::{Error, Result},
        id::TenantId,
        idempotency::{Fingerprint, IdempotencyKey, Once},
        page::{Page, PageSize, Range},
        spec::{ArtifactSpec, check_labels},
        text::{Label, Words},
        validate::{Violations, within_reach},
    },
    store::{Store, tenants::Tenant},
};

/// Everything one run produced.
#[derive(Debug, Clone)]
pub struct Session {
    /// The orchestrator's own name for the run.
    pub id: String,
    /// How many of its artifacts are visible now; `MAX_COUNT` and one when they were not all counted.
    pub artifact_count: u64,
    /// The sum of the sizes of those that were counted.
    pub size_bytes: u64,
    /// When it was sealed, if it was.
    pub sealed_at: Option<Timestamp>,
    /// When its oldest visible artifact was made.
    pub first_artifact_at: Option<Timestamp>,
    /// When its newest visible artifact was made.
    pub last_artifact_at: Option<Timestamp>,
    /// When its first artifact was made, or something said of it before that.
    pub created_at: Timestamp,
    /// Whether it is held, with all that is in it.
    pub legal_hold: bool,
    /// The digest of its manifest, once it is sealed.
    pub manifest_hash: Option<ContentHash>,
    /// For people; may be empty.
    pub display_name: String,
    /// In alphabetical order.
    pub labels: Vec<String>,
    /// How many artifacts wait to be published; `MAX_COUNT` and one when they were not all counted.
    pub unpublished_count: u64,
}

impl Session {
    /// The most of its artifacts that are counted, the newest first.
    pub const MAX_COUNT: u64 = 10_000;

    /// About how many bytes it has in an answer.
    fn weight(&self) -> usize {
        let labels: usize = self.labels.iter().map(|label| label.len() + 3).sum();
        self.id.len() + self.display_name.len() + labels + 256
    }
}

/// Which sessions are listed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SessionFilter {
    pub(crate) created: Range<Timestamp>,
    pub(crate) labels: Vec<String>,
}

impl SessionFilter {
    /// The most labels: each makes the search more expensive.
    const MAX_LABELS: usize = 8;

    /// Takes a range of creation and the labels that a session must all have.
    ///
    /// # Errors
    /// `Invalid`, with every label at fault.
    pub fn new(created: Range<Timestamp>, labels: Vec<String>) -> Result<Self> {
        let mut faults = Violations::new();
        let few = faults.fits("labels", labels.len(), Self::MAX_LABELS);
        let labels = if few {
            check_labels(&mut faults, "labels", labels)
        } else {
            Vec::new()
        };
        let created = created.map(within_reach);
        faults.finish(Some(Self { created, labels }))
    }
}

/// What to say of a session; what is not given stays.
#[derive(Debug, Clone)]
pub struct SessionUpdate {
    pub(crate) display_name: Option<Words>,
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) allow_missing: bool,
}

impl SessionUpdate {
    /// Takes a display name, labels, and whether a session that is not there comes into being.
    ///
    /// # Errors
    /// `Invalid`, with every field at fault, or when nothing is to be changed.
    pub fn new(
        display_name: Option<String>,
        labels: Option<Vec<String>>,
        allow_missing: bool,
    ) -> Result<Self> {
        let mut faults = Violations::new();
        if display_name.is_none() && labels.is_none() {
            let rule = "must name at least one of display_name, labels";
            faults.add("update_mask", rule);
        }
        let words = |name| Words::new(name, ArtifactSpec::MAX_TITLE);
        let display_name = display_name.and_then(|name| faults.check("display_name", words(name)));
        let labels = labels.map(|labels| check_labels(&mut faults, "labels", labels));
        faults.finish(Some(Self {
            display_name,
            labels,
            allow_missing,
        }))
    }
}

impl Store {
    /// Returns a session.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn get_session(&self, tenant: &Tenant, id: &str) -> Result<Session> {
        let id = session_id(id)?;
        let client = self.meta.client().await?;
        rows::get(&client, tenant.id, id.as_str()).await
    }

    /// Lists sessions, those with the most recent activity first.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_sessions(
        &self,
        tenant: &Tenant,
        filter: &SessionFilter,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Session>> {
        let listing = self.listing(&("sessions", tenant.id, filter)).await?;
        let after = listing.position(token)?;
        let client = self.meta.client().await?;
        let rows = rows::list(&client, tenant.id, filter, after.as_ref(), size).await?;
        Ok(listing.page(rows, size, Session::weight))
    }

    /// Says something of a session, and returns it.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, what a key answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn update_session(
        &self,
        tenant: &Tenant,
        id: &str,
        update: &SessionUpdate,
        key: Option<&IdempotencyKey>,
    ) -> Result<Session> {
        let id = session_id(id)?;
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("UpdateSession")
            .with("session_id", &id)
            .with_given("display_name", update.display_name.as_ref())
            .with_given("labels", update.labels.as_ref())
            .with("allow_missing", &update.allow_missing);
        if let Ok(once) = Once::begin(self, &client, tenant.id, key, asked).await? {
            if !rows::update(&once.tx, tenant.id, id.as_str(), update).await? {
                return Err(Error::SessionNotFound(id.as_str().to_owned()));
            }
            once.commit(json!({"session_id": id.as_str()})).await?;
        }
        rows::get(&client, tenant.id, id.as_str()).await
    }

    /// Seals a session for good, and returns it. Sealing it again changes nothing.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn seal_session(
        &self,
        tenant: &Tenant,
        id: &str,
        key: Option<&IdempotencyKey>,
    ) -> Result<Session> {
        let id = session_id(id)?;
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("SealSession").with("session_id", &id);
        if let Ok(once) = Once::begin(self, &client, tenant.id, key, asked).await? {
            seal_within(&once.tx, tenant.id, id.as_str(), self.times.delete_window).await?;
            once.commit(json!({"session_id": id.as_str()})).await?;
        }
        rows::get(&client, tenant.id, id.as_str()).await
    }
}

/// Seals a session that is open, and keeps the digest of what it holds.
pub(crate) async fn seal_within(
    tx: &Transaction<'_>,
    tenant: TenantId,
    id: &str,
    window: Duration,
) -> Result<()> {
    match rows::seal(tx, tenant, id).await? {
        Sealing::NotFound => Err(Error::SessionNotFound(id.to_owned())),
        Sealing::Before => Ok(()),
        Sealing::Now => {
            rows::end_expired(tx, tenant, id, window).await?;
            manifests::write(tx, tenant, id).await?;
            let digest = manifests::digest(tx, tenant, id).await?;
            rows::keep_digest(tx, tenant, id, digest).await
        }
    }
}

pub(crate) fn session_id(text: &str) -> Result<Label> {
    Label::new(text.to_owned()).map_err(|rule| Error::invalid("session_id", rule))
}
