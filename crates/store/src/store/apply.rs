//! Makes what a file of plans, tenants and workloads declares.

use crate::{
    meta::{
        audit,
        connection::Transaction,
        erasures,
        plans::{self, Administration},
        tenants, workloads,
    },
    model::{
        access::Grant,
        audit::Deed,
        declared::{Declared, DeclaredPlan, DeclaredTenant, DeclaredWorkload},
        error::{Error, Result},
        plan::{LimitChanges, Plan, PlanLimits},
        span::HumanDuration,
        tenant::{Caller, TenantUsage},
        text::check_tenant_name,
    },
    store::{Store, workloads::check},
};

impl Store {
    /// Makes what is declared, all of it or nothing, and returns each change in words; with `dry_run` nothing is changed. A
    /// second time nothing is left to change. A tenant that is being erased is left out, which is said among the changes.
    ///
    /// # Errors
    /// `Invalid`, what `set_plan`, `set_tenant` and `add_workload` return.
    #[tracing::instrument(skip_all)]
    pub async fn apply(
        &self,
        by: Option<&Caller>,
        declared: &Declared,
        dry_run: bool,
    ) -> Result<Vec<String>> {
        let client = self.meta.client().await?;
        let tx = client.transaction().await?;
        plans::enter(&tx, Administration::OfPlans).await?;
        let mut changes = Vec::new();
        for plan in &declared.plans {
            apply_plan(&tx, plan, &mut changes).await?;
        }
        let mut left_out = Vec::new();
        for tenant in &declared.tenants {
            let name = &tenant.name;
            // No erasure begins from here on until the transaction ends.
            let found = erasures::lock(&tx, name).await?;
            if found.is_some_and(|found| found.erasing) {
                left_out.push(changes.len());
                changes.push(format!("tenant {name}: is being erased, left out"));
                continue;
            }
            apply_tenant(&tx, tenant, &mut changes).await?;
            for workload in &tenant.workloads {
                apply_workload(&tx, &tenant.name, workload, &mut changes).await?;
            }
        }
        if !dry_run {
            let made = changes.iter().enumerate();
            let made = made.filter(|(place, _)| !left_out.contains(place));
            let deeds: Vec<_> = made
                .map(|(_, change)| Deed::by(by, "Apply", change))
                .collect();
            audit::add(&tx, &deeds).await?;
            tx.commit().await?;
        }
        Ok(changes)
    }
}

async fn apply_plan(
    tx: &Transaction<'_>,
    declared: &DeclaredPlan,
    changes: &mut Vec<String>,
) -> Result<()> {
    let (name, limits) = (&declared.name, declared.limits()?);
    Plan::check_name(name)?;
    let before = plans::list(tx, Some(name), "", 1).await?.pop();
    match before {
        Some(before) if before.limits == limits.limits() => return Ok(()),
        Some(before) => changes.push(format!(
            "plan {name}: {} -> {}",
            words(&before.limits),
            words(&limits.limits())
        )),
        None => changes.push(format!("plan {name}: new, {}", words(&limits.limits()))),
    }
    plans::set(tx, name, &limits).await
}

async fn apply_tenant(
    tx: &Transaction<'_>,
    declared: &DeclaredTenant,
    changes: &mut Vec<String>,
) -> Result<()> {
    let name = &declared.name;
    check_tenant_name(name).map_err(|rule| Error::invalid("tenants.name", rule))?;
    let before = tenants::list(tx, Some(name), None, 1).await?.pop();
    tenants::ensure(tx, name).await?;
    let overrides = before.as_ref().map(|tenant| tenant.overrides.clone());
    let update = declared.update(&overrides.unwrap_or_default())?;
    update.check()?;
    tenants::update(tx, name, &update).await?;
    let after = tenants::list(tx, Some(name), None, 1).await?.pop();
    let (before, after) = (before.map(|it| summary(&it)), after.map(|it| summary(&it)));
    if before != after {
        let before = before.unwrap_or_else(|| "new".to_owned());
        changes.push(format!(
            "tenant {name}: {before} -> {}",
            after.unwrap_or_default()
        ));
    }
    Ok(())
}

async fn apply_workload(
    tx: &Transaction<'_>,
    tenant: &str,
    declared: &DeclaredWorkload,
    changes: &mut Vec<String>,
) -> Result<()> {
    let (issuer, subject, grant) = (&declared.issuer, &declared.subject, declared.grant()?);
    check(issuer, subject, &grant)?;
    let before = workloads::named(tx, tenant, issuer, subject).await?;
    if before.as_ref().is_some_and(|before| before.grant == grant) {
        return Ok(());
    }
    let added = workloads::add(tx, tenant, issuer, subject, &grant).await?;
    added.ok_or_else(|| {
        let rule = format!("'{subject}' acts for another tenant; remove it there first");
        Error::invalid("subject", rule)
    })?;
    let may = |grant: &Grant| format!("{} on {}", grant.scopes(), grant.narrowing());
    let before = before.map_or_else(|| "new".to_owned(), |before| may(&before.grant));
    changes.push(format!(
        "workload {subject} of {tenant}: {before} -> {}",
        may(&grant)
    ));
    Ok(())
}

/// All that a file can declare of a tenant.
fn summary(tenant: &TenantUsage) -> String {
    let ttl =
        |time: Option<_>| time.map_or("none".to_owned(), |time| HumanDuration(time).to_string());
    format!(
        "plan {}, own limits {}, default-ttl {}, max-ttl {}, never-expires {}",
        tenant.plan,
        own(&tenant.overrides),
        ttl(tenant.keeping.default_ttl),
        ttl(tenant.keeping.max_ttl),
        tenant.keeping.never_expires_allowed
    )
}

fn words(limits: &PlanLimits) -> String {
    list(limits.iter().map(|(kind, max)| format!("{kind}={max}")))
}

fn own(limits: &LimitChanges) -> String {
    list(limits.iter().map(|(kind, max)| match max {
        Some(max) => format!("{kind}={max}"),
        None => format!("{kind}=none"),
    }))
}

fn list(words: impl Iterator<Item = String>) -> String {
    let words: Vec<_> = words.collect();
    match words.is_empty() {
        true => "no limits".to_owned(),
        false => words.join(" "),
    }
}
