//! Plans: what operators allow tenants.

use crate::{
    meta::{
        audit,
        plans::{self as rows, Administration},
    },
    model::{
        audit::Deed,
        error::{Error, Result},
        plan::{LimitChanges, Plan},
        tenant::Caller,
    },
    store::Store,
};

impl Store {
    /// The maximum plans of a list.
    pub const PLANS_PAGE: usize = 200;

    /// Makes a plan, or changes the limits of one that exists and so those of its tenants. A process uses the old ones for
    /// `credential_trust`.
    ///
    /// # Errors
    /// `Invalid` for the name; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn set_plan(
        &self,
        by: Option<&Caller>,
        name: &str,
        limits: &LimitChanges,
    ) -> Result<Plan> {
        Plan::check_name(name)?;
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        rows::enter(&tx, Administration::OfPlans).await?;
        rows::set(&tx, name, limits).await?;
        let plan = rows::list(&tx, Some(name), "", 1).await?.pop();
        let deed = Deed::by(by, "SetPlan", &format!("plan {name}"));
        audit::add(&tx, &[deed]).await?;
        tx.commit().await?;
        plan.ok_or_else(|| Plan::unknown(name))
    }

    /// Lists plans by name: those after this one, or from the first one, at most so many and `PLANS_PAGE`.
    ///
    /// # Errors
    /// `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn list_plans(&self, after: &str, most: usize) -> Result<Vec<Plan>> {
        let client = self.meta.client().await?;
        rows::list(&client, None, after, most.min(Self::PLANS_PAGE) as i64).await
    }

    /// Deletes a plan that no tenant has.
    ///
    /// # Errors
    /// `Invalid` for an unknown plan, for one that a tenant has, and for the default; `Unavailable`.
    #[tracing::instrument(skip_all)]
    pub async fn delete_plan(&self, by: Option<&Caller>, name: &str) -> Result<()> {
        if name == Plan::DEFAULT {
            let rule = "is the plan of new tenants, and stays";
            return Err(Error::invalid("plan", rule));
        }
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        rows::enter(&tx, Administration::OfPlans).await?;
        if !rows::delete(&tx, name).await? {
            let rule = "has tenants; give them another plan first";
            return Err(Error::invalid("plan", rule));
        }
        let deed = Deed::by(by, "DeletePlan", &format!("plan {name}"));
        audit::add(&tx, &[deed]).await?;
        tx.commit().await?;
        Ok(())
    }
}
