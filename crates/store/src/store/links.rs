//! Links: public, expiring, revocable URLs.

use serde_json::json;

use crate::{
    meta::{
        artifacts, connection::Connection, link_policy as policies, links as rows, reach, tenants,
    },
    model::{
        access::Reach,
        audit::{Actor, Deed},
        call_origin::CallOrigin,
        error::{Error, Result},
        id::{LinkId, TenantId},
        idempotency::{Fingerprint, IdempotencyKey},
        limit::{CountReached, LimitKind},
        link::{Link, LinkPolicy, NewLink, link_id},
        page::{Page, PageSize},
        reference::{ArtifactRef, artifact_id},
        tenant::Caller,
    },
    store::{
        Store,
        idempotent::{IdempotentWrite, recorded},
        read::Download,
    },
};

pub(super) mod passwords;
mod policy;

impl Store {
    /// Makes a link to a visible artifact; seven days when no time is given.
    ///
    /// # Errors
    /// `Invalid`; `LinksDisabled`; `CountReached` for more open links than the tenant may have; what `get_artifact` answers;
    /// `RateLimited` when too many passwords are under way; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn create_link(
        &self,
        caller: &Caller,
        artifact: &ArtifactRef,
        new: NewLink,
        key: Option<&IdempotencyKey>,
    ) -> Result<Link> {
        // Before a connection is taken: a hash takes its time.
        let password = match &new.password {
            Some(password) => Some(
                self.link_passwords
                    .turn()
                    .await?
                    .hash(password.clone())
                    .await?,
            ),
            None => None,
        };
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("CreateLink")
            .with("artifact", artifact)
            .with(
                "expires_in",
                &new.expires_in.unwrap_or(LinkPolicy::DEFAULT_LIFE),
            )
            .with("max_downloads", &new.max_downloads)
            .with("has_password", &new.password.is_some());
        let once = match IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            Ok(once) => once,
            Err(earlier) => {
                return known_link(&client, caller.reach(), recorded(&earlier, "link_id")?).await;
            }
        };
        let tenant = caller.tenant.id;
        let artifact = artifacts::resolve(&once.tx, caller.reach(), artifact).await?;
        artifacts::get(&once.tx, tenant, &artifact).await?;
        let policy = policies::get(&once.tx, tenant).await?;
        if !policy.enabled {
            return Err(Error::LinksDisabled);
        }
        if let Some(max) = caller.tenant.limits.get(LimitKind::Links) {
            check_links(&once.tx, tenant, max).await?;
        }
        let entry = rows::Entry {
            life: policy.life(new.expires_in)?,
            max_downloads: policy.downloads(new.max_downloads)?,
            password,
        };
        let link = rows::insert(&once.tx, tenant, &artifact, &entry).await?;
        once.commit(
            Deed::done(caller, "CreateLink", artifact.as_str()),
            json!({"link_id": link.id.as_str()}),
        )
        .await?;
        Ok(link)
    }

    /// Returns a link, whether or not it still works.
    ///
    /// # Errors
    /// `LinkNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn get_link(&self, caller: &Caller, id: &str) -> Result<Link> {
        let client = self.meta.client().await?;
        known_link(&client, caller.reach(), id).await
    }

    /// Lists links, newest first; of one artifact when it is given.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `ArtifactNotFound` for a malformed artifact id; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_links(
        &self,
        caller: &Caller,
        artifact: Option<&str>,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Link>> {
        let artifact = artifact.map(artifact_id).transpose()?;
        let listing = self
            .listing(&("links", caller.tenant.id, &artifact))
            .await?;
        let after = listing.position(token)?;
        let client = self.meta.client().await?;
        let rows = rows::list(
            &client,
            caller.reach(),
            artifact.as_ref(),
            after.as_ref(),
            size,
        )
        .await?;
        Ok(listing.page(rows, size, |_| Link::WEIGHT))
    }

    /// Ends a link at once, and returns it.
    ///
    /// # Errors
    /// `LinkNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn revoke_link(
        &self,
        caller: &Caller,
        id: &str,
        key: Option<&IdempotencyKey>,
    ) -> Result<Link> {
        let link_id = link_id(id)?;
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("RevokeLink").with("link_id", &id);
        let once = match IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            Ok(once) => once,
            Err(earlier) => {
                return known_link(&client, caller.reach(), recorded(&earlier, "link_id")?).await;
            }
        };
        if !caller.reach().is_all() {
            known_link(&once.tx, caller.reach(), id).await?;
        }
        let link = rows::revoke(&once.tx, caller.tenant.id, &link_id)
            .await?
            .ok_or_else(|| Error::LinkNotFound(id.to_owned()))?;
        once.commit(
            Deed::done(caller, "RevokeLink", link.artifact_id.as_str()),
            json!({"link_id": id}),
        )
        .await?;
        Ok(link)
    }

    /// Follows a link, as anyone may who knows it, and its password if it has one.
    ///
    /// # Errors
    /// `LinkNotFound`; `LinkExpired`; `LinksDisabled`; `LinkPassword` without the right password; `LinkLocked` after too many
    /// wrong ones; `RateLimited` when too many passwords are under way; what `open_artifact` answers; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn follow_link(
        &self,
        id: &str,
        password: Option<&str>,
        origin: &CallOrigin,
    ) -> Result<FollowedLink> {
        let link_id = link_id(id)?;
        let mut client = self.meta.client().await?;
        let target = rows::follow(&client, &link_id)
            .await?
            .ok_or_else(|| Error::LinkNotFound(id.to_owned()))?;
        if !target.open {
            return Err(ended(&target.link));
        }
        if !target.enabled {
            return Err(Error::LinksDisabled);
        }
        if let Some(stored) = target.password {
            // No other call waits for a connection while a password is compared.
            drop(client);
            self.check_link_password(&link_id, stored, password).await?;
            client = self.meta.client().await?;
        }
        let (artifact, location) =
            artifacts::locate(&client, target.tenant, &target.link.artifact_id).await?;
        let resource = target.link.artifact_id.as_str();
        let actor = || Actor::of_link(id, origin);
        let deed = || Deed::of(target.tenant, actor(), "FollowLink", resource);
        let line = self.audit.read(deed);
        Ok(FollowedLink {
            download: Download::new(self, target.tenant, artifact, location, line),
            store: self.clone(),
            link: target.link,
        })
    }

    async fn check_link_password(
        &self,
        link: &LinkId,
        stored: Vec<u8>,
        given: Option<&str>,
    ) -> Result<()> {
        let given = given.ok_or(Error::LinkPassword)?;
        if self.link_passwords.is_known(link, &stored, given) {
            return Ok(());
        }
        // Guesses at a locked link take no turn from readers of other links.
        if self.is_link_locked(link).await? {
            return Err(Error::LinkLocked);
        }
        let turn = self.link_passwords.turn().await?;
        // While this call waited, others may have compared the same password, or guessed.
        if turn.is_known(link, &stored, given) {
            return Ok(());
        }
        if self.is_link_locked(link).await? {
            return Err(Error::LinkLocked);
        }
        if turn.is_right(link, stored, given.to_owned()).await? {
            return Ok(());
        }
        // Of guesses that were compared at once, the last ones may find the link locked by the others.
        match rows::count_wrong(&self.meta.client().await?, link).await? {
            true => Err(Error::LinkPassword),
            false => Err(Error::LinkLocked),
        }
    }

    /// On a connection of its own, which no call keeps while it waits for its turn.
    async fn is_link_locked(&self, link: &LinkId) -> Result<bool> {
        rows::is_locked(&self.meta.client().await?, link).await
    }
}

