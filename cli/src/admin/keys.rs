//! `cairn admin keys`.

use cairn_client::{required, unary};
use cairn_proto::{
    json::ApiKey,
    v1::{self, CreateKeyRequest, ListKeysRequest, RevokeKeyRequest, RotateKeyRequest},
};
use serde::Serialize;

use crate::{
    args::{
        grant::GrantArgs,
        limit::{self, Limit},
        server::Server,
        time::TimeSpan,
    },
    error::CliError,
    terminal::{
        keys::{key_fields, key_table},
        output::{self, Output},
    },
};

/// Make, list, rotate and revoke the tenant's API keys; needs a key with the scope admin
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Make a key and print it: it cannot be shown again
    Create(CreateArgs),
    /// List the keys, newest first, with those that have expired or been revoked
    List(ListArgs),
    /// Make a key like another one, which works on for a while
    Rotate(RotateArgs),
    /// End a key and every token that was made with it
    Revoke(RevokeArgs),
}

#[derive(clap::Args)]
struct CreateArgs {
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// How long it works, such as 30d; until it is revoked when not given
    #[arg(long, value_name = "TIME")]
    expires_in: Option<TimeSpan>,
    /// A limit of the key beside the tenant's, such as requests_per_second=10; may be given several times
    #[arg(long = "limit", value_name = "NAME=MAX")]
    limits: Vec<Limit>,
    #[command(flatten)]
    grant: GrantArgs,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct ListArgs {
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct RotateArgs {
    /// The key's id, as `list` shows it
    #[arg(value_name = "KEY")]
    key_id: String,
    /// How long the old key works on, such as 1h; a day when not given
    #[arg(long, value_name = "TIME")]
    overlap: Option<TimeSpan>,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct RevokeArgs {
    /// The key's id, as `list` shows it
    #[arg(value_name = "KEY")]
    key_id: String,
    #[command(flatten)]
    server: Server,
}

/// A key with its secret.
#[derive(Serialize)]
struct Made {
    api_key: String,
    #[serde(flatten)]
    key: ApiKey,
}

#[derive(Serialize)]
struct Listing {
    keys: Vec<ApiKey>,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    match args.verb {
        Verb::Create(args) => create(args, output).await,
        Verb::List(args) => list(args, output).await,
        Verb::Rotate(args) => rotate(args, output).await,
        Verb::Revoke(args) => revoke(args, output).await,
    }
}

async fn create(args: CreateArgs, output: Output) -> Result<(), CliError> {
    let scopes = args.grant.scopes();
    if scopes.is_empty() {
        let words = "give --scopes, such as read,write: what the key may do";
        return Err(CliError::Usage(words.to_owned()));
    }
    let mut client = args.server.connect().await?;
    let request = unary(CreateKeyRequest {
        name: args.name.unwrap_or_default(),
        scopes,
        narrowing: args.grant.narrowing(),
        expires_in: args.expires_in.map(Into::into),
        limits: limit::wire(&args.limits),
    });
    let answer = client.admin.create_key(request).await?.into_inner();
    made(answer.key, answer.api_key, output)
}

async fn rotate(args: RotateArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let request = unary(RotateKeyRequest {
        key_id: args.key_id,
        overlap: args.overlap.map(Into::into),
    });
    let answer = client.admin.rotate_key(request).await?.into_inner();
    made(answer.key, answer.api_key, output)
}

fn made(key: Option<v1::ApiKey>, api_key: String, output: Output) -> Result<(), CliError> {
    let key = required(key, "key")?.into();
    let made = Made { api_key, key };
    output.data(&made, || {
        let secret = output::fields(&[("api key", Some(made.api_key.clone()))]);
        format!("{secret}{}", key_fields(&made.key))
    })
}

async fn list(args: ListArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let request = unary(ListKeysRequest {});
    let answer = client.admin.list_keys(request).await?.into_inner();
    let listing = Listing {
        keys: answer.keys.into_iter().map(ApiKey::from).collect(),
    };
    output.data(&listing, || key_table(&listing.keys))
}

async fn revoke(args: RevokeArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let request = unary(RevokeKeyRequest {
        key_id: args.key_id,
    });
    let answer = client.admin.revoke_key(request).await?.into_inner();
    let key = ApiKey::from(required(answer.key, "key")?);
    output.data(&key, || key_fields(&key))
}
