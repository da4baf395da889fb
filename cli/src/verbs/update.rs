//! `cairn update`.

use std::str::FromStr;

use cairn_client::{required, unary};
use cairn_proto::{
    json::Artifact,
    v1::{ArtifactStage, UpdateArtifactRequest, update_artifact_request::Expiry},
};
use clap::builder::NonEmptyStringValueParser;
use prost_types::FieldMask;

use crate::{
    args::server::Server,
    args::{
        key::Key,
        metadata::{self, Pair, parse_pair},
        name::Name,
        record::Stage,
        time::Ttl,
    },
    error::CliError,
    terminal::{output::Output, render::artifact_fields},
};

/// Change an artifact's record; its bytes, its name and its scope never change
#[derive(clap::Args)]
#[command(override_usage = "cairn update [OPTIONS] ID
       cairn update [OPTIONS] --name FILENAME [--version N] [--session ID] [--namespace NAME] [--user ID]")]
pub(crate) struct Args {
    /// The artifact
    #[arg(value_name = "ID")]
    artifact_id: Option<String>,
    #[command(flatten)]
    change: Change,
    /// Change nothing unless the record has this etag, which inspect prints
    #[arg(long, value_name = "ETAG", value_parser = NonEmptyStringValueParser::new())]
    etag: Option<String>,
    /// Who makes the change
    #[arg(long, value_name = "ID", env = "CAIRN_AGENT_ID")]
    agent: Option<String>,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
}

/// Fields that are not given stay as they are.
#[derive(Default, clap::Args)]
#[command(next_help_heading = "Change")]
struct Change {
    /// A title for people; an empty one takes it away
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// A fact to find it by; all that are given replace all that there are
    #[arg(long = "meta", value_name = "KEY=VALUE", value_parser = parse_pair)]
    metadata: Vec<Pair>,
    /// Take all metadata away
    #[arg(long, conflicts_with = "metadata")]
    no_meta: bool,
    /// Set one pair of its metadata and leave the others; may be given again
    #[arg(
        long = "set-meta",
        value_name = "KEY=VALUE",
        value_parser = parse_pair,
        conflicts_with_all = ["metadata", "no_meta"]
    )]
    set_metadata: Vec<Pair>,
    /// Remove one pair of its metadata and leave the others; may be given again
    #[arg(
        long = "unset-meta",
        value_name = "KEY",
        value_parser = NonEmptyStringValueParser::new(),
        conflicts_with_all = ["metadata", "no_meta"]
    )]
    unset_metadata: Vec<String>,
    /// A label; all that are given replace all that there are
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Take all labels away
    #[arg(long, conflicts_with = "labels")]
    no_label: bool,
    /// How far it has come
    #[arg(long)]
    stage: Option<Stage>,
    /// How long to keep it from now on: 30d, 24h, 90m, 45s, never, or default for as long as what is pushed without a time
    // Not from CAIRN_TTL, which is for pushes: a new title must not change the expiry.
    #[arg(long, value_name = "TIME")]
    ttl: Option<NewTtl>,
    /// Keep it when its session is deleted
    #[arg(long)]
    persistent: bool,
    /// Delete it with its session
    #[arg(long, conflicts_with = "persistent")]
    no_persistent: bool,
}

/// How long to keep an existing artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NewTtl {
    Given(Ttl),
    /// The tenant's default.
    Default,
}

impl FromStr for NewTtl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "default" => Ok(Self::Default),
            _ => text
                .parse()
                .map(Self::Given)
                .map_err(|error| format!("{error}, or default")),
        }
    }
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let (artifact_id, name) = args.name.or_id(args.artifact_id)?.into_fields();
    let request = UpdateArtifactRequest {
        artifact_id,
        name,
        etag: args.etag.unwrap_or_default(),
        agent_id: args.agent.unwrap_or_default(),
        idempotency_key: args.key.field(),
        ..args.change.into_request()?
    };
    let client = args.server.connect().await?;
    let update = async || {
        let mut client = client.artifacts.clone();
        let answer = client.update_artifact(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = args.key.call(output, update).await?;
    let artifact = Artifact::from(required(answer.artifact, "artifact")?);
    output.data(&artifact, || artifact_fields(&artifact))
}

impl Change {
    /// The new values, and a mask that names them.
    fn into_request(self) -> Result<UpdateArtifactRequest, CliError> {
        let given = [
            ("title", self.title.is_some()),
            ("metadata", self.no_meta || !self.metadata.is_empty()),
            ("labels", self.no_label || !self.labels.is_empty()),
            ("stage", self.stage.is_some()),
            ("expiry", self.ttl.is_some()),
            ("persistent", self.persistent || self.no_persistent),
        ];
        let set = metadata::into_map(self.set_metadata)?;
        if let Some(key) = self
            .unset_metadata
            .iter()
            .find(|key| set.contains_key(*key))
        {
            let words = format!("--set-meta and --unset-meta are both given for {key}");
            return Err(CliError::Usage(words));
        }
        let given = given.into_iter().filter(|(_, given)| *given);
        let pairs = set.keys().chain(&self.unset_metadata);
        let paths: Vec<String> = given
            .map(|(path, _)| path.to_owned())
            .chain(pairs.map(|key| format!("metadata.{key}")))
            .collect();
        if paths.is_empty() {
            let words = "nothing to change: give --title, --meta, --set-meta, --unset-meta, --label, --stage, --ttl or --persistent";
            return Err(CliError::Usage(words.to_owned()));
        }
        Ok(UpdateArtifactRequest {
            update_mask: Some(FieldMask { paths }),
            title: self.title.unwrap_or_default(),
            metadata: if set.is_empty() {
                metadata::into_map(self.metadata)?
            } else {
                set
            },
            labels: self.labels,
            persistent: self.persistent,
            stage: self
                .stage
                .map_or(0, |stage| ArtifactStage::from(stage).into()),
            // Named in the mask and not given, it is the default.
            expiry: self.ttl.and_then(|ttl| match ttl {
                NewTtl::Given(Ttl::For(span)) => Some(Expiry::Ttl(span.into())),
                NewTtl::Given(Ttl::Never) => Some(Expiry::NeverExpires(true)),
                NewTtl::Given(Ttl::Longest) => Some(Expiry::Longest(true)),
                NewTtl::Default => None,
            }),
            ..UpdateArtifactRequest::default()
        })
    }
}
