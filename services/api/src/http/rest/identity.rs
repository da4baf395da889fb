//! Who the caller is, what the tenant may, and tokens for others.

use axum::{Json, extract::State};
use cairn_proto::{
    json,
    v1::{self, CreateTokenRequest, identity_service_server::IdentityService},
};
use cairn_store::{Error, LimitKind, Result};
use prost_types::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answer::Created,
    call::{Call, Input},
};
use crate::{grpc::Services, http::failure::Failure, limits::BURST};

/// The largest integer that JSON carries everywhere: what "no limit" is among numbers that are never null.
const NO_LIMIT: i64 = (1 << 53) - 1;

#[derive(JsonSchema, Serialize)]
pub(super) struct WhoAmI {
    #[serde(flatten)]
    identity: json::Identity,
    usage_requests_month: i64,
    plan_requests_limit_month: i64,
    usage_storage_bytes: i64,
    plan_storage_limit_bytes: i64,
    /// 10,001 means more than 10,000 where the plan has no limit on links. 0 for a narrowed credential.
    active_links: i64,
    max_active_links: i64,
    rate_limit_sustained: i64,
    rate_limit_burst: i64,
}

pub(super) async fn who_am_i(
    State(services): State<Services>,
    call: Call,
) -> Result<Json<WhoAmI>, Failure> {
    let caller = call.caller();
    let counts = services.store.counts(caller).await?;
    let identity = json::Identity::from(services.identify(caller, &counts));
    let max = |kind: LimitKind| {
        let limits = identity.limits.iter();
        let of_kind = limits.filter(|it| it.kind.as_deref() == Some(kind.as_str()));
        of_kind.map(|it| it.max).fold(NO_LIMIT, i64::min)
    };
    let rate = max(LimitKind::RequestsPerSecond);
    Ok(Json(WhoAmI {
        usage_requests_month: identity.requests_this_month,
        plan_requests_limit_month: max(LimitKind::RequestsPerMonth),
        usage_storage_bytes: identity.stored_bytes,
        plan_storage_limit_bytes: identity.max_stored_bytes.unwrap_or(NO_LIMIT).min(NO_LIMIT),
        active_links: counts
            .links
            .map_or(0, |links| i64::try_from(links).unwrap_or(i64::MAX)),
        max_active_links: max(LimitKind::Links),
        rate_limit_sustained: rate,
        rate_limit_burst: rate.saturating_mul(BURST as i64).min(NO_LIMIT),
        identity,
    }))
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TokenRequest {
    scopes: Vec<String>,
    narrowing: Narrowing,
    /// In seconds; an hour when it is not given.
    expires_in: Option<i64>,
}

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Narrowing {
    session_ids: Vec<String>,
    session_prefix: String,
    namespace: String,
    user_id: String,
    agent_id: String,
    filename_prefix: String,
}

impl TokenRequest {
    fn message(self) -> Result<CreateTokenRequest> {
        let scopes = self.scopes.iter().enumerate().map(|(i, name)| {
            let scope = v1::Scope::from_str_name(&format!("SCOPE_{}", name.to_ascii_uppercase()));
            let scope = scope.filter(|scope| *scope != v1::Scope::Unspecified);
            let rule = "must be read, write, delete, link, seal or hold";
            let missing = || Error::invalid(format!("scopes[{i}]"), rule);
            scope.map(Into::into).ok_or_else(missing)
        });
        let reach = self.narrowing;
        let narrowing = v1::Narrowing {
            session_ids: reach.session_ids,
            session_prefix: reach.session_prefix,
            namespace: reach.namespace,
            user_id: reach.user_id,
            agent_id: reach.agent_id,
            filename_prefix: reach.filename_prefix,
        };
        Ok(CreateTokenRequest {
            scopes: scopes.collect::<Result<_>>()?,
            narrowing: Some(narrowing),
            expires_in: self
                .expires_in
                .map(|seconds| Duration { seconds, nanos: 0 }),
        })
    }
}

pub(super) async fn create_token(
    State(services): State<Services>,
    call: Call,
    Input(new): Input<TokenRequest>,
) -> Result<Created<json::NewToken>, Failure> {
    let answer = services.create_token(call.request(new.message()?)).await?;
    Ok(Created(answer.into_inner().into()))
}
