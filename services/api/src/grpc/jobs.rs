use cairn_proto::v1::{
    self, CancelJobRequest, CancelJobResponse, GetJobRequest, GetJobResponse, ListJobsRequest,
    ListJobsResponse, job_service_server::JobService,
};
use cairn_store::{Error, Job, JobState, Result, Task};
use tonic::{Request, Response, Status};

use super::{Services, convert, taken};
use crate::error::to_status;

#[tonic::async_trait]
impl JobService for Services {
    async fn get_job(
        &self,
        request: Request<GetJobRequest>,
    ) -> Result<Response<GetJobResponse>, Status> {
        let (caller, request) = taken(request)?;
        let found = self.store.get_job(&caller, &request.job_id).await;
        Ok(Response::new(GetJobResponse {
            job: Some(job(found.map_err(to_status)?)),
        }))
    }

    async fn list_jobs(
        &self,
        request: Request<ListJobsRequest>,
    ) -> Result<Response<ListJobsResponse>, Status> {
        let (caller, request) = taken(request)?;
        let (size, _) = convert::page(request.page_size, None, None).map_err(to_status)?;
        let state = state(request.state).map_err(to_status)?;
        let page = self
            .store
            .list_jobs(&caller, state, size, &request.page_token)
            .await
            .map_err(to_status)?;
        Ok(Response::new(ListJobsResponse {
            jobs: page.items.into_iter().map(job).collect(),
            next_page_token: page.next.unwrap_or_default(),
        }))
    }

    async fn cancel_job(
        &self,
        request: Request<CancelJobRequest>,
    ) -> Result<Response<CancelJobResponse>, Status> {
        let (caller, request) = taken(request)?;
        let key = convert::idempotency_key(request.idempotency_key).map_err(to_status)?;
        let cancelled = self
            .store
            .cancel_job(&caller, &request.job_id, key.as_ref())
            .await
            .map_err(to_status)?;
        Ok(Response::new(CancelJobResponse {
            job: Some(job(cancelled)),
        }))
    }
}

fn state(state: i32) -> Result<Option<JobState>> {
    match v1::JobState::try_from(state) {
        Ok(v1::JobState::Unspecified) => Ok(None),
        Ok(v1::JobState::Running) => Ok(Some(JobState::Running)),
        Ok(v1::JobState::Succeeded) => Ok(Some(JobState::Succeeded)),
        Ok(v1::JobState::Cancelled) => Ok(Some(JobState::Cancelled)),
        Ok(v1::JobState::Failed) => Ok(Some(JobState::Failed)),
        Err(_) => {
            let rule = "must be RUNNING, SUCCEEDED, CANCELLED or FAILED";
            Err(Error::invalid("state", rule))
        }
    }
}

pub(super) fn job(job: Job) -> v1::Job {
    let mut message = v1::Job {
        job_id: job.id.to_string(),
        filter: job.filter,
        done_count: convert::size(job.done_count),
        size_bytes: convert::size(job.size_bytes),
        held_count: convert::size(job.held_count),
        estimated_count: convert::size(job.estimated_count),
        created_at: Some(convert::timestamp(job.created_at)),
        updated_at: Some(convert::timestamp(job.updated_at)),
        finished_at: job.finished_at.map(convert::timestamp),
        api_key_last_4: job.credential.key_last_4().to_owned(),
        workload: job.credential.workload().to_owned(),
        last_error: job.last_error,
        ..v1::Job::default()
    };
    message.set_state(match job.state {
        JobState::Running => v1::JobState::Running,
        JobState::Succeeded => v1::JobState::Succeeded,
        JobState::Cancelled => v1::JobState::Cancelled,
        JobState::Failed => v1::JobState::Failed,
    });
    match job.task {
        Task::DeleteArtifacts => message.set_type(v1::JobType::DeleteArtifacts),
        Task::SetStage { stage, agent_id } => {
            message.set_type(v1::JobType::SetStage);
            message.set_stage(convert::stage(stage));
            message.agent_id = agent_id;
        }
        Task::DeleteSession { session_id } => {
            message.set_type(v1::JobType::DeleteSession);
            message.session_id = session_id;
        }
        Task::SetLegalHold { hold } => {
            message.set_type(v1::JobType::SetLegalHold);
            message.legal_hold = hold;
        }
    }
    message
}
