use crate::{
    meta::{audit, link_policy as rows},
    model::{
        audit::Deed,
        error::Result,
        link::{LinkPolicy, LinkPolicyUpdate},
    },
    store::Store,
};

impl Store {
    /// What the tenant of this name may do with links; `None` if there is no such tenant.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn link_policy(&self, tenant_name: &str) -> Result<Option<LinkPolicy>> {
        let client = self.meta.client().await?;
        rows::by_name(&client, tenant_name).await
    }

    /// Changes what a tenant may do with links, at once in all processes. Links that are there keep their life and their
    /// downloads. Returns whether there is such a tenant.
    ///
    /// # Errors
    /// `Invalid`, `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn update_link_policy(
        &self,
        tenant_name: &str,
        update: LinkPolicyUpdate,
    ) -> Result<bool> {
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        let found = rows::update(&tx, tenant_name, update).await?;
        if let Some(tenant) = found {
            let resource = format!("links of tenant {tenant_name}");
            let deed = Deed::in_database(tenant, "SetTenant", &resource);
            audit::add(&tx, &[deed]).await?;
        }
        tx.commit().await?;
        Ok(found.is_some())
    }
}
