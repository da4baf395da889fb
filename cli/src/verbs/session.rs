//! `cairn session`.

mod commit;
mod delete;
mod update;
mod verify;
mod watch;

use cairn_client::{Client, Error, required, unary};
use cairn_proto::{
    json::{Page, SealedSession, Session},
    v1::{self, GetSessionRequest, ListSessionsRequest, SealSessionRequest},
};
use clap::{Subcommand, builder::NonEmptyStringValueParser};
use rand::distr::{Alphanumeric, SampleString};
use serde::Serialize;

pub(crate) use self::commit::Commit;
use crate::{
    args::server::Server,
    args::{
        key::Key,
        page::{PageArgs, hint_more},
        time::Moment,
    },
    error::CliError,
    terminal::{
        output::{Output, fields},
        render::{held, session_fields, session_table, shown},
    },
};

/// Name, list, show, describe, watch, publish, seal, delete and verify sessions
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Print a fresh session id; the session comes into being with its first artifact
    New,
    /// List sessions, those with the most recent activity first, or in the order of their ids
    Ls(LsArgs),
    /// Print a session's record
    Show(OneArgs),
    /// Change a session's display name and labels
    Update(update::Args),
    /// Print what happens in a session, as it happens: one line for each event, in one order that never changes
    ///
    /// Lost connections are made again, and every event is printed once. An interrupt ends it.
    Watch(watch::Args),
    /// Publish the artifacts pushed with --unpublished: all become visible in one moment, or none
    Commit(commit::Args),
    /// Seal a session for good: nothing can be added to it any more
    Seal(SealArgs),
    /// Delete the artifacts of a session, except those pushed with --persistent and those under a legal hold
    ///
    /// Labels protect no artifact. The session itself stays, with its labels, its seal and its manifest.
    Delete(delete::Args),
    /// Check that a sealed session's manifest, with the hash of every artifact, is the one that was sealed
    Verify(OneArgs),
}

#[derive(clap::Args)]
struct LsArgs {
    /// Only first written to at this time or later, as 2026-01-31T12:00:00Z or as how long ago, such as 7d
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only first written to before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Only with this label; may be given again
    #[arg(long = "label", value_name = "LABEL", value_parser = NonEmptyStringValueParser::new())]
    labels: Vec<String>,
    /// Only ids that start with this. By this, --namespace or --user sessions come in the order of their ids
    #[arg(long, value_name = "PREFIX", value_parser = NonEmptyStringValueParser::new())]
    prefix: Option<String>,
    /// Only sessions in which an artifact of this namespace was ever published
    #[arg(long, value_name = "NAMESPACE", value_parser = NonEmptyStringValueParser::new())]
    namespace: Option<String>,
    /// Only sessions in which an artifact of this user was ever published
    #[arg(long, value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
    user: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct OneArgs {
    /// The session
    #[arg(value_name = "ID")]
    session_id: String,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct SealArgs {
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    one: OneArgs,
}

#[derive(Serialize)]
struct Listing {
    sessions: Vec<Session>,
    #[serde(flatten)]
    more: Page,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    match args.verb {
        // The bare id, also without a terminal: for $(cairn session new).
        Verb::New => output.raw(format!("{}\n", fresh_id()).as_bytes()),
        Verb::Ls(args) => ls(args, output).await,
        Verb::Show(args) => show(args, output).await,
        Verb::Update(args) => update::run(args, output).await,
        Verb::Watch(args) => watch::run(args, output).await,
        Verb::Commit(args) => commit::run(args, output).await,
        Verb::Seal(args) => seal(args, output).await,
        Verb::Delete(args) => delete::run(args, output).await,
        Verb::Verify(OneArgs { session_id, server }) => {
            verify::run(&server.connect().await?, session_id, output).await
        }
    }
}

/// A random session id.
pub(crate) fn fresh_id() -> String {
    format!("ses-{}", Alphanumeric.sample_string(&mut rand::rng(), 16))
}

async fn ls(args: LsArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let fetch = async |page_size, page_token| {
        let request = ListSessionsRequest {
            page_size,
            page_token,
            created_after: args.since.map(Into::into),
            created_before: args.until.map(Into::into),
            labels: args.labels.clone(),
            session_id_prefix: args.prefix.clone().unwrap_or_default(),
            namespace: args.namespace.clone().unwrap_or_default(),
            user_id: args.user.clone().unwrap_or_default(),
        };
        let answer = client.sessions.list_sessions(unary(request)).await?;
        let answer = answer.into_inner();
        Ok((answer.sessions, answer.next_page_token))
    };
    let (sessions, more) = args.page.read(fetch).await?;
    let listing = Listing {
        sessions: sessions.into_iter().map(Session::from).collect(),
        more,
    };
    output.data(&listing, || session_table(&listing.sessions))?;
    hint_more(&listing.more, output);
    Ok(())
}

async fn show(args: OneArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let request = unary(GetSessionRequest {
        session_id: args.session_id,
    });
    let answer = client.sessions.get_session(request).await?.into_inner();
    let session = Session::from(required(answer.session, "session")?);
    output.data(&session, || session_fields(&session))
}

/// One call. It can be made again without harm.
pub(crate) async fn seal_once(
    client: &Client,
    request: SealSessionRequest,
) -> Result<v1::Session, Error> {
    let mut sessions = client.sessions.clone();
    let answer = sessions.seal_session(unary(request)).await?.into_inner();
    required(answer.session, "session")
}

async fn seal(args: SealArgs, output: Output) -> Result<(), CliError> {
    let client = args.one.server.connect().await?;
    let request = SealSessionRequest {
        session_id: args.one.session_id,
        idempotency_key: args.key.field(),
    };
    let session = args
        .key
        .call(output, async || seal_once(&client, request.clone()).await)
        .await?;
    let sealed = SealedSession::from(session);
    output.data(&sealed, || {
        fields(&[
            ("session", Some(sealed.session_id.clone())),
            ("sealed", shown(sealed.sealed_at)),
            ("artifacts", Some(sealed.artifact_count.to_string())),
            ("manifest", sealed.manifest_hash.clone()),
            ("legal hold", held(sealed.legal_hold)),
        ])
    })
}
