//! The rate of a large file in one stream, compared with a multipart upload and a GetObject of the raw SDK.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cairn_proto::v1::ArtifactSpec;

use crate::{
    report::{Report, Wanted, median},
    services::{Api, Client, PIECE},
    world::{Plan, World, random},
};

const MEBIBYTE: u64 = 1 << 20;
/// Like Cairn: parts of 8 MiB, two of them in flight.
const PART: usize = 8 << 20;
const PARTS_IN_FLIGHT: usize = 2;

/// Rates in MB/s, one a round.
#[derive(Default)]
struct Rates {
    up: Vec<f64>,
    down: Vec<f64>,
}

pub(crate) async fn run(plan: &Plan, report: &mut Report) {
    let world = World::start(plan).await;
    let size = plan.scale.stream * MEBIBYTE;
    let now = world.now.client().await;
    let before = match &world.before {
        Some(before) => Some(before.client().await),
        None => None,
    };
    let [mut ours, mut raw, mut earlier] = [(); 3].map(|()| Rates::default());
    let mut processor = Rates::default();
    for round in 0..plan.scale.rounds {
        through(
            &now,
            round,
            size,
            &mut ours,
            Some((&world.now, &mut processor)),
        )
        .await;
        let key = format!("large-{round}");
        let part: Bytes = random(PIECE).repeat(PART / PIECE).into();
        let parts = i32::try_from(size / PART as u64).expect("few parts");
        let began = Instant::now();
        world
            .raw
            .put_in_parts(&key, part, parts, PARTS_IN_FLIGHT)
            .await;
        raw.up.push(rate(size, began.elapsed()));
        let began = Instant::now();
        assert_eq!(world.raw.get(&key).await, size);
        raw.down.push(rate(size, began.elapsed()));
        world.raw.remove(&key).await;
        if let Some(before) = &before {
            through(before, round, size, &mut earlier, None).await;
        }
    }
    let title = format!("One stream of {} MiB", plan.scale.stream);
    report.begin(&title, ["work", "Cairn", "peer"]);
    let both = |now: Vec<f64>, peer: &[f64]| -> Vec<f64> {
        now.iter().zip(peer).map(|(now, peer)| now / peer).collect()
    };
    for (work, ours, used, raw, earlier, peer, wanted) in [
        (
            "upload",
            ours.up,
            processor.up,
            raw.up,
            earlier.up,
            "multipart, 2 parts in flight",
            0.95,
        ),
        (
            "download",
            ours.down,
            processor.down,
            raw.down,
            earlier.down,
            "GetObject",
            0.8,
        ),
    ] {
        let words = format!(
            "{:.0} MB/s, {:.1} s of processor for a GB",
            median(ours.clone()),
            median(used)
        );
        let peer = format!("{peer} {:.0} MB/s", median(raw.clone()));
        let ratio = both(ours.clone(), &raw);
        report.row(work, &words, &peer, ratio, Wanted::AtLeast(wanted));
        if before.is_some() {
            let peer = format!("before {:.0} MB/s", median(earlier.clone()));
            report.row(work, &words, &peer, both(ours, &earlier), Wanted::Nothing);
        }
    }
}

fn rate(size: u64, took: Duration) -> f64 {
    size as f64 / 1e6 / took.as_secs_f64()
}

/// Uploads it and downloads it again.
async fn through(
    client: &Client,
    round: u32,
    size: u64,
    rates: &mut Rates,
    mut processor: Option<(&Api, &mut Rates)>,
) {
    let spec = ArtifactSpec {
        filename: format!("large-{round}"),
        session_id: "large".to_owned(),
        ..Default::default()
    };
    let used = |processor: &Option<(&Api, &mut Rates)>| {
        let api = processor.as_ref().map(|(api, _)| *api);
        api.map_or(Duration::ZERO, |api| api.process.processor_time())
    };
    let gigabytes = size as f64 / 1e9;
    let (began, at_first) = (Instant::now(), used(&processor));
    let made = client
        .upload(spec, random(PIECE), size / PIECE as u64)
        .await
        .expect("an artifact");
    rates.up.push(rate(size, began.elapsed()));
    let (began, in_between) = (Instant::now(), used(&processor));
    let got = client.download(&made.artifact_id).await;
    assert_eq!(got.expect("a content"), size);
    rates.down.push(rate(size, began.elapsed()));
    let at_last = used(&processor);
    if let Some((_, each)) = &mut processor {
        each.up
            .push((in_between - at_first).as_secs_f64() / gigabytes);
        each.down
            .push((at_last - in_between).as_secs_f64() / gigabytes);
    }
}
