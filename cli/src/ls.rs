//! `cairn ls`.

use cairn_proto::v1::{self, ListArtifactsRequest};
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;

use crate::{
    client::{Server, unary},
    error::CliError,
    metadata::{self, Pair, parse_pair},
    output::Output,
    page::{More, PageArgs},
    shapes::{Artifact, artifact_table},
    time::Moment,
};

/// List artifacts, newest first
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: Filter,
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
}

#[derive(Serialize)]
struct Listing {
    artifacts: Vec<Artifact>,
    #[serde(flatten)]
    more: More,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let filter = args.filter.into_request()?;
    let mut client = args.server.connect().await?;
    let fetch = async |page_size, page_token| {
        let request = ListArtifactsRequest {
            page_size,
            page_token,
            ..filter.clone()
        };
        let answer = client.artifacts.list_artifacts(unary(request)).await?;
        let answer = answer.into_inner();
        Ok((answer.artifacts, answer.next_page_token))
    };
    let (artifacts, more) = args.page.read(fetch).await?;
    print(artifacts, more, output)
}

/// Prints a list of artifacts.
pub(crate) fn print(
    artifacts: Vec<v1::Artifact>,
    more: More,
    output: Output,
) -> Result<(), CliError> {
    let listing = Listing {
        artifacts: artifacts.into_iter().map(Artifact::from).collect(),
        more,
    };
    output.data(&listing, || artifact_table(&listing.artifacts))?;
    listing.more.hint(output);
    Ok(())
}

impl Filter {
    fn into_request(self) -> Result<ListArtifactsRequest, CliError> {
        Ok(ListArtifactsRequest {
            session_id: self.session.unwrap_or_default(),
            agent_id: self.agent.unwrap_or_default(),
            namespace: self.namespace.unwrap_or_default(),
            user_id: self.user.unwrap_or_default(),
            filename: self.name.unwrap_or_default(),
            content_type: self.content_type.unwrap_or_default(),
            created_after: self.since.map(Into::into),
            created_before: self.until.map(Into::into),
            metadata: metadata::into_map(self.metadata)?,
            ..ListArtifactsRequest::default()
        })
    }
}
