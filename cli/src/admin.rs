//! `cairn admin`: for those who run a Cairn. gc and fsck open the stores themselves; the other commands go through the
//! server.

mod apply;
mod audit;
mod fsck;
mod gc;
mod keys;
mod plans;
mod tenants;
mod workloads;

use cairn_store::{Store, config::StoreConfig};

use crate::{error::CliError, terminal::output::Output, verbs::usage};

/// Look after a Cairn. gc and fsck are configured by the CAIRN_* variables of its servers, the others by those of the
/// command
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Keys(Box<keys::Args>),
    Plans(Box<plans::Args>),
    Tenants(Box<tenants::Args>),
    Workloads(Box<workloads::Args>),
    Usage(Box<usage::OfTenantArgs>),
    Apply(Box<apply::Args>),
    Audit(Box<audit::Args>),
    Gc(gc::Args),
    Fsck(fsck::Args),
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    match args.command {
        Command::Keys(args) => keys::run(*args, output).await,
        Command::Plans(args) => plans::run(*args, output).await,
        Command::Tenants(args) => tenants::run(*args, output).await,
        Command::Workloads(args) => workloads::run(*args, output).await,
        Command::Usage(args) => usage::of_tenant(*args, output).await,
        Command::Apply(args) => apply::run(*args, output).await,
        Command::Audit(args) => audit::run(*args, output).await,
        Command::Gc(args) => gc::run(args, &open().await?, output).await,
        Command::Fsck(args) => fsck::run(args, &open().await?, output).await,
    }
}

async fn open() -> Result<Store, CliError> {
    Ok(Store::open(&StoreConfig::from_env()?).await?)
}
