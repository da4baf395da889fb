use cairn_proto::v1::{
    CreateTokenRequest, CreateTokenResponse, GetUsageRequest, GetUsageResponse, WhoAmIRequest,
    WhoAmIResponse, identity_service_server::IdentityService,
};
use cairn_store::{Caller, Counts, LimitKind, Store};
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
        let counts = self.store.counts(&caller).await.map_err(to_status)?;
        Ok(Response::new(self.identify(&caller, &counts)))
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

impl Services {
    /// The answer of WhoAmI, of what is counted for the caller.
    pub(crate) fn identify(&self, caller: &Caller, counts: &Counts) -> WhoAmIResponse {
        let upload = self.store.limits().upload_bytes;
        let quota = caller.tenant.quota;
        // It counts all that the tenant has.
        let sees_all = caller.grant().narrowing().is_none();
        let limited = self.limiter.of(caller);
        let unsaved = limited.unsaved_calls();
        let standings = limited.standings().into_iter();
        let shown = standings.filter(|it| sees_all || !is_of_what_is_stored(it.kind));
        let states = shown.map(|it| limits::state(&it, counts));
        let grant = caller.grant();
        let keeping = &caller.tenant.keeping;
        WhoAmIResponse {
            tenant_name: caller.tenant.name.clone(),
            api_key_last_4: caller.credential.key_last_4().to_owned(),
            workload: caller.credential.workload().to_owned(),
            default_ttl: keeping.default_ttl.map(convert::proto_duration),
            max_ttl: keeping.max_ttl.map(convert::proto_duration),
            never_expires_allowed: keeping.never_expires_allowed,
            max_create_bytes: i64::try_from(Store::CREATE_MAX_BYTES).unwrap_or(i64::MAX),
            max_upload_bytes: i64::try_from(caller.max_file_bytes(upload)).unwrap_or(i64::MAX),
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            stored_artifacts: convert::size(counts.usage.stored_artifacts),
            stored_bytes: convert::size(counts.usage.stored_bytes),
            max_stored_bytes: quota.max_stored_bytes.map(convert::size),
            max_artifacts: quota.max_artifacts.map(convert::size),
            scopes: grants::scopes(grant),
            narrowing: grants::narrowing(grant),
            expires_at: grant.not_after().map(convert::timestamp),
            token_id: caller.token_id().to_owned(),
            limits: states.collect(),
            requests_today: convert::size(counts.calls_today + unsaved),
            requests_this_month: convert::size(counts.calls_this_month + unsaved),
            plan: caller.tenant.plan.clone(),
        }
    }
}

/// Whether what is used of a limit shows what the tenant has altogether.
fn is_of_what_is_stored(kind: LimitKind) -> bool {
    matches!(
        kind,
        LimitKind::Links
            | LimitKind::StoredBytes
            | LimitKind::Artifacts
            | LimitKind::Sessions
            | LimitKind::OpenUploads
    )
}
