use std::pin::Pin;

use cairn_proto::v1::{
    BatchCreateArtifactsRequest, BatchCreateArtifactsResponse, BatchGetArtifactsRequest,
    BatchGetArtifactsResponse, CopyArtifactRequest, CopyArtifactResponse, CreateArtifactRequest,
    CreateArtifactResponse, CreateDownloadUrlRequest, CreateDownloadUrlResponse,
    DeleteArtifactRequest, DeleteArtifactResponse, DeleteArtifactsRequest, DeleteArtifactsResponse,
    DownloadArtifactRequest, DownloadArtifactResponse, DownloadArtifactsRequest,
    DownloadArtifactsResponse, FindMissingContentRequest, FindMissingContentResponse,
    GetArtifactRequest, GetArtifactResponse, GetLineageRequest, GetLineageResponse,
    ListArtifactsRequest, ListArtifactsResponse, ListStageChangesRequest, ListStageChangesResponse,
    ListVersionsRequest, ListVersionsResponse, RestoreArtifactsRequest, RestoreArtifactsResponse,
    SetLegalHoldRequest, SetLegalHoldResponse, SetStageRequest, SetStageResponse,
    UpdateArtifactRequest, UpdateArtifactResponse, UploadArtifactRequest, UploadArtifactResponse,
    artifact_outcome::Outcome, artifact_service_server::ArtifactService,
    download_artifact_response::Message,
};
use cairn_store::{
    ArtifactRef, Content, DownloadUrl, Entry, Error, FileName, RawContent, Result, Violations,
};
use futures_util::{Stream, StreamExt, stream};
use tonic::{Request, Response, Status, Streaming};

use super::{
    Services,
    batch::{self, Contents},
    convert,
    mask::Mask,
    previewed::Previewed,
    taken, upload, urls,
};
use crate::{error::to_status, pace::Pace};

#[tonic::async_trait]
impl ArtifactService for Services {
    async fn create_artifact(
        &self,
        request: Request<CreateArtifactRequest>,
    ) -> Result<Response<CreateArtifactResponse>, Status> {
        let (caller, request) = taken(request)?;
        let preview = Previewed::new(&caller, request.preview_bytes, &request.content);
        let preview = preview.map_err(to_status)?;
        let spec = convert::spec(request.spec).map_err(to_status)?;
        let created = self
            .store
            .create_artifact(&caller, spec, request.content)
            .await
            .map_err(to_status)?;
        let artifact = convert::created(created);
        Ok(Response::new(CreateArtifactResponse {
            preview: preview.of(&self.store, &caller, &artifact).await,
            artifact: Some(artifact),
        }))
    }

    async fn batch_create_artifacts(
        &self,
        request: Request<BatchCreateArtifactsRequest>,
    ) -> Result<Response<BatchCreateArtifactsResponse>, Status> {
        let (caller, request) = taken(request)?;
        batch::check("requests", request.requests.len()).map_err(to_status)?;
        let asked = request.requests.iter();
        let asked = asked.map(|item| Previewed::new(&caller, item.preview_bytes, &item.content));
        let asked: Vec<_> = asked.collect::<Result<_>>().map_err(to_status)?;
        let items = request.requests.into_iter();
        let items = items.map(|item| Ok((convert::spec(item.spec)?, item.content)));
        let outcomes = batch::create(&self.store, &caller, items.collect()).await;
        let mut previews = Vec::new();
        for (preview, outcome) in asked.iter().zip(&outcomes) {
            if let Some(Outcome::Artifact(artifact)) = &outcome.outcome {
                previews.extend(preview.of(&self.store, &caller, artifact).await);
            }
        }
        Ok(Response::new(BatchCreateArtifactsResponse {
            outcomes,
            previews,
        }))
    }

    async fn batch_get_artifacts(
        &self,
        request: Request<BatchGetArtifactsRequest>,
    ) -> Result<Response<BatchGetArtifactsResponse>, Status> {
        let (caller, request) = taken(request)?;
        let items = request.artifact_ids.len() + request.names.len();
        batch::check("artifact_ids", items).map_err(to_status)?;
        let outcomes = batch::get(&self.store, &caller, request).await;
        let outcomes = outcomes.map_err(to_status)?;
        Ok(Response::new(BatchGetArtifactsResponse { outcomes }))
    }

