use std::pin::Pin;

use cairn_proto::v1::{
    CommitSessionRequest, CommitSessionResponse, DeleteSessionRequest, DeleteSessionResponse,
    GetSessionRequest, GetSessionResponse, ListManifestRequest, ListManifestResponse,
    ListSessionsRequest, ListSessionsResponse, PublishedArtifact, SealSessionRequest,
    SealSessionResponse, SetSessionLegalHoldRequest, SetSessionLegalHoldResponse,
    UpdateSessionRequest, UpdateSessionResponse, WatchSessionRequest, WatchSessionResponse,
    WatchSessionsRequest, WatchSessionsResponse, session_service_server::SessionService,
};
use cairn_store::{RawSessionFilter, SessionFilter, SessionUpdate, ToPublish};
use futures_util::Stream;
use tonic::{Request, Response, Status};

use super::{Services, convert, jobs, taken, watch};
use crate::{auth::bearer, error::to_status};

#[tonic::async_trait]
impl SessionService for Services {
    async fn get_session(
        &self,
        request: Request<GetSessionRequest>,
    ) -> Result<Response<GetSessionResponse>, Status> {
        let (caller, request) = taken(request)?;
        let session = self
            .store
            .get_session(&caller, &request.session_id)
            .await
            .map_err(to_status)?;
        Ok(Response::new(GetSessionResponse {
            session: Some(convert::session(session)),
        }))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let (caller, request) = taken(request)?;
        let (created_after, created_before) = (request.created_after, request.created_before);
        let (size, created) =
            convert::page(request.page_size, created_after, created_before).map_err(to_status)?;
        let filter = SessionFilter::new(RawSessionFilter {
            created,
            labels: request.labels,
            session_id_prefix: request.session_id_prefix,
            namespace: request.namespace,
            user_id: request.user_id,
        })
        .map_err(to_status)?;
        let page = self
            .store
            .list_sessions(&caller, &filter, size, &request.page_token)
            .await
            .map_err(to_status)?;
        Ok(Response::new(ListSessionsResponse {
            sessions: page.items.into_iter().map(convert::session).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn update_session(
        &self,
        request: Request<UpdateSessionRequest>,
    ) -> Result<Response<UpdateSessionResponse>, Status> {
        let (caller, mut request) = taken(request)?;
        let key = std::mem::take(&mut request.idempotency_key);
        let key = convert::idempotency_key(key).map_err(to_status)?;
        let id = std::mem::take(&mut request.session_id);
        let update = update(request).map_err(to_status)?;
        let session = self
            .store
            .update_session(&caller, &id, &update, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(UpdateSessionResponse {
            session: Some(convert::session(session)),
        }))
    }

    async fn commit_session(
        &self,
        request: Request<CommitSessionRequest>,
    ) -> Result<Response<CommitSessionResponse>, Status> {
        let (caller, request) = taken(request)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let wanted = ToPublish::new(request.artifact_ids, request.seal).map_err(to_status)?;
        let (published, session) = self
            .store
            .commit_session(&caller, &request.session_id, &wanted, key.as_ref())
            .await
            .map_err(to_status)?;
        let artifacts = published.into_iter().map(|one| PublishedArtifact {
            artifact_id: one.artifact_id,
            filename: one.filename,
            version: one.version,
        });
        Ok(Response::new(CommitSessionResponse {
            artifacts: artifacts.collect(),
            session: Some(convert::session(session)),
        }))
    }

    type WatchSessionStream =
        Pin<Box<dyn Stream<Item = Result<WatchSessionResponse, Status>> + Send>>;

    async fn watch_session(
        &self,
        request: Request<WatchSessionRequest>,
    ) -> Result<Response<Self::WatchSessionStream>, Status> {
        let secret = bearer(request.metadata().as_ref()).map_err(to_status)?;
        let secret = secret.to_owned();
        let (caller, request) = taken(request)?;
        let watching = watch::session(self, &caller, secret, request).await?;
        Ok(Response::new(Box::pin(watching)))
    }

    type WatchSessionsStream =
        Pin<Box<dyn Stream<Item = Result<WatchSessionsResponse, Status>> + Send>>;

    async fn watch_sessions(
        &self,
        request: Request<WatchSessionsRequest>,
    ) -> Result<Response<Self::WatchSessionsStream>, Status> {
        let secret = bearer(request.metadata().as_ref()).map_err(to_status)?;
        let secret = secret.to_owned();
        let (caller, request) = taken(request)?;
        let watching = watch::sessions(self, &caller, secret, request).await?;
        Ok(Response::new(Box::pin(watching)))
    }

    async fn seal_session(
        &self,
        request: Request<SealSessionRequest>,
    ) -> Result<Response<SealSessionResponse>, Status> {
        let (caller, request) = taken(request)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let session = self
            .store
            .seal_session(&caller, &request.session_id, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(SealSessionResponse {
            session: Some(convert::session(session)),
        }))
    }

    async fn list_manifest(
        &self,
        request: Request<ListManifestRequest>,
    ) -> Result<Response<ListManifestResponse>, Status> {
        let (caller, request) = taken(request)?;
        let (size, _) = convert::page(request.page_size, None, None).map_err(to_status)?;
        let (session, token) = (&request.session_id, &request.page_token);
        let page = self.store.list_manifest(&caller, session, size, token);
        let page = page.await.map_err(to_status)?;
        Ok(Response::new(ListManifestResponse {
            entries: page
                .items
                .into_iter()
                .map(convert::manifest_entry)
                .collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn delete_session(
        &self,
        request: Request<DeleteSessionRequest>,
    ) -> Result<Response<DeleteSessionResponse>, Status> {
        let (caller, request) = taken(request)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let started = self
            .store
            .delete_session(&caller, &request.session_id, key.as_ref());
        let started = started.await.map_err(to_status)?;
        Ok(Response::new(DeleteSessionResponse {
            job: Some(jobs::job(started)),
        }))
    }

    async fn set_session_legal_hold(
        &self,
        request: Request<SetSessionLegalHoldRequest>,
    ) -> Result<Response<SetSessionLegalHoldResponse>, Status> {
        let (caller, request) = taken(request)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let (session, hold) = (&request.session_id, request.legal_hold);
        let session = self
            .store
            .set_session_legal_hold(&caller, session, hold, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(SetSessionLegalHoldResponse {
            session: Some(convert::session(session)),
        }))
    }
}

fn update(request: UpdateSessionRequest) -> cairn_store::Result<SessionUpdate> {
    let (mut display_name, mut labels) = (None, None);
    let (mut given_name, mut given_labels) = (Some(request.display_name), Some(request.labels));
    for path in convert::changes::paths(request.update_mask)? {
        match path.as_str() {
            "display_name" => display_name = given_name.take().or(display_name),
            "labels" => labels = given_labels.take().or(labels),
            _ => {
                return Err(convert::changes::unknown_path(
                    &path,
                    "must be display_name or labels",
                ));
            }
        }
    }
    SessionUpdate::new(display_name, labels, request.allow_missing)
}
