//! `cairn ls`.

use cairn_client::unary;
use cairn_proto::{
    json::{Artifact, Page},
    v1::{self, ArtifactKind, ArtifactStage, ListArtifactsRequest},
};
use cairn_store::ByteCount;
use clap::{ValueEnum, builder::NonEmptyStringValueParser};
use serde::Serialize;

use crate::{
    args::server::Server,
    args::{
        expression::parse_expression,
        metadata::{self, Pair, parse_pair},
        page::{PageArgs, hint_more},
        record::{Kind, Stage},
        time::Moment,
    },
    error::CliError,
    terminal::{output::Output, render::artifact_table},
};

/// List artifacts
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// In which order
    #[arg(
        long,
        default_value = "newest",
        default_value_if("level", "true", "name")
    )]
    order: Order,
    /// Only one level: the folders and the files under --prefix, by name, and nothing that is in the folders
    #[arg(long, conflicts_with_all = ["count"])]
    level: bool,
    /// Also say how many there are in all, which costs the server more
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: Server,
}

/// Which artifacts: those for which all that is given holds. An empty word is no filter to the server, and never what
/// the caller meant.
#[derive(clap::Args)]
struct Filter {
    /// Only of this session
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    session: Option<String>,
    /// Only by this agent
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    agent: Option<String>,
    /// Only in this namespace
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    namespace: Option<String>,
    /// Only of this user
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    user: Option<String>,
    /// Only with this filename, in every scope and every version; see also cairn versions
    #[arg(long, value_name = "FILENAME", value_parser = NonEmptyStringValueParser::new())]
    name: Option<String>,
    /// Only with this content, as inspect prints it: sha256: and 64 hex digits
    #[arg(long, value_name = "HASH", value_parser = NonEmptyStringValueParser::new())]
    hash: Option<String>,
    /// Only of this media type
    #[arg(long, value_name = "TYPE", value_parser = NonEmptyStringValueParser::new())]
    content_type: Option<String>,
    /// Only with this metadata; may be given again
    #[arg(long = "meta", value_name = "KEY=VALUE", value_parser = parse_pair)]
    metadata: Vec<Pair>,
    /// Only made at this time or later, as 2026-01-31T12:00:00Z or as how long ago, such as 7d
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only made before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Only with a filename that starts with this
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    prefix: Option<String>,
    /// Only with a filename that matches this pattern, such as 'reports/**/*.{md,html}'
    #[arg(long, value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new())]
    glob: Option<String>,
    /// Only of this kind
    #[arg(long)]
    kind: Option<Kind>,
    /// Only at this stage
    #[arg(long)]
    stage: Option<Stage>,
    /// Only with this label; may be given again
    #[arg(long = "label", value_name = "LABEL", value_parser = NonEmptyStringValueParser::new())]
    labels: Vec<String>,
    /// Only those that stay when their session is deleted
    #[arg(long)]
    persistent: bool,
    /// Only of this size or larger, as 1000 bytes or as 32KiB, 5MiB, 1GiB
    #[arg(long, value_name = "SIZE")]
    min_size: Option<ByteCount>,
    /// Only of this size or smaller
    #[arg(long, value_name = "SIZE")]
    max_size: Option<ByteCount>,
    /// Only the latest version of each file
    #[arg(long)]
    latest: bool,
    /// With --session and --user: the user's own files too, which belong to no session
    #[arg(long, requires_all = ["session", "user"])]
    user_scope: bool,
    /// Only where this holds, such as 'stage = final AND (size_bytes > 1000 OR labels:urgent)'
    #[arg(long = "filter", value_name = "EXPR", value_parser = parse_expression)]
    expression: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    Newest,
    Name,
}

/// The server's count for a list that is longer than it counts.
const MORE_THAN_COUNTED: i64 = 10_001;