/// What a link leads to.
pub struct FollowedLink {
    /// The artifact.
    pub download: Download,
    store: Store,
    link: Link,
}

impl FollowedLink {
    /// The link itself.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Counts a download, if the link has a limit. To be called before content is sent.
    ///
    /// # Errors
    /// `LinkExpired` if others had the last downloads; `Unavailable`.
    pub async fn count_download(&self) -> Result<()> {
        if self.link.max_downloads.is_none() {
            return Ok(());
        }
        let client = self.store.meta.client().await?;
        if rows::count_download(&client, &self.link.id).await? {
            Ok(())
        } else {
            Err(ended(&self.link))
        }
    }
}

fn ended(link: &Link) -> Error {
    Error::LinkExpired {
        id: link.id.to_string(),
        ended_at: link.revoked_at.unwrap_or(link.expires_at),
    }
}

/// Refuses another link where there are as many as allowed. The tenant's other links wait until this transaction ends.
async fn check_links(tx: &Connection, tenant: TenantId, max: u64) -> Result<()> {
    tenants::lock(tx, tenant).await?;
    let most = i64::try_from(max).unwrap_or(i64::MAX);
    match rows::count_active(tx, tenant, most).await? < most {
        true => Ok(()),
        false => {
            let kind = LimitKind::Links;
            Err(CountReached { kind, max }.into())
        }
    }
}

/// A link to an artifact within reach.
async fn known_link(client: &Connection, reach: Reach<'_>, id: &str) -> Result<Link> {
    let missing = || Error::LinkNotFound(id.to_owned());
    let link = rows::get(client, reach.tenant, &link_id(id)?).await?;
    let link = link.ok_or_else(missing)?;
    let artifact = std::slice::from_ref(&link.artifact_id);
    match reach::within(client, reach, artifact).await?.is_empty() {
        true => Err(missing()),
        false => Ok(link),
    }
}
