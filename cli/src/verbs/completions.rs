//! `cairn completions`.

use clap::Command;
use clap_complete::Shell;

use crate::{error::CliError, terminal::output::Output};

/// Print a completion script, such as for `. <(cairn completions bash)`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shell that it is for
    shell: Shell,
}

/// The script for this command.
pub(crate) fn run(mut command: Command, args: Args, output: Output) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "cairn", &mut script);
    output.raw(&script)
}
