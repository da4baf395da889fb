//! The two ways to say which artifact is meant: by its id, or by its filename and where that lives.

use cairn_client::ArtifactRef;
use cairn_proto::v1::ArtifactName;
use clap::builder::NonEmptyStringValueParser;

use crate::error::CliError;

/// The scope of a filename. An empty value is refused: a script whose variable is not set would pass it.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Where the filename lives")]
pub(crate) struct Scope {
    /// The session; that of the environment's CAIRN_SESSION_ID when it is not given, as in push
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) session: Option<String>,
    // As the variable of --session itself it would count as given, and contradict every ID.
    #[arg(long, env = "CAIRN_SESSION_ID", hide = true)]
    session_of_environment: Option<String>,
    /// The application's name
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) namespace: Option<String>,
    /// The user
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) user: Option<String>,
}

/// An artifact by its name, as verbs take it in place of an id.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Name {
    /// The filename, in place of an id; its latest version
    #[arg(long, value_name = "FILENAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: Option<String>,
    /// This version of the filename, in place of the latest
    #[arg(
        long,
        value_name = "N",
        requires = "name",
        value_parser = clap::value_parser!(i64).range(1..)
    )]
    version: Option<i64>,
    #[command(flatten)]
    pub(crate) scope: Scope,
}

impl Scope {
    pub(crate) fn is_given(&self) -> bool {
        self.session.is_some() || self.namespace.is_some() || self.user.is_some()
    }

    /// The latest version of a filename.
    pub(crate) fn name(self, filename: String) -> ArtifactName {
        let session = self.session.or(self.session_of_environment);
        ArtifactName {
            filename,
            session_id: session.unwrap_or_default(),
            namespace: self.namespace.unwrap_or_default(),
            user_id: self.user.unwrap_or_default(),
            version: 0,
        }
    }
}

impl Name {
    /// The session, where it is all that is given.
    pub(crate) fn session_alone(&self) -> Option<&str> {
        let Scope {
            session,
            namespace,
            user,
            ..
        } = &self.scope;
        let is_alone = self.name.is_none() && namespace.is_none() && user.is_none();
        session.as_deref().filter(|_| is_alone)
    }

    /// The artifact that is meant when there may be an id, too.
    pub(crate) fn or_id(self, id: Option<String>) -> Result<ArtifactRef, CliError> {
        match (id, self.name) {
            (Some(_), Some(_)) => Err(usage("give an ID or --name, not both")),
            (Some(_), None) if self.scope.is_given() => Err(usage(
                "an ID needs no --session, --namespace or --user: they are for --name",
            )),
            (Some(id), None) => Ok(ArtifactRef::Id(id)),
            (None, Some(filename)) => Ok(ArtifactRef::Name(ArtifactName {
                version: self.version.unwrap_or_default(),
                ..self.scope.name(filename)
            })),
            (None, None) => Err(usage("which artifact? Give its ID, or --name FILENAME")),
        }
    }
}

fn usage(words: &str) -> CliError {
    CliError::Usage(words.to_owned())
}
