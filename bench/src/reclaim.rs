//! The rate at which the collector deletes bytes, compared with what the S3 server can do without records: the same
//! SDK, a thousand keys in a request.

use std::time::Instant;

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use bytes::Bytes;
use cairn_store::{
    ArtifactSpec, Caller, RawSpec, Store,
    config::StoreConfig,
    gc::{Collector, Pass, Policy},
};
use futures_util::{StreamExt, stream};

use crate::{
    report::{Report, Wanted, median},
    services::{Bucket, Postgres, S3, connect},
    world::Plan,
};

const SIZE: usize = 1024;
/// How many are created at once; only the deletion is timed.
const AT_ONCE: usize = 16;

pub(crate) async fn run(plan: &Plan, report: &mut Report) {
    let objects = plan.scale.reclaimed;
    let postgres = Postgres::start();
    let mut s3 = S3::start().await;
    let (bucket, raw) = (s3.bucket("reclaim").await, s3.bucket("raw").await);
    let mut config = StoreConfig::new(postgres.database("reclaim").await, bucket.config());
    config.gc.deletes_per_second = 1_000_000;
    config.inline_max_bytes = 0;
    let store = Store::open(&config).await.expect("a store");
    store.migrate().await.expect("the schema");
    let collector = Collector::new(store.clone(), config.gc.clone());
    let key = store.create_api_key("bench").await.expect("a key");
    let caller = store.authenticate(key.reveal()).await.expect("a caller");
    let database = connect(&config.database_url).await;

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..plan.scale.rounds {
        make_garbage(&store, &caller, round * objects, objects).await;
        for pass in ["purge", "condemn"] {
            let due =
                "UPDATE artifacts SET state = 'deleted', deleted_at = now(), purge_after = now()
                 WHERE state = 'live';
                 UPDATE gc_queue SET review_after = now()";
            database.batch_execute(due).await.expect("time passes");
            one_pass(&collector, pass).await;
        }
        let due = "UPDATE objects SET not_before = now(), next_attempt_at = now() WHERE state = 'condemned'";
        database.batch_execute(due).await.expect("time passes");
        let rate = |began: Instant| f64::from(objects) / began.elapsed().as_secs_f64();
        let began = Instant::now();
        let reclaimed = one_pass(&collector, "reclaim").await;
        ours.push(rate(began));
        assert_eq!(reclaimed, u64::from(objects), "all of them are deleted");

        let keys = put_plainly(&raw, objects).await;
        let began = Instant::now();
        delete_plainly(&raw, &keys).await;
        theirs.push(rate(began));
    }
    report.begin(
        "Reclaiming bytes",
        ["work", "Cairn, with records and ledger", "peer"],
    );
    report.row(
        &format!("delete {objects} objects"),
        &format!("{:.0}/s", median(ours.clone())),
        &format!(
            "DeleteObjects, 1,000 keys each, {:.0}/s",
            median(theirs.clone())
        ),
        ours.iter()
            .zip(&theirs)
            .map(|(o, t)| o / t)
            .collect::<Vec<_>>(),
        Wanted::AtLeast(0.9),
    );
}

async fn make_garbage(store: &Store, caller: &Caller, first: u32, count: u32) {
    stream::iter(first..first + count)
        .for_each_concurrent(AT_ONCE, async |i| {
            let mut content = vec![0; SIZE];
            content[..4].copy_from_slice(&i.to_be_bytes());
            let spec = ArtifactSpec::new(RawSpec {
                filename: format!("{i}"),
                content_type: "application/octet-stream".to_owned(),
                ..RawSpec::default()
            });
            let content = Bytes::from(content);
            let created = store
                .create_artifact(caller, spec.expect("a spec"), content)
                .await;
            created.expect("an artifact");
        })
        .await;
}

/// Runs one pass; returns its first count.
async fn one_pass(collector: &Collector, name: &str) -> u64 {
    let pass = Pass::named(name).expect("a pass");
    let report = collector.run_passes(Policy::default(), [pass]).await;
    assert!(report.failures.is_empty(), "{report:?}");
    report.count(pass.counts[0])
}

async fn put_plainly(bucket: &Bucket, count: u32) -> Vec<String> {
    let keys: Vec<_> = (0..count).map(|i| format!("plain/{i:08x}")).collect();
    stream::iter(&keys)
        .for_each_concurrent(AT_ONCE, async |key| {
            bucket.put(key, vec![0; SIZE].into()).await;
        })
        .await;
    keys
}

async fn delete_plainly(bucket: &Bucket, keys: &[String]) {
    for batch in keys.chunks(1000) {
        let objects = batch
            .iter()
            .map(|key| ObjectIdentifier::builder().key(key).build().expect("a key"));
        let delete = Delete::builder()
            .set_objects(Some(objects.collect()))
            .quiet(true)
            .build()
            .expect("a request");
        let request = bucket.client.delete_objects().bucket(&bucket.name);
        let answer = request.delete(delete).send().await.expect("an answer");
        assert!(answer.errors().is_empty());
    }
}
