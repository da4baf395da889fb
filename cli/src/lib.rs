//! The `cairn` command: the client of Cairn for shells, and `cairn dev`.
//!
//! Data goes to standard output, words to standard error. Data is JSON with the field names of the HTTP API, unless
//! standard output is a terminal. The exit code says whose fault a failure is: 1 the caller's, 2 the server's, 3 the
//! network's.

mod admin;
mod args;
mod dev;
mod error;
mod files;
mod mcp;
mod sidecar;
mod terminal;
mod verbs;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

pub use crate::dev::cluster;

use crate::{
    error::{CliError, Fault},
    terminal::{
        interrupt::{VerbEnd, run_until_interrupted},
        output::Output,
    },
};

/// Store, find and share the files that AI agents produce
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
    Mcp(mcp::Args),
    Dev(dev::Args),
    Admin(admin::Args),
}

#[derive(Subcommand)]
enum ClientCommand {
    Push(verbs::push::Args),
    Pull(verbs::pull::Args),
    Ls(verbs::ls::Args),
    Usage(verbs::usage::Args),
    Versions(verbs::versions::Args),
    Read(verbs::read::Args),
    Grep(verbs::grep::Args),
    Preview(verbs::preview::Args),
    Diff(verbs::diff::Args),
    Edit(Box<verbs::edit::Args>),
    Inspect(verbs::inspect::Args),
    Lineage(verbs::lineage::Args),
    Cp(verbs::cp::Args),
    Update(verbs::update::Args),
    Stage(verbs::stage::Args),
    History(verbs::stage::HistoryArgs),
    Rm(verbs::rm::Args),
    Restore(verbs::restore::Args),
    Hold(verbs::hold::Args),
    Link(verbs::link::Args),
    Url(verbs::url::Args),
    Session(verbs::session::Args),
    Job(verbs::job::Args),
    Todo(verbs::todo::Args),
    Whoami(verbs::whoami::Args),
    Token(Box<verbs::token::Args>),
    Completions(verbs::completions::Args),
}

/// Runs the command with these arguments, of which the first is the command's own name.
///
/// Never panics on a bad argument and never ends the process: that is left to the caller, with the exit code returned.
pub async fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(words) => {
            // If the message cannot be printed, no other message can.
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
        Command::Mcp(args) => mcp::run(args).await,
        Command::Dev(args) => dev::run(args, output).await,
        Command::Admin(args) => admin::run(args, output).await,
        Command::Client(command) => match run_until_interrupted(client_verb(command, output)).await
        {
            Ok(VerbEnd::Done(done)) => done,
            Ok(VerbEnd::Interrupted(said, signal)) => return end_by(signal, said, output),
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

/// The exit code of a verb that a signal ended: 128 and the signal's number, unless the verb had a result.
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
        ClientCommand::Push(args) => verbs::push::run(args, output).await,
        ClientCommand::Pull(args) => verbs::pull::run(args, output).await,
        ClientCommand::Ls(args) => verbs::ls::run(args, output).await,
        ClientCommand::Usage(args) => verbs::usage::run(args, output).await,
        ClientCommand::Versions(args) => verbs::versions::run(args, output).await,
        ClientCommand::Read(args) => verbs::read::run(args, output).await,
        ClientCommand::Grep(args) => verbs::grep::run(args, output).await,
        ClientCommand::Preview(args) => verbs::preview::run(args, output).await,
        ClientCommand::Diff(args) => verbs::diff::run(args, output).await,
        ClientCommand::Edit(args) => verbs::edit::run(*args, output).await,
        ClientCommand::Inspect(args) => verbs::inspect::run(args, output).await,
        ClientCommand::Lineage(args) => verbs::lineage::run(args, output).await,
        ClientCommand::Cp(args) => verbs::cp::run(args, output).await,
        ClientCommand::Update(args) => verbs::update::run(args, output).await,
        ClientCommand::Stage(args) => verbs::stage::run(args, output).await,
        ClientCommand::History(args) => verbs::stage::history(args, output).await,
        ClientCommand::Rm(args) => verbs::rm::run(args, output).await,
        ClientCommand::Restore(args) => verbs::restore::run(args, output).await,
        ClientCommand::Hold(args) => verbs::hold::run(args, output).await,
        ClientCommand::Link(args) => verbs::link::run(args, output).await,
        ClientCommand::Url(args) => verbs::url::run(args, output).await,
        ClientCommand::Session(args) => verbs::session::run(args, output).await,
        ClientCommand::Job(args) => verbs::job::run(args, output).await,
        ClientCommand::Todo(args) => verbs::todo::run(args, output).await,
        ClientCommand::Whoami(args) => verbs::whoami::run(args, output).await,
        ClientCommand::Token(args) => verbs::token::run(*args, output).await,
        ClientCommand::Completions(args) => verbs::completions::run(Cli::command(), args, output),
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
