//! A row that cannot be read is reported, and delays nothing but itself.

use cairn_proto::v1::{GetJobRequest, JobState};

use super::with_due_bytes;
use harness::{Cairn, spec};

#[tokio::test]
async fn a_damaged_object_is_reported_and_the_others_are_reclaimed() {
    let cairn = Cairn::start().await;
    with_due_bytes(&cairn).await;
    // A copy of the row, with a time that no program can read.
    let damage = "INSERT INTO objects (tenant_id, id, state, sha256, size_bytes, not_before, next_attempt_at)
         SELECT tenant_id, gen_random_uuid(), state, sha256, size_bytes, '-infinity', '-infinity'
         FROM objects WHERE state = 'condemned'";
    cairn.sql(damage).await;
    let damaged = "SELECT id::text FROM objects WHERE not_before = '-infinity'";
    let damaged = cairn.database().await.query_one(damaged, &[]).await;
    let damaged: String = damaged.unwrap().get(0);

    let report = cairn.pass("reclaim").await;
    assert_eq!(report.count("reclaimed"), 1);
    let told: Vec<_> = report
        .failures
        .iter()
        .map(|failure| &failure.error)
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(&damaged), "{told:?}");
    assert!(cairn.stored().await.is_empty());

    let mend =
        "UPDATE objects SET not_before = now(), next_attempt_at = now() WHERE state = 'condemned'";
    cairn.sql(mend).await;
    let report = cairn.pass("reclaim").await;
    assert_eq!((report.count("reclaimed"), report.failures.len()), (1, 0));
}

#[tokio::test]
async fn a_damaged_job_is_reported_and_the_next_one_goes_on() {
    let cairn = Cairn::start().await;
    cairn.client.create(spec("a"), "").await.unwrap();
    for (id, created_at) in [("first", "'12000-01-01'"), ("second", "now()")] {
        let job = format!(
            "INSERT INTO jobs (tenant_id, id, type, filter, key_last_4, estimated_count, created_at)
             SELECT id, 'job_' || rpad('{id}', 16, '0'), 'delete_artifacts', 'filename = \"a\"', '', 1, {created_at}
             FROM tenants WHERE name = 'acme'"
        );
        cairn.sql(&job).await;
    }
    let report = cairn.pass("jobs").await;
    let told: Vec<_> = report
        .failures
        .iter()
        .map(|failure| &failure.error)
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("job_first"), "{told:?}");
    let request = GetJobRequest {
        job_id: "job_second0000000000".into(),
    };
    let second = cairn.client.jobs.clone().get_job(request).await.unwrap();
    assert_eq!(
        second.into_inner().job.unwrap().state(),
        JobState::Succeeded
    );
    // It is inspected again, and given up in the end.
    let attempts = "SELECT attempts::bigint FROM jobs WHERE id LIKE 'job_first%'";
    assert_eq!(cairn.count(attempts).await, 1);
}

#[tokio::test]
async fn a_damaged_pass_leaves_the_status_of_the_others() {
    let cairn = Cairn::start().await;
    cairn.collect().await;
    cairn
        .sql("UPDATE gc_passes SET started_at = '-infinity' WHERE name = 'purge'")
        .await;
    let status = cairn.store.gc_status().await.unwrap();
    let names: Vec<_> = status.passes.iter().map(|pass| &*pass.name).collect();
    assert!(names.contains(&"expire") && !names.contains(&"purge"));
}
