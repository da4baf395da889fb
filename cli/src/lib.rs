//! The `cairn` command: what people and agents do with a Cairn from a shell.
//!
//! Data goes to standard output, words to standard error. Data is JSON with the field names of the HTTP API, unless
//! standard output is a terminal. The exit code says whose fault a failure is: 1 the caller's, 2 the server's, 3 the
//! network's.

mod client;
mod completions;
mod digest;
mod error;
mod inspect;
mod link;
mod ls;
mod metadata;
mod output;
mod page;
mod printable;
mod progress;
mod pull;
mod push;
mod rm;
mod session;
mod several;
mod shapes;
mod time;
mod whoami;

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{
    error::{CliError, Fault},
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
    Push(push::Args),
    Pull(pull::Args),
    Ls(ls::Args),
    Inspect(inspect::Args),
    Rm(rm::Args),
    Link(link::Args),
    Session(session::Args),
    Whoami(whoami::Args),
    Completions(completions::Args),
}

/// What a shell shows for a command that an interrupt ended.
const INTERRUPTED: u8 = 130;

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
    // An interrupt drops the work, and with it its temporary files and its uploads.
    tokio::select! {
        done = client_verb(cli.command, output) => match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => output.fail(&error).map_or(ExitCode::SUCCESS, ExitCode::from),
        },
        _ = tokio::signal::ctrl_c() => ExitCode::from(INTERRUPTED),
    }
}

async fn client_verb(command: Command, output: Output) -> Result<(), CliError> {
    match command {
        Command::Push(args) => push::run(args, output).await,
        Command::Pull(args) => pull::run(args, output).await,
        Command::Ls(args) => ls::run(args, output).await,
        Command::Inspect(args) => inspect::run(args, output).await,
        Command::Rm(args) => rm::run(args, output).await,
        Command::Link(args) => link::run(args, output).await,
        Command::Session(args) => session::run(args, output).await,
        Command::Whoami(args) => whoami::run(args, output).await,
        Command::Completions(args) => completions::run(args, output),
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