    type DownloadArtifactsStream =
        Pin<Box<dyn Stream<Item = Result<DownloadArtifactsResponse, Status>> + Send>>;

    async fn download_artifacts(
        &self,
        request: Request<DownloadArtifactsRequest>,
    ) -> Result<Response<Self::DownloadArtifactsStream>, Status> {
        let (caller, request) = taken(request)?;
        batch::check("artifact_ids", request.artifact_ids.len()).map_err(to_status)?;
        let contents = Contents::new(&self.store, &caller, request.artifact_ids);
        let messages = stream::unfold(contents, async |mut contents| {
            let message = contents.next().await?;
            Some((Ok(message), contents))
        });
        Ok(Response::new(Box::pin(messages)))
    }

    async fn upload_artifact(
        &self,
        request: Request<Streaming<UploadArtifactRequest>>,
    ) -> Result<Response<UploadArtifactResponse>, Status> {
        let arrived = request.extensions().get().cloned().unwrap_or_default();
        let (caller, messages) = taken(request)?;
        let pace = Pace::new(arrived, self.store.limits());
        let created = upload::receive(&self.store, &caller, messages, pace).await?;
        Ok(Response::new(UploadArtifactResponse {
            artifact: Some(convert::created(created)),
        }))
    }

    async fn copy_artifact(
        &self,
        request: Request<CopyArtifactRequest>,
    ) -> Result<Response<CopyArtifactResponse>, Status> {
        let (caller, request) = taken(request)?;
        let source = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let spec = convert::raw_spec(request.spec).map_err(to_status)?;
        let copied = self.store.copy_artifact(&caller, &source, spec);
        let copied = copied.await.map_err(to_status)?;
        Ok(Response::new(CopyArtifactResponse {
            artifact: Some(convert::created(copied)),
        }))
    }

    async fn find_missing_content(
        &self,
        request: Request<FindMissingContentRequest>,
    ) -> Result<Response<FindMissingContentResponse>, Status> {
        let (caller, request) = taken(request)?;
        let asked = request.contents.iter().map(|content| RawContent {
            content_hash: &content.content_hash,
            size_bytes: content.size_bytes,
        });
        let missing = self.store.find_missing_content(&caller, asked);
        let missing = missing.await.map_err(to_status)?.into_iter();
        Ok(Response::new(FindMissingContentResponse {
            missing: missing
                .filter_map(|place| request.contents.get(place).cloned())
                .collect(),
        }))
    }

    type DownloadArtifactStream =
        Pin<Box<dyn Stream<Item = Result<DownloadArtifactResponse, Status>> + Send>>;

    async fn download_artifact(
        &self,
        request: Request<DownloadArtifactRequest>,
    ) -> Result<Response<Self::DownloadArtifactStream>, Status> {
        let (caller, request) = taken(request)?;
        let (offset, limit) = range(&request).map_err(to_status)?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let download = self
            .store
            .open_artifact(&caller, &wanted)
            .await
            .map_err(to_status)?;
        let artifact = convert::artifact(download.artifact().clone());
        let first = stream::iter([Ok(message(Message::Artifact(artifact)))]);
        let pieces = stream::unfold(Some(download.read(offset, limit)), next_piece);
        Ok(Response::new(Box::pin(first.chain(pieces))))
    }

    async fn create_download_url(
        &self,
        request: Request<CreateDownloadUrlRequest>,
    ) -> Result<Response<CreateDownloadUrlResponse>, Status> {
        let (caller, request) = taken(request)?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let life = request.expires_in.map(convert::duration);
        let signed = urls::sign(self, &caller, &wanted, life).await;
        let (url, signed) = signed.map_err(to_status)?;
        let artifact = convert::artifact(signed.artifact);
        Ok(Response::new(CreateDownloadUrlResponse {
            url,
            expire_time: Some(convert::timestamp(signed.expires_at)),
            direct: matches!(signed.url, DownloadUrl::Direct(_)),
            artifact_id: artifact.artifact_id,
            filename: artifact.filename,
            content_type: artifact.content_type,
            size_bytes: artifact.size_bytes,
            content_hash: artifact.content_hash,
        }))
    }

