use cairn_proto::v1::{
    self, CreateKeyRequest, CreateKeyResponse, ListAuditRequest, ListAuditResponse,
    ListKeysRequest, ListKeysResponse, RevokeKeyRequest, RevokeKeyResponse, RotateKeyRequest,
    RotateKeyResponse, admin_service_server::AdminService,
};
use cairn_store::{ApiKey, LimitChanges, NewApiKey};
use tonic::{Request, Response, Status};

use super::{Services, audit, convert, grants, plan_limits as limits, taken};
use crate::error::to_status;

#[tonic::async_trait]
impl AdminService for Services {
    async fn create_key(
        &self,
        request: Request<CreateKeyRequest>,
    ) -> Result<Response<CreateKeyResponse>, Status> {
        let (caller, request) = taken(request)?;
        let expires_in = request.expires_in.map(convert::duration);
        let grant = grants::grant(&request.scopes, request.narrowing).map_err(to_status)?;
        let limits = limits::wanted("limits", &request.limits).map_err(to_status)?;
        let limits = LimitChanges::of_key("limits", limits).map_err(to_status)?;
        let new = NewApiKey::new(request.name, grant, expires_in).map_err(to_status)?;
        let new = new.with_limits(limits);
        let made = self.store.create_key(&caller, &new).await;
        let (key, secret) = made.map_err(to_status)?;
        Ok(Response::new(CreateKeyResponse {
            key: Some(api_key(key)),
            api_key: secret.reveal().to_owned(),
        }))
    }

    async fn list_keys(
        &self,
        request: Request<ListKeysRequest>,
    ) -> Result<Response<ListKeysResponse>, Status> {
        let (caller, _) = taken(request)?;
        let keys = self.store.list_keys(&caller).await.map_err(to_status)?;
        Ok(Response::new(ListKeysResponse {
            keys: keys.into_iter().map(api_key).collect(),
        }))
    }

    async fn rotate_key(
        &self,
        request: Request<RotateKeyRequest>,
    ) -> Result<Response<RotateKeyResponse>, Status> {
        let (caller, request) = taken(request)?;
        let overlap = request.overlap.map(convert::duration);
        let rotated = self.store.rotate_key(&caller, &request.key_id, overlap);
        let (key, secret, replaced) = rotated.await.map_err(to_status)?;
        Ok(Response::new(RotateKeyResponse {
            key: Some(api_key(key)),
            api_key: secret.reveal().to_owned(),
            replaced: Some(api_key(replaced)),
        }))
    }

    async fn revoke_key(
        &self,
        request: Request<RevokeKeyRequest>,
    ) -> Result<Response<RevokeKeyResponse>, Status> {
        let (caller, request) = taken(request)?;
        let revoked = self.store.revoke_key(&caller, &request.key_id).await;
        Ok(Response::new(RevokeKeyResponse {
            key: Some(api_key(revoked.map_err(to_status)?)),
        }))
    }

    async fn list_audit(
        &self,
        request: Request<ListAuditRequest>,
    ) -> Result<Response<ListAuditResponse>, Status> {
        let (caller, request) = taken(request)?;
        let query = audit::query(&caller, request).map_err(to_status)?;
        let lines = self.store.list_audit(&caller, &query).await;
        Ok(Response::new(audit::page(
            &query,
            lines.map_err(to_status)?,
        )))
    }
}

fn api_key(key: ApiKey) -> v1::ApiKey {
    v1::ApiKey {
        key_id: key.id.to_string(),
        scopes: grants::scopes(&key.grant),
        narrowing: grants::narrowing(&key.grant),
        limits: limits::limits(key.limits.iter()),
        name: key.name,
        last_4: key.last_4,
        created_at: Some(convert::timestamp(key.created_at)),
        expires_at: key.grant.not_after().map(convert::timestamp),
        last_used_at: key.last_used_at.map(convert::timestamp),
        revoked_at: key.revoked_at.map(convert::timestamp),
    }
}
