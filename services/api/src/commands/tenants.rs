//! `cairn-api tenants`.

use std::{error::Error, str::FromStr};

use cairn_store::{ByteCount, QuotaUpdate, Store, TenantUsage};
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Tenants {
    /// List tenants by name, with what they store and what they may store, a thousand at a time.
    List {
        /// Those after this one.
        #[arg(long, value_name = "NAME")]
        after: Option<String>,
    },
    /// Show one of them.
    Show {
        /// The tenant's name.
        #[arg(long)]
        tenant: String,
    },
    /// Set what a tenant may store, from its next write on. What it stores already stays.
    #[command(arg_required_else_help = true)]
    Set {
        /// The tenant's name.
        #[arg(long)]
        tenant: String,
        /// The sum of the sizes of its artifacts, such as 500000 or 10GiB, or `none` for no limit.
        #[arg(long, value_name = "SIZE", required_unless_present = "max_artifacts")]
        max_stored_bytes: Option<Most<ByteCount>>,
        /// How many artifacts it may have, or `none` for no limit.
        #[arg(long, value_name = "N")]
        max_artifacts: Option<Most<u64>>,
    },
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
            Self::Set {
                tenant,
                max_stored_bytes,
                max_artifacts,
            } => {
                let bytes = |most: Most<ByteCount>| most.0.map(|ByteCount(n)| n.unsigned_abs());
                let update = QuotaUpdate {
                    max_stored_bytes: max_stored_bytes.map(bytes),
                    max_artifacts: max_artifacts.map(|most| most.0),
                };
                store.set_quota(&tenant, update).await?;
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

fn line(tenant: &TenantUsage) -> String {
    let (usage, quota) = (&tenant.usage, &tenant.quota);
    let of = |max: Option<u64>| max.map_or_else(String::new, |max| format!(" of {max}"));
    format!(
        "{}  {}{} artifacts  {}{} bytes  {} physical bytes",
        tenant.tenant,
        usage.stored_artifacts,
        of(quota.max_artifacts),
        usage.stored_bytes,
        of(quota.max_stored_bytes),
        usage.physical_bytes,
    )
}
