//! `cairn rm --filter`.

use cairn_proto::v1::{DeleteArtifactsRequest, ListArtifactsRequest};
use serde::Serialize;

use super::confirmed;
use crate::{
    client::{Client, unary},
    error::CliError,
    output::Output,
    page,
    several::not_done,
    shapes::{Artifact, size},
};

/// The most that one call deletes.
const BATCH: usize = 1000;

#[derive(Default, Serialize)]
struct Removed {
    /// False when it is only said what would be.
    deleted: bool,
    deleted_count: i64,
    size_bytes: i64,
    not_deleted_artifact_ids: Vec<String>,
    /// Others match that were left alone.
    more: bool,
}

/// Deletes all that match. Who is asked sees what it is first, and then just that is deleted.
pub(super) async fn run(
    client: &Client,
    filter: String,
    dry_run: bool,
    ask: bool,
    output: Output,
) -> Result<(), CliError> {
    let mut removed = Removed {
        deleted: !dry_run,
        ..Removed::default()
    };
    if ask && !dry_run {
        let found = find(client, &filter).await?;
        if !found.is_empty() && !confirmed(&found, output).await? {
            return Err(CliError::Usage("nothing was deleted".to_owned()));
        }
        for batch in found.chunks(BATCH) {
            let ids = batch.iter().map(|found| found.artifact_id.clone());
            removed
                .add(
                    client,
                    DeleteArtifactsRequest {
                        artifact_ids: ids.collect(),
                        ..DeleteArtifactsRequest::default()
                    },
                )
                .await?;
        }
    } else {
        loop {
            let before = removed.deleted_count;
            removed
                .add(
                    client,
                    DeleteArtifactsRequest {
                        filter: filter.clone(),
                        validate_only: dry_run,
                        ..DeleteArtifactsRequest::default()
                    },
                )
                .await?;
            // What is held stays among the first that match: where there is nothing else, to go on would be for ever.
            if dry_run || !removed.more || removed.deleted_count == before {
                break;
            }
        }
    }
    removed.print(output)
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
    let found = page::read_all(fetch).await?;
    Ok(found.into_iter().map(Artifact::from).collect())
}

impl Removed {
    async fn add(
        &mut self,
        client: &Client,
        request: DeleteArtifactsRequest,
    ) -> Result<(), CliError> {
        let mut client = client.artifacts.clone();
        let answer = client.delete_artifacts(unary(request)).await?.into_inner();
        self.deleted_count += answer.deleted_count;
        self.size_bytes += answer.size_bytes;
        self.more = answer.more;
        for id in answer.not_deleted_artifact_ids {
            if !self.not_deleted_artifact_ids.contains(&id) {
                self.not_deleted_artifact_ids.push(id);
            }
        }
        Ok(())
    }

    fn print(&self, output: Output) -> Result<(), CliError> {
        output.data(self, || {
            let done = if self.deleted {
                "deleted"
            } else {
                "would be deleted"
            };
            format!("{} {done}, {}\n", self.deleted_count, size(self.size_bytes))
        })?;
        if self.more {
            output.hint("others match, which were left alone");
        }
        let why = "not deleted: it is under a legal hold, or gone already";
        not_done(&self.not_deleted_artifact_ids, why, output)
    }
}
