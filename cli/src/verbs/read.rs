//! `cairn read`.

use cairn_client::unary;
use cairn_proto::{
    json::{BytesRead, LinesRead},
    v1::{ReadBytesRequest, ReadLinesRequest},
};

use crate::{
    args::{name::Name, reading::Budget, server::Server},
    error::CliError,
    terminal::{lines, output::Output},
};

/// Print some lines of an artifact, or some bytes
#[derive(clap::Args)]
#[command(override_usage = "cairn read [OPTIONS] ID
       cairn read [OPTIONS] --name FILENAME [--version N] [--session ID] [--namespace NAME] [--user ID]")]
pub(crate) struct Args {
    /// The artifact
    #[arg(value_name = "ID")]
    artifact_id: Option<String>,
    /// The number of the first line, from 1
    #[arg(long, value_name = "N", conflicts_with = "offset", value_parser = clap::value_parser!(i64).range(1..))]
    first_line: Option<i64>,
    /// The most lines, or with --offset the most bytes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    limit: Option<i32>,
    /// Read bytes from here on, in place of lines
    #[arg(long, value_name = "BYTE", conflicts_with_all = ["cursor", "max_bytes", "max_scan_bytes"], value_parser = clap::value_parser!(i64).range(0..))]
    offset: Option<i64>,
    #[command(flatten)]
    budget: Budget,
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let (artifact_id, name) = args.name.or_id(args.artifact_id)?.into_fields();
    let mut client = args.server.connect().await?;
    let limit = args.limit.unwrap_or_default();
    if let Some(offset) = args.offset {
        let request = ReadBytesRequest {
            artifact_id,
            name,
            offset,
            limit: limit.into(),
        };
        let answer = client.reads.read_bytes(unary(request)).await?;
        let read = BytesRead::from(answer.into_inner());
        output.data(&read, || lines::of_bytes(&read))?;
        if let Some(next) = read.next_offset {
            output.hint(&format!("more: --offset {next} of {}", read.size_bytes));
        }
        return Ok(());
    }
    let first_line = args.first_line.unwrap_or_default();
    let request = ReadLinesRequest {
        artifact_id,
        name,
        first_line,
        limit,
        max_bytes: args.budget.max_bytes(),
        max_scan_bytes: args.budget.max_scan_bytes(),
        page_token: args.budget.cursor.unwrap_or_default(),
    };
    let answer = client.reads.read_lines(unary(request)).await?;
    let read = LinesRead::from(answer.into_inner());
    output.data(&read, || lines::of_text(&read.lines))?;
    if let (Some(next), Some(cursor)) = (read.next_line, &read.next_cursor) {
        let total = read
            .total_lines
            .map_or(String::new(), |total| format!(" of {total}"));
        // The budget may have ended before the first wanted line.
        let next = next.max(first_line);
        output.hint(&format!(
            "more: --first-line {next}{total}, with --cursor {cursor}"
        ));
    }
    Ok(())
}
