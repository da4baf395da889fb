//! `cairn push`.

mod content;
mod plan;
mod send;

use std::path::PathBuf;

use cairn_proto::v1::{ArtifactSpec, artifact_spec::Expiry};
use serde::Serialize;

use self::plan::{Plan, Source};
use crate::{
    client::{Client, Server},
    error::CliError,
    link,
    metadata::{self, Pair, parse_pair},
    output::{Output, table},
    progress::Progress,
    session,
    several::{Failures, transfer},
    shapes::{Artifact, Link},
    time::Ttl,
};

/// Store files as artifacts
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files, directories (everything in them), or - for standard input
    #[arg(required = true, value_name = "FILE|DIR|-")]
    sources: Vec<PathBuf>,
    /// Store a single file, or standard input, under this filename
    #[arg(long, value_name = "FILENAME")]
    name: Option<String>,
    /// Also make a public link to each
    #[arg(long)]
    link: bool,
    #[command(flatten)]
    context: Context,
    #[command(flatten)]
    server: Server,
}

/// What every artifact of one push has in common.
#[derive(clap::Args)]
#[command(next_help_heading = "Context")]
struct Context {
    /// The session that they belong to
    #[arg(long, value_name = "ID", env = "CAIRN_SESSION_ID")]
    session: Option<String>,
    /// Start a fresh session, whatever session is given
    #[arg(long)]
    new_session: bool,
    /// The agent that made them
    #[arg(long, value_name = "ID", env = "CAIRN_AGENT_ID")]
    agent: Option<String>,
    /// A fact to find them by; may be given again
    #[arg(long = "meta", value_name = "KEY=VALUE", value_parser = parse_pair)]
    metadata: Vec<Pair>,
    /// How long to keep them: 30d, 24h, 90m, 45s or never
    #[arg(long, value_name = "TIME", env = "CAIRN_TTL")]
    ttl: Option<Ttl>,
    /// Their media type; guessed when it is not given
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// The application's name
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// The user whose files they are
    #[arg(long, value_name = "ID")]
    user: Option<String>,
}

#[derive(Serialize)]
struct Pushed {
    #[serde(flatten)]
    artifact: Artifact,
    deduplicated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Link>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'a> {
    One(&'a Pushed),
    Several { artifacts: &'a [Pushed] },
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let plan = Plan::of(&args.sources, args.name.as_deref())?;
    let new_session = args.context.new_session;
    let spec = args.context.into_spec()?;
    let mut failures = Failures::default();
    for skipped in &plan.skipped {
        output.note(&format!(
            "skipped {}: {}",
            skipped.path.display(),
            skipped.why
        ));
    }
    for error in &plan.failures {
        failures.add(output, error);
    }
    if plan.sources.is_empty() {
        print(&[], plan.single, output)?;
        return failures.into_result();
    }

    let client = args.server.connect().await?;
    if new_session {
        output.note(&format!("session {}", spec.session_id));
    }
    let push = async |source, progress: &Progress| {
        push_one(client.clone(), source, spec.clone(), args.link, progress).await
    };
    let mut pushed = Vec::new();
    for (artifact, unlinked) in transfer(plan.sources, output, &mut failures, push).await {
        pushed.push(artifact);
        if let Some(error) = unlinked {
            failures.add(output, &error);
        }
    }
    print(&pushed, plan.single, output)?;
    failures.into_result()
}

/// Pushes one source, and links it when that is wanted. An artifact that could not be linked is there all the same, and
/// comes with the reason.
async fn push_one(
    mut client: Client,
    source: Source,
    spec: ArtifactSpec,
    wants_link: bool,
    progress: &Progress,
) -> Result<(Pushed, Option<CliError>), CliError> {
    let spec = ArtifactSpec {
        filename: source.name.clone(),
        ..spec
    };
    let artifact = send::push(&mut client, source.content, spec, progress)
        .await
        .map_err(|error| error.about(source.name))?;
    let mut pushed = Pushed {
        deduplicated: artifact.deduplicated,
        artifact: artifact.into(),
        link: None,
    };
    if !wants_link {
        return Ok((pushed, None));
    }
    match link::create(&mut client, pushed.artifact.artifact_id.clone(), None).await {
        Ok(link) => {
            pushed.link = Some(link);
            Ok((pushed, None))
        }
        Err(error) => {
            let error = error.about(format!("no link to {}", pushed.artifact.artifact_id));
            Ok((pushed, Some(error)))
        }
    }
}

fn print(pushed: &[Pushed], single: bool, output: Output) -> Result<(), CliError> {
    let answer = match pushed {
        [] if single => return Ok(()),
        [one] if single => Answer::One(one),
        artifacts => Answer::Several { artifacts },
    };
    output.data(&answer, || {
        let rows: Vec<Vec<String>> = pushed.iter().map(Pushed::row).collect();
        table(&rows)
    })
}

impl Pushed {
    fn row(&self) -> Vec<String> {
        vec![
            self.artifact.artifact_id.clone(),
            format!("v{}", self.artifact.version),
            self.artifact.filename.clone(),
            self.artifact.size(),
            if self.deduplicated {
                "deduplicated"
            } else {
                ""
            }
            .to_owned(),
            self.link
                .as_ref()
                .map(|link| link.url.clone())
                .unwrap_or_default(),
        ]
    }
}

impl Context {
    /// All that a spec says, but for the filename.
    fn into_spec(self) -> Result<ArtifactSpec, CliError> {
        let session_id = if self.new_session {
            session::fresh_id()
        } else {
            self.session.unwrap_or_default()
        };
        Ok(ArtifactSpec {
            session_id,
            agent_id: self.agent.unwrap_or_default(),
            metadata: metadata::into_map(self.metadata)?,
            expiry: self.ttl.map(|ttl| match ttl {
                Ttl::For(span) => Expiry::Ttl(span.into()),
                Ttl::Never => Expiry::NeverExpires(true),
            }),
            content_type: self.content_type.unwrap_or_default(),
            namespace: self.namespace.unwrap_or_default(),
            user_id: self.user.unwrap_or_default(),
            ..ArtifactSpec::default()
        })
    }
}
