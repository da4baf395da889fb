use cairn_proto::v1::{
    GetSessionRequest, GetSessionResponse, ListManifestRequest, ListManifestResponse,
    ListSessionsRequest, ListSessionsResponse, SealSessionRequest, SealSessionResponse,
    SetSessionLegalHoldRequest, SetSessionLegalHoldResponse,
    session_service_server::SessionService,
};
use tonic::{Request, Response, Status};

use super::{Services, convert};
use crate::error::to_status;

#[tonic::async_trait]
impl SessionService for Services {
    async fn get_session(
        &self,
        request: Request<GetSessionRequest>,
    ) -> Result<Response<GetSessionResponse>, Status> {
        let (caller, request) = self.authenticate(request).await?;
        let session = self
            .store
            .get_session(&caller.tenant, &request.session_id)
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
        let (caller, request) = self.authenticate(request).await?;
        let (created_after, created_before) = (request.created_after, request.created_before);
        let (size, created) =
            convert::page(request.page_size, created_after, created_before).map_err(to_status)?;
        let page = self
            .store
            .list_sessions(&caller.tenant, created, size, &request.page_token)
            .await
            .map_err(to_status)?;
        Ok(Response::new(ListSessionsResponse {
            sessions: page.items.into_iter().map(convert::session).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn seal_session(
        &self,
        request: Request<SealSessionRequest>,
    ) -> Result<Response<SealSessionResponse>, Status> {
        let (caller, request) = self.authenticate(request).await?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let session = self
            .store
            .seal_session(&caller.tenant, &request.session_id, key.as_ref())
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
        let (caller, request) = self.authenticate(request).await?;
        let (size, _) = convert::page(request.page_size, None, None).map_err(to_status)?;
        let (session, token) = (&request.session_id, &request.page_token);
        let page = self
            .store
            .list_manifest(&caller.tenant, session, size, token);
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

    async fn set_session_legal_hold(
        &self,
        request: Request<SetSessionLegalHoldRequest>,
    ) -> Result<Response<SetSessionLegalHoldResponse>, Status> {
        let (caller, request) = self.authenticate(request).await?;
        let (session, hold) = (&request.session_id, request.legal_hold);
        let session = self
            .store
            .set_session_legal_hold(&caller.tenant, session, hold)
            .await
            .map_err(to_status)?;
        Ok(Response::new(SetSessionLegalHoldResponse {
            session: Some(convert::session(session)),
        }))
    }
}
