//! `cairn completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{Cli, error::CliError, terminal::output::Output};

/// Print a completion script, such as for `. <(cairn completions bash)`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shell that it is for
    shell: Shell,
}

pub(crate) fn run(args: Args, output: Output) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cairn", &mut script);
    output.raw(&script)
}
