//! `cairn-api tenants`.

use std::{error::Error, str::FromStr, time::Duration};

use cairn_store::{
    ByteCount, HumanDuration, LinkPolicy, LinkPolicyUpdate, Store, TenantUpdate, TenantUsage,
};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum Tenants {
    /// List tenants by name, with what they store and their limits, a thousand at a time.
    List {
        /// Start after this tenant.
        #[arg(long, value_name = "NAME")]
        after: Option<String>,
    },
    /// Show one tenant.
    Show {
        /// The tenant's name.
        #[arg(long)]
        tenant: String,
    },
    /// Set a tenant's limits: how much it may store, and for how long. Stored artifacts stay as they are.
    #[command(arg_required_else_help = true)]
    Set {
        /// The tenant's name.
        #[arg(long)]
        tenant: String,
        #[command(flatten)]
        limits: Limits,
    },
}

/// Options that are not given stay.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Limits {
    /// The sum of the sizes of its artifacts, such as 500000 or 10GiB, or `none` for no limit.
    #[arg(long, value_name = "SIZE")]
    max_stored_bytes: Option<Most<ByteCount>>,
    /// How many artifacts it may have, or `none` for no limit.
    #[arg(long, value_name = "N")]
    max_artifacts: Option<Most<u64>>,
    /// The time to live of an artifact whose creator gives none, such as 30d; `none`: it never expires.
    #[arg(long, value_name = "TIME")]
    default_ttl: Option<Most<HumanDuration>>,
    /// The longest time to live that a creator may ask for, such as 90d, or `none` for no limit.
    #[arg(long, value_name = "TIME")]
    max_ttl: Option<Most<HumanDuration>>,
    /// Whether its artifacts may be kept without an expiry.
    #[arg(long, value_name = "true|false")]
    never_expires: Option<bool>,
    /// Whether links are created, and open. Off, no link of the tenant opens; they open again when it is on.
    #[arg(long, value_name = "true|false")]
    links: Option<bool>,
    /// The longest life of a link, such as 30d, or `none` for 365 days.
    #[arg(long, value_name = "TIME")]
    max_link_ttl: Option<Most<HumanDuration>>,
    /// The most downloads of a link, and their number for a link without a limit of its own; `none` for no limit.
    #[arg(long, value_name = "N")]
    max_link_downloads: Option<Most<u64>>,
}

impl From<&Limits> for LinkPolicyUpdate {
    fn from(limits: &Limits) -> Self {
        Self {
            enabled: limits.links,
            max_ttl: limits
                .max_link_ttl
                .map(|most| most.0.map(|HumanDuration(time)| time)),
            max_downloads: limits.max_link_downloads.map(|most| most.0),
        }
    }
}

impl From<Limits> for TenantUpdate {
    fn from(limits: Limits) -> Self {
        let bytes = |most: Most<ByteCount>| most.0.map(|ByteCount(n)| n.unsigned_abs());
        let time = |most: Most<HumanDuration>| most.0.map(|HumanDuration(time)| time);
        Self {
            max_stored_bytes: limits.max_stored_bytes.map(bytes),
            max_artifacts: limits.max_artifacts.map(|most| most.0),
            default_ttl: limits.default_ttl.map(time),
            max_ttl: limits.max_ttl.map(time),
            never_expires_allowed: limits.never_expires,
            ..Self::default()
        }
    }
}

/// A limit, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most<T>(Option<T>);

impl<T: FromStr> FromStr for Most<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        Ok(Self(match text {
            "none" => None,
            text => Some(text.parse()?),
        }))
    }
}

impl Tenants {
    pub(crate) async fn run(self, store: &Store) -> Result<(), Box<dyn Error>> {
        let tenant = match self {
            Self::List { after } => return list(store, after.as_deref()).await,
            Self::Show { tenant } => tenant,
            Self::Set { tenant, limits } => {
                let links = LinkPolicyUpdate::from(&limits);
                links.check()?;
                store.update_tenant(&tenant, limits.into()).await?;
                store.update_link_policy(&tenant, links).await?;
                tenant
            }
        };
        let Some(found) = store.get_tenant(&tenant).await? else {
            return Err(format!(
                "there is no tenant '{tenant}'; one comes into being with its first key, and `tenants list` shows all"
            )
            .into());
        };
        println!("{}", line(&found));
        if let Some(policy) = store.link_policy(&tenant).await? {
            println!("{}", links_line(&tenant, &policy));
        }
        Ok(())
    }
}

async fn list(store: &Store, after: Option<&str>) -> Result<(), Box<dyn Error>> {
    let found = store.list_tenants(after).await?;
    for tenant in &found {
        println!("{}", line(tenant));
    }
    if let Some(last) = found.get(Store::TENANTS_PAGE - 1) {
        eprintln!("there may be more: --after {}", last.tenant);
    }
    Ok(())
}

fn links_line(tenant: &str, policy: &LinkPolicy) -> String {
    let most = |most: Option<u64>| most.map_or("none".to_owned(), |most| most.to_string());
    let ttl = policy
        .max_ttl
        .map_or("none".to_owned(), |ttl| HumanDuration(ttl).to_string());
    format!(
        "{tenant}  links {}  max-link-ttl {ttl}  max-link-downloads {}",
        policy.enabled,
        most(policy.max_downloads),
    )
}

fn line(tenant: &TenantUsage) -> String {
    let (usage, quota, keeping) = (&tenant.usage, &tenant.quota, &tenant.keeping);
    let of = |max: Option<u64>| max.map_or_else(String::new, |max| format!(" of {max}"));
    let time =
        |ttl: Option<Duration>| ttl.map_or("none".to_owned(), |ttl| HumanDuration(ttl).to_string());
    format!(
        "{}  {}{} artifacts  {}{} bytes  {} physical bytes  default-ttl {}  max-ttl {}  never-expires {}",
        tenant.tenant,
        usage.stored_artifacts,
        of(quota.max_artifacts),
        usage.stored_bytes,
        of(quota.max_stored_bytes),
        usage.physical_bytes,
        time(keeping.default_ttl),
        time(keeping.max_ttl),
        keeping.never_expires_allowed,
    )
}