#[derive(Serialize)]
struct Listing {
    /// Only where a level was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    folders: Option<Vec<String>>,
    artifacts: Vec<Artifact>,
    /// Only when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_size: Option<i64>,
    #[serde(flatten)]
    more: Page,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let mut filter = args.filter.into_request(args.order)?;
    if args.level {
        filter.delimiter = "/".to_owned();
    }
    let mut client = args.server.connect().await?;
    let mut total = None;
    let fetch = async |page_size, page_token| {
        let request = ListArtifactsRequest {
            page_size,
            page_token,
            // Once is enough.
            count_total: args.count && total.is_none(),
            ..filter.clone()
        };
        let answer = client.artifacts.list_artifacts(unary(request)).await?;
        let answer = answer.into_inner();
        if args.count {
            total.get_or_insert(answer.total_size);
        }
        let folders = answer.prefixes.into_iter().map(Line::Folder);
        let artifacts = answer.artifacts.into_iter();
        let artifacts = artifacts.map(|artifact| Line::Artifact(Box::new(artifact)));
        Ok((folders.chain(artifacts).collect(), answer.next_page_token))
    };
    let (lines, more) = args.page.read(fetch).await?;
    let (mut folders, mut artifacts) = (args.level.then(Vec::new), Vec::new());
    for line in lines {
        match line {
            Line::Folder(folder) => folders.get_or_insert_default().push(folder),
            Line::Artifact(artifact) => artifacts.push((*artifact).into()),
        }
    }
    let listing = Listing {
        folders,
        artifacts,
        total_size: total,
        more,
    };
    listing.print(output)
}

/// One item of a page.
enum Line {
    Folder(String),
    Artifact(Box<v1::Artifact>),
}

/// Prints a list of artifacts.
pub(crate) fn print(
    artifacts: Vec<v1::Artifact>,
    more: Page,
    output: Output,
) -> Result<(), CliError> {
    let listing = Listing {
        folders: None,
        artifacts: artifacts.into_iter().map(Artifact::from).collect(),
        total_size: None,
        more,
    };
    listing.print(output)
}

impl Listing {
    fn print(&self, output: Output) -> Result<(), CliError> {
        output.data(self, || {
            let folders = self.folders.iter().flatten();
            let folders: String = folders.map(|folder| format!("{folder}\n")).collect();
            if self.artifacts.is_empty() && !folders.is_empty() {
                return folders;
            }
            folders + &artifact_table(&self.artifacts)
        })?;
        match self.total_size {
            Some(MORE_THAN_COUNTED..) => output.hint("more than 10,000 in all"),
            Some(total) => output.hint(&format!("{total} in all")),
            None => {}
        }
        hint_more(&self.more, output);
        Ok(())
    }
}

impl Filter {
    fn into_request(self, order: Order) -> Result<ListArtifactsRequest, CliError> {
        Ok(ListArtifactsRequest {
            session_id: self.session.unwrap_or_default(),
            agent_id: self.agent.unwrap_or_default(),
            namespace: self.namespace.unwrap_or_default(),
            user_id: self.user.unwrap_or_default(),
            filename: self.name.unwrap_or_default(),
            content_type: self.content_type.unwrap_or_default(),
            content_hash: self.hash.unwrap_or_default(),
            created_after: self.since.map(Into::into),
            created_before: self.until.map(Into::into),
            metadata: metadata::into_map(self.metadata)?,
            filename_prefix: self.prefix.unwrap_or_default(),
            filename_glob: self.glob.unwrap_or_default(),
            kind: self.kind.map_or(0, |kind| ArtifactKind::from(kind).into()),
            stage: self
                .stage
                .map_or(0, |stage| ArtifactStage::from(stage).into()),
            labels: self.labels,
            persistent: self.persistent.then_some(true),
            min_size_bytes: self.min_size.map(|size| size.0),
            max_size_bytes: self.max_size.map(|size| size.0),
            latest_only: self.latest,
            include_user_scope: self.user_scope,
            order_by: match order {
                Order::Newest => String::new(),
                Order::Name => "filename".to_owned(),
            },
            filter: self.expression.unwrap_or_default(),
            ..ListArtifactsRequest::default()
        })
    }
}