    async fn get_artifact(
        &self,
        request: Request<GetArtifactRequest>,
    ) -> Result<Response<GetArtifactResponse>, Status> {
        let (caller, request) = taken(request)?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let artifact = self
            .store
            .get_artifact(&caller, &wanted)
            .await
            .map_err(to_status)?;
        Ok(Response::new(GetArtifactResponse {
            artifact: Some(convert::artifact(artifact)),
        }))
    }

    async fn list_artifacts(
        &self,
        request: Request<ListArtifactsRequest>,
    ) -> Result<Response<ListArtifactsResponse>, Status> {
        let (caller, mut request) = taken(request)?;
        let token = std::mem::take(&mut request.page_token);
        let mask = Mask::new(request.read_mask.take()).map_err(to_status)?;
        let count_total = request.count_total;
        let (list, size) = convert::list(request).map_err(to_status)?;
        let page = self.store.list_artifacts(&caller, &list, size, &token);
        let page = page.await.map_err(to_status)?;
        let total_size = if count_total {
            let count = self.store.count_artifacts(&caller, &list).await;
            count.map_err(to_status)?
        } else {
            0
        };
        let mut response = ListArtifactsResponse {
            next_page_token: page.next.unwrap_or_default(),
            total_size,
            ..ListArtifactsResponse::default()
        };
        for entry in page.items {
            match entry {
                Entry::Artifact(artifact) => {
                    let artifact = convert::artifact(*artifact);
                    response.artifacts.push(mask.of(artifact));
                }
                Entry::Folder(folder) => response.prefixes.push(folder),
            }
        }
        Ok(Response::new(response))
    }

