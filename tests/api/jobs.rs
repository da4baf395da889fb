//! Work that is too large for one call continues by itself, is done once, and can be watched and cancelled.

use std::time::Duration;

use cairn_proto::v1::{
    ArtifactStage, CancelJobRequest, DeleteArtifactsRequest, DeleteArtifactsResponse,
    GetJobRequest, Job, JobState, JobType, ListArtifactsRequest, ListJobsRequest,
    SetLegalHoldRequest, SetStageRequest,
};
use cairn_store::gc::Policy;
use tonic::{Code, Status};

use harness::{Bytes, Client, MANY, Setup, eventually, make_many, refused, session_spec, spec};

async fn delete(
    client: &Client,
    request: DeleteArtifactsRequest,
) -> Result<DeleteArtifactsResponse, Status> {
    let response = client.artifacts.clone().delete_artifacts(request).await?;
    Ok(response.into_inner())
}

fn all() -> DeleteArtifactsRequest {
    DeleteArtifactsRequest {
        filter: "session_id = bulk".into(),
        ..DeleteArtifactsRequest::default()
    }
}

async fn get(client: &Client, job: &Job) -> Job {
    let request = GetJobRequest {
        job_id: job.job_id.clone(),
    };
    let response = client.jobs.clone().get_job(request).await.unwrap();
    response.into_inner().job.unwrap()
}

async fn visible(client: &Client) -> i64 {
    let request = ListArtifactsRequest {
        count_total: true,
        ..ListArtifactsRequest::default()
    };
    let response = client.artifacts.clone().list_artifacts(request).await;
    response.unwrap().into_inner().total_size
}

/// The collector with small batches, so that a job takes several.
fn policy(max_batches: u32) -> Policy {
    Policy {
        batch: 100,
        max_batches,
        ..Policy::default()
    }
}

/// A large delete is a job that shows its progress, and keeps artifacts that are held or newer than the call.
#[tokio::test]
async fn large_delete_is_a_job_that_keeps_held_and_new() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    make_many(&cairn).await;
    let held = client
        .create(session_spec("held", "bulk"), "same")
        .await
        .unwrap();
    let hold = SetLegalHoldRequest {
        artifact_ids: vec![held.artifact_id.clone()],
        legal_hold: true,
        ..SetLegalHoldRequest::default()
    };
    client.artifacts.clone().set_legal_hold(hold).await.unwrap();
    let elsewhere = client.create(spec("elsewhere"), "same").await.unwrap();

    let validate = DeleteArtifactsRequest {
        validate_only: true,
        ..all()
    };
    let would = delete(client, validate).await.unwrap();
    assert_eq!(
        (would.deleted_count, would.size_bytes, would.more),
        (MANY as i64, 4 * MANY as i64, false)
    );
    assert_eq!(
        would.not_deleted_artifact_ids,
        std::slice::from_ref(&held.artifact_id)
    );
    assert!(would.job.is_none());

    let started = delete(client, all()).await.unwrap();
    assert_eq!(started.deleted_count, 0);
    let job = started.job.unwrap();
    assert_eq!(job.r#type(), JobType::DeleteArtifacts);
    assert_eq!(job.state(), JobState::Running);
    assert_eq!(job.filter, "session_id = bulk");
    assert_eq!((job.done_count, job.estimated_count), (0, MANY as i64));
    assert_eq!(job.api_key_last_4, cairn.key[cairn.key.len() - 4..]);
    assert_eq!(
        visible(client).await,
        MANY as i64 + 2,
        "none is deleted yet"
    );
    let later = client
        .create(session_spec("later", "bulk"), "same")
        .await
        .unwrap();

    cairn.collector.run(policy(3)).await;
    let under_way = get(client, &job).await;
    assert_eq!(under_way.state(), JobState::Running);
    assert_eq!(under_way.done_count + under_way.held_count, 300);
    assert!(under_way.finished_at.is_none());

    let report = cairn.collect().await;
    assert!(report.failures.is_empty() && report.count("job_batches") > 0);
    let done = get(client, &job).await;
    assert_eq!(done.state(), JobState::Succeeded);
    assert_eq!(
        (done.done_count, done.size_bytes, done.held_count),
        (MANY as i64, 4 * MANY as i64, 1)
    );
    assert!(done.finished_at.is_some());
    for kept in [&held, &elsewhere, &later] {
        client.get(&kept.artifact_id).await.unwrap();
    }
    assert_eq!(visible(client).await, 3);
}

