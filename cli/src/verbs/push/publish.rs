//! `cairn push --unpublished` and `--atomic`: store without publishing, and publish everything at once.

use std::collections::HashMap;

use cairn_client::{Client, required, retry, unary};
use cairn_proto::{
    json::{Artifact, Session},
    v1::{ArtifactSpec, GetSessionRequest, SealSessionRequest},
};
use serde::Serialize;

use super::pushed::Pushed;
use crate::{
    args::key::Key,
    error::{CliError, Fault},
    terminal::{
        output::{Output, table},
        render::seal_line,
    },
    verbs::session::Commit,
};

/// The most that the server publishes in one moment.
const MOST: usize = 5000;

/// When pushed artifacts become visible.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Publishing")]
pub(super) struct Publishing {
    /// Store, and let no read find it before cairn session commit publishes it, which must be within 24 hours unless the
    /// server is set otherwise
    #[arg(long, conflicts_with = "link")]
    unpublished: bool,
    /// Publish everything in one moment once all of it is stored, or nothing when anything fails
    #[arg(long, conflicts_with = "unpublished")]
    pub(super) atomic: bool,
    /// Also seal the session in that moment
    #[arg(long, requires = "atomic")]
    seal: bool,
}

/// The artifacts published together, and their session; null when the outcome is unknown.
#[derive(Serialize)]
struct Together<'a> {
    artifacts: &'a [Pushed],
    session: Option<Session>,
}

impl Publishing {
    /// The spec, unpublished if the caller wants that.
    pub(super) fn of(&self, spec: ArtifactSpec) -> Result<ArtifactSpec, CliError> {
        let unpublished = self.unpublished || self.atomic;
        if unpublished && spec.session_id.is_empty() {
            let option = if self.atomic { "atomic" } else { "unpublished" };
            return Err(CliError::Usage(format!(
                "--{option} needs a session to publish in: give --session or --new-session"
            )));
        }
        Ok(ArtifactSpec {
            unpublished,
            ..spec
        })
    }

    /// Prints how to publish the artifacts.
    pub(super) fn hint(&self, session_id: &str, output: Output) {
        if self.unpublished {
            output.hint(&format!("to publish it: cairn session commit {session_id}"));
        }
    }

    /// Refuses a push that could never be published at once, before anything is sent.
    pub(super) fn check(&self, files: usize, missing: usize) -> Result<(), CliError> {
        if !self.atomic {
            return Ok(());
        }
        if files > MOST {
            return Err(CliError::Usage(format!(
                "--atomic publishes at most 5,000 files, and these are {files}: push them with --unpublished, then publish \
                 them with `cairn session commit`, 5,000 at a time"
            )));
        }
        if missing > 0 {
            let words = "nothing was pushed: --atomic publishes everything or nothing";
            return Err(CliError::Usage(words.to_owned()));
        }
        Ok(())
    }

    /// Tells that nothing is published because something could not be pushed. What could be is left waiting: the same
    /// push again goes on with it, and another one of the same files may be about to publish it.
    pub(super) fn given_up(&self, session_id: &str, pushed: &[Pushed]) -> CliError {
        let waits = match waiting(pushed).len() {
            0 => String::new(),
            waiting => format!(
                "; what could be pushed ({waiting}) waits for the same push to go on with it, until the server discards it"
            ),
        };
        CliError::Usage(format!("nothing was published in '{session_id}'{waits}"))
    }

    /// Publishes the artifacts and reads their new records.
    pub(super) async fn publish(
        &self,
        client: &Client,
        session_id: &str,
        pushed: &mut [Pushed],
        output: Output,
    ) -> Result<Session, CliError> {
        let commit = Commit {
            session_id: session_id.to_owned(),
            artifact_ids: waiting(pushed),
            seal: self.seal,
        };
        let session = settle(client, commit, output).await.map_err(|error| {
            let what = match error.fault() {
                Fault::Caller => "nothing was published",
                // The same push finds out: it has the same key.
                _ => "it is not known whether anything was published",
            };
            error.about(what)
        })?;
        if let Err(error) = read_again(client, pushed, output).await {
            // The state is unknown, so it is left out.
            for one in pushed {
                one.artifact.state = None;
            }
            return Err(error.about("all is published, and could not be read again"));
        }
        Ok(session)
    }
}

