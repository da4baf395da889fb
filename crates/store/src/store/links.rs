//! Links: public, expiring, revocable URLs.

use std::time::Duration;

use serde_json::json;

use crate::{
    meta::{artifacts, connection::Connection, links as rows},
    model::{
        error::{Error, Result},
        id::TenantId,
        idempotency::{Fingerprint, IdempotencyKey},
        link::{Link, link_id},
        page::{Page, PageSize},
        reference::{ArtifactRef, artifact_id},
        tenant::Tenant,
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
        tenant: &Tenant,
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
        let once = match IdempotentWrite::begin(self, &client, tenant.id, key, asked).await? {
            Ok(once) => once,
            Err(earlier) => {
                return known_link(&client, tenant.id, recorded(&earlier, "link_id")?).await;
            }
        };
        let artifact = artifacts::resolve(&once.tx, tenant.id, artifact).await?;
        artifacts::get(&once.tx, tenant.id, &artifact).await?;
        let link = rows::insert(&once.tx, tenant.id, &artifact, expires_in).await?;
        once.commit(json!({"link_id": link.id.as_str()})).await?;
        Ok(link)
    }

    /// Returns a link, whether or not it still works.
    ///
    /// # Errors
    /// `LinkNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn get_link(&self, tenant: &Tenant, id: &str) -> Result<Link> {
        let client = self.meta.client().await?;
        known_link(&client, tenant.id, id).await
    }

    /// Lists links, newest first; of one artifact when it is given.
    ///
    /// # Errors
    /// `Invalid` for a token of another list; `ArtifactNotFound` for what is no artifact id; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_links(
        &self,
        tenant: &Tenant,
        artifact: Option<&str>,
        size: PageSize,
        token: &str,
    ) -> Result<Page<Link>> {
        let artifact = artifact.map(artifact_id).transpose()?;
        let listing = self.listing(&("links", tenant.id, &artifact)).await?;
        let after = listing.position(token)?;
        let client = self.meta.client().await?;
        let rows = rows::list(&client, tenant.id, artifact.as_ref(), after.as_ref(), size).await?;
        Ok(listing.page(rows, size, |_| Link::WEIGHT))
    }

    /// Counts the links that work, up to `MAX_COUNT` and one.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn count_active_links(&self, tenant: &Tenant) -> Result<i64> {
        let client = self.meta.client().await?;
        rows::count_active(&client, tenant.id, Self::MAX_COUNT + 1).await
    }

    /// Ends a link at once, and returns it.
    ///
    /// # Errors
    /// `LinkNotFound`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn revoke_link(
        &self,
        tenant: &Tenant,
        id: &str,
        key: Option<&IdempotencyKey>,
    ) -> Result<Link> {
        let link_id = link_id(id)?;
        let client = self.meta.client().await?;
        let asked = Fingerprint::of("RevokeLink").with("link_id", &id);
        let once = match IdempotentWrite::begin(self, &client, tenant.id, key, asked).await? {
            Ok(once) => once,
            Err(earlier) => {
                return known_link(&client, tenant.id, recorded(&earlier, "link_id")?).await;
            }
        };
        let link = rows::revoke(&once.tx, tenant.id, &link_id)
            .await?
            .ok_or_else(|| Error::LinkNotFound(id.to_owned()))?;
        once.commit(json!({"link_id": id})).await?;
        Ok(link)
    }

    /// Follows a link, as anyone may who knows it.
    ///
    /// # Errors
    /// `LinkNotFound`, `LinkExpired`, what `open_artifact` answers, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn follow_link(&self, id: &str) -> Result<Download> {
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
        Ok(Download::new(self, target.tenant, artifact, location))
    }
}

async fn known_link(client: &Connection, tenant: TenantId, id: &str) -> Result<Link> {
    rows::get(client, tenant, &link_id(id)?)
        .await?
        .ok_or_else(|| Error::LinkNotFound(id.to_owned()))
}
