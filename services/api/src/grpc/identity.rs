use cairn_proto::v1::{
    CreateTokenRequest, CreateTokenResponse, WhoAmIRequest, WhoAmIResponse,
    identity_service_server::IdentityService,
};
use cairn_store::{Store, Usage};
use tonic::{Request, Response, Status};

use super::{Services, convert, grants, taken};
use crate::error::to_status;

#[tonic::async_trait]
impl IdentityService for Services {
    async fn who_am_i(
        &self,
        request: Request<WhoAmIRequest>,
    ) -> Result<Response<WhoAmIResponse>, Status> {
        let (caller, _) = taken(request)?;
        let upload = self.store.limits().upload_bytes;
        let quota = caller.tenant.quota;
        // It counts all that the tenant has.
        let usage = match caller.grant().narrowing().is_none() {
            true => self.store.usage(&caller).await.map_err(to_status)?,
            false => Usage::default(),
        };
        let grant = caller.grant();
        let (scopes, narrowing) = (grants::scopes(grant), grants::narrowing(grant));
        let expires_at = grant.not_after().map(convert::timestamp);
        let token_id = caller.token_id().to_owned();
        Ok(Response::new(WhoAmIResponse {
            tenant_name: caller.tenant.name,
            api_key_last_4: caller.credential.key_last_4().to_owned(),
            workload: caller.credential.workload().to_owned(),
            default_ttl: caller
                .tenant
                .keeping
                .default_ttl
                .map(convert::proto_duration),
            max_ttl: caller.tenant.keeping.max_ttl.map(convert::proto_duration),
            never_expires_allowed: caller.tenant.keeping.never_expires_allowed,
            max_create_bytes: i64::try_from(Store::CREATE_MAX_BYTES).unwrap_or(i64::MAX),
            max_upload_bytes: i64::try_from(upload).unwrap_or(i64::MAX),
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            stored_artifacts: convert::size(usage.stored_artifacts),
            stored_bytes: convert::size(usage.stored_bytes),
            max_stored_bytes: quota.max_stored_bytes.map(convert::size),
            max_artifacts: quota.max_artifacts.map(convert::size),
            scopes,
            narrowing,
            expires_at,
            token_id,
        }))
    }

    async fn create_token(
        &self,
        request: Request<CreateTokenRequest>,
    ) -> Result<Response<CreateTokenResponse>, Status> {
        let (caller, request) = taken(request)?;
        let issued = self.authenticator.keyring.issue(&caller, request);
        Ok(Response::new(issued.map_err(to_status)?))
    }
}
