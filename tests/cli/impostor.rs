//! A server that says what no Cairn would say, for a command that trusts none.

use std::net::SocketAddr;

use cairn_proto::v1::{
    Artifact, CopyArtifactRequest, CopyArtifactResponse, CreateArtifactRequest,
    CreateArtifactResponse, DeleteArtifactRequest, DeleteArtifactResponse, DeleteArtifactsRequest,
    DeleteArtifactsResponse, DownloadArtifactRequest, DownloadArtifactResponse,
    FindMissingContentRequest, FindMissingContentResponse, GetArtifactRequest, GetArtifactResponse,
    GetLineageRequest, GetLineageResponse, ListArtifactsRequest, ListArtifactsResponse,
    ListStageChangesRequest, ListStageChangesResponse, ListVersionsRequest, ListVersionsResponse,
    RestoreArtifactsRequest, RestoreArtifactsResponse, SetStageRequest, SetStageResponse,
    UpdateArtifactRequest, UpdateArtifactResponse, UploadArtifactRequest, UploadArtifactResponse,
    artifact_service_server::{ArtifactService, ArtifactServiceServer},
    download_artifact_response::Message,
};
use futures_util::stream::{self, BoxStream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, task::AbortHandle};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, server::TcpIncoming},
};

/// What it tells of one artifact.
#[derive(Clone)]
pub(super) struct Claim {
    /// Which is the artifact's id, too.
    pub(super) filename: String,
    /// What the record is of.
    pub(super) recorded: Vec<u8>,
    /// What is sent as the content.
    pub(super) sent: Vec<u8>,
    /// Whether it ever says that this was all.
    pub(super) ends: bool,
}

impl Claim {
    pub(super) fn honest(filename: &str, content: &[u8]) -> Self {
        Self {
            filename: filename.to_owned(),
            recorded: content.to_owned(),
            sent: content.to_owned(),
            ends: true,
        }
    }

    fn artifact(&self) -> Artifact {
        Artifact {
            artifact_id: self.filename.clone(),
            filename: self.filename.clone(),
            version: 1,
            size_bytes: self.recorded.len() as i64,
            content_hash: format!("sha256:{}", hex::encode(Sha256::digest(&self.recorded))),
            ..Artifact::default()
        }
    }
}

/// Takes connections until it is dropped.
pub(super) struct Impostor {
    pub(super) address: SocketAddr,
    serving: AbortHandle,
}

impl Impostor {
    pub(super) async fn who_claims(claims: Vec<Claim>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = Server::builder()
            .add_service(ArtifactServiceServer::new(Claims(claims)))
            .serve_with_incoming(TcpIncoming::from(listener));
        Self {
            address,
            serving: tokio::spawn(served).abort_handle(),
        }
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Claims(Vec<Claim>);

#[tonic::async_trait]
impl ArtifactService for Claims {
    type DownloadArtifactStream = BoxStream<'static, Result<DownloadArtifactResponse, Status>>;

    async fn download_artifact(
        &self,
        request: Request<DownloadArtifactRequest>,
    ) -> Result<Response<Self::DownloadArtifactStream>, Status> {
        let id = request.into_inner().artifact_id;
        let claim = self.0.iter().find(|claim| claim.filename == id);
        let claim = claim.ok_or_else(|| Status::not_found(id))?;
        let messages = [
            Message::Artifact(claim.artifact()),
            Message::Data(claim.sent.clone().into()),
        ];
        let messages = messages.map(|message| {
            Ok(DownloadArtifactResponse {
                message: Some(message),
            })
        });
        let messages = stream::iter(messages);
        Ok(Response::new(if claim.ends {
            messages.boxed()
        } else {
            messages.chain(stream::pending()).boxed()
        }))
    }

    async fn list_artifacts(
        &self,
        _: Request<ListArtifactsRequest>,
    ) -> Result<Response<ListArtifactsResponse>, Status> {
        Ok(Response::new(ListArtifactsResponse {
            artifacts: self.0.iter().map(Claim::artifact).collect(),
            ..ListArtifactsResponse::default()
        }))
    }

    /// Says of whatever it is sent that it is the first of its claims.
    async fn create_artifact(
        &self,
        _: Request<CreateArtifactRequest>,
    ) -> Result<Response<CreateArtifactResponse>, Status> {
        Ok(Response::new(CreateArtifactResponse {
            artifact: Some(self.0[0].artifact()),
        }))
    }

    async fn upload_artifact(
        &self,
        _: Request<Streaming<UploadArtifactRequest>>,
    ) -> Result<Response<UploadArtifactResponse>, Status> {
        Err(Status::unimplemented("upload"))
    }

    async fn get_artifact(
        &self,
        _: Request<GetArtifactRequest>,
    ) -> Result<Response<GetArtifactResponse>, Status> {
        Err(Status::unimplemented("get"))
    }

    async fn list_versions(
        &self,
        _: Request<ListVersionsRequest>,
    ) -> Result<Response<ListVersionsResponse>, Status> {
        Err(Status::unimplemented("versions"))
    }

    async fn update_artifact(
        &self,
        _: Request<UpdateArtifactRequest>,
    ) -> Result<Response<UpdateArtifactResponse>, Status> {
        Err(Status::unimplemented("update_artifact"))
    }

    async fn set_stage(
        &self,
        _: Request<SetStageRequest>,
    ) -> Result<Response<SetStageResponse>, Status> {
        Err(Status::unimplemented("set_stage"))
    }

    async fn list_stage_changes(
        &self,
        _: Request<ListStageChangesRequest>,
    ) -> Result<Response<ListStageChangesResponse>, Status> {
        Err(Status::unimplemented("list_stage_changes"))
    }

    async fn get_lineage(
        &self,
        _: Request<GetLineageRequest>,
    ) -> Result<Response<GetLineageResponse>, Status> {
        Err(Status::unimplemented("get_lineage"))
    }

    async fn copy_artifact(
        &self,
        _: Request<CopyArtifactRequest>,
    ) -> Result<Response<CopyArtifactResponse>, Status> {
        Err(Status::unimplemented("copy_artifact"))
    }

    async fn find_missing_content(
        &self,
        _: Request<FindMissingContentRequest>,
    ) -> Result<Response<FindMissingContentResponse>, Status> {
        Err(Status::unimplemented("find_missing_content"))
    }

    async fn restore_artifacts(
        &self,
        _: Request<RestoreArtifactsRequest>,
    ) -> Result<Response<RestoreArtifactsResponse>, Status> {
        Err(Status::unimplemented("restore_artifacts"))
    }

    async fn delete_artifacts(
        &self,
        _: Request<DeleteArtifactsRequest>,
    ) -> Result<Response<DeleteArtifactsResponse>, Status> {
        Err(Status::unimplemented("delete_artifacts"))
    }

    async fn delete_artifact(
        &self,
        _: Request<DeleteArtifactRequest>,
    ) -> Result<Response<DeleteArtifactResponse>, Status> {
        Err(Status::unimplemented("delete"))
    }
}
