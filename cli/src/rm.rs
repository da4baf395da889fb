//! `cairn rm`.

use std::io::{self, IsTerminal, Write};

use cairn_proto::v1::DeleteArtifactRequest;
use serde::Serialize;

use crate::{
    client::{Client, Server, unary},
    error::CliError,
    inspect,
    output::{Output, table},
    several::Failures,
    shapes::{Artifact, artifact_table},
    time::rfc3339,
};

/// Delete artifacts
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The artifacts
    #[arg(required = true, value_name = "ID")]
    artifact_ids: Vec<String>,
    /// Print what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    server: Server,
}

#[derive(Serialize)]
struct Removal {
    artifact_id: String,
    deleted: bool,
    deleted_at: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Removals {
    One(Removal),
    Several { artifacts: Vec<Removal> },
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let mut failures = Failures::default();
    let several = args.artifact_ids.len() > 1;
    let ask = !args.yes && io::stdin().is_terminal() && io::stderr().is_terminal();

    let mut artifact_ids = args.artifact_ids;
    if args.dry_run || ask {
        let found = find(&mut client, artifact_ids, output, &mut failures).await;
        if ask && !args.dry_run && !found.is_empty() && !confirmed(&found, output).await? {
            return Err(CliError::Usage("nothing was deleted".to_owned()));
        }
        artifact_ids = found.into_iter().map(|found| found.artifact_id).collect();
    }

    let mut removals = Vec::new();
    for artifact_id in artifact_ids {
        let deleted_at = if args.dry_run {
            Ok(None)
        } else {
            delete(&mut client, &artifact_id).await
        };
        match deleted_at {
            Ok(deleted_at) => removals.push(Removal {
                artifact_id,
                deleted: !args.dry_run,
                deleted_at,
            }),
            Err(error) => failures.add(output, &error.about(artifact_id)),
        }
    }
    print(removals, several, output)?;
    failures.into_result()
}

async fn find(
    client: &mut Client,
    artifact_ids: Vec<String>,
    output: Output,
    failures: &mut Failures,
) -> Vec<Artifact> {
    let mut found = Vec::new();
    for artifact_id in artifact_ids {
        match inspect::get(client, artifact_id.clone()).await {
            Ok(artifact) => found.push(artifact),
            Err(error) => failures.add(output, &error.about(artifact_id)),
        }
    }
    found
}

async fn delete(client: &mut Client, artifact_id: &str) -> Result<Option<String>, CliError> {
    let request = unary(DeleteArtifactRequest {
        artifact_id: artifact_id.to_owned(),
        ..DeleteArtifactRequest::default()
    });
    let answer = client.artifacts.delete_artifact(request).await?;
    Ok(rfc3339(answer.into_inner().deleted_at))
}

fn print(mut removals: Vec<Removal>, several: bool, output: Output) -> Result<(), CliError> {
    let rows: Vec<Vec<String>> = removals
        .iter()
        .map(|removal| {
            let done = if removal.deleted {
                "deleted"
            } else {
                "would be deleted"
            };
            vec![removal.artifact_id.clone(), done.to_owned()]
        })
        .collect();
    let removals = if several {
        Removals::Several {
            artifacts: removals,
        }
    } else {
        match removals.pop() {
            Some(removal) => Removals::One(removal),
            None => return Ok(()),
        }
    };
    output.data(&removals, || table(&rows))
}

/// Shows what is to be deleted and asks whether it may be. Anything but a yes is a no.
async fn confirmed(found: &[Artifact], output: Output) -> Result<bool, CliError> {
    for line in artifact_table(found).lines() {
        output.note(line);
    }
    let answer = tokio::task::spawn_blocking(move || {
        let mut stderr = io::stderr();
        stderr.write_all(b"delete? [y/N] ")?;
        stderr.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok::<_, io::Error>(answer)
    });
    match answer.await {
        Ok(Ok(answer)) => Ok(matches!(answer.trim(), "y" | "Y" | "yes")),
        Ok(Err(error)) => Err(CliError::of_file("standard input")(error)),
        Err(_) => Ok(false),
    }
}
