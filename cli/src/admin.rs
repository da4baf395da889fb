//! `cairn admin`: for those who run a Cairn. It opens the stores themselves, and goes through no server.

mod fsck;
mod gc;

use cairn_store::{Store, config::StoreConfig};

use crate::{error::CliError, terminal::output::Output};

/// Look after a Cairn; configured by the same CAIRN_* variables as its servers
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Gc(gc::Args),
    Fsck(fsck::Args),
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let store = Store::open(&StoreConfig::from_env()?).await?;
    match args.command {
        Command::Gc(args) => gc::run(args, &store, output).await,
        Command::Fsck(args) => fsck::run(args, &store, output).await,
    }
}
