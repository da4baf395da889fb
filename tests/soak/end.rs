//! The end of a run: no more faults, everything collected, and every promise checked against what remains.

use std::{collections::HashMap, fs, sync::Arc};

use cairn_store::gc::{PASSES, Pass, Policy};
use futures_util::future::join_all;

use super::{
    caller::{Caller, World},
    deployment::Deployment,
    journal::Life,
    looks::Oracle,
    stores::Stop,
    tally::{Broken, Tally},
};
use harness::{
    LET_TIME_PASS, postgres,
    program::{self, program},
};

pub(super) async fn settle(deployment: Deployment, callers: Vec<Caller>) {
    let world = Arc::clone(&callers[0].world);
    let tally = &world.tally;
    tally.say("no more faults; all that was promised is checked");
    let callers = check(callers).await;

    tally.say("draining");
    for worker in Arc::into_inner(deployment.workers).expect("the chaos has ended") {
        let log = worker.log.clone();
        worker.stop().await;
        check_log(&log, tally);
    }
    let mut oracle = deployment.oracle.into_inner();
    drain(&oracle, tally).await;
    if let Err(e) = oracle.look_at_the_rest(tally).await {
        tally.broken(Broken::Other, format!("the last look failed: {e:?}"));
    }
    check_titles(&oracle, &world).await;

    tally.say("all that was promised is checked again");
    check(callers).await;
    for api in Arc::into_inner(deployment.apis).expect("the chaos has ended") {
        let log = api.log.clone();
        api.stop().await;
        check_log(&log, tally);
    }
    let mut fsck = program::command(program("cairn").await);
    fsck.args(["admin", "fsck", "--hash"])
        .envs(deployment.environment);
    let fsck = program::run(&mut fsck).await;
    if fsck.code == Some(0) {
        tally.add("check: cairn admin fsck --hash says sound");
    } else {
        tally.broken(Broken::Lost, format!("{fsck:?}"));
    }
    let mut stores = deployment.stores.lock().await;
    stores.postgres.stop(Stop::Fast).await;
    stores.s3.stop().await;
    if tally.is_sound() {
        fs::remove_dir_all(deployment.run).unwrap();
        fs::remove_dir_all(deployment.cluster).unwrap();
    }
}

/// Reads every artifact of the journal, and all manifests.
async fn check(callers: Vec<Caller>) -> Vec<Caller> {
    let count = callers.len();
    let checks = callers
        .into_iter()
        .enumerate()
        .map(async |(number, mut caller)| {
            let ids: Vec<_> = {
                let entries = caller.world.journal.entries();
                let records = entries.records.values();
                let readable = records.filter(|record| record.life != Life::Unpublished);
                let mut ids: Vec<_> = readable.map(|record| record.id.clone()).collect();
                ids.sort_unstable();
                ids.into_iter().skip(number).step_by(count).collect()
            };
            for id in ids {
                caller.check(&id).await;
            }
            caller
        });
    let mut callers = join_all(checks).await;
    callers[0].check_manifests().await;
    callers
}

/// Collects, with time passing, until there is no more work.
async fn drain(oracle: &Oracle, tally: &Tally) {
    for _ in 0..20 {
        while !collect(oracle, tally).await {}
        let scan = oracle
            .collector
            .run_passes(Policy::default(), Pass::named("orphans"))
            .await;
        for _ in 0..scan.count("orphans") {
            tally.add("check: bytes that landed late, deleted by the scan");
        }
        if scan.is_idle() && scan.count("suspects") == 0 {
            return;
        }
        tally.say(&format!("{} keys have no object", scan.count("suspects")));
    }
    tally.broken(Broken::Leak, "it cannot be drained".to_owned());
}

/// Whether there was nothing to collect.
async fn collect(oracle: &Oracle, tally: &Tally) -> bool {
    let database = postgres::connect(&oracle.url).await;
    database.batch_execute(LET_TIME_PASS).await.unwrap();
    let passes = PASSES.iter().filter(|pass| !pass.walks());
    let report = oracle.collector.run_passes(Policy::default(), passes).await;
    for failure in &report.failures {
        tally.broken(Broken::Other, format!("{failure:?}"));
    }
    report.is_idle() || !report.failures.is_empty()
}

/// Every acknowledged write was made once, and no refused one was.
async fn check_titles(oracle: &Oracle, world: &World) {
    let database = postgres::connect(&oracle.url).await;
    let rows = database
        .query("SELECT title, id FROM artifacts", &[])
        .await
        .unwrap();
    let mut made: HashMap<String, Vec<String>> = HashMap::new();
    for row in &rows {
        made.entry(row.get(0)).or_default().push(row.get(1));
    }
    let entries = world.journal.entries();
    for (title, ids) in &made {
        if ids.len() > 1 || entries.refused.contains(title) {
            let refused = entries.refused.contains(title);
            let words = format!("{title} was made as {ids:?}, refused: {refused}");
            world.tally.broken(Broken::Once, words);
        }
    }
    for record in entries.records.values() {
        let was_public = record.version > 0 && record.life != Life::Unknown;
        if was_public && made.get(&record.title) != Some(&vec![record.id.clone()]) {
            let words = format!("{:?} for {record:?}", made.get(&record.title));
            world.tally.broken(Broken::Lost, words);
        }
    }
    world
        .tally
        .add("check: every write made once or not at all");
}

fn check_log(log: &std::path::Path, tally: &Tally) {
    let text = fs::read_to_string(log).unwrap();
    harness::log::check(&text);
    for line in text.lines().filter(|line| line.contains("panicked at")) {
        tally.broken(Broken::Other, format!("{}: {line}", log.display()));
    }
}
