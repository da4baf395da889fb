//! `cairn-api keys`.

use std::error::Error;

use cairn_store::{NewApiKey, Store};
use clap::Subcommand;

use super::grant::GrantArguments;

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Create a key and print it: it cannot be shown again. The first key creates the tenant.
    Create {
        /// The tenant's name.
        #[arg(long)]
        tenant: String,
        /// What people call the key.
        #[arg(long, default_value = "")]
        name: String,
        #[command(flatten)]
        grant: Box<GrantArguments>,
    },
    /// List a tenant's keys, newest first.
    List {
        /// The tenant's name.
        #[arg(long)]
        tenant: String,
    },
    /// Revoke a key; calls with it fail from then on.
    Revoke {
        /// The key's id, as `list` shows it.
        id: uuid::Uuid,
    },
}

impl Keys {
    pub(crate) async fn run(self, store: &Store) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Create {
                tenant,
                name,
                grant,
            } => {
                let new = NewApiKey::new(name, grant.read()?, None)?;
                let (_, secret) = store.issue_api_key(&tenant, &new).await?;
                println!("{}", secret.reveal());
            }
            Self::List { tenant } => {
                for key in store.list_api_keys(&tenant).await? {
                    let state = match key.revoked_at {
                        Some(at) => format!("revoked {at}"),
                        None => "active".to_owned(),
                    };
                    println!(
                        "{}  …{}  made {}  {state}",
                        key.id, key.last_4, key.created_at
                    );
                }
            }
            Self::Revoke { id } => {
                if !store.revoke_api_key(id).await? {
                    return Err(
                        format!("there is no key {id}; `keys list` shows a tenant's").into(),
                    );
                }
            }
        }
        Ok(())
    }
}
