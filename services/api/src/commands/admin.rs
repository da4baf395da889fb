//! `cairn-api admin`: what is done before there is a key to do it with.

use std::{error::Error, fs, io::Read, path::PathBuf};

use cairn_store::{ApiKeySecret, Declared, Store};
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Admin {
    /// Make the first key with every scope, operator included, and print it: it cannot be shown again. Fails if another key
    /// has the scope operator.
    Bootstrap {
        /// The tenant of the key.
        #[arg(long, default_value = "operators")]
        tenant: String,
        /// Take the secret from this file in place of a fresh one, and print nothing. Doing that again is harmless.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Print a fresh secret for `bootstrap --secret-file`; nothing is stored.
    NewSecret,
    /// Make what a file of plans, tenants and workloads declares, and print each change.
    Apply {
        /// The file, in YAML or JSON; - is standard input.
        #[arg(short, long, value_name = "FILE", required_unless_present = "document")]
        file: Option<PathBuf>,
        /// The content of the file instead.
        #[arg(long, value_name = "TEXT", conflicts_with = "file")]
        document: Option<String>,
        /// Change nothing, and only print what would change.
        #[arg(long)]
        dry_run: bool,
    },
}

impl Admin {
    pub(crate) async fn run(self, store: &Store) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Bootstrap {
                tenant,
                secret_file,
            } => {
                let given = match &secret_file {
                    Some(file) => Some(ApiKeySecret::given(&read(file)?)?),
                    None => None,
                };
                let made = store.bootstrap(&tenant, given).await?;
                let secret = made.ok_or(
                    "there is a key with the scope operator already: use it, or revoke it with `cairn-api keys revoke`",
                )?;
                if secret_file.is_none() {
                    println!("{}", secret.reveal());
                }
            }
            Self::NewSecret => println!("{}", ApiKeySecret::fresh().reveal()),
            Self::Apply {
                file,
                document,
                dry_run,
            } => {
                let text = match (document, file) {
                    (Some(text), _) => text,
                    (None, file) => read(&file.unwrap_or_default())?,
                };
                let declared = Declared::read(&text)?;
                for change in store.apply(None, &declared, dry_run).await? {
                    println!("{change}");
                }
            }
        }
        Ok(())
    }
}

fn read(file: &PathBuf) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().read_to_string(&mut text).map(drop),
        false => fs::read_to_string(file).map(|read| text = read),
    };
    read.map_err(|e| format!("{} cannot be read: {e}", file.display()))?;
    Ok(text)
}
