//! Sessions: everything that a run produced, and its seal.

use std::time::Duration;

use serde_json::json;

use crate::{
    meta::{
        connection::Transaction,
        manifests,
        sessions::{self as rows, Sealing, by_id},
    },
    model::{
        audit::Deed,
        error::{Error, Result},
        id::TenantId,
        idempotency::{Fingerprint, IdempotencyKey},
        page::{Page, PageSize},
        session::{Session, SessionFilter, SessionUpdate, session_id},
        tenant::Caller,
    },
    store::{Store, idempotent::IdempotentWrite},
};

impl Store {
    /// Returns a session.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn get_session(&self, caller: &Caller, id: &str) -> Result<Session> {
        let id = session_id(id)?;
        caller.reach().has_session(id.as_str())?;
        let client = self.meta.client().await?;
        rows::get(&client, caller.tenant.id, id.as_str()).await
    }

    /// Lists sessions, most recently active first; by a prefix, a namespace or a user in the order of their ids. Then a page
    /// can have fewer sessions than its size and a next page.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_sessions(
        &self,
        caller: &Caller,
        filter: &SessionFilter,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Session>> {
        caller.require_whole_sessions()?;
        let listing = self
            .listing(&("sessions", caller.tenant.id, filter))
            .await?;
        if filter.is_by_id() {
            let after = listing.position(token)?;
            let client = self.meta.client().await?;
            let found = by_id::list(&client, caller.reach(), filter, after.as_ref(), size).await?;
            let mut page = listing.page(found.sessions, size, Session::weight);
            page.next = page.next.or(found.next.map(|next| listing.token(next)));
            return Ok(page);
        }
        let after = listing.position(token)?;
        let client = self.meta.client().await?;
        let rows = rows::list(&client, caller.reach(), filter, after.as_ref(), size).await?;
        Ok(listing.page(rows, size, Session::weight))
    }

    /// Updates a session's name and labels, and returns it.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, what a key answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn update_session(
        &self,
        caller: &Caller,
        id: &str,
        update: &SessionUpdate,
        key: Option<&IdempotencyKey>,
    ) -> Result<Session> {
        let id = session_id(id)?;
        match update.allow_missing {
            true => caller.reach().may_name_session(id.as_str())?,
            false => caller.reach().has_session(id.as_str())?,
        }
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("UpdateSession")
            .with("session_id", &id)
            .with_given("display_name", update.display_name.as_ref())
            .with_given("labels", update.labels.as_ref())
            .with("allow_missing", &update.allow_missing);
        if let Ok(once) = IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            if !rows::update(&once.tx, caller.tenant.id, id.as_str(), update).await? {
                return Err(Error::SessionNotFound(id.as_str().to_owned()));
            }
            once.commit(
                Deed::done(caller, "UpdateSession", &format!("session {}", id.as_str())),
                json!({"session_id": id.as_str()}),
            )
            .await?;
        }
        rows::get(&client, caller.tenant.id, id.as_str()).await
    }

    /// Seals a session permanently, and returns it. Sealing it again changes nothing.
    ///
    /// # Errors
    /// `Invalid`, `SessionNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn seal_session(
        &self,
        caller: &Caller,
        id: &str,
        key: Option<&IdempotencyKey>,
    ) -> Result<Session> {
        let id = session_id(id)?;
        caller.reach().has_session(id.as_str())?;
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("SealSession").with("session_id", &id);
        if let Ok(once) = IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            seal_within(
                &once.tx,
                caller.tenant.id,
                id.as_str(),
                self.times.delete_window,
            )
            .await?;
            once.commit(
                Deed::done(caller, "SealSession", &format!("session {}", id.as_str())),
                json!({"session_id": id.as_str()}),
            )
            .await?;
        }
        rows::get(&client, caller.tenant.id, id.as_str()).await
    }
}

/// Seals an open session, and stores the digest of its manifest.
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
