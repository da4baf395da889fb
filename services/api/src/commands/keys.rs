//! `cairn-api keys`.

use std::error::Error;

use cairn_store::Store;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Create a key and print it: it cannot be shown again. The first key creates the tenant.
    Create {
        /// The tenant's name.
        #[arg(long)]
        tenant: String,
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
            Self::Create { tenant } => {
                println!("{}", store.create_api_key(&tenant).await?.reveal())
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
