//! Bulk deletes of more than one call can do, which become jobs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cairn_proto::v1::{
    ArtifactSpec, DeleteArtifactsRequest, GetJobRequest, JobState, ListArtifactsRequest,
};
use futures_util::future::join_all;
use tokio::time::sleep;

use super::{
    caller::{Caller, Heard, World},
    creating::Way,
    tally::Broken,
};
use harness::Client;

/// How many artifacts are created at once, and how many each creator creates: together more than 1,000.
const MAKERS: u64 = 6;
const EACH: usize = 170;
const PAUSE: Duration = Duration::from_secs(45);
/// How long a job may take, with every process dying now and then.
const JOB_TIME: Duration = Duration::from_secs(120);

pub(super) async fn work(world: Arc<World>, seed: u64, until: Instant) -> Vec<Caller> {
    let makers = (0..MAKERS).map(|number| Caller::new(&world, seed, 1000 + number));
    let mut makers: Vec<_> = makers.collect();
    let mut round = 0;
    while Instant::now() < until {
        round += 1;
        let batch = format!("batch-{round}");
        join_all(makers.iter_mut().map(|maker| make(maker, &batch))).await;
        delete(&mut makers, &batch).await;
        let pause = PAUSE.min(until.saturating_duration_since(Instant::now()));
        sleep(pause).await;
    }
    makers
}

async fn make(maker: &mut Caller, batch: &str) {
    let content = maker.world.pool.small();
    for _ in 0..EACH {
        let title = maker.fresh();
        let spec = ArtifactSpec {
            filename: title.clone(),
            idempotency_key: title.clone(),
            title,
            namespace: batch.to_owned(),
            ..ArtifactSpec::default()
        };
        let content = Arc::clone(&content);
        maker.make(Way::Create, spec, content, String::new()).await;
    }
}

async fn delete(makers: &mut [Caller], batch: &str) {
    let ids: Vec<_> = makers.iter().flat_map(|maker| maker.own.clone()).collect();
    let caller = &mut makers[0];
    for id in &ids {
        caller.asks_for_the_end(id);
    }
    let request = DeleteArtifactsRequest {
        filter: format!("namespace = {batch}"),
        idempotency_key: caller.fresh(),
        ..DeleteArtifactsRequest::default()
    };
    let call = async |mut client: Client| {
        let response = client.artifacts.delete_artifacts(request.clone());
        Ok(response.await?.into_inner())
    };
    let job = match caller.ask("operation: delete by filter", call).await {
        Heard::Answer(answer) => answer.job.expect("more than a call deletes").job_id,
        Heard::Refused { reason, .. } => {
            let words = format!("delete by filter: {reason}");
            return caller.tally().broken(Broken::Other, words);
        }
    };
    if !caller.waits_for(&job, "delete by filter").await {
        return;
    }
    for id in &ids {
        caller.ended(id);
    }
    let request = ListArtifactsRequest {
        namespace: batch.to_owned(),
        count_total: true,
        ..ListArtifactsRequest::default()
    };
    let call = async |mut client: Client| {
        let response = client.artifacts.list_artifacts(request.clone());
        Ok(response.await?.into_inner().total_size)
    };
    match caller.ask("operation: list", call).await {
        Heard::Answer(0) => caller.tally().add("check: nothing left of a deleted batch"),
        other => {
            let words = format!("{other:?} are left of {batch}");
            caller.tally().broken(Broken::Deletion, words);
        }
    }
    for maker in makers {
        maker.own.clear();
    }
}

impl Caller {
    /// Waits until a job has ended, and returns whether it succeeded.
    pub(super) async fn waits_for(&mut self, job: &str, what: &str) -> bool {
        let request = GetJobRequest {
            job_id: job.to_owned(),
        };
        let began = Instant::now();
        loop {
            let call = async |mut client: Client| {
                let response = client.jobs.get_job(request.clone());
                Ok(response.await?.into_inner().job.unwrap())
            };
            let state = match self.ask("operation: look at a job", call).await {
                Heard::Answer(job) => job.state(),
                Heard::Refused { .. } => JobState::Failed,
            };
            match state {
                JobState::Running if began.elapsed() < JOB_TIME => {}
                JobState::Succeeded => return true,
                other => {
                    let words = format!("the job of {what} is {other:?}");
                    self.tally().broken(Broken::Other, words);
                    return false;
                }
            }
            sleep(Duration::from_millis(500)).await;
        }
    }
}
