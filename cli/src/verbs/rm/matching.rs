//! `cairn rm --filter`.

use cairn_client::{Client, Error, pages, unary};
use cairn_proto::{
    json::{Artifact, Job},
    v1::{DeleteArtifactsRequest, DeleteArtifactsResponse, ListArtifactsRequest},
};
use serde::Serialize;

use crate::{
    args::key::Key,
    error::CliError,
    terminal::{
        failures::not_done,
        output::Output,
        question::confirmed,
        render::{artifact_table, size},
    },
    verbs::job::{self, Wait},
};

/// The most that one call deletes itself, and the most that a person is shown one by one.
const BATCH: usize = 1000;

/// Which artifacts to delete, and how.
pub(super) struct Wanted {
    pub(super) filter: String,
    pub(super) dry_run: bool,
    pub(super) ask: bool,
    pub(super) key: Key,
    pub(super) wait: Wait,
}

#[derive(Default, Serialize)]
pub(crate) struct Removed {
    /// False for a dry run, and while a job deletes them.
    pub(crate) deleted: bool,
    pub(crate) deleted_count: i64,
    pub(crate) size_bytes: i64,
    pub(crate) not_deleted_artifact_ids: Vec<String>,
    /// More would be than were counted.
    pub(crate) more: bool,
    /// The job that deletes them, where there are too many for one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job: Option<Job>,
}

/// Deletes all that match. Before a question the matches are shown, and then exactly those are deleted, unless they are too many to show
/// one by one.
pub(super) async fn run(client: &Client, wanted: Wanted, output: Output) -> Result<(), CliError> {
    let mut removed = Removed {
        deleted: !wanted.dry_run,
        ..Removed::default()
    };
    let shown = if wanted.ask && !wanted.dry_run {
        show(client, &wanted.filter, output).await?
    } else {
        None
    };
    // With a key, the server remembers which ones were deleted.
    if let Some(ids) = shown.filter(|_| wanted.key.idempotency_key.is_none()) {
        for batch in ids.chunks(BATCH) {
            let request = DeleteArtifactsRequest {
                artifact_ids: batch.to_vec(),
                ..DeleteArtifactsRequest::default()
            };
            let answer = delete(client, request).await?;
            removed.add(answer);
        }
        return removed.print(output);
    }
    let request = DeleteArtifactsRequest {
        filter: wanted.filter,
        validate_only: wanted.dry_run,
        idempotency_key: wanted.key.field(),
        ..DeleteArtifactsRequest::default()
    };
    let delete = async || delete(client, request.clone()).await;
    let mut answer = wanted.key.call(output, delete).await?;
    let job = wanted.wait.on(client, answer.job.take(), output).await?;
    removed.add(answer);
    removed.of_job(job);
    removed.print(output)
}

async fn delete(
    client: &Client,
    request: DeleteArtifactsRequest,
) -> Result<DeleteArtifactsResponse, Error> {
    let mut client = client.artifacts.clone();
    let answer = client.delete_artifacts(unary(request)).await?;
    Ok(answer.into_inner())
}

/// Shows the matches, or only their number when there are many, and asks whether to delete them. Returns the ids of
/// those that were shown one by one.
async fn show(
    client: &Client,
    filter: &str,
    output: Output,
) -> Result<Option<Vec<String>>, CliError> {
    let request = DeleteArtifactsRequest {
        filter: filter.to_owned(),
        validate_only: true,
        ..DeleteArtifactsRequest::default()
    };
    let would = delete(client, request).await?;
    let many = would.deleted_count > BATCH as i64;
    let found = if many {
        Vec::new()
    } else {
        find(client, filter).await?
    };
    let words = if many {
        show_much(&would)
    } else {
        artifact_table(&found)
    };
    if (many || !found.is_empty()) && !confirmed(&words, output).await? {
        return Err(CliError::Usage("nothing was deleted".to_owned()));
    }
    let ids = found.into_iter().map(|found| found.artifact_id);
    Ok((!many).then(|| ids.collect()))
}

/// A summary of matches that are too many to show one by one.
pub(crate) fn show_much(would: &DeleteArtifactsResponse) -> String {
    let more = if would.more { "more than " } else { "" };
    let size = size(would.size_bytes);
    format!("{more}{} artifacts, {more}{size}", would.deleted_count)
}

async fn find(client: &Client, filter: &str) -> Result<Vec<Artifact>, CliError> {
    let mut client = client.artifacts.clone();
    let fetch = async |page_size, page_token| {
        let request = ListArtifactsRequest {
            page_size,
            page_token,
            filter: filter.to_owned(),
            ..ListArtifactsRequest::default()
        };
        let answer = client.list_artifacts(unary(request)).await?.into_inner();
        Ok((answer.artifacts, answer.next_page_token))
    };
    let found = pages::read_all(fetch).await?;
    Ok(found.into_iter().map(Artifact::from).collect())
}

impl Removed {
    pub(crate) fn add(&mut self, answer: DeleteArtifactsResponse) {
        self.deleted_count += answer.deleted_count;
        self.size_bytes += answer.size_bytes;
        self.more = answer.more;
        self.not_deleted_artifact_ids
            .extend(answer.not_deleted_artifact_ids);
    }

    pub(crate) fn of_job(&mut self, job: Option<Job>) {
        if let Some(job) = &job {
            self.deleted = job.has_ended();
            self.deleted_count = job.done_count;
            self.size_bytes = job.size_bytes;
        }
        self.job = job;
    }

    pub(crate) fn print(&self, output: Output) -> Result<(), CliError> {
        output.data(self, || {
            let done = match &self.job {
                Some(job) if !job.has_ended() => return job::fields(job),
                _ if self.deleted => "deleted",
                _ => "would be deleted",
            };
            format!("{} {done}, {}\n", self.deleted_count, size(self.size_bytes))
        })?;
        if self.more {
            output.hint("and more, which were not counted");
        }
        if let Some(job) = &self.job {
            job::outcome(job)?;
            if job.held_count > 0 {
                let held = job.held_count;
                let words = format!("{held} were not deleted: they are under a legal hold");
                return Err(CliError::Usage(words));
            }
        }
        let why = "not deleted: it is under a legal hold, or gone already";
        not_done(&self.not_deleted_artifact_ids, why, output)
    }
}
