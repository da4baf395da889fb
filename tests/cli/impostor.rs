//! A server that gives answers that no Cairn would give, to test that the command trusts none of them.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use cairn_proto::v1::{
    Artifact, ArtifactOutcome, BatchCreateArtifactsRequest, BatchCreateArtifactsResponse,
    BatchGetArtifactsRequest, BatchGetArtifactsResponse, CopyArtifactRequest, CopyArtifactResponse,
    CreateArtifactRequest, CreateArtifactResponse, CreateDownloadUrlRequest,
    CreateDownloadUrlResponse, DeleteArtifactRequest, DeleteArtifactResponse,
    DeleteArtifactsRequest, DeleteArtifactsResponse, DownloadArtifactRequest,
    DownloadArtifactResponse, DownloadArtifactsRequest, DownloadArtifactsResponse, DownloadEnd,
    FindMissingContentRequest, FindMissingContentResponse, GetArtifactRequest, GetArtifactResponse,
    GetLineageRequest, GetLineageResponse, ListArtifactsRequest, ListArtifactsResponse,
    ListStageChangesRequest, ListStageChangesResponse, ListVersionsRequest, ListVersionsResponse,
    RestoreArtifactsRequest, RestoreArtifactsResponse, SetLegalHoldRequest, SetLegalHoldResponse,
    SetStageRequest, SetStageResponse, UpdateArtifactRequest, UpdateArtifactResponse,
    UploadArtifactRequest, UploadArtifactResponse,
    artifact_outcome::Outcome,
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

/// The record of one artifact.
#[derive(Clone)]
pub(super) struct Claim {
    /// The version, which is the artifact's id, too.
    pub(super) filename: String,
    /// The content that the record describes.
    pub(super) recorded: Vec<u8>,
    /// The content that it sends.
    pub(super) sent: Vec<u8>,
    /// Whether it ever ends the content.
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

/// Accepts connections until it is dropped.
pub(super) struct Impostor {
    pub(super) address: SocketAddr,
    /// The artifacts that it was asked to create.
    pub(super) sent: Arc<Mutex<Vec<CreateArtifactRequest>>>,
    /// How many of them each call had.
    pub(super) calls: Arc<Mutex<Vec<usize>>>,
    serving: AbortHandle,
}

impl Impostor {
    pub(super) async fn who_claims(claims: Vec<Claim>) -> Self {
        Self::who_first_says(vec![], claims).await
    }

    /// Creates what it is asked for.
    pub(super) async fn who_takes_anything() -> Self {
        Self::who_first_says(vec![], vec![]).await
    }

    /// Refuses the first artifacts with these errors.
    pub(super) async fn who_first_says(refusals: Vec<Status>, claims: Vec<Claim>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sent, calls) = (Arc::default(), Arc::default());
        let service = Claims {
            claims,
            refusals: Mutex::new(refusals.into()),
            sent: Arc::clone(&sent),
            calls: Arc::clone(&calls),
        };
        let served = Server::builder()
            .add_service(ArtifactServiceServer::new(service))
            .serve_with_incoming(TcpIncoming::from(listener));
        Self {
            address,
            sent,
            calls,
            serving: tokio::spawn(served).abort_handle(),
        }
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Claims {
    claims: Vec<Claim>,
    refusals: Mutex<VecDeque<Status>>,
    sent: Arc<Mutex<Vec<CreateArtifactRequest>>>,
    calls: Arc<Mutex<Vec<usize>>>,
}

impl Claims {
    /// Answers with the first of its claims, or with what it was asked for when it has none.
    fn create(&self, request: CreateArtifactRequest) -> Artifact {
        let artifact = match self.claims.first() {
            Some(claim) => claim.artifact(),
            None => {
                let spec = request.spec.clone().unwrap_or_default();
                Claim::honest(&spec.filename, &request.content).artifact()
            }
        };
        self.sent.lock().unwrap().push(request);
        artifact
    }
}

/// Its answer to calls that no test makes.
fn nothing<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("an impostor knows nothing of it"))
}

#[tonic::async_trait]
impl ArtifactService for Claims {
    type DownloadArtifactStream = BoxStream<'static, Result<DownloadArtifactResponse, Status>>;

