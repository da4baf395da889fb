//! What the tenant made and called, by day, session or agent.

use axum::{Json, extract::State};
use cairn_proto::{
    json,
    v1::{GetUsageRequest, UsagePart, identity_service_server::IdentityService},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    call::Call,
    query::Query,
    value::{self, page_size},
};
use crate::{grpc::Services, http::failure::Failure};

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct UsageQuery {
    /// `day`, `session` or `agent`; `day` when it is not given.
    by: String,
    /// The first day in UTC, such as 2026-11-01; 29 days before the last one when it is not given.
    from_day: String,
    /// The last day in UTC; today when it is not given.
    until_day: String,
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i32>,
    cursor: String,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Usage {
    rows: Vec<json::UsageRow>,
    #[serde(flatten)]
    page: json::Page,
}

pub(super) async fn get(
    State(services): State<Services>,
    call: Call,
    Query(query): Query<UsageQuery>,
) -> Result<Json<Usage>, Failure> {
    let part = value::number(&query.by, "USAGE_PART_", |name| {
        UsagePart::from_str_name(name).map(Into::into)
    });
    let request = GetUsageRequest {
        part,
        from_day: query.from_day,
        until_day: query.until_day,
        page_size: page_size(query.limit)?,
        page_token: query.cursor,
    };
    let answer = services.get_usage(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Usage {
        rows: answer.rows.into_iter().map(Into::into).collect(),
        page: json::Page::before(answer.next_page_token),
    }))
}