#[tokio::test]
async fn a_cancelled_job_stops_and_what_it_did_stays_done() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    make_many(&cairn).await;
    let job = delete(client, all()).await.unwrap().job.unwrap();
    cairn.collector.run(policy(2)).await;
    let cancel = CancelJobRequest {
        job_id: job.job_id.clone(),
        ..CancelJobRequest::default()
    };
    let cancelled = client.jobs.clone().cancel_job(cancel.clone()).await;
    let cancelled = cancelled.unwrap().into_inner().job.unwrap();
    assert_eq!(cancelled.state(), JobState::Cancelled);
    assert_eq!(cancelled.done_count, 200);
    cairn.collect().await;
    assert_eq!(visible(client).await, MANY as i64 - 200);
    let again = client.jobs.clone().cancel_job(cancel).await;
    let again = again.unwrap().into_inner().job.unwrap();
    assert_eq!(again.finished_at, cancelled.finished_at);
}

#[tokio::test]
async fn many_workers_do_each_part_of_a_job_once() {
    let cairn = Setup::on(Bytes::Files).start().await;
    make_many(&cairn).await;
    let job = delete(&cairn.client, all()).await.unwrap().job.unwrap();
    let workers = (0..4).map(|_| cairn.collector.run(policy(1000)));
    for report in futures_util::future::join_all(workers).await {
        assert!(report.failures.is_empty(), "{report:?}");
    }
    cairn.collect().await;
    let done = get(&cairn.client, &job).await;
    assert_eq!(done.state(), JobState::Succeeded);
    assert_eq!((done.done_count, done.held_count), (MANY as i64, 0));
}

#[tokio::test]
async fn a_batch_that_is_cut_off_is_done_again_and_counted_once() {
    let cairn = Setup::on(Bytes::Files).start().await;
    make_many(&cairn).await;
    let job = delete(&cairn.client, all()).await.unwrap().job.unwrap();
    // A worker that dies in the middle: its connection is cut while the batch waits for a row.
    let mut database = cairn.database().await;
    let blocking = database.transaction().await.unwrap();
    blocking
        .execute("SELECT FROM artifacts FOR UPDATE", &[])
        .await
        .unwrap();
    let collector = cairn.collector.clone();
    let worker = tokio::spawn(async move { collector.run(policy(1)).await });
    let stuck = "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("the worker waits", async || cairn.count(stuck).await == 1).await;
    cairn
        .sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .await;
    let report = worker.await.unwrap();
    assert_eq!(report.count("job_batches"), 0);
    assert!(!report.failures.is_empty(), "a failure is visible");
    blocking.rollback().await.unwrap();
    assert_eq!(get(&cairn.client, &job).await.done_count, 0);
    cairn.sql("UPDATE jobs SET next_attempt_at = now()").await;
    cairn.collect().await;
    let done = get(&cairn.client, &job).await;
    assert_eq!(
        (done.state(), done.done_count),
        (JobState::Succeeded, MANY as i64)
    );
}

#[tokio::test]
async fn the_same_key_leads_to_the_same_job() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    make_many(&cairn).await;
    let request = DeleteArtifactsRequest {
        idempotency_key: "clean up".into(),
        ..all()
    };
    let first = delete(client, request.clone()).await.unwrap().job.unwrap();
    cairn.collect().await;
    let again = delete(client, request).await.unwrap().job.unwrap();
    assert_eq!(again.job_id, first.job_id);
    assert_eq!(again.state(), JobState::Succeeded);
}

