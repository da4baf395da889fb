use std::pin::Pin;

use cairn_proto::v1::{
    CreateArtifactRequest, CreateArtifactResponse, DeleteArtifactRequest, DeleteArtifactResponse,
    DownloadArtifactRequest, DownloadArtifactResponse, GetArtifactRequest, GetArtifactResponse,
    ListArtifactsRequest, ListArtifactsResponse, ListVersionsRequest, ListVersionsResponse,
    UploadArtifactRequest, UploadArtifactResponse, artifact_service_server::ArtifactService,
    download_artifact_response::Message,
};
use cairn_store::{Content, FileName, Result, Violations};
use futures_util::{Stream, StreamExt, stream};
use tonic::{Request, Response, Status, Streaming};

use super::{Services, convert, upload};
use crate::error::to_status;

#[tonic::async_trait]
impl ArtifactService for Services {
    async fn create_artifact(
        &self,
        request: Request<CreateArtifactRequest>,
    ) -> Result<Response<CreateArtifactResponse>, Status> {
        let (caller, request) = self.authenticate(request).await?;
        let spec = convert::spec(request.spec).map_err(to_status)?;
        let created = self
            .store
            .create_artifact(&caller.tenant, spec, request.content)
            .await
            .map_err(to_status)?;
        Ok(Response::new(CreateArtifactResponse {
            artifact: Some(convert::created(created)),
        }))
    }

    async fn upload_artifact(
        &self,
        request: Request<Streaming<UploadArtifactRequest>>,
    ) -> Result<Response<UploadArtifactResponse>, Status> {
        let (caller, messages) = self.authenticate(request).await?;
        let created = upload::receive(&self.store, &caller.tenant, messages).await?;
        Ok(Response::new(UploadArtifactResponse {
            artifact: Some(convert::created(created)),
        }))
    }

    type DownloadArtifactStream =
        Pin<Box<dyn Stream<Item = Result<DownloadArtifactResponse, Status>> + Send>>;

    async fn download_artifact(
        &self,
        request: Request<DownloadArtifactRequest>,
    ) -> Result<Response<Self::DownloadArtifactStream>, Status> {
        let (caller, request) = self.authenticate(request).await?;
        let (offset, limit) = range(&request).map_err(to_status)?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let download = self
            .store
            .open_artifact(&caller.tenant, &wanted)
            .await
            .map_err(to_status)?;
        let artifact = convert::artifact(download.artifact().clone());
        let first = stream::iter([Ok(message(Message::Artifact(artifact)))]);
        let pieces = stream::unfold(Some(download.read(offset, limit)), next_piece);
        Ok(Response::new(Box::pin(first.chain(pieces))))
    }

    async fn get_artifact(
        &self,
        request: Request<GetArtifactRequest>,
    ) -> Result<Response<GetArtifactResponse>, Status> {
        let (caller, request) = self.authenticate(request).await?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let artifact = self
            .store
            .get_artifact(&caller.tenant, &wanted)
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
        let (caller, mut request) = self.authenticate(request).await?;
        let (created_after, created_before) = (request.created_after, request.created_before);
        let (size, created) =
            convert::page(request.page_size, created_after, created_before).map_err(to_status)?;
        let token = std::mem::take(&mut request.page_token);
        let filter = convert::filter(request, created);
        let page = self
            .store
            .list_artifacts(&caller.tenant, &filter, size, &token)
            .await
            .map_err(to_status)?;
        Ok(Response::new(ListArtifactsResponse {
            artifacts: page.items.into_iter().map(convert::artifact).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn list_versions(
        &self,
        request: Request<ListVersionsRequest>,
    ) -> Result<Response<ListVersionsResponse>, Status> {
        let (caller, request) = self.authenticate(request).await?;
        let (size, _) = convert::page(request.page_size, None, None).map_err(to_status)?;
        let name = convert::raw_name(request.name.unwrap_or_default());
        let name = FileName::new("name", name).map_err(to_status)?;
        let page = self
            .store
            .list_versions(&caller.tenant, &name, size, &request.page_token)
            .await
            .map_err(to_status)?;
        Ok(Response::new(ListVersionsResponse {
            artifacts: page.items.into_iter().map(convert::artifact).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn delete_artifact(
        &self,
        request: Request<DeleteArtifactRequest>,
    ) -> Result<Response<DeleteArtifactResponse>, Status> {
        let (caller, request) = self.authenticate(request).await?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let deleted = self
            .store
            .delete_artifact(&caller.tenant, &wanted, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(DeleteArtifactResponse {
            deleted_at: Some(convert::timestamp(deleted.deleted_at)),
            purge_after: Some(convert::timestamp(deleted.purge_after)),
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
        Ok(None) => None,
        Ok(Some(piece)) => Some((Ok(message(Message::Data(piece))), Some(content))),
        Err(e) => Some((Err(to_status(e)), None)),
    }
}
