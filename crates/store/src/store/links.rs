//! Links: public, expiring, revocable URLs.

use serde_json::json;

use crate::{
    meta::{
        artifacts, connection::Connection, link_policy as policies, links as rows, reach, sessions,
        tenants,
    },
    model::{
        access::Reach,
        audit::{Actor, Deed},
        call_origin::CallOrigin,
        error::{Error, Result},
        id::{LinkId, TenantId},
        idempotency::{Fingerprint, IdempotencyKey},
        limit::{CountReached, LimitKind},
        link::{Link, LinkPolicy, LinkTarget, LinksOf, NewLink, link_id},
        page::{Page, PageSize},
        reference::ArtifactRef,
        tenant::Caller,
    },
    store::{
        Store,
        idempotent::{IdempotentWrite, recorded},
        read::Download,
        shared::SharedSession,
    },
};

pub(super) mod passwords;
mod policy;

impl Store {
    /// Makes a link to a visible artifact, or to a session that exists; seven days when no time is given.
    ///
    /// # Errors
    /// `Invalid`; `LinksDisabled`; `CountReached` for more open links than the tenant may have; what `get_artifact` answers;
    /// `SessionNotFound`; `OutOfReach` for a caller that does not have sessions as wholes; `RateLimited` when too many
    /// passwords are under way; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn create_link(
        &self,
        caller: &Caller,
        target: &LinkTarget<ArtifactRef>,
        new: NewLink,
        key: Option<&IdempotencyKey>,
    ) -> Result<Link> {
        if let LinkTarget::Session(shared) = target {
            caller.reach().has_session(shared.session_id())?;
        }
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
        let asked = match target {
            LinkTarget::Artifact(artifact) => {
                Fingerprint::of("CreateLink").with("artifact", artifact)
            }
            LinkTarget::Session(shared) => Fingerprint::of("CreateLink").with("session", shared),
        };
        let asked = asked
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
        let target = match target {
            LinkTarget::Artifact(artifact) => {
                let artifact = artifacts::resolve(&once.tx, caller.reach(), artifact).await?;
                artifacts::get(&once.tx, tenant, &artifact).await?;
                LinkTarget::Artifact(artifact)
            }
            LinkTarget::Session(shared) => {
                sessions::heading(&once.tx, tenant, shared.session_id()).await?;
                LinkTarget::Session(shared.clone())
            }
        };
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
        let link = rows::insert(&once.tx, tenant, &target, &entry).await?;
        once.commit(
            Deed::done(caller, "CreateLink", &target.resource()),
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

    /// Lists links, newest first.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_links(
        &self,
        caller: &Caller,
        of: &LinksOf,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Link>> {
        let tenant = caller.tenant.id;
        // Tokens of earlier releases know lists of all links and of one artifact's.
        let listing = match of {
            LinksOf::All => self.listing(&("links", tenant, None::<&str>)).await?,
            LinksOf::Artifact(id) => self.listing(&("links", tenant, Some(id))).await?,
            LinksOf::Session(id) => self.listing(&("links of session", tenant, id)).await?,
        };
        let after = listing.position(token)?;
        let client = self.meta.client().await?;
        let rows = rows::list(&client, caller.reach(), of, after.as_ref(), size).await?;
        Ok(listing.page(rows, size, Link::weight))
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
            Deed::done(caller, "RevokeLink", &link.target.resource()),
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
        let tenant = target.tenant;
        let actor = Actor::of_link(id, origin);
        let followed = match &target.link.target {
            LinkTarget::Artifact(artifact) => {
                let (artifact, location) = artifacts::locate(&client, tenant, artifact).await?;
                let resource = artifact.id.to_string();
                let line = (self.audit).read(|| Deed::of(tenant, actor, "FollowLink", &resource));
                Followed::Artifact(Box::new(Download::new(
                    self, tenant, artifact, location, line,
                )))
            }
            LinkTarget::Session(shared) => {
                drop(client);
                let session = SharedSession::new(self, tenant, shared.clone(), actor)?;
                Followed::Session(Box::new(session))
            }
        };
        Ok(FollowedLink {
            followed,
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
#[derive(Clone)]
pub enum Followed {
    /// An artifact.
    Artifact(Box<Download>),
    /// A session, or a folder in it.
    Session(Box<SharedSession>),
}

/// A link that is open, and what it leads to.
pub struct FollowedLink {
    /// What it leads to.
    pub followed: Followed,
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

/// A link to an artifact or a session within reach.
async fn known_link(client: &Connection, reach: Reach<'_>, id: &str) -> Result<Link> {
    let missing = || Error::LinkNotFound(id.to_owned());
    let link = rows::get(client, reach.tenant, &link_id(id)?).await?;
    let link = link.ok_or_else(missing)?;
    let is_within = match &link.target {
        LinkTarget::Artifact(id) => {
            let within = reach::within(client, reach, std::slice::from_ref(id)).await?;
            !within.is_empty()
        }
        LinkTarget::Session(shared) => reach.has_session(shared.session_id()).is_ok(),
    };
    match is_within {
        true => Ok(link),
        false => Err(missing()),
    }
}
