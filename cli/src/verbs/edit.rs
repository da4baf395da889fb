//! `cairn edit`.

use cairn_client::unary;
use cairn_proto::{
    json::Edited,
    v1::{EditArtifactRequest, ReplaceLines, ReplaceText, edit_artifact_request::Change},
};

use crate::{
    args::{key::Key, name::Name, server::Server},
    error::CliError,
    terminal::{output::Output, render::artifact_fields},
};

/// Make the next version of a text by a change, without its bytes
#[derive(clap::Args)]
#[command(
    override_usage = "cairn edit [OPTIONS] (--old TEXT --new TEXT | --lines N[-N] --text TEXT) ID
       cairn edit [OPTIONS] (--old TEXT --new TEXT | --lines N[-N] --text TEXT) --name FILENAME [--session ID] …"
)]
pub(crate) struct Args {
    /// The version to change, which must be the latest
    #[arg(value_name = "ID")]
    artifact_id: Option<String>,
    /// The text to replace; it must be there once
    #[arg(
        long,
        value_name = "TEXT",
        requires = "new",
        required_unless_present = "lines",
        conflicts_with = "lines"
    )]
    old: Option<String>,
    /// What it becomes; may be empty
    #[arg(long, value_name = "TEXT", requires = "old")]
    new: Option<String>,
    /// Replace the text wherever it is
    #[arg(long, requires = "old")]
    everywhere: bool,
    /// The lines to replace, such as 3 or 3-5; 3-2 inserts before line 3
    #[arg(long, value_name = "N[-N]", requires = "text", value_parser = range)]
    lines: Option<(i64, i64)>,
    /// What the lines become; may be empty
    #[arg(long, value_name = "TEXT", requires = "lines")]
    text: Option<String>,
    /// The number that the latest version must have
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    if_version: Option<i64>,
    /// The agent that makes the new version
    #[arg(long, env = "CAIRN_AGENT_ID", value_name = "ID")]
    agent: Option<String>,
    /// What the new version changes
    #[arg(long, value_name = "TEXT")]
    change_summary: Option<String>,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
}

/// Reads one number of a line, or two.
fn range(text: &str) -> Result<(i64, i64), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| {
        text.parse::<i64>()
            .map_err(|_| "must be N or N-N".to_owned())
    };
    Ok((number(first)?, number(last)?))
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let which = args.name.or_id(args.artifact_id)?;
    let what = which.to_string();
    let (artifact_id, name) = which.into_fields();
    let change = match (args.lines, args.old) {
        (Some((first_line, last_line)), _) => Change::Lines(ReplaceLines {
            first_line,
            last_line,
            text: args.text.unwrap_or_default(),
        }),
        (None, old) => Change::Replace(ReplaceText {
            old_text: old.unwrap_or_default(),
            new_text: args.new.unwrap_or_default(),
            everywhere: args.everywhere,
        }),
    };
    let request = EditArtifactRequest {
        artifact_id,
        name,
        change: Some(change),
        if_version: args.if_version,
        agent_id: args.agent.unwrap_or_default(),
        change_summary: args.change_summary.unwrap_or_default(),
        idempotency_key: args.key.field(),
    };
    let client = args.server.connect().await?;
    let edit = async || {
        let mut reads = client.reads.clone();
        let answer = reads.edit_artifact(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = args.key.call(output, edit).await;
    let edited = Edited::from(answer.map_err(|error| error.about(what))?);
    output.data(&edited, || artifact_fields(&edited.artifact))
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn lines_are_one_number_or_two() {
        assert_eq!(range("3"), Ok((3, 3)));
        assert_eq!(range("3-5"), Ok((3, 5)));
        assert!(range("a").is_err() && range("3-").is_err());
    }
}
