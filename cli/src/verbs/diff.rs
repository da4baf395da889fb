//! `cairn diff`.

use cairn_client::unary;
use cairn_proto::{
    json::Difference,
    v1::{ArtifactName, DiffVersionsRequest},
};

use crate::{
    args::{name::Scope, server::Server},
    error::CliError,
    terminal::{lines, output::Output},
};

/// Show what differs between two versions
#[derive(clap::Args)]
#[command(override_usage = "cairn diff [OPTIONS] FROM-ID TO-ID
       cairn diff [OPTIONS] --name FILENAME --from N [--to N] [--session ID] [--namespace NAME] [--user ID]")]
pub(crate) struct Args {
    /// The first version
    #[arg(
        value_name = "FROM-ID",
        required_unless_present = "name",
        requires = "to_id",
        conflicts_with = "name"
    )]
    from_id: Option<String>,
    /// The second version
    #[arg(value_name = "TO-ID")]
    to_id: Option<String>,
    /// The filename, in place of two ids
    #[arg(long, value_name = "FILENAME", requires = "from", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: Option<String>,
    /// The first version of the filename
    #[arg(long, value_name = "N", requires = "name", value_parser = clap::value_parser!(i64).range(1..))]
    from: Option<i64>,
    /// The second version of the filename, in place of the latest
    #[arg(long, value_name = "N", requires = "name", value_parser = clap::value_parser!(i64).range(1..))]
    to: Option<i64>,
    /// Lines around each change: 0 to 10
    #[arg(long, short = 'C', value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(i32).range(0..=10))]
    context: i32,
    /// The most bytes of the diff: 256 to 262144; by default 16384
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(256..=262_144))]
    max_bytes: Option<i64>,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let mut request = DiffVersionsRequest {
        context: Some(args.context),
        max_bytes: args.max_bytes.unwrap_or_default(),
        ..DiffVersionsRequest::default()
    };
    match args.name {
        Some(filename) => {
            let name = args.scope.name(filename);
            let version = |version: Option<i64>| ArtifactName {
                version: version.unwrap_or_default(),
                ..name.clone()
            };
            request.from_name = Some(version(args.from));
            request.to_name = Some(version(args.to));
        }
        None => {
            request.from_artifact_id = args.from_id.unwrap_or_default();
            request.to_artifact_id = args.to_id.unwrap_or_default();
        }
    }
    let mut client = args.server.connect().await?;
    let answer = client.reads.diff_versions(unary(request)).await?;
    let found = Difference::from(answer.into_inner());
    output.data(&found, || lines::printable_lines(&found.diff))?;
    let why = match (found.identical, found.is_text, found.stop) {
        (true, ..) => "the versions have the same content",
        (_, false, _) => "the versions differ, and one of them is not text",
        (_, _, Some("bytes_scanned")) => "the versions differ, and are too large to be compared",
        (_, _, Some("bytes_out")) => "the diff goes on: give a larger --max-bytes",
        _ => return Ok(()),
    };
    output.hint(why);
    Ok(())
}
