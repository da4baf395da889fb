//! `cairn hold`.

use cairn_client::{required, unary};
use cairn_proto::{
    json::Session,
    v1::{SetLegalHoldRequest, SetSessionLegalHoldRequest},
};
use clap::builder::NonEmptyStringValueParser;

use crate::{
    args::key::Key,
    args::server::Server,
    error::CliError,
    terminal::{failures::Changed, output::Output, render::session_fields},
};

/// Put artifacts, or a session with all that is in it, under a legal hold: they neither expire nor can be deleted
#[derive(clap::Args)]
#[command(override_usage = "cairn hold [--release] [OPTIONS] ID...
       cairn hold [--release] [OPTIONS] --session ID")]
pub(crate) struct Args {
    /// The artifacts, at most 1,000
    #[arg(
        value_name = "ID",
        required_unless_present = "session",
        conflicts_with = "session"
    )]
    artifact_ids: Vec<String>,
    // Not from CAIRN_SESSION_ID: a hold of a whole session is said out loud.
    /// The session, with every artifact that is in it or comes into it
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    session: Option<String>,
    /// End the hold; what is held with its session stays held until that is released
    #[arg(long)]
    release: bool,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let legal_hold = !args.release;
    if let Some(session_id) = args.session {
        let request = SetSessionLegalHoldRequest {
            session_id,
            legal_hold,
            idempotency_key: args.key.field(),
        };
        let hold = async || {
            let mut client = client.sessions.clone();
            let answer = client
                .set_session_legal_hold(unary(request.clone()))
                .await?;
            Ok(answer.into_inner())
        };
        let answer = args.key.call(output, hold).await?;
        let session = Session::from(required(answer.session, "session")?);
        return output.data(&session, || session_fields(&session));
    }
    let request = SetLegalHoldRequest {
        artifact_ids: args.artifact_ids,
        legal_hold,
        idempotency_key: args.key.field(),
        ..SetLegalHoldRequest::default()
    };
    let hold = async || {
        let mut client = client.artifacts.clone();
        let answer = client.set_legal_hold(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = args.key.call(output, hold).await?;
    Changed {
        changed_count: answer.changed_count,
        missing_artifact_ids: answer.missing_artifact_ids,
        job: None,
    }
    .print(if legal_hold { "held" } else { "released" }, output)
}
