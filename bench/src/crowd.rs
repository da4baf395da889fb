//! Many large uploads at once on one connection, as a sidecar makes them: all must end, in bounded memory.

use std::time::Instant;

use cairn_proto::v1::ArtifactSpec;

use crate::{
    report::{Report, Wanted},
    services::{Api, PIECE},
    world::{Plan, World, random},
};

const MEBIBYTE: u64 = 1 << 20;
/// The wanted maximum of memory above idle.
const WANTED: f64 = 256.0;

pub(crate) async fn run(plan: &Plan, report: &mut Report) {
    let world = World::start(plan).await;
    let title = format!(
        "{} uploads of {} MiB at once, on one connection",
        plan.scale.crowd, plan.scale.crowd_stream
    );
    report.begin(&title, ["work", "Cairn", "when idle"]);
    uploads(&world.now, "", plan, report).await;
    if let Some(before) = &world.before {
        uploads(before, "before: ", plan, report).await;
    }
}

async fn uploads(api: &Api, name: &str, plan: &Plan, report: &mut Report) {
    let client = api.client().await;
    let idle = api.process.memory_now();
    api.process.forget_peak_memory();
    let size = plan.scale.crowd_stream * MEBIBYTE;
    let began = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..plan.scale.crowd {
        let client = client.clone();
        tasks.push(tokio::spawn(async move {
            let spec = ArtifactSpec {
                filename: format!("crowd-{number}"),
                ..Default::default()
            };
            let pieces = size / PIECE as u64;
            client.upload(spec, random(PIECE), pieces).await
        }));
    }
    let mut failures = Vec::new();
    for task in tasks {
        if let Err(status) = task.await.expect("no call panics") {
            failures.push(status);
        }
    }
    let took = began.elapsed();
    let peak = api.process.peak_memory();
    let rate = (size * plan.scale.crowd as u64) as f64 / 1e6 / took.as_secs_f64();
    let work = format!("{name}uploads that do not end");
    let words = format!("{took:.0?}, {rate:.0} MB/s in all");
    if let Some(first) = failures.first() {
        let why = format!(
            "{} of {}: {:?}",
            failures.len(),
            plan.scale.crowd,
            first.code()
        );
        report.failed(&work, &words, "–", &why, Wanted::AtMost(0.0));
    } else {
        report.row(&work, &words, "–", vec![0.0], Wanted::AtMost(0.0));
    }
    report.row(
        &format!("{name}memory, MiB over idle"),
        &format!("{peak} MiB at the most"),
        &format!("{idle} MiB"),
        vec![peak.saturating_sub(idle) as f64],
        Wanted::AtMost(WANTED),
    );
}
