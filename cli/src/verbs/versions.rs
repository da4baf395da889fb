//! `cairn versions`.

use cairn_client::unary;
use cairn_proto::v1::ListVersionsRequest;
use clap::builder::NonEmptyStringValueParser;

use crate::{
    args::server::Server,
    args::{name::Scope, page::PageArgs},
    error::CliError,
    terminal::output::Output,
    verbs::ls,
};

/// List the versions of a file, newest first
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    filename: String,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let name = args.scope.name(args.filename);
    let mut client = args.server.connect().await?;
    let fetch = async |page_size, page_token| {
        let request = ListVersionsRequest {
            page_size,
            page_token,
            name: Some(name.clone()),
            ..ListVersionsRequest::default()
        };
        let answer = client.artifacts.list_versions(unary(request)).await?;
        let answer = answer.into_inner();
        Ok((answer.artifacts, answer.next_page_token))
    };
    let (artifacts, more) = args.page.read(fetch).await?;
    ls::print(artifacts, more, output)
}
