//! `cairn session commit`: makes the unpublished artifacts of a session visible, all at once.

use cairn_client::{Client, keys, required, unary};
use cairn_proto::{
    json::{PublishedArtifact, Session},
    v1::{CommitSessionRequest, CommitSessionResponse},
};
use serde::Serialize;

use crate::{
    args::key::Key,
    args::server::Server,
    error::CliError,
    terminal::{
        output::{Output, table},
        render::seal_line,
    },
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The session
    #[arg(value_name = "ID")]
    session_id: String,
    /// The artifacts, at most 5,000; all that are unpublished when none is given
    #[arg(value_name = "ARTIFACT")]
    artifact_ids: Vec<String>,
    /// Also seal the session in the same moment: whatever is unpublished then is never published
    #[arg(long)]
    seal: bool,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    server: Server,
}

/// Which artifacts to publish.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) session_id: String,
    /// None: all.
    pub(crate) artifact_ids: Vec<String>,
    pub(crate) seal: bool,
}

#[derive(Serialize)]
struct Committed {
    artifacts: Vec<PublishedArtifact>,
    session: Session,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let commit = Commit {
        session_id: args.session_id,
        artifact_ids: args.artifact_ids,
        seal: args.seal,
    };
    let answer = commit.send(&client, args.key, output).await?;
    let committed = Committed {
        artifacts: answer
            .artifacts
            .into_iter()
            .map(PublishedArtifact::from)
            .collect(),
        session: required(answer.session, "session")?.into(),
    };
    output.data(&committed, || committed.text())?;
    if committed.artifacts.is_empty() {
        output.hint("nothing was unpublished");
    }
    Ok(())
}

impl Commit {
    /// Publishes. An answer that is lost is asked for again, also without a key of the caller's: what was published under
    /// no key would be found missing the second time.
    pub(crate) async fn send(
        mut self,
        client: &Client,
        key: Key,
        output: Output,
    ) -> Result<CommitSessionResponse, CliError> {
        // They are published in the order in which they were made. The same ones must be the same call, however named.
        self.artifact_ids.sort();
        self.artifact_ids.dedup();
        let key = key.or_else(|| {
            if self.artifact_ids.is_empty() {
                // "All" may be different artifacts each time.
                keys::fresh()
            } else {
                keys::for_commit(&self.session_id, &self.artifact_ids, self.seal)
            }
        });
        let request = CommitSessionRequest {
            session_id: self.session_id,
            artifact_ids: self.artifact_ids,
            seal: self.seal,
            idempotency_key: key.field(),
        };
        let commit = async || {
            let mut client = client.sessions.clone();
            let answer = client.commit_session(unary(request.clone())).await?;
            Ok(answer.into_inner())
        };
        key.call(output, commit).await
    }
}

impl Committed {
    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .artifacts
            .iter()
            .map(|published| {
                vec![
                    published.artifact_id.clone(),
                    format!("v{}", published.version),
                    published.filename.clone(),
                ]
            })
            .collect();
        table(&rows) + &seal_line(&self.session)
    }
}
