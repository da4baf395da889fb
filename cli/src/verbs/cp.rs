//! `cairn cp`.

use cairn_client::{ArtifactRef, required, unary};
use cairn_proto::v1::{ArtifactName, ArtifactSpec, CopyArtifactRequest};
use clap::builder::NonEmptyStringValueParser;

use crate::{
    args::key::Key,
    args::server::Server,
    error::CliError,
    terminal::output::Output,
    verbs::push::{self, Condition, Context},
};

/// Make an artifact of another one's bytes, which are not moved
///
/// Into another session, under another name, or as the next version of the same. The filename and the media type are the
/// source's unless they are given; nothing else is taken over. The source becomes one of its inputs.
#[derive(clap::Args)]
#[command(
    override_usage = "cairn cp [OPTIONS] ID [--to FILENAME] [--session ID] …
       cairn cp [OPTIONS] --name FILENAME [--version N] [--from-session ID] [--to FILENAME] [--session ID] …"
)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// The filename of the copy
    #[arg(long, value_name = "FILENAME", value_parser = NonEmptyStringValueParser::new())]
    to: Option<String>,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    context: Context,
    #[command(flatten)]
    condition: Condition,
    #[command(flatten)]
    server: Server,
}

/// As other verbs take an artifact, but that --session, --namespace and --user are those of the copy, as in push.
#[derive(clap::Args)]
#[command(next_help_heading = "Source")]
struct Source {
    /// The artifact to copy
    #[arg(
        value_name = "ID",
        required_unless_present = "name",
        conflicts_with = "name"
    )]
    artifact_id: Option<String>,
    /// Its filename, in place of an id; its latest version
    #[arg(long, value_name = "FILENAME", value_parser = NonEmptyStringValueParser::new())]
    name: Option<String>,
    /// This version of the filename, in place of the latest
    #[arg(
        long,
        value_name = "N",
        requires = "name", conflicts_with = "artifact_id",
        value_parser = clap::value_parser!(i64).range(1..)
    )]
    version: Option<i64>,
    /// The session of the filename; that of the environment's CAIRN_SESSION_ID when it is not given
    #[arg(long, value_name = "ID", requires = "name", conflicts_with = "artifact_id", value_parser = NonEmptyStringValueParser::new())]
    from_session: Option<String>,
    // As the variable of --from-session itself it would count as given, and contradict every ID.
    #[arg(long, env = "CAIRN_SESSION_ID", hide = true)]
    from_session_of_environment: Option<String>,
    /// The application that the filename is of
    #[arg(long, value_name = "NAME", requires = "name", conflicts_with = "artifact_id", value_parser = NonEmptyStringValueParser::new())]
    from_namespace: Option<String>,
    /// The user that the filename is of
    #[arg(long, value_name = "ID", requires = "name", conflicts_with = "artifact_id", value_parser = NonEmptyStringValueParser::new())]
    from_user: Option<String>,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let source = args.source.which();
    let what = source.to_string();
    let (artifact_id, name) = source.into_fields();
    let new_session = args.context.new_session;
    let spec = ArtifactSpec {
        filename: args.to.unwrap_or_default(),
        idempotency_key: args.key.field(),
        ..args.condition.of(args.context.into_spec()?)
    };
    let client = args.server.connect().await?;
    if new_session {
        output.note(&format!("session {}", spec.session_id));
    }
    let request = CopyArtifactRequest {
        artifact_id,
        name,
        spec: Some(spec),
    };
    let copy = async || {
        let mut client = client.artifacts.clone();
        let answer = client.copy_artifact(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = args.key.call(output, copy).await;
    let answer = answer.map_err(|error| error.about(what))?;
    push::print_one(required(answer.artifact, "artifact")?, output)
}

impl Source {
    fn which(self) -> ArtifactRef {
        // One of the two is there: the command line is refused otherwise.
        if let Some(id) = self.artifact_id {
            return ArtifactRef::Id(id);
        }
        let session = self.from_session.or(self.from_session_of_environment);
        ArtifactRef::Name(ArtifactName {
            filename: self.name.unwrap_or_default(),
            session_id: session.unwrap_or_default(),
            namespace: self.from_namespace.unwrap_or_default(),
            user_id: self.from_user.unwrap_or_default(),
            version: self.version.unwrap_or_default(),
        })
    }
}