    async fn list_versions(
        &self,
        request: Request<ListVersionsRequest>,
    ) -> Result<Response<ListVersionsResponse>, Status> {
        let (caller, request) = taken(request)?;
        let (size, _) = convert::page(request.page_size, None, None).map_err(to_status)?;
        let mask = Mask::new(request.read_mask).map_err(to_status)?;
        let name = convert::raw_name(request.name.unwrap_or_default());
        let name = FileName::new("name", name).map_err(to_status)?;
        let page = self
            .store
            .list_versions(&caller, &name, size, &request.page_token)
            .await
            .map_err(to_status)?;
        Ok(Response::new(ListVersionsResponse {
            artifacts: (page.items.into_iter())
                .map(|artifact| mask.of(convert::artifact(artifact)))
                .collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn set_legal_hold(
        &self,
        request: Request<SetLegalHoldRequest>,
    ) -> Result<Response<SetLegalHoldResponse>, Status> {
        let (caller, request) = taken(request)?;
        let selection = convert::selection(request.artifact_ids, String::new(), request.matching);
        let selection = selection.map_err(to_status)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let set = self
            .store
            .set_legal_hold(&caller, &selection, request.legal_hold, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(convert::changes::holds(set)))
    }

    async fn delete_artifacts(
        &self,
        request: Request<DeleteArtifactsRequest>,
    ) -> Result<Response<DeleteArtifactsResponse>, Status> {
        let (caller, request) = taken(request)?;
        let selection = convert::selection(request.artifact_ids, request.filter, request.matching);
        let selection = selection.map_err(to_status)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let deleted = self
            .store
            .delete_artifacts(&caller, &selection, request.validate_only, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(convert::changes::deleted(deleted)))
    }

    async fn restore_artifacts(
        &self,
        request: Request<RestoreArtifactsRequest>,
    ) -> Result<Response<RestoreArtifactsResponse>, Status> {
        let (caller, request) = taken(request)?;
        let selection = convert::selection(request.artifact_ids, String::new(), request.matching);
        let selection = selection.map_err(to_status)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let restored = self
            .store
            .restore_artifacts(&caller, &selection, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(convert::changes::restored(restored)))
    }

    async fn update_artifact(
        &self,
        request: Request<UpdateArtifactRequest>,
    ) -> Result<Response<UpdateArtifactResponse>, Status> {
        let (caller, mut request) = taken(request)?;
        let wanted = convert::reference(&request.artifact_id, request.name.take());
        let wanted = wanted.map_err(to_status)?;
        let key = std::mem::take(&mut request.idempotency_key);
        let key = convert::idempotency_key(key).map_err(to_status)?;
        let update = convert::changes::update(request).map_err(to_status)?;
        let artifact = self
            .store
            .update_artifact(&caller, &wanted, &update, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(UpdateArtifactResponse {
            artifact: Some(convert::artifact(artifact)),
        }))
    }

    async fn set_stage(
        &self,
        request: Request<SetStageRequest>,
    ) -> Result<Response<SetStageResponse>, Status> {
        let (caller, request) = taken(request)?;
        let stage = convert::changes::required_stage(request.stage).map_err(to_status)?;
        let selection = convert::selection(request.artifact_ids, request.filter, request.matching);
        let selection = selection.map_err(to_status)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let staged = self
            .store
            .set_stage(&caller, &selection, stage, request.agent_id, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(convert::changes::staged(staged)))
    }

    async fn list_stage_changes(
        &self,
        request: Request<ListStageChangesRequest>,
    ) -> Result<Response<ListStageChangesResponse>, Status> {
        let (caller, request) = taken(request)?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let changes = self
            .store
            .list_stage_changes(&caller, &wanted)
            .await
            .map_err(to_status)?;
        Ok(Response::new(ListStageChangesResponse {
            changes: changes
                .into_iter()
                .map(convert::changes::stage_change)
                .collect(),
        }))
    }

    async fn get_lineage(
        &self,
        request: Request<GetLineageRequest>,
    ) -> Result<Response<GetLineageResponse>, Status> {
        let (caller, request) = taken(request)?;
        let direction = convert::changes::direction(request.direction).map_err(to_status)?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let (size, _) = convert::page(request.page_size, None, None).map_err(to_status)?;
        let (depth, token) = (request.max_depth, &request.page_token);
        let lineage = self
            .store
            .lineage(&caller, &wanted, direction, depth, size, token)
            .await
            .map_err(to_status)?;
        Ok(Response::new(convert::changes::lineage(lineage)))
    }

    async fn delete_artifact(
        &self,
        request: Request<DeleteArtifactRequest>,
    ) -> Result<Response<DeleteArtifactResponse>, Status> {
        let (caller, request) = taken(request)?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        if request.all_versions {
            let ArtifactRef::Name(name, None) = wanted else {
                let rule = "needs a name without a version";
                return Err(to_status(Error::invalid("all_versions", rule)));
            };
            let deleted = self.store.delete_file(&caller, &name, key.as_ref()).await;
            let deleted = deleted.map_err(to_status)?;
            return Ok(Response::new(convert::changes::deleted_file(deleted)));
        }
        let deleted = self
            .store
            .delete_artifact(&caller, &wanted, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(DeleteArtifactResponse {
            artifact_id: deleted.artifact_id,
            deleted_at: Some(convert::timestamp(deleted.deleted_at)),
            purge_after: Some(convert::timestamp(deleted.purge_after)),
            deleted_count: 1,
            ..DeleteArtifactResponse::default()
        }))
    }
}

fn range(request: &DownloadArtifactRequest) -> Result<(u64, Option<u64>)> {
    let mut faults = Violations::new();
    let mut bytes = |field, value| {
        let rule = "must be 0 or more";
        faults.check(field, u64::try_from(value).map_err(|_| rule))
    };
    let offset = bytes("offset", request.offset);
    let limit = bytes("limit", request.limit);
    let to_the_end = 0;
    faults.finish(
        offset
            .zip(limit)
            .map(|(offset, limit)| (offset, Some(limit).filter(|limit| *limit != to_the_end))),
    )
}

fn message(message: Message) -> DownloadArtifactResponse {
    DownloadArtifactResponse {
        message: Some(message),
    }
}

/// The next message, and what is to be read after it; an error is the last.
async fn next_piece(
    content: Option<Content>,
) -> Option<(Result<DownloadArtifactResponse, Status>, Option<Content>)> {
    let mut content = content?;
    match content.next().await {
        Ok(None) => Some((
            Ok(message(Message::End(convert::download_end(&content)))),
            None,
        )),
        Ok(Some(piece)) => Some((Ok(message(Message::Data(piece))), Some(content))),
        Err(e) => Some((Err(to_status(e)), None)),
    }
}
