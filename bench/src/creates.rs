//! Rates of creates, compared with PutObject of the raw SDK and with the wrapper that people write.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use cairn_proto::v1::ArtifactSpec;

use crate::{
    load::{Load, Rounds, load},
    report::{Report, Wanted, median},
    services::{Api, Bucket, Client, Wrapper},
    world::{Plan, World, fresh, random},
};

/// The sizes, their names, and the wanted share of PutObject's rate with one client and with many.
const SIZES: [(usize, &str, [Wanted; 2]); 3] = [
    (
        4 << 10,
        "4 KiB",
        [Wanted::AtLeast(2.0), Wanted::AtLeast(2.0)],
    ),
    (64 << 10, "64 KiB", [Wanted::Nothing, Wanted::AtLeast(0.9)]),
    (1 << 20, "1 MiB", [Wanted::Nothing, Wanted::AtLeast(0.95)]),
];
/// The numbers of clients: one, and many.
const CLIENTS: [usize; 2] = [1, 16];
/// The size for the comparison with the wrapper.
const OF_WRAPPER: usize = 4 << 10;

pub(crate) async fn run(plan: &Plan, report: &mut Report) {
    let mut world = World::start(plan).await;
    let wrapper = if plan.wrapper {
        let bucket = world.s3.bucket("wrapper").await;
        let database = world.postgres.database("wrapper").await;
        Some(Arc::new(Wrapper::start(&database, &bucket).await))
    } else {
        None
    };
    report.begin("Creates", ["work", "Cairn", "peer"]);
    for (size, name, wanted) in SIZES {
        for (clients, wanted) in CLIENTS.into_iter().zip(wanted) {
            let wrapper = wrapper.clone().filter(|_| size == OF_WRAPPER);
            let sides = Sides {
                content: random(size),
                now: callers(&world.now, clients).await,
                before: match &world.before {
                    Some(before) => callers(before, clients).await,
                    None => Vec::new(),
                },
                raw: (0..clients).map(|c| (c, world.raw.clone())).collect(),
                wrapper: wrapper
                    .iter()
                    .flat_map(|wrapper| (0..clients).map(|c| (c, wrapper.clone())))
                    .collect(),
            };
            let work = match clients {
                1 => format!("create {name}, 1 client"),
                many => format!("create {name}, {many} clients"),
            };
            let results = measure(&world.now, &sides, plan).await;
            let ours = format!(
                "{}, {:.2} ms of processor",
                results.now.words(),
                median(results.processor)
            );
            let tails = results.now.tails();
            report.row(
                &work,
                &ours,
                &format!("PutObject {}", results.raw.words()),
                results.now.rates_by(&results.raw),
                wanted,
            );
            if wrapper.is_some() {
                let wanted = match clients {
                    1 => Wanted::Nothing,
                    _ => Wanted::AtLeast(15.0),
                };
                let peer = format!("wrapper {}", results.wrapper.words());
                let ratio = results.now.rates_by(&results.wrapper);
                report.row(&work, &ours, &peer, ratio, wanted);
            }
            if world.before.is_some() {
                let peer = format!("before {}", results.before.words());
                let ratio = results.now.rates_by(&results.before);
                report.row(&work, &ours, &peer, ratio, Wanted::Nothing);
            }
            if clients > 1 {
                let wanted = match size {
                    OF_WRAPPER => Wanted::AtMost(5.0),
                    _ => Wanted::Nothing,
                };
                report.row(&format!("{work}: p99 by p50"), &ours, "–", tails, wanted);
            }
        }
    }
}

struct Sides {
    content: Bytes,
    now: Vec<(usize, Client)>,
    before: Vec<(usize, Client)>,
    raw: Vec<(usize, Bucket)>,
    wrapper: Vec<(usize, Arc<Wrapper>)>,
}

#[derive(Default)]
struct Results {
    now: Rounds,
    before: Rounds,
    raw: Rounds,
    wrapper: Rounds,
    /// Processor time of the server for each create, in milliseconds.
    processor: Vec<f64>,
}

async fn callers(api: &Api, count: usize) -> Vec<(usize, Client)> {
    api.clients(count).await.into_iter().enumerate().collect()
}

/// Each side in turn, after a short turn that does not count.
async fn measure(api: &Api, sides: &Sides, plan: &Plan) -> Results {
    let mut results = Results::default();
    for round in 0..=plan.scale.rounds {
        let counts = round > 0;
        let turn = if counts {
            plan.scale.turn
        } else {
            plan.scale.turn / 8
        };
        let used = api.process.processor_time();
        let now = creates(&sides.now, round, &sides.content, turn).await;
        let used = api.process.processor_time() - used;
        let raw = puts(&sides.raw, round, &sides.content, turn).await;
        let wrapper = match sides.wrapper.is_empty() {
            true => None,
            false => Some(wraps(&sides.wrapper, round, &sides.content, turn).await),
        };
        let before = match sides.before.is_empty() {
            true => None,
            false => Some(creates(&sides.before, round, &sides.content, turn).await),
        };
        if counts {
            results.now.push(now);
            results.raw.push(raw);
            wrapper
                .into_iter()
                .for_each(|load| results.wrapper.push(load));
            before
                .into_iter()
                .for_each(|load| results.before.push(load));
            let each = used.as_secs_f64() * 1000.0 / now.calls as f64;
            results.processor.push(each);
        }
    }
    results
}

/// The created artifact, like those of agents: in a session of each client, with an agent and a pair of metadata.
pub(crate) fn spec(round: u32, caller: usize, number: u64, size: usize) -> ArtifactSpec {
    ArtifactSpec {
        filename: format!("f-{number}"),
        session_id: format!("s-{size}-{round}-{caller}"),
        agent_id: "a".to_owned(),
        metadata: [("stage".to_owned(), "final".to_owned())].into(),
        ..Default::default()
    }
}

pub(crate) async fn creates(
    callers: &[(usize, Client)],
    round: u32,
    content: &Bytes,
    turn: Duration,
) -> Load {
    let (content, count) = (content.clone(), callers.len());
    load(callers.to_vec(), turn, move |(caller, client), number| {
        let content = content.clone();
        async move {
            // The count makes sessions those of one row of the table.
            let spec = spec(round, caller * 100 + count, number, content.len());
            let created = client.create(spec, fresh(&content)).await;
            created.expect("an artifact");
        }
    })
    .await
}

async fn puts(callers: &[(usize, Bucket)], round: u32, content: &Bytes, turn: Duration) -> Load {
    let (content, count) = (content.clone(), callers.len());
    load(callers.to_vec(), turn, move |(caller, bucket), number| {
        let content = content.clone();
        async move {
            let key = format!("{}/{count}/{round}/{caller}/{number}", content.len());
            bucket.put(&key, fresh(&content)).await;
        }
    })
    .await
}

async fn wraps(
    callers: &[(usize, Arc<Wrapper>)],
    round: u32,
    content: &Bytes,
    turn: Duration,
) -> Load {
    let content = content.clone();
    load(callers.to_vec(), turn, move |(caller, wrapper), number| {
        let content = content.clone();
        async move {
            let session = format!("s-{round}-{caller}");
            let name = format!("f-{number}");
            wrapper.create(&name, &session, &fresh(&content)).await;
        }
    })
    .await
}
