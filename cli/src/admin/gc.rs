//! `cairn admin gc`.

use cairn_store::{
    Deployment, Pause, Store,
    gc::{Deletion, Status},
};
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    error::CliError,
    terminal::{
        output::{Output, fields, table},
        render::size,
    },
};

/// Control the collector and show its work
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show the owner of the blob store, the backlog, the damage, and the last result of each pass
    Status,
    /// Let no worker do anything until `resume`; a batch that is under way is finished
    Pause {
        /// Why, for the next operator
        #[arg(long, value_name = "WORDS", value_parser = NonEmptyStringValueParser::new())]
        reason: String,
        #[command(flatten)]
        by: By,
    },
    /// Let the workers go on
    Resume,
    /// List the deleted objects, newest first
    Report {
        /// Only of this object
        #[arg(long, value_name = "ID")]
        object: Option<Uuid>,
        /// How many at the most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
    },
    /// Take the blob store over for this database, as after a restore, and shut out whichever database had it before; the
    /// collector is paused until `resume`
    Adopt {
        /// The deployment that the blob store is of, when it is another one than the database's; `status` shows it
        #[arg(long, value_name = "ID")]
        from: Option<Uuid>,
        #[command(flatten)]
        by: By,
    },
}

#[derive(clap::Args)]
struct By {
    /// Who you are, for the next operator
    #[arg(long, env = "USER", value_name = "NAME", default_value = "an operator")]
    by: String,
}

pub(super) async fn run(args: Args, store: &Store, output: Output) -> Result<(), CliError> {
    match args.command {
        Command::Status => {
            let status = store.gc_status().await?;
            output.data(&status, || render(&status))
        }
        Command::Pause { reason, by } => {
            store.pause_gc(&by.by, &reason).await?;
            changed(store, output).await
        }
        Command::Resume => {
            store.check_deployment().await?;
            store.resume_gc().await?;
            changed(store, output).await
        }
        Command::Report { object, limit } => {
            let deletions = store.deletions(object, limit).await?;
            output.data(
                &Report {
                    deletions: &deletions,
                },
                || list(&deletions),
            )
        }
        Command::Adopt { from, by } => {
            let adopted = store.adopt_blob_store(from, &by.by).await?;
            output.hint("the collector is paused; look with `cairn admin fsck`, then `cairn admin gc resume`");
            output.data(&adopted, || {
                fields(&[("deployment", words(&Some(adopted)))])
            })
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    deletions: &'a [Deletion],
}

#[derive(Serialize)]
struct Changed {
    paused: Option<Pause>,
}

async fn changed(store: &Store, output: Output) -> Result<(), CliError> {
    let paused = store.gc_pause().await?;
    output.data(
        &Changed {
            paused: paused.clone(),
        },
        || fields(&[("collector", Some(state(&paused)))]),
    )
}

fn state(paused: &Option<Pause>) -> String {
    match paused {
        None => "working".to_owned(),
        Some(Pause { at, by, reason }) => format!("paused by {by} at {at}: {reason}"),
    }
}

fn words(deployment: &Option<Deployment>) -> Option<String> {
    deployment.map(|Deployment { id, epoch }| format!("{id}, epoch {epoch}"))
}

fn render(status: &Status) -> String {
    let deployment = &status.deployment;
    let backlog = &status.backlog;
    let review = match backlog.oldest.as_secs() {
        0 => backlog.queued.to_string(),
        seconds => format!("{}, the oldest for {seconds} s", backlog.queued),
    };
    let bytes = i64::try_from(backlog.condemned_bytes).unwrap_or(i64::MAX);
    let mut text = fields(&[
        ("collector", Some(state(&deployment.paused))),
        ("database", words(&deployment.database)),
        ("blob store", words(&deployment.blob_store)),
        ("to review", Some(review)),
        (
            "to delete",
            Some(format!("{}, {}", backlog.condemned, size(bytes))),
        ),
        ("failing", Some(backlog.failing.to_string())),
        ("suspects", Some(backlog.suspects.to_string())),
        ("damaged", Some(status.ghosts.len().to_string())),
    ]);
    let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
    let mut rows = vec![row(["PASS", "ENDED", "SUCCEEDED", "FAILURES", "ERROR"])];
    for pass in &status.passes {
        let failing = pass.failures > 0;
        rows.push(vec![
            pass.name.clone(),
            pass.ended_at.to_string(),
            pass.succeeded_at
                .map_or_else(String::new, |at| at.to_string()),
            pass.failures.to_string(),
            pass.last_error
                .clone()
                .filter(|_| failing)
                .unwrap_or_default(),
        ]);
    }
    text.push('\n');
    text.push_str(&table(&rows));
    text
}

fn list(deletions: &[Deletion]) -> String {
    let row = |cells: [&str; 6]| cells.map(str::to_owned).to_vec();
    let mut rows = vec![row([
        "DELETED", "TENANT", "OBJECT", "BYTES", "REASON", "WORKER",
    ])];
    for deletion in deletions {
        rows.push(vec![
            deletion.deleted_at.to_string(),
            deletion.tenant.clone(),
            deletion.object.to_string(),
            deletion
                .size_bytes
                .map_or_else(String::new, |size| size.to_string()),
            deletion.reason.clone(),
            deletion.worker.clone(),
        ]);
    }
    table(&rows)
}
