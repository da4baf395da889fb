//! Who the caller is, and what the tenant may.

use axum::{Json, extract::State};
use cairn_proto::{
    json,
    v1::{WhoAmIRequest, identity_service_server::IdentityService},
};
use serde::Serialize;

use super::call::Call;
use crate::{grpc::Services, http::failure::Failure};

/// The largest integer that JSON carries everywhere: what "no limit" is among numbers that are never null.
const NO_LIMIT: i64 = (1 << 53) - 1;

#[derive(Serialize)]
pub(super) struct WhoAmI {
    #[serde(flatten)]
    identity: json::Identity,
    /// Cairn has no plans: what a tenant may is its quota.
    plan: &'static str,
    /// Requests are not counted: always 0.
    usage_requests_month: i64,
    plan_requests_limit_month: i64,
    usage_storage_bytes: i64,
    plan_storage_limit_bytes: i64,
    /// 10,001 means more than 10,000.
    active_links: i64,
    max_active_links: i64,
    rate_limit_sustained: i64,
    rate_limit_burst: i64,
}

pub(super) async fn who_am_i(
    State(services): State<Services>,
    call: Call,
) -> Result<Json<WhoAmI>, Failure> {
    let active_links = services.store.count_active_links(call.caller()).await?;
    let answer = services.who_am_i(call.request(WhoAmIRequest {})).await?;
    let identity = json::Identity::from(answer.into_inner());
    Ok(Json(WhoAmI {
        plan: "self-hosted",
        usage_requests_month: 0,
        plan_requests_limit_month: NO_LIMIT,
        usage_storage_bytes: identity.stored_bytes,
        plan_storage_limit_bytes: identity.max_stored_bytes.unwrap_or(NO_LIMIT).min(NO_LIMIT),
        active_links,
        max_active_links: NO_LIMIT,
        rate_limit_sustained: NO_LIMIT,
        rate_limit_burst: NO_LIMIT,
        identity,
    }))
}
