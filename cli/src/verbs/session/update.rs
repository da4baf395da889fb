//! `cairn session update`.

use cairn_client::{required, unary};
use cairn_proto::{json::Session, v1::UpdateSessionRequest};
use prost_types::FieldMask;

use crate::{
    args::key::Key,
    args::server::Server,
    error::CliError,
    terminal::{output::Output, render::session_fields},
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The session
    #[arg(value_name = "ID")]
    session_id: String,
    #[command(flatten)]
    change: Change,
    /// Make the session when it is not there
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    server: Server,
}

/// Fields that are not given stay as they are.
#[derive(clap::Args)]
#[command(next_help_heading = "Change")]
struct Change {
    /// A name for people; an empty one takes it away
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// A label; all that are given replace all that there are
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Take all labels away
    #[arg(long, conflicts_with = "labels")]
    no_label: bool,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let request = UpdateSessionRequest {
        session_id: args.session_id,
        allow_missing: args.create,
        idempotency_key: args.key.field(),
        ..args.change.into_request()?
    };
    let client = args.server.connect().await?;
    let update = async || {
        let mut client = client.sessions.clone();
        let answer = client.update_session(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = args.key.call(output, update).await?;
    let session = Session::from(required(answer.session, "session")?);
    output.data(&session, || session_fields(&session))
}

impl Change {
    /// The new values, and a mask that names them.
    fn into_request(self) -> Result<UpdateSessionRequest, CliError> {
        let given = [
            ("display_name", self.display_name.is_some()),
            ("labels", self.no_label || !self.labels.is_empty()),
        ];
        let given = given.into_iter().filter(|(_, given)| *given);
        let paths: Vec<String> = given.map(|(path, _)| path.to_owned()).collect();
        if paths.is_empty() {
            let words = "nothing to change: give --display-name, --label or --no-label";
            return Err(CliError::Usage(words.to_owned()));
        }
        Ok(UpdateSessionRequest {
            update_mask: Some(FieldMask { paths }),
            display_name: self.display_name.unwrap_or_default(),
            labels: self.labels,
            ..UpdateSessionRequest::default()
        })
    }
}
