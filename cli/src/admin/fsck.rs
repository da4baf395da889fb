//! `cairn admin fsck`.

use cairn_store::{
    Miscount, Store, Usage,
    gc::{Fsck, FsckReport},
};

use crate::{
    error::{CliError, Fault},
    terminal::output::{Output, fields, table},
};

/// Compare all records with all bytes, in both directions, and usage with the stored artifacts, and change nothing; exits with 2
/// when an artifact's bytes are gone or differ, or could not be looked at, or usage is counted wrong
#[derive(clap::Args)]
pub(super) struct Args {
    /// Read and hash all bytes, instead of comparing sizes
    #[arg(long)]
    hash: bool,
    /// How many things of each kind to name at the most; all are counted
    #[arg(long, value_name = "N", default_value_t = Fsck::default().names)]
    names: usize,
}

pub(super) async fn run(args: Args, store: &Store, output: Output) -> Result<(), CliError> {
    let report = store
        .fsck(Fsck {
            hash: args.hash,
            names: args.names,
        })
        .await?;
    output.data(&report, || render(&report))?;
    if report.sound {
        return Ok(());
    }
    output
        .note("not every artifact has its bytes, or could be looked at, or usage is counted wrong");
    Err(CliError::AlreadyReported(Fault::Server))
}

fn render(report: &FsckReport) -> String {
    let count = |count: u64| Some(count.to_string());
    let mut text = fields(&[
        ("keys", count(report.listed)),
        ("bytes", count(report.listed_bytes)),
        ("objects", count(report.objects)),
        ("damaged", count(report.ghost_count)),
        ("not looked at", count(report.failures.len() as u64)),
        ("orphans", count(report.orphan_count)),
        ("orphan bytes", count(report.orphan_bytes)),
        ("unknown keys", count(report.unknown_count)),
        ("miscounts", count(report.miscounts.len() as u64)),
    ]);
    for ghost in &report.ghosts {
        text.push_str(&table(&[vec![
            ghost.object.to_string(),
            ghost.problem.clone(),
            ghost.artifacts.join(" "),
        ]]));
    }
    for Miscount {
        tenant,
        counted,
        found,
    } in &report.miscounts
    {
        text.push_str(&table(&[vec![
            tenant.clone(),
            format!("counted {}", words(counted)),
            format!("found {}", words(found)),
        ]]));
    }
    for failure in &report.failures {
        text.push_str(&table(&[vec![failure.clone()]]));
    }
    text
}

fn words(usage: &Usage) -> String {
    format!(
        "{} artifacts of {} bytes in {} objects of {} bytes",
        usage.stored_artifacts, usage.stored_bytes, usage.physical_objects, usage.physical_bytes
    )
}
