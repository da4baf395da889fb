//! `cairn rm --all-versions`.

use cairn_client::{Client, pages, unary};
use cairn_proto::{
    json::Artifact,
    v1::{ArtifactName, DeleteArtifactRequest, ListVersionsRequest},
};

use super::matching::Removed;
use crate::{
    args::key::Key,
    error::CliError,
    terminal::{output::Output, question::confirmed, render::artifact_table},
    verbs::job::Wait,
};

/// Which file is to be deleted, and how.
pub(super) struct Wanted {
    pub(super) name: ArtifactName,
    pub(super) dry_run: bool,
    pub(super) ask: bool,
    pub(super) key: Key,
}

/// Deletes every version of a file. Before a question the versions are shown.
pub(super) async fn run(client: &Client, wanted: Wanted, output: Output) -> Result<(), CliError> {
    if wanted.dry_run || wanted.ask {
        let found = find(client, &wanted.name).await?;
        if wanted.dry_run {
            return would_remove(&found).print(output);
        }
        if !found.is_empty() && !confirmed(&artifact_table(&found), output).await? {
            return Err(CliError::Usage("nothing was deleted".to_owned()));
        }
    }
    let request = DeleteArtifactRequest {
        name: Some(wanted.name),
        all_versions: true,
        idempotency_key: wanted.key.field(),
        ..DeleteArtifactRequest::default()
    };
    let delete = async || {
        let mut client = client.artifacts.clone();
        let answer = client.delete_artifact(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = wanted.key.call(output, delete).await?;
    let job = Wait::unless(false).on(client, answer.job, output).await?;
    let mut removed = Removed {
        deleted: true,
        deleted_count: answer.deleted_count,
        size_bytes: answer.size_bytes,
        not_deleted_artifact_ids: answer.not_deleted_artifact_ids,
        ..Removed::default()
    };
    removed.of_job(job);
    removed.print(output)
}

fn would_remove(found: &[Artifact]) -> Removed {
    let (held, free): (Vec<_>, Vec<_>) = found.iter().partition(|version| version.legal_hold);
    Removed {
        deleted_count: free.len() as i64,
        size_bytes: free.iter().map(|version| version.size_bytes).sum(),
        not_deleted_artifact_ids: held.iter().map(|held| held.artifact_id.clone()).collect(),
        ..Removed::default()
    }
}

async fn find(client: &Client, name: &ArtifactName) -> Result<Vec<Artifact>, CliError> {
    let mut client = client.artifacts.clone();
    let fetch = async |page_size, page_token| {
        let request = ListVersionsRequest {
            page_size,
            page_token,
            name: Some(name.clone()),
            ..ListVersionsRequest::default()
        };
        let answer = client.list_versions(unary(request)).await?.into_inner();
        Ok((answer.artifacts, answer.next_page_token))
    };
    let found = pages::read_all(fetch).await?;
    Ok(found.into_iter().map(Artifact::from).collect())
}
