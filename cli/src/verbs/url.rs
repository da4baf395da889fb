//! `cairn url`.

use cairn_client::unary;
use cairn_proto::{json::DownloadUrl, v1::CreateDownloadUrlRequest};

use crate::{
    args::{name::Name, server::Server, time::TimeSpan},
    error::CliError,
    terminal::output::Output,
};

/// Print a URL from which any program can read an artifact for a short time
///
/// The URL is S3's own where the content lies in an S3 that callers can reach: such a URL works until it expires, whatever
/// becomes of the artifact. Make a link instead if people are to open it, or if it must be revocable.
#[derive(clap::Args)]
#[command(override_usage = "cairn url [OPTIONS] ID
       cairn url [OPTIONS] --name FILENAME [--version N] [--session ID] [--namespace NAME] [--user ID]")]
pub(crate) struct Args {
    /// The artifact
    #[arg(value_name = "ID")]
    artifact_id: Option<String>,
    /// How long the URL works, such as 10m: up to 1h; 15 minutes when it is not given
    #[arg(long, value_name = "TIME")]
    expires_in: Option<TimeSpan>,
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let (artifact_id, name) = args.name.or_id(args.artifact_id)?.into_fields();
    let mut client = args.server.connect().await?;
    let request = unary(CreateDownloadUrlRequest {
        artifact_id,
        name,
        expires_in: args.expires_in.map(Into::into),
    });
    let signed = client.artifacts.create_download_url(request).await?;
    let url = DownloadUrl::from(signed.into_inner());
    output.data(&url, || format!("{}\n", url.url))
}