/// Prints the artifacts and whether they were published.
pub(super) fn print(
    pushed: &[Pushed],
    session: Option<Session>,
    output: Output,
) -> Result<(), CliError> {
    let together = Together {
        artifacts: pushed,
        session,
    };
    output.data(&together, || {
        let rows: Vec<Vec<String>> = pushed.iter().map(Pushed::row).collect();
        let seal = together.session.as_ref().map(seal_line);
        table(&rows) + &seal.unwrap_or_default()
    })
}

/// The ids of what waits to be published. What was there already, or was published when the same push was made before,
/// does not.
fn waiting(pushed: &[Pushed]) -> Vec<String> {
    let waiting = pushed.iter().filter(|one| one.artifact.is_unpublished());
    waiting
        .map(|one| one.artifact.artifact_id.clone())
        .collect()
}

/// Publishes until nothing of it waits any more.
async fn settle(client: &Client, mut commit: Commit, output: Output) -> Result<Session, CliError> {
    loop {
        if commit.artifact_ids.is_empty() {
            // To publish nothing would be to publish everything that others have left waiting.
            return nothing_to_publish(client, &commit, output).await;
        }
        let error = match commit.clone().send(client, Key::default(), output).await {
            Ok(answer) => return Ok(required(answer.session, "session")?.into()),
            Err(error) => error,
        };
        if error.missing_artifact().is_none() {
            return Err(error);
        }
        // The same push, made twice at a time, may have published some of it.
        let still = unseen(client, &commit.artifact_ids, output).await?;
        if still.len() == commit.artifact_ids.len() {
            return Err(error);
        }
        commit.artifact_ids = still;
    }
}

async fn nothing_to_publish(
    client: &Client,
    commit: &Commit,
    output: Output,
) -> Result<Session, CliError> {
    let session_id = commit.session_id.clone();
    let ask = async || {
        let mut sessions = client.sessions.clone();
        let session_id = session_id.clone();
        // Both can be asked again without harm.
        let session = if commit.seal {
            let request = SealSessionRequest {
                session_id,
                ..SealSessionRequest::default()
            };
            sessions
                .seal_session(unary(request))
                .await?
                .into_inner()
                .session
        } else {
            let request = GetSessionRequest { session_id };
            sessions
                .get_session(unary(request))
                .await?
                .into_inner()
                .session
        };
        required(session, "session")
    };
    let session = retry(|words| output.progress(words), ask).await?;
    Ok(session.into())
}

/// Those of these artifacts that no read finds.
async fn unseen(client: &Client, ids: &[String], output: Output) -> Result<Vec<String>, CliError> {
    let tell = |words: &str| output.progress(words);
    let mut unseen = Vec::new();
    for (id, found) in ids.iter().zip(client.artifacts_by_id(ids, tell).await?) {
        match found {
            Ok(_) => {}
            Err(error) if error.missing_artifact().is_some() => unseen.push(id.clone()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(unseen)
}

/// Puts the records as they are since they were published in the place of those from before: version, time of creation and
/// expiry are new.
async fn read_again(
    client: &Client,
    pushed: &mut [Pushed],
    output: Output,
) -> Result<(), CliError> {
    let ids = waiting(pushed);
    let tell = |words: &str| output.progress(words);
    let mut records = HashMap::new();
    for record in client.artifacts_by_id(&ids, tell).await? {
        let record = Artifact::from(record?);
        records.insert(record.artifact_id.clone(), record);
    }
    for one in pushed {
        if let Some(record) = records.remove(&one.artifact.artifact_id) {
            one.artifact = record;
        }
    }
    Ok(())
}
