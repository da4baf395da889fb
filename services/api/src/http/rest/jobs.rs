//! Jobs.

use axum::{Json, extract::State};
use cairn_proto::{
    json,
    v1::{
        CancelJobRequest, GetJobRequest, Job, JobState, ListJobsRequest,
        job_service_server::JobService,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    call::{Call, Named},
    query::Query,
    value::{self, page_size},
};
use crate::{grpc::Services, http::failure::Failure};

#[derive(Debug, Default, JsonSchema, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListQuery {
    /// `running`, `succeeded`, `cancelled` or `failed`.
    state: String,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<i32>,
    cursor: String,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Jobs {
    jobs: Vec<json::Job>,
    #[serde(flatten)]
    page: json::Page,
}

pub(super) async fn list(
    State(services): State<Services>,
    call: Call,
    Query(query): Query<ListQuery>,
) -> Result<Json<Jobs>, Failure> {
    let state = value::number(&query.state, "JOB_STATE_", |name| {
        JobState::from_str_name(name).map(Into::into)
    });
    let request = ListJobsRequest {
        page_size: page_size(query.limit)?,
        page_token: query.cursor,
        state,
    };
    let answer = services.list_jobs(call.request(request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Jobs {
        jobs: answer.jobs.into_iter().map(Into::into).collect(),
        page: json::Page::before(answer.next_page_token),
    }))
}

fn shown(job: Option<Job>) -> Json<json::Job> {
    Json(job.unwrap_or_default().into())
}

pub(super) async fn get(
    State(services): State<Services>,
    call: Call,
    Named(job_id): Named,
) -> Result<Json<json::Job>, Failure> {
    let request = GetJobRequest { job_id };
    let answer = services.get_job(call.request(request)).await?;
    Ok(shown(answer.into_inner().job))
}

pub(super) async fn cancel(
    State(services): State<Services>,
    call: Call,
    Named(job_id): Named,
) -> Result<Json<json::Job>, Failure> {
    let request = CancelJobRequest {
        job_id,
        idempotency_key: call.idempotency_key()?,
    };
    let answer = services.cancel_job(call.request(request)).await?;
    Ok(shown(answer.into_inner().job))
}
