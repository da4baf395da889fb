//! `cairn token`.

use std::fs;

use cairn_client::{Credentials, unary};
use cairn_proto::{
    json::{Narrowing, NewToken, present, scopes},
    token::{PREFIX, Token, TokenError},
    v1::{CreateTokenRequest, TokenCaveat},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    args::{
        grant::GrantArgs,
        server::{Secret, Server},
        time::TimeSpan,
    },
    error::CliError,
    terminal::{
        keys::reach,
        output::{self, Output},
        render::shown,
    },
};

/// Pass on a part of what a key allows: make a token, narrow it without a server, show what it allows
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Make a token that allows no more than the key or token in use, for at most 24 hours
    Create(CreateArgs),
    /// Print a token that allows less than the one in use, without a server
    Narrow(NarrowArgs),
    /// Print what the token in use allows, without a server; only a server can tell whether it is genuine
    Show(ShowArgs),
}

#[derive(clap::Args)]
struct CreateArgs {
    #[command(flatten)]
    grant: GrantArgs,
    /// How long it works, such as 15m; an hour when not given
    #[arg(long, value_name = "TIME")]
    expires_in: Option<TimeSpan>,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct NarrowArgs {
    #[command(flatten)]
    grant: GrantArgs,
    /// How long it works from now, such as 15m; as long as before when not given
    #[arg(long, value_name = "TIME")]
    expires_in: Option<TimeSpan>,
    #[command(flatten)]
    token: Secret,
}

#[derive(clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    token: Secret,
}

/// A narrower token.
#[derive(Serialize)]
struct Narrowed {
    token: String,
    expires_at: Option<Timestamp>,
}

/// What a token was made with, or what one of its caveats leaves of that.
#[derive(Serialize)]
struct Part {
    scopes: Vec<String>,
    narrowing: Option<Narrowing>,
    not_after: Option<Timestamp>,
}

/// A token, which allows what its grant and each of its caveats allow.
#[derive(Serialize)]
struct Shown {
    token_id: String,
    workload: Option<String>,
    issued_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    grant: Part,
    caveats: Vec<Part>,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    match args.verb {
        Verb::Create(args) => create(args, output).await,
        Verb::Narrow(args) => narrow(args, output),
        Verb::Show(args) => show(&args, output),
    }
}

async fn create(args: CreateArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let request = unary(CreateTokenRequest {
        scopes: args.grant.scopes(),
        narrowing: args.grant.narrowing(),
        expires_in: args.expires_in.map(Into::into),
    });
    let answer = client.identity.create_token(request).await?.into_inner();
    let made = NewToken::from(answer);
    output.data(&made, || format!("{}\n", made.token))
}

fn narrow(args: NarrowArgs, output: Output) -> Result<(), CliError> {
    let token = read(&args.token)?;
    let not_after = args.expires_in.map(|time| {
        let time: prost_types::Duration = time.into();
        Timestamp::now().as_second().saturating_add(time.seconds)
    });
    let caveat = TokenCaveat {
        scopes: args.grant.scopes(),
        narrowing: args.grant.narrowing(),
        not_after: not_after.unwrap_or_default(),
    };
    if caveat == TokenCaveat::default() {
        let words = "say what to take away: give --scopes, --session, --expires-in or another one of the flags in --help";
        return Err(CliError::Usage(words.to_owned()));
    }
    let narrowed = token.narrow(&caveat).map_err(unusable)?;
    let narrowed = Narrowed {
        expires_at: expiry(&parts(&narrowed)?),
        token: narrowed.to_string(),
    };
    output.data(&narrowed, || format!("{}\n", narrowed.token))
}

fn show(args: &ShowArgs, output: Output) -> Result<(), CliError> {
    let token = read(&args.token)?;
    let root = token.root().map_err(unusable)?;
    let parts = parts(&token)?;
    let expires_at = expiry(&parts);
    let mut each = parts.into_iter().map(Part::from);
    let grant = each.next().unwrap_or_else(|| TokenCaveat::default().into());
    let token = Shown {
        token_id: hex::encode(&root.token_id),
        workload: present(root.workload),
        issued_at: moment(root.issued_at),
        expires_at,
        grant,
        caveats: each.collect(),
    };
    output.data(&token, || {
        let head = output::fields(&[
            ("token", Some(token.token_id.clone())),
            ("workload", token.workload.clone()),
            ("issued", shown(token.issued_at)),
            ("expires", shown(token.expires_at)),
        ]);
        let caveats = token.caveats.iter().map(|part| ("narrowed to", part));
        let parts = std::iter::once(("made for", &token.grant)).chain(caveats);
        let parts = parts.map(|(what, part)| format!("\n{what}\n{}", part.fields()));
        head + &parts.collect::<String>()
    })
}

/// The token in use.
fn read(secret: &Secret) -> Result<Token, CliError> {
    let text = match secret.credentials()? {
        Credentials::ApiKey(text) => text,
        Credentials::File(path) => fs::read_to_string(&path).map_err(CliError::of_file(path))?,
    };
    let text = text.trim();
    if !text.starts_with(PREFIX) {
        let words = "a delegated token is required, which starts with ct_: `cairn token create` makes one; give it as \
                     CAIRN_API_KEY or in a file by --api-key-file";
        return Err(CliError::Usage(words.to_owned()));
    }
    Token::read(text).map_err(unusable)
}

/// What the token was made with, and each of its caveats.
fn parts(token: &Token) -> Result<Vec<TokenCaveat>, CliError> {
    let grant = token.root().map_err(unusable)?.grant;
    let caveats = token.caveats().map_err(unusable)?;
    Ok(grant.into_iter().chain(caveats).collect())
}

/// The earliest of the ends.
fn expiry(parts: &[TokenCaveat]) -> Option<Timestamp> {
    parts.iter().filter_map(|part| moment(part.not_after)).min()
}

/// A second since 1970; 0: none.
fn moment(second: i64) -> Option<Timestamp> {
    let given = Some(second).filter(|second| *second != 0);
    given.and_then(|second| Timestamp::from_second(second).ok())
}

fn unusable(error: TokenError) -> CliError {
    CliError::Usage(format!("the token cannot be used: {error}"))
}

impl From<TokenCaveat> for Part {
    fn from(caveat: TokenCaveat) -> Self {
        Self {
            scopes: scopes(&caveat.scopes),
            narrowing: caveat.narrowing.map(Into::into),
            not_after: moment(caveat.not_after),
        }
    }
}

impl Part {
    fn fields(&self) -> String {
        let scopes = Some(self.scopes.join(",")).filter(|names| !names.is_empty());
        let narrowing = self.narrowing.as_ref();
        output::fields(&[
            ("may", scopes),
            ("reaches", narrowing.map(|it| reach(Some(it)))),
            ("until", shown(self.not_after)),
        ])
    }
}
