//! `cairn link`.

use std::io::{self, Read};

use cairn_client::{ArtifactRef, Client, required, unary};
use cairn_proto::{
    json::{Link, Page},
    v1::{CreateLinkRequest, GetLinkRequest, ListLinksRequest, RevokeLinkRequest},
};
use clap::{Subcommand, builder::NonEmptyStringValueParser};
use serde::Serialize;

use crate::{
    args::server::Server,
    args::{
        key::Key,
        name::Name,
        page::{PageArgs, hint_more},
        time::TimeSpan,
    },
    error::CliError,
    terminal::{
        output::Output,
        render::{link_fields, link_table},
    },
};

/// More than any password that the server takes.
const MOST_PASSWORD_BYTES: u64 = 4096;

/// Make a public URL of an artifact or a session; list, show and revoke such URLs
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    override_usage = "cairn link [OPTIONS] ID
       cairn link [OPTIONS] --name FILENAME [--version N] [--session ID] [--namespace NAME] [--user ID]
       cairn link [OPTIONS] --session ID [--folder FOLDER]
       cairn link ls|show|revoke …"
)]
pub(crate) struct Args {
    /// The artifact to make a URL of
    #[arg(value_name = "ID")]
    artifact_id: Option<String>,
    /// How long the URL works, such as 24h; 7 days when it is not given
    #[arg(long, value_name = "TIME")]
    expires_in: Option<TimeSpan>,
    /// After how many downloads the URL ends; a download of a part counts as well
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    max_downloads: Option<i64>,
    /// Read a password from standard input, which readers must then give
    #[arg(long)]
    password_stdin: bool,
    /// Of the session, only this folder and what is below it, such as reports/
    #[arg(long, value_name = "FOLDER", value_parser = NonEmptyStringValueParser::new(), requires = "session", conflicts_with_all = ["artifact_id", "name"])]
    folder: Option<String>,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// List links, newest first, with those that have expired or been revoked
    Ls(LsArgs),
    /// Print a link's record
    Show(OneArgs),
    /// End a link at once
    Revoke(RevokeArgs),
}

#[derive(clap::Args)]
struct LsArgs {
    /// Only this artifact's links
    #[arg(long, value_name = "ID")]
    artifact: Option<String>,
    /// Only this session's links and those of its folders
    #[arg(long, value_name = "ID", conflicts_with = "artifact")]
    session: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct OneArgs {
    /// The link
    #[arg(value_name = "LINK")]
    link_id: String,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct RevokeArgs {
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    one: OneArgs,
}

#[derive(Serialize)]
struct Listing {
    links: Vec<Link>,
    #[serde(flatten)]
    more: Page,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    match args.verb {
        Some(Verb::Ls(args)) => ls(args, output).await,
        Some(Verb::Show(args)) => show(args, output).await,
        Some(Verb::Revoke(args)) => revoke(args, output).await,
        None => {
            let target = Target::of(args.artifact_id, args.name, args.folder)?;
            let wanted = Wanted {
                expires_in: args.expires_in,
                max_downloads: args.max_downloads.unwrap_or_default(),
                password: match args.password_stdin {
                    true => read_password()?,
                    false => String::new(),
                },
            };
            let client = args.server.connect().await?;
            let link = create(&client, target, wanted, &args.key, output).await?;
            output.data(&link, || link_fields(&link))
        }
    }
}

/// Where a new link leads.
pub(crate) enum Target {
    Artifact(ArtifactRef),
    /// A session, and a folder in it or "".
    Session(String, String),
}

impl Target {
    /// A session by the flag alone, so that the environment's is not published by mistake.
    fn of(id: Option<String>, name: Name, folder: Option<String>) -> Result<Self, CliError> {
        match name.session_alone() {
            Some(session) if id.is_none() => Ok(Self::Session(
                session.to_owned(),
                folder.unwrap_or_default(),
            )),
            _ => name.or_id(id).map(Self::Artifact),
        }
    }
}

/// What a new link is to be like; by default as the server chooses.
#[derive(Default)]
pub(crate) struct Wanted {
    expires_in: Option<TimeSpan>,
    max_downloads: i64,
    password: String,
}

/// Reads a password from standard input, without the end of its line.
fn read_password() -> Result<String, CliError> {
    let mut text = String::new();
    let read = io::stdin()
        .take(MOST_PASSWORD_BYTES)
        .read_to_string(&mut text);
    read.map_err(|e| CliError::Usage(format!("cannot read a password from standard input: {e}")))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        let words =
            "standard input has no password: run it as `cairn link ID --password-stdin < FILE`";
        return Err(CliError::Usage(words.to_owned()));
    }
    Ok(password.to_owned())
}

/// Creates a link.
pub(crate) async fn create(
    client: &Client,
    target: Target,
    wanted: Wanted,
    key: &Key,
    output: Output,
) -> Result<Link, CliError> {
    let target = match target {
        Target::Artifact(which) => {
            let (artifact_id, name) = which.into_fields();
            CreateLinkRequest {
                artifact_id,
                name,
                ..CreateLinkRequest::default()
            }
        }
        Target::Session(session_id, folder) => CreateLinkRequest {
            session_id,
            folder,
            ..CreateLinkRequest::default()
        },
    };
    let request = CreateLinkRequest {
        expires_in: wanted.expires_in.map(Into::into),
        max_downloads: wanted.max_downloads,
        password: wanted.password,
        idempotency_key: key.field(),
        ..target
    };
    let create = async || {
        let mut client = client.links.clone();
        let answer = client.create_link(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = key.call(output, create).await?;
    Ok(required(answer.link, "link")?.into())
}

async fn ls(args: LsArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let artifact_id = args.artifact.unwrap_or_default();
    let session_id = args.session.unwrap_or_default();
    let fetch = async |page_size, page_token| {
        let request = ListLinksRequest {
            page_size,
            page_token,
            artifact_id: artifact_id.clone(),
            session_id: session_id.clone(),
        };
        let answer = client.links.list_links(unary(request)).await?.into_inner();
        Ok((answer.links, answer.next_page_token))
    };
    let (links, more) = args.page.read(fetch).await?;
    let listing = Listing {
        links: links.into_iter().map(Link::from).collect(),
        more,
    };
    output.data(&listing, || link_table(&listing.links))?;
    hint_more(&listing.more, output);
    Ok(())
}

async fn show(args: OneArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let request = unary(GetLinkRequest {
        link_id: args.link_id,
    });
    let answer = client.links.get_link(request).await?.into_inner();
    let link = Link::from(required(answer.link, "link")?);
    output.data(&link, || link_fields(&link))
}

async fn revoke(args: RevokeArgs, output: Output) -> Result<(), CliError> {
    let client = args.one.server.connect().await?;
    let request = RevokeLinkRequest {
        link_id: args.one.link_id,
        idempotency_key: args.key.field(),
    };
    let revoke = async || {
        let mut client = client.links.clone();
        let answer = client.revoke_link(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = args.key.call(output, revoke).await?;
    let link = Link::from(required(answer.link, "link")?);
    output.data(&link, || link_fields(&link))
}
