//! The `cairn` command: what people and agents do with a Cairn from a shell.
//!
//! Data goes to standard output, words to standard error. Data is JSON with the field names of the HTTP API, unless
//! standard output is a terminal. The exit code says whose fault a failure is: 1 the caller's, 2 the server's, 3 the
//! network's.

mod admin;
mod again;
mod client;
mod completions;
mod cp;
mod dev;
mod digest;
mod error;
mod expression;
mod hold;
mod inspect;
mod interrupt;
mod job;
mod key;
mod lineage;
mod link;
mod ls;
mod metadata;
mod mode;
mod name;
mod names;
mod output;
mod page;
mod printable;
mod progress;
mod pull;
mod push;
mod record;
mod restore;
mod rm;
mod session;
mod several;
mod shapes;
mod sidecar;
mod signals;
mod stage;
mod time;
mod update;
mod versions;
mod walk;
mod whoami;

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand};

pub use crate::dev::cluster;

use crate::{
    error::{CliError, Fault},
    interrupt::{Minded, minded},
    output::Output,
};

/// Keeps what AI agents leave behind, for those who come after
#[derive(Parser)]
#[command(name = "cairn", version)]
struct Cli {
    /// Print JSON, also on a terminal and also for errors
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Client(ClientCommand),
    Sidecar(sidecar::Args),
    Dev(dev::Args),
    Admin(admin::Args),
}

#[derive(Subcommand)]
enum ClientCommand {
    Push(push::Args),
    Pull(pull::Args),
    Ls(ls::Args),
    Versions(versions::Args),
    Inspect(inspect::Args),
    Lineage(lineage::Args),
    Cp(cp::Args),
    Update(update::Args),
    Stage(stage::Args),
    History(stage::HistoryArgs),
    Rm(rm::Args),
    Restore(restore::Args),
    Hold(hold::Args),
    Link(link::Args),
    Session(session::Args),
    Job(job::Args),
    Whoami(whoami::Args),
    Completions(completions::Args),
}

/// Does what the arguments ask, the first of which is the command's own name.
///
/// Never panics on a bad argument and never ends the process: that is left to the caller, with the exit code returned.
pub async fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(words) => {
            // Nothing is left to be told when the words themselves cannot be printed.
            let _ = words.print();
            return if words.use_stderr() {
                Fault::Caller.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let output = Output::new(cli.json);
    let done = match cli.command {
        // These take time to stop in order.
        Command::Sidecar(args) => sidecar::run(args, output).await,
        Command::Dev(args) => dev::run(args, output).await,
        Command::Admin(args) => admin::run(args, output).await,
        Command::Client(command) => match minded(client_verb(command, output)).await {
            Ok(Minded::Done(done)) => done,
            Ok(Minded::Interrupted(said, signal)) => return end_by(signal, said, output),
            Err(error) => Err(error),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output
            .fail(&error)
            .map_or(ExitCode::SUCCESS, ExitCode::from),
    }
}

/// The end of a verb that a signal ended: with what a shell shows for that, unless it has come to an end of its own.
fn end_by(signal: i32, said: Option<Result<(), CliError>>, output: Output) -> ExitCode {
    match said {
        Some(Ok(())) => return ExitCode::SUCCESS,
        Some(Err(error)) => match output.fail(&error) {
            Some(Fault::Interrupt) | None => {}
            Some(fault) => return fault.into(),
        },
        None => {}
    }
    u8::try_from(signal).map_or(ExitCode::FAILURE, |signal| ExitCode::from(128 + signal))
}

async fn client_verb(command: ClientCommand, output: Output) -> Result<(), CliError> {
    match command {
        ClientCommand::Push(args) => push::run(args, output).await,
        ClientCommand::Pull(args) => pull::run(args, output).await,
        ClientCommand::Ls(args) => ls::run(args, output).await,
        ClientCommand::Versions(args) => versions::run(args, output).await,
        ClientCommand::Inspect(args) => inspect::run(args, output).await,
        ClientCommand::Lineage(args) => lineage::run(args, output).await,
        ClientCommand::Cp(args) => cp::run(args, output).await,
        ClientCommand::Update(args) => update::run(args, output).await,
        ClientCommand::Stage(args) => stage::run(args, output).await,
        ClientCommand::History(args) => stage::history(args, output).await,
        ClientCommand::Rm(args) => rm::run(args, output).await,
        ClientCommand::Restore(args) => restore::run(args, output).await,
        ClientCommand::Hold(args) => hold::run(args, output).await,
        ClientCommand::Link(args) => link::run(args, output).await,
        ClientCommand::Session(args) => session::run(args, output).await,
        ClientCommand::Job(args) => job::run(args, output).await,
        ClientCommand::Whoami(args) => whoami::run(args, output).await,
        ClientCommand::Completions(args) => completions::run(args, output),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
