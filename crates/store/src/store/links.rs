//! Links: public, expiring, revocable URLs.

use std::time::Duration;

use serde_json::json;

use crate::{
    meta::{artifacts, connection::Connection, links as rows, reach, tenants},
    model::{
        access::Reach,
        audit::{Actor, Deed, Origin},
        error::{Error, Result},
        id::TenantId,
        idempotency::{Fingerprint, IdempotencyKey},
        link::{Link, link_id},
        page::{Page, PageSize},
        plan::LimitKind,
        reference::{ArtifactRef, artifact_id},
        tenant::Caller,
    },
    store::{
        Store,
        idempotent::{IdempotentWrite, recorded},
        read::Download,
    },
};

const DEFAULT_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
const LONGEST_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);

impl Store {
    /// Makes a link to a visible artifact; seven days when no time is given.
    ///
    /// # Errors
    /// `Invalid`, what `get_artifact` answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn create_link(
        &self,
        caller: &Caller,
        artifact: &ArtifactRef,
        expires_in: Option<Duration>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Link> {
        let expires_in = expires_in.unwrap_or(DEFAULT_LIFE);
        if !(Duration::from_millis(1)..=LONGEST_LIFE).contains(&expires_in) {
            let rule = "must be at least one millisecond and at most 365 days";
            return Err(Error::invalid("expires_in", rule));
        }
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("CreateLink")
            .with("artifact", artifact)
            .with("expires_in", &expires_in);
        let once = match IdempotentWrite::begin(self, &client, caller.reach(), key, asked).await? {
            Ok(once) => once,
            Err(earlier) => {
                return known_link(&client, caller.reach(), recorded(&earlier, "link_id")?).await;
            }
        };
        let artifact = artifacts::resolve(&once.tx, caller.reach(), artifact).await?;
        artifacts::get(&once.tx, caller.tenant.id, &artifact).await?;
        if let Some(max) = caller.tenant.limits.get(LimitKind::Links) {
            check_links(&once.tx, caller.tenant.id, max).await?;
        }
        let link = rows::insert(&once.tx, caller.tenant.id, &artifact, expires_in).await?;
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

    /// Counts the links that work, up to `MAX_COUNT` and one. For a caller with a narrowing it is 0, since it counts those of
    /// all artifacts.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn count_active_links(&self, caller: &Caller) -> Result<i64> {
        if !caller.reach().is_all() {
            return Ok(0);
        }
        let client = self.meta.client().await?;
        rows::count_active(&client, caller.tenant.id, Self::MAX_COUNT + 1).await
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

    /// Follows a link, as anyone may who knows it.
    ///
    /// # Errors
    /// `LinkNotFound`, `LinkExpired`, what `open_artifact` answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn follow_link(&self, id: &str, origin: &Origin) -> Result<Download> {
        let link_id = link_id(id)?;
        let client = self.meta.client().await?;
        let target = rows::follow(&client, &link_id)
            .await?
            .ok_or_else(|| Error::LinkNotFound(id.to_owned()))?;
        if !target.open {
            return Err(Error::LinkExpired {
                id: id.to_owned(),
                ended_at: target.link.revoked_at.unwrap_or(target.link.expires_at),
            });
        }
        let (artifact, location) =
            artifacts::locate(&client, target.tenant, &target.link.artifact_id).await?;
        let resource = target.link.artifact_id.as_str();
        let actor = || Actor::of_link(id, origin);
        let deed = || Deed::of(target.tenant, actor(), "FollowLink", resource);
        self.audit.read(deed);
        Ok(Download::new(self, target.tenant, artifact, location))
    }
}

/// Refuses another link where there are as many as allowed. The tenant's other links wait until this transaction ends.
async fn check_links(tx: &Connection, tenant: TenantId, max: u64) -> Result<()> {
    tenants::lock(tx, tenant).await?;
    let most = i64::try_from(max).unwrap_or(i64::MAX);
    match rows::count_active(tx, tenant, most).await? < most {
        true => Ok(()),
        false => Err(Error::TooManyLinks(max)),
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