#[tokio::test]
async fn a_large_move_to_a_stage_is_a_job_whose_changes_are_noted() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    make_many(&cairn).await;
    let request = SetStageRequest {
        stage: ArtifactStage::Final.into(),
        filter: "stage = draft".into(),
        agent_id: "reviewer".into(),
        ..SetStageRequest::default()
    };
    let started = client.artifacts.clone().set_stage(request).await;
    let job = started.unwrap().into_inner().job.unwrap();
    assert_eq!(
        (job.r#type(), job.stage(), job.agent_id.as_str()),
        (JobType::SetStage, ArtifactStage::Final, "reviewer")
    );
    cairn.collect().await;
    let done = get(client, &job).await;
    assert_eq!(
        (done.state(), done.done_count),
        (JobState::Succeeded, MANY as i64)
    );
    let noted =
        "SELECT count(*) FROM stage_changes WHERE agent_id = 'reviewer' AND to_stage = 'final'";
    assert_eq!(cairn.count(noted).await, MANY as i64);
}

/// Jobs are listed newest first, by state, and only to their tenant.
#[tokio::test]
async fn jobs_are_listed_newest_first_by_state_and_tenant() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    make_many(&cairn).await;
    let first = delete(client, all()).await.unwrap().job.unwrap();
    let second = delete(client, all()).await.unwrap().job.unwrap();
    let cancel = CancelJobRequest {
        job_id: first.job_id.clone(),
        ..CancelJobRequest::default()
    };
    client
        .jobs
        .clone()
        .cancel_job(cancel.clone())
        .await
        .unwrap();
    let list = async |client: &Client, request: ListJobsRequest| {
        let response = client.jobs.clone().list_jobs(request).await.unwrap();
        let response = response.into_inner();
        let ids = response.jobs.into_iter().map(|job| job.job_id);
        (ids.collect::<Vec<_>>(), response.next_page_token)
    };
    let one = ListJobsRequest {
        page_size: 1,
        ..ListJobsRequest::default()
    };
    let (ids, token) = list(client, one.clone()).await;
    assert_eq!(ids, std::slice::from_ref(&second.job_id));
    let next = ListJobsRequest {
        page_token: token,
        ..one
    };
    let (ids, token) = list(client, next).await;
    assert_eq!((ids, token.as_str()), (vec![first.job_id.clone()], ""));
    let running = ListJobsRequest {
        state: JobState::Running.into(),
        ..ListJobsRequest::default()
    };
    assert_eq!(list(client, running).await.0, [second.job_id]);

    let stranger = cairn.client_of("stranger").await;
    assert!(
        list(&stranger, ListJobsRequest::default())
            .await
            .0
            .is_empty()
    );
    let get = GetJobRequest {
        job_id: first.job_id.clone(),
    };
    for refusal in [
        refused(stranger.jobs.clone().get_job(get).await),
        refused(stranger.jobs.clone().cancel_job(cancel).await),
    ] {
        assert_eq!(
            (refusal.code, refusal.reason.as_str()),
            (Code::NotFound, "JOB_NOT_FOUND")
        );
        assert_eq!(refusal.metadata["job_id"], first.job_id);
    }
}

#[tokio::test]
async fn a_job_is_forgotten_some_time_after_its_end() {
    let cairn = Setup::on(Bytes::Files)
        .config(|config| config.job_retention = Duration::from_secs(3600))
        .start()
        .await;
    make_many(&cairn).await;
    let job = delete(&cairn.client, all()).await.unwrap().job.unwrap();
    cairn.collect().await;
    assert_eq!(cairn.collect().await.count("job_rows"), 0);
    get(&cairn.client, &job).await;
    cairn
        .sql("UPDATE jobs SET finished_at = now() - interval '61 minutes'")
        .await;
    assert_eq!(cairn.collect().await.count("job_rows"), 1);
    let gone = GetJobRequest { job_id: job.job_id };
    let gone = refused(cairn.client.jobs.clone().get_job(gone).await);
    assert_eq!(gone.reason, "JOB_NOT_FOUND");
}
