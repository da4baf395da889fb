//! The collector's cost without garbage: it must be the cost of the garbage, not of the table.

use std::time::{Duration, Instant};

use cairn_store::{
    Store,
    config::{BlobConfig, StoreConfig},
    gc::{Collector, PASSES, Pass, Policy},
};

use crate::{
    fill::{Triggers, fill},
    load::milliseconds,
    report::{Report, Wanted, median},
    services::Postgres,
    world::Plan,
};

/// How often each pass is run on each side, for each round of the others.
const RUNS: u32 = 6;

struct Side {
    artifacts: u32,
    collector: Collector,
}

pub(crate) async fn run(plan: &Plan, report: &mut Report) {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (few, many) = (plan.scale.few, plan.scale.idle);
    let mut sides = Vec::new();
    for (name, artifacts) in [("few", few), ("many", many)] {
        let url = postgres.database(name).await;
        let config = StoreConfig::new(url.clone(), BlobConfig::Fs(folder.path().join(name)));
        let store = Store::open(&config).await.expect("a store");
        store.migrate().await.expect("the schema");
        store.create_api_key("bench").await.expect("a tenant");
        let began = Instant::now();
        fill(&url, artifacts, Triggers::None).await;
        eprintln!("{artifacts} artifacts in {:.0?}", began.elapsed());
        let collector = Collector::new(store, config.gc);
        sides.push(Side {
            artifacts,
            collector,
        });
    }
    report.begin(
        "Collector passes with nothing to do",
        ["pass", &format!("over {many}"), &format!("over {few}")],
    );
    for pass in PASSES.iter().filter(|pass| !pass.walks()) {
        let [few, many] = measure(&sides, pass, plan.scale.rounds * RUNS).await;
        let words = |times: &[f64]| milliseconds(median(times.to_vec()));
        // Single runs are too short to be compared one by one.
        let ratio = median(many.clone()) / median(few.clone());
        let wanted = Wanted::AtMost(2.0);
        report.row(pass.name, &words(&many), &words(&few), vec![ratio], wanted);
    }
}

/// Both sides in turn, so that other load on the machine affects both. The first run of each does not count, because it
/// fills caches.
async fn measure(sides: &[Side], pass: &'static Pass, runs: u32) -> [Vec<f64>; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for run in 0..=runs {
        for (side, times) in sides.iter().zip(&mut times) {
            let began = Instant::now();
            let report = side.collector.run_passes(Policy::default(), [pass]).await;
            let took: Duration = began.elapsed();
            let (name, artifacts) = (pass.name, side.artifacts);
            assert!(
                report.is_idle(),
                "{name} over {artifacts} has something to do: {report:?}"
            );
            if run > 0 {
                times.push(took.as_secs_f64());
            }
        }
    }
    times
}