    async fn download_artifact(
        &self,
        request: Request<DownloadArtifactRequest>,
    ) -> Result<Response<Self::DownloadArtifactStream>, Status> {
        let id = request.into_inner().artifact_id;
        let claim = self.claims.iter().find(|claim| claim.filename == id);
        let claim = claim.ok_or_else(|| Status::not_found(id))?;
        let mut messages = vec![
            Message::Artifact(claim.artifact()),
            Message::Data(claim.sent.clone().into()),
        ];
        if claim.ends {
            messages.push(Message::End(DownloadEnd {
                content_hash: claim.artifact().content_hash,
                size_bytes: claim.sent.len() as i64,
            }));
        }
        let messages = messages.into_iter().map(|message| {
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
            artifacts: self.claims.iter().map(Claim::artifact).collect(),
            ..ListArtifactsResponse::default()
        }))
    }

    async fn create_artifact(
        &self,
        request: Request<CreateArtifactRequest>,
    ) -> Result<Response<CreateArtifactResponse>, Status> {
        let artifact = self.create(request.into_inner());
        self.calls.lock().unwrap().push(1);
        if let Some(refusal) = self.refusals.lock().unwrap().pop_front() {
            return Err(refusal);
        }
        Ok(Response::new(CreateArtifactResponse {
            artifact: Some(artifact),
            preview: None,
        }))
    }

    /// Gives the same answer as soon as an upload begins.
    async fn upload_artifact(
        &self,
        request: Request<Streaming<UploadArtifactRequest>>,
    ) -> Result<Response<UploadArtifactResponse>, Status> {
        request.into_inner().message().await?;
        Ok(Response::new(UploadArtifactResponse {
            artifact: Some(self.claims[0].artifact()),
        }))
    }

    async fn batch_create_artifacts(
        &self,
        request: Request<BatchCreateArtifactsRequest>,
    ) -> Result<Response<BatchCreateArtifactsResponse>, Status> {
        let requests = request.into_inner().requests;
        self.calls.lock().unwrap().push(requests.len());
        let outcomes = requests.into_iter().map(|request| ArtifactOutcome {
            outcome: Some(Outcome::Artifact(self.create(request))),
        });
        Ok(Response::new(BatchCreateArtifactsResponse {
            outcomes: outcomes.collect(),
            previews: vec![],
        }))
    }

    // No test uses the calls below.

    async fn get_artifact(
        &self,
        _: Request<GetArtifactRequest>,
    ) -> Result<Response<GetArtifactResponse>, Status> {
        nothing()
    }

    async fn batch_get_artifacts(
        &self,
        _: Request<BatchGetArtifactsRequest>,
    ) -> Result<Response<BatchGetArtifactsResponse>, Status> {
        nothing()
    }

    type DownloadArtifactsStream = tokio_stream::Empty<Result<DownloadArtifactsResponse, Status>>;

    async fn download_artifacts(
        &self,
        _: Request<DownloadArtifactsRequest>,
    ) -> Result<Response<Self::DownloadArtifactsStream>, Status> {
        nothing()
    }

    async fn list_versions(
        &self,
        _: Request<ListVersionsRequest>,
    ) -> Result<Response<ListVersionsResponse>, Status> {
        nothing()
    }

    async fn update_artifact(
        &self,
        _: Request<UpdateArtifactRequest>,
    ) -> Result<Response<UpdateArtifactResponse>, Status> {
        nothing()
    }

    async fn set_stage(
        &self,
        _: Request<SetStageRequest>,
    ) -> Result<Response<SetStageResponse>, Status> {
        nothing()
    }

    async fn list_stage_changes(
        &self,
        _: Request<ListStageChangesRequest>,
    ) -> Result<Response<ListStageChangesResponse>, Status> {
        nothing()
    }

    async fn get_lineage(
        &self,
        _: Request<GetLineageRequest>,
    ) -> Result<Response<GetLineageResponse>, Status> {
        nothing()
    }

    async fn create_download_url(
        &self,
        _: Request<CreateDownloadUrlRequest>,
    ) -> Result<Response<CreateDownloadUrlResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn copy_artifact(
        &self,
        _: Request<CopyArtifactRequest>,
    ) -> Result<Response<CopyArtifactResponse>, Status> {
        nothing()
    }

    async fn find_missing_content(
        &self,
        _: Request<FindMissingContentRequest>,
    ) -> Result<Response<FindMissingContentResponse>, Status> {
        nothing()
    }

    async fn restore_artifacts(
        &self,
        _: Request<RestoreArtifactsRequest>,
    ) -> Result<Response<RestoreArtifactsResponse>, Status> {
        nothing()
    }

    async fn delete_artifacts(
        &self,
        _: Request<DeleteArtifactsRequest>,
    ) -> Result<Response<DeleteArtifactsResponse>, Status> {
        nothing()
    }

    async fn set_legal_hold(
        &self,
        _: Request<SetLegalHoldRequest>,
    ) -> Result<Response<SetLegalHoldResponse>, Status> {
        nothing()
    }

    async fn delete_artifact(
        &self,
        _: Request<DeleteArtifactRequest>,
    ) -> Result<Response<DeleteArtifactResponse>, Status> {
        nothing()
    }
}
