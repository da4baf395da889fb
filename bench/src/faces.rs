//! A large content through gRPC, through HTTP and by signed URLs of S3, in one stream and divided among several, compared
//! with the raw SDK.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use cairn_proto::v1::ArtifactSpec;

use crate::{
    report::{Report, Wanted, median},
    services::{Bucket, Client, HttpClient, PIECE},
    world::{Plan, World, random},
};

const MEBIBYTE: u64 = 1 << 20;
/// Like Cairn: parts of 8 MiB, two of them in flight for each stream.
const PART: u64 = 8 << 20;
const PARTS_IN_FLIGHT: usize = 2;
/// Every round stores the content twelve times, so there are no more, whatever the run's size.
const ROUNDS: u32 = 3;

/// A way to store and read.
#[derive(Clone)]
enum Way {
    Grpc(Client),
    Http(HttpClient),
    Signed(HttpClient),
    Raw(Bucket),
}

/// Rates in MB/s, one a round.
#[derive(Default)]
struct Rates {
    up: Vec<f64>,
    down: Vec<f64>,
}

pub(crate) async fn run(plan: &Plan, report: &mut Report) {
    let world = World::start(plan).await;
    let ways = [
        Way::Grpc(world.now.client().await),
        Way::Http(world.now.http_client()),
        Way::Signed(world.now.http_client()),
        Way::Raw(world.raw.clone()),
    ];
    let title = format!(
        "{} MiB in all, by gRPC, HTTP and signed URLs",
        plan.scale.stream
    );
    report.begin(&title, ["work", "Cairn", "peer"]);
    for streams in [1, 4, 64] {
        let size = plan.scale.stream * MEBIBYTE / streams as u64;
        let mut rates = [(); 4].map(|()| Rates::default());
        for round in 0..plan.scale.rounds.min(ROUNDS) {
            for (way, rates) in ways.iter().zip(&mut rates) {
                turn(way, streams, size, round, rates).await;
            }
        }
        rows(report, streams, rates);
    }
}

fn rows(report: &mut Report, streams: usize, [grpc, http, signed, raw]: [Rates; 4]) {
    // A target is set for one stream only: several are limited by the processors that both sides share.
    let wanted = |ratio| match streams {
        1 => Wanted::AtLeast(ratio),
        _ => Wanted::Nothing,
    };
    let ups = [grpc.up, http.up, signed.up, raw.up];
    let downs = [grpc.down, http.down, signed.down, raw.down];
    for (work, [grpc, http, signed, raw], peer, least) in [
        ("upload", ups, "multipart", 0.95),
        ("download", downs, "GetObject", 0.8),
    ] {
        let work = |face: &str| format!("{work} by {face}, {streams} at once");
        let words = |rates: &[f64]| format!("{:.0} MB/s", median(rates.to_vec()));
        let by = |ours: &[f64], peer: &[f64]| -> Vec<f64> {
            ours.iter()
                .zip(peer)
                .map(|(ours, peer)| ours / peer)
                .collect()
        };
        let of_raw = format!("{peer} {}", words(&raw));
        let of_grpc = format!("gRPC {}", words(&grpc));
        report.row(
            &work("gRPC"),
            &words(&grpc),
            &of_raw,
            by(&grpc, &raw),
            wanted(least),
        );
        report.row(
            &work("HTTP"),
            &words(&http),
            &of_raw,
            by(&http, &raw),
            wanted(least),
        );
        // An upload is read back before it is an artifact, so there is no target.
        report.row(
            &work("signed URLs"),
            &words(&signed),
            &of_raw,
            by(&signed, &raw),
            Wanted::Nothing,
        );
        report.row(
            &work("HTTP"),
            &words(&http),
            &of_grpc,
            by(&http, &grpc),
            Wanted::Nothing,
        );
    }
}

/// Stores in as many streams at once, and reads what was stored in the same way.
async fn turn(way: &Way, streams: usize, size: u64, round: u32, rates: &mut Rates) {
    let all = size * streams as u64;
    let (took, ids) = at_once(streams, |number| {
        let name = format!("large-{streams}-{round}-{number}");
        let way = way.clone();
        async move { way.store(name, size).await }
    })
    .await;
    rates.up.push(rate(all, took));
    let ids = Arc::new(ids);
    let (took, sizes) = at_once(streams, |number| {
        let (way, ids) = (way.clone(), ids.clone());
        async move { way.read(&ids[number]).await }
    })
    .await;
    assert!(sizes.iter().all(|read| *read == size));
    rates.down.push(rate(all, took));
    if let Way::Raw(bucket) = way {
        for key in ids.iter() {
            bucket.remove(key).await;
        }
    }
}

impl Way {
    /// Returns the id or the key.
    async fn store(&self, name: String, size: u64) -> String {
        let pieces = size / PIECE as u64;
        match self {
            Self::Grpc(client) => {
                let spec = ArtifactSpec {
                    filename: name,
                    ..Default::default()
                };
                let made = client.upload(spec, random(PIECE), pieces).await;
                made.expect("an artifact").artifact_id
            }
            Self::Http(client) => client.upload(&name, random(PIECE), pieces).await,
            Self::Signed(client) => {
                let piece = random(PIECE);
                client
                    .upload_direct(&name, &piece, size, PARTS_IN_FLIGHT)
                    .await
            }
            Self::Raw(bucket) => {
                let part = PART.min(size);
                let bytes: Bytes = random(PIECE).repeat(part as usize / PIECE).into();
                let parts = i32::try_from(size / part).expect("few parts");
                bucket
                    .put_in_parts(&name, bytes, parts, PARTS_IN_FLIGHT)
                    .await;
                name
            }
        }
    }

    /// Returns the size.
    async fn read(&self, id: &str) -> u64 {
        match self {
            Self::Grpc(client) => client.download(id).await.expect("a content"),
            Self::Http(client) => client.download(id).await,
            Self::Signed(client) => client.download_direct(id).await,
            Self::Raw(bucket) => bucket.get(id).await,
        }
    }
}

async fn at_once<T, Work>(streams: usize, work: impl Fn(usize) -> Work) -> (Duration, Vec<T>)
where
    T: Send + 'static,
    Work: Future<Output = T> + Send + 'static,
{
    let began = Instant::now();
    let tasks: Vec<_> = (0..streams)
        .map(|number| tokio::spawn(work(number)))
        .collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.expect("no call fails"));
    }
    (began.elapsed(), done)
}

fn rate(size: u64, took: Duration) -> f64 {
    size as f64 / 1e6 / took.as_secs_f64()
}
