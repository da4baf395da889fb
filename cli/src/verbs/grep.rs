//! `cairn grep`.

use cairn_client::unary;
use cairn_proto::{
    json::{FilesFound, LinesFound},
    v1::{GrepArtifactRequest, GrepQuery, GrepSessionRequest},
};
use clap::builder::NonEmptyStringValueParser;

use crate::{
    args::{name::Name, reading::Budget, server::Server},
    error::CliError,
    terminal::{lines, output::Output},
};

/// Print the lines that match a regular expression: of an artifact, or of the files of a session
#[derive(clap::Args)]
#[command(override_usage = "cairn grep [OPTIONS] PATTERN ID
       cairn grep [OPTIONS] PATTERN --name FILENAME [--version N] [--session ID] [--namespace NAME] [--user ID]
       cairn grep [OPTIONS] PATTERN --all --session ID [--glob PATTERN] [--namespace NAME] [--user ID]")]
pub(crate) struct Args {
    /// The regular expression, as Rust's regex crate has it
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pattern: String,
    /// The artifact
    #[arg(value_name = "ID")]
    artifact_id: Option<String>,
    /// Search the latest version of every file of the session
    #[arg(long, conflicts_with_all = ["artifact_id", "name", "version"])]
    all: bool,
    /// With --all: only files whose whole name matches this pattern
    #[arg(long, value_name = "PATTERN", requires = "all")]
    glob: Option<String>,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    budget: Budget,
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
}

/// How to search.
#[derive(clap::Args)]
pub(crate) struct What {
    /// The pattern is a text, not a regular expression
    #[arg(long, short = 'F')]
    fixed_strings: bool,
    /// Upper and lower case are the same
    #[arg(long, short)]
    ignore_case: bool,
    /// Lines before and after each match to print too: 0 to 10
    #[arg(long, short = 'C', value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..=10))]
    context: i32,
    /// The most matching lines: 1 to 1000; by default 50
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1000))]
    max_count: Option<i32>,
    /// Print how many lines match, and no lines
    #[arg(long, short)]
    count: bool,
}

impl What {
    /// What the server is asked for.
    pub(crate) fn query(self, pattern: String) -> GrepQuery {
        GrepQuery {
            pattern,
            fixed_strings: self.fixed_strings,
            ignore_case: self.ignore_case,
            context: self.context,
            max_count: self.max_count.unwrap_or_default(),
            count_only: self.count,
        }
    }
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    if args.all {
        return in_session(args, output).await;
    }
    let (artifact_id, name) = args.name.or_id(args.artifact_id)?.into_fields();
    let mut client = args.server.connect().await?;
    let is_count = args.what.count;
    let request = GrepArtifactRequest {
        artifact_id,
        name,
        query: Some(args.what.query(args.pattern)),
        max_bytes: args.budget.max_bytes(),
        max_scan_bytes: args.budget.max_scan_bytes(),
        page_token: args.budget.cursor.unwrap_or_default(),
    };
    let answer = client.reads.grep_artifact(unary(request)).await?;
    let found = LinesFound::from(answer.into_inner());
    output.data(&found, || match is_count {
        true => format!("{}\n", found.match_count),
        false => lines::of_search(&found.lines),
    })?;
    if let Some(cursor) = &found.next_cursor {
        let why = found.stop.unwrap_or_default();
        output.hint(&format!("not all was searched ({why}): --cursor {cursor}"));
    }
    Ok(())
}

async fn in_session(args: Args, output: Output) -> Result<(), CliError> {
    let scope = args.name.scope.name(String::new());
    let is_count = args.what.count;
    let request = GrepSessionRequest {
        session_id: scope.session_id,
        query: Some(args.what.query(args.pattern)),
        filename_glob: args.glob.unwrap_or_default(),
        namespace: scope.namespace,
        user_id: scope.user_id,
        max_bytes: args.budget.max_bytes(),
        max_scan_bytes: args.budget.max_scan_bytes(),
        page_token: args.budget.cursor.unwrap_or_default(),
        ..GrepSessionRequest::default()
    };
    let mut client = args.server.connect().await?;
    let answer = client.reads.grep_session(unary(request)).await?;
    let found = FilesFound::from(answer.into_inner());
    output.data(&found, || lines::of_files(&found.files, is_count))?;
    if let Some(cursor) = &found.next_cursor {
        let why = found.stop.unwrap_or_default();
        output.hint(&format!("not all was searched ({why}): --cursor {cursor}"));
    }
    Ok(())
}
