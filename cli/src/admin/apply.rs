//! `cairn admin apply`.

use std::{
    fs,
    io::{self, Read},
    path::PathBuf,
};

use cairn_client::unary;
use cairn_proto::v1::ApplyRequest;
use serde::Serialize;

use crate::{args::server::Server, error::CliError, terminal::output::Output};

/// Make what a file of plans, tenants and workloads declares; needs a key with the scope operator
#[derive(clap::Args)]
pub(super) struct Args {
    /// The file, in YAML or JSON; - is standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Change nothing, and only print what would change
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    server: Server,
}

#[derive(Serialize)]
struct Applied {
    changes: Vec<String>,
    dry_run: bool,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let document = read(&args.file)?;
    let mut client = args.server.connect().await?;
    let request = unary(ApplyRequest {
        document,
        dry_run: args.dry_run,
    });
    let answer = client.operator.apply(request).await?.into_inner();
    let applied = Applied {
        changes: answer.changes,
        dry_run: args.dry_run,
    };
    output.data(&applied, || match applied.changes.is_empty() {
        true => "nothing to change\n".to_owned(),
        false => applied.changes.join("\n") + "\n",
    })
}

fn read(file: &PathBuf) -> Result<String, CliError> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => io::stdin().read_to_string(&mut text).map(drop),
        false => fs::read_to_string(file).map(|read| text = read),
    };
    read.map_err(|e| CliError::Usage(format!("{} cannot be read: {e}", file.display())))?;
    Ok(text)
}
