//! `cairn admin`: for those who run a Cairn. Keys go through the server; the other commands open the stores themselves.

mod fsck;
mod gc;
mod keys;

use cairn_store::{Store, config::StoreConfig};

use crate::{error::CliError, terminal::output::Output};

/// Look after a Cairn. gc and fsck are configured by the CAIRN_* variables of its servers, keys by those of the command
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Keys(Box<keys::Args>),
    Gc(gc::Args),
    Fsck(fsck::Args),
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    match args.command {
        Command::Keys(args) => keys::run(*args, output).await,
        Command::Gc(args) => gc::run(args, &open().await?, output).await,
        Command::Fsck(args) => fsck::run(args, &open().await?, output).await,
    }
}

async fn open() -> Result<Store, CliError> {
    Ok(Store::open(&StoreConfig::from_env()?).await?)
}
