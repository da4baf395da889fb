//! The fields that all artifacts of one push share.

use cairn_proto::v1::{
    ArtifactKind, ArtifactSpec, ArtifactStage, OnDuplicate, artifact_spec::Expiry,
};

use crate::{
    args::{
        metadata::{self, Pair, parse_pair},
        record::{Kind, Stage},
        time::Ttl,
    },
    error::CliError,
    verbs::session,
};

/// All that can be said of artifacts, but for their filenames.
#[derive(clap::Args)]
#[command(next_help_heading = "Context")]
pub(crate) struct Context {
    /// The session that they belong to
    #[arg(long, value_name = "ID", env = "CAIRN_SESSION_ID")]
    session: Option<String>,
    /// Start a fresh session, whatever session is given
    #[arg(long)]
    pub(crate) new_session: bool,
    /// The agent that made them
    #[arg(long, value_name = "ID", env = "CAIRN_AGENT_ID")]
    agent: Option<String>,
    /// A fact to find them by; may be given again
    #[arg(long = "meta", value_name = "KEY=VALUE", value_parser = parse_pair)]
    metadata: Vec<Pair>,
    /// How long to keep them: 30d, 24h, 90m, 45s, never, or longest for as long as the tenant may
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
    #[command(flatten)]
    record: Record,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Record")]
struct Record {
    /// A title for people
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Their purpose
    #[arg(long)]
    kind: Option<Kind>,
    /// The programming or human language of their content
    #[arg(long, value_name = "NAME")]
    language: Option<String>,
    /// The change that this version makes
    #[arg(long, value_name = "TEXT")]
    change_summary: Option<String>,
    /// How far they have come; draft when it is not given
    #[arg(long)]
    stage: Option<Stage>,
    /// A project, a sprint or the like; may be given again
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// An artifact that they were made from; may be given again
    #[arg(long = "input", value_name = "ID")]
    inputs: Vec<String>,
    /// Keep them when their session is deleted; labels do not
    #[arg(long)]
    persistent: bool,
}

/// Conditions under which anything is stored.
#[derive(clap::Args)]
#[command(next_help_heading = "Condition")]
pub(crate) struct Condition {
    /// Store nothing unless this is the latest version of the file; 0: unless it has none
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    if_version: Option<i64>,
    /// Store nothing when the latest version of the file has the same content, and print that one
    #[arg(long)]
    if_changed: bool,
}

impl Context {
    /// All that a spec says, but for the filename and the condition.
    pub(crate) fn into_spec(self) -> Result<ArtifactSpec, CliError> {
        let session_id = if self.new_session {
            session::fresh_id()
        } else {
            self.session.unwrap_or_default()
        };
        let record = self.record;
        Ok(ArtifactSpec {
            session_id,
            agent_id: self.agent.unwrap_or_default(),
            metadata: metadata::into_map(self.metadata)?,
            expiry: self.ttl.map(|ttl| match ttl {
                Ttl::For(span) => Expiry::Ttl(span.into()),
                Ttl::Never => Expiry::NeverExpires(true),
                Ttl::Longest => Expiry::Longest(true),
            }),
            content_type: self.content_type.unwrap_or_default(),
            namespace: self.namespace.unwrap_or_default(),
            user_id: self.user.unwrap_or_default(),
            title: record.title.unwrap_or_default(),
            kind: record
                .kind
                .map_or(0, |kind| ArtifactKind::from(kind).into()),
            language: record.language.unwrap_or_default(),
            change_summary: record.change_summary.unwrap_or_default(),
            stage: record
                .stage
                .map_or(0, |stage| ArtifactStage::from(stage).into()),
            labels: record.labels,
            inputs: record.inputs,
            persistent: record.persistent,
            ..ArtifactSpec::default()
        })
    }
}

impl Condition {
    /// The spec with the condition.
    pub(crate) fn of(self, spec: ArtifactSpec) -> ArtifactSpec {
        let on_duplicate = if self.if_changed {
            OnDuplicate::ReturnExisting
        } else {
            OnDuplicate::Unspecified
        };
        ArtifactSpec {
            if_version: self.if_version,
            on_duplicate: on_duplicate.into(),
            ..spec
        }
    }
}
