//! `cairn rm`.

mod file;
mod matching;

use std::{
    io::{self, IsTerminal},
    iter,
};

use cairn_client::{ArtifactRef, Client, unary};
use cairn_proto::{
    json::{self, Artifact, DeletedArtifact},
    v1::{DeleteArtifactRequest, DeleteArtifactResponse},
};
use serde::Serialize;

use crate::{
    args::server::Server,
    args::{expression::parse_expression, key::Key, name::Name},
    error::CliError,
    terminal::{
        failures::Failures,
        output::{Output, table},
        question::confirmed,
        render::artifact_table,
    },
    verbs::job::Wait,
};

/// Delete artifacts
///
/// When more than 1,000 match a filter, the server makes a job of it, which goes on by itself and leaves alone what is made
/// after the call. It is waited for, and may be left alone: see cairn job.
#[derive(clap::Args)]
#[command(override_usage = "cairn rm [OPTIONS] ID...
       cairn rm [OPTIONS] --name FILENAME [--version N] [--session ID] [--namespace NAME] [--user ID]
       cairn rm [OPTIONS] --all-versions --name FILENAME [--session ID] [--namespace NAME] [--user ID]
       cairn rm [OPTIONS] --filter EXPR")]
pub(crate) struct Args {
    /// The artifacts
    #[arg(value_name = "ID")]
    artifact_ids: Vec<String>,
    /// All where this holds, such as 'session_id = run-7 AND stage = draft'
    #[arg(
        long = "filter",
        value_name = "EXPR",
        conflicts_with_all = ["artifact_ids", "name", "session", "namespace", "user"],
        value_parser = parse_expression
    )]
    expression: Option<String>,
    /// The file, every version of it; without this the latest version, and the one before it is the latest then
    #[arg(long, requires = "name", conflicts_with_all = ["artifact_ids", "version"])]
    all_versions: bool,
    /// Print what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Removals {
    One(DeletedArtifact),
    Several { artifacts: Vec<DeletedArtifact> },
}

pub(crate) use matching::{Removed, show_much};

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let ask = !args.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    if let Some(filter) = args.expression {
        let client = args.server.connect().await?;
        let wanted = matching::Wanted {
            filter,
            dry_run: args.dry_run,
            ask,
            key: args.key,
            wait: args.wait,
        };
        return matching::run(&client, wanted, output).await;
    }
    if args.all_versions {
        let (_, name) = args.name.or_id(None)?.into_fields();
        let client = args.server.connect().await?;
        let wanted = file::Wanted {
            name: name.unwrap_or_default(),
            dry_run: args.dry_run,
            ask,
            key: args.key,
        };
        return file::run(&client, wanted, output).await;
    }
    let several = args.artifact_ids.len() > 1;
    let wanted = wanted(args.artifact_ids, args.name)?;
    if several && args.key.idempotency_key.is_some() {
        let words = "--idempotency-key is for a single artifact: each needs its own";
        return Err(CliError::Usage(words.to_owned()));
    }
    let client = args.server.connect().await?;
    let mut failures = Failures::default();

    // A name may lead to another artifact a moment later, so exactly the artifact that was shown is deleted. With a key,
    // the server remembers where the name led at first.
    let by_name = matches!(wanted[..], [ArtifactRef::Name(_)]);
    let look = args.dry_run || ask || (by_name && args.key.idempotency_key.is_none());
    let wanted = if look {
        let found = find(&client, wanted, args.dry_run, output, &mut failures).await;
        if ask
            && !args.dry_run
            && !found.ids.is_empty()
            && !confirmed(&found.text(), output).await?
        {
            return Err(CliError::Usage("nothing was deleted".to_owned()));
        }
        found.ids.into_iter().map(ArtifactRef::Id).collect()
    } else {
        wanted
    };

    let mut removals = Vec::new();
    for which in wanted {
        let what = which.to_string();
        let id = which.id();
        let answer = if args.dry_run {
            Ok(DeleteArtifactResponse::default())
        } else {
            delete(&client, which, &args.key, output).await
        };
        match answer {
            Ok(answer) => {
                let removal = DeletedArtifact {
                    artifact_id: json::present(answer.artifact_id).or(id),
                    deleted: !args.dry_run,
                    deleted_at: json::timestamp(answer.deleted_at),
                };
                removals.push((what, removal));
            }
            Err(error) => failures.add(output, &error.about(what)),
        }
    }
    print(removals, several, output)?;
    failures.into_result()
}

fn wanted(mut ids: Vec<String>, name: Name) -> Result<Vec<ArtifactRef>, CliError> {
    // The rules for one id hold for each.
    let first = (!ids.is_empty()).then(|| ids.remove(0));
    let first = name.or_id(first)?;
    let rest = ids.into_iter().map(ArtifactRef::Id);
    Ok(iter::once(first).chain(rest).collect())
}

/// The artifacts to delete, with the records of those that are visible.
#[derive(Default)]
struct Found {
    /// Of all of it.
    ids: Vec<String>,
    seen: Vec<Artifact>,
    /// Ids that no read finds: they do not exist, or are unpublished.
    unseen: Vec<String>,
}

impl Found {
    fn text(&self) -> String {
        let seen = if self.seen.is_empty() {
            String::new()
        } else {
            artifact_table(&self.seen)
        };
        let unseen = self.unseen.iter();
        let unseen = unseen
            .map(|id| format!("{id} is not visible; if it is unpublished, it is discarded\n"));
        seen + &unseen.collect::<String>()
    }
}

async fn find(
    client: &Client,
    wanted: Vec<ArtifactRef>,
    dry_run: bool,
    output: Output,
    failures: &mut Failures,
) -> Found {
    let mut found = Found::default();
    for which in wanted {
        let (what, id) = (which.to_string(), which.id());
        match (client.artifact(which).await, id) {
            (Ok(artifact), _) => {
                found.ids.push(artifact.artifact_id.clone());
                found.seen.push(artifact.into());
            }
            (Err(error), Some(id)) if !dry_run && error.missing_artifact().is_some() => {
                found.ids.push(id.clone());
                found.unseen.push(id);
            }
            (Err(error), _) => failures.add(output, &CliError::from(error).about(what)),
        }
    }
    found
}

async fn delete(
    client: &Client,
    which: ArtifactRef,
    key: &Key,
    output: Output,
) -> Result<DeleteArtifactResponse, CliError> {
    let (artifact_id, name) = which.into_fields();
    let request = DeleteArtifactRequest {
        artifact_id,
        name,
        idempotency_key: key.field(),
        ..DeleteArtifactRequest::default()
    };
    let delete = async || {
        let mut client = client.artifacts.clone();
        let answer = client.delete_artifact(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    key.call(output, delete).await
}

/// Prints the result for each artifact, under the name that the caller gave.
fn print(
    removals: Vec<(String, DeletedArtifact)>,
    several: bool,
    output: Output,
) -> Result<(), CliError> {
    let rows: Vec<Vec<String>> = removals
        .iter()
        .map(|(what, removal)| {
            let done = if removal.deleted {
                "deleted"
            } else {
                "would be deleted"
            };
            vec![what.clone(), done.to_owned()]
        })
        .collect();
    let mut removals: Vec<_> = removals.into_iter().map(|(_, removal)| removal).collect();
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
