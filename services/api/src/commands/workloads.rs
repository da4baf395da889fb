//! `cairn-api workloads`.

use std::error::Error;

use cairn_api::Settings;
use cairn_store::{Store, Workload};
use clap::Subcommand;
use uuid::Uuid;

use super::grant::GrantArguments;

#[derive(Subcommand)]
pub(crate) enum Workloads {
    /// Let a workload act for a tenant with its tokens, in place of a key. The first workload creates the tenant.
    Add {
        /// The tenant's name.
        #[arg(long)]
        tenant: String,
        /// The tokens' `sub`, such as system:serviceaccount:NAMESPACE:NAME; with ":*" at its end, every subject that
        /// continues after the colon.
        #[arg(long)]
        subject: String,
        /// The tokens' `iss`; by default CAIRN_TOKEN_ISSUER.
        #[arg(long)]
        issuer: Option<String>,
        #[command(flatten)]
        grant: Box<GrantArguments>,
    },
    /// List a tenant's workloads, newest first.
    List {
        /// The tenant's name.
        #[arg(long)]
        tenant: String,
    },
    /// Remove a workload; calls with its tokens fail from then on.
    Remove {
        /// The workload's id, as `list` shows it.
        id: Uuid,
    },
}

impl Workloads {
    pub(crate) async fn run(self, store: &Store) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Add {
                tenant,
                subject,
                issuer,
                grant,
            } => {
                let issuer = match issuer {
                    Some(issuer) => issuer,
                    None => our_issuer()?,
                };
                let grant = grant.read()?;
                let added = store.add_workload(&tenant, &issuer, &subject, &grant);
                print(&added.await?);
            }
            Self::List { tenant } => {
                for workload in store.list_workloads(&tenant).await? {
                    print(&workload);
                }
            }
            Self::Remove { id } => {
                if !store.remove_workload(id).await? {
                    let words =
                        format!("there is no workload {id}; `workloads list` shows a tenant's");
                    return Err(words.into());
                }
            }
        }
        Ok(())
    }
}

fn our_issuer() -> Result<String, Box<dyn Error>> {
    match &mut *Settings::from_env()?.tokens {
        [one] => Ok(std::mem::take(&mut one.issuer)),
        [] => Err("give --issuer, or set CAIRN_TOKEN_ISSUER".into()),
        _ => Err("give --issuer: there are several".into()),
    }
}

fn print(workload: &Workload) {
    let Workload {
        id,
        issuer,
        subject,
        created_at,
        grant,
    } = workload;
    println!(
        "{id}  {subject}  of {issuer}  added {created_at}  may {} on {}",
        grant.scopes(),
        grant.narrowing()
    );
}
