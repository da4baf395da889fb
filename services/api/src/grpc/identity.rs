use cairn_proto::v1::{
    CreateTokenRequest, CreateTokenResponse, GetUsageRequest, GetUsageResponse, WhoAmIRequest,
    WhoAmIResponse, identity_service_server::IdentityService,
};
use cairn_store::{LimitKind, Store, Usage};
use tonic::{Request, Response, Status};

use super::{Services, convert, grants, plan_limits as limits, taken, usage};
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
        let sees_all = caller.grant().narrowing().is_none();
        let stored = match sees_all {
            true => self.store.usage(&caller).await.map_err(to_status)?,
            false => Usage::default(),
        };
        let links = match caller.tenant.limits.get(LimitKind::Links) {
            Some(_) => self
                .store
                .count_active_links(&caller)
                .await
                .map_err(to_status)?,
            None => 0,
        };
        let limited = self.limiter.of(&caller);
        let (today, month) = self.store.calls(&caller).await.map_err(to_status)?;
        let unsaved = limited.unsaved_calls();
        let standings = limited.standings().into_iter();
        let shown = standings.filter(|it| sees_all || !is_of_what_is_stored(it.kind));
        let states = shown.map(|it| limits::state(&it, &stored, links.unsigned_abs()));
        let grant = caller.grant();
        let (scopes, narrowing) = (grants::scopes(grant), grants::narrowing(grant));
        let expires_at = grant.not_after().map(convert::timestamp);
        let token_id = caller.token_id().to_owned();
        Ok(Response::new(WhoAmIResponse {
            tenant_name: caller.tenant.name.clone(),
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
            max_upload_bytes: i64::try_from(caller.max_file_bytes(upload)).unwrap_or(i64::MAX),
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            stored_artifacts: convert::size(stored.stored_artifacts),
            stored_bytes: convert::size(stored.stored_bytes),
            max_stored_bytes: quota.max_stored_bytes.map(convert::size),
            max_artifacts: quota.max_artifacts.map(convert::size),
            scopes,
            narrowing,
            expires_at,
            token_id,
            limits: states.collect(),
            requests_today: convert::size(today + unsaved),
            requests_this_month: convert::size(month + unsaved),
            plan: caller.tenant.plan,
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

    async fn get_usage(
        &self,
        request: Request<GetUsageRequest>,
    ) -> Result<Response<GetUsageResponse>, Status> {
        let (caller, request) = taken(request)?;
        let query = usage::query(&request).map_err(to_status)?;
        let rows = self.store.usage_days(&caller, &query).await;
        Ok(Response::new(usage::page(&query, rows.map_err(to_status)?)))
    }
}

/// Whether what is used of a limit shows what the tenant has altogether.
fn is_of_what_is_stored(kind: LimitKind) -> bool {
    matches!(
        kind,
        LimitKind::Links | LimitKind::StoredBytes | LimitKind::Artifacts
    )
}
