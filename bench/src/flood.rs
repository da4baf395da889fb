//! The effect of one tenant's flood on another tenant's calls.

use std::time::Duration;

use bytes::Bytes;
use futures_util::join;

use crate::{
    creates::spec,
    load::{Load, Rounds, load},
    report::{Report, Wanted, median},
    services::{Api, Client},
    world::{Plan, World, fresh, random},
};

/// Clients of the flood, each on its own connection, without a pause.
const FLOOD: usize = 64;
/// Clients of the other tenant.
const CALLERS: usize = 2;
const SIZE: usize = 4 << 10;
/// How much longer than the turn the flood is, before and after it.
const MARGIN: Duration = Duration::from_millis(250);

pub(crate) async fn run(plan: &Plan, report: &mut Report) {
    let world = World::start(plan).await;
    report.begin(
        &format!(
            "A tenant with {CALLERS} clients, while another tenant creates with {FLOOD} clients"
        ),
        ["work", "flooded", "alone"],
    );
    measure(&world.now, "", Wanted::AtMost(3.0), plan, report).await;
    if let Some(before) = &world.before {
        measure(before, "before: ", Wanted::Nothing, plan, report).await;
    }
}

async fn measure(api: &Api, name: &str, wanted: Wanted, plan: &Plan, report: &mut Report) {
    let numbered = |clients: Vec<Client>| clients.into_iter().enumerate().collect::<Vec<_>>();
    let callers = numbered(api.clients(CALLERS).await);
    let flood = numbered(api.clients_of("flood", FLOOD).await);
    let content = random(SIZE);
    let [mut alone, mut flooded, mut flooding] = [(); 3].map(|()| Rounds::default());
    let turn = plan.scale.turn;
    // The first calls fill caches and do not count.
    work(&callers, u32::MAX, &content, turn / 8).await;
    wave(&flood, u32::MAX, &content, turn / 8).await;
    for round in 0..plan.scale.rounds {
        alone.push(work(&callers, 2 * round, &content, turn).await);
        let waves = wave(&flood, round, &content, turn + 2 * MARGIN);
        let meanwhile = async {
            tokio::time::sleep(MARGIN).await;
            work(&callers, 2 * round + 1, &content, turn).await
        };
        let (wave, load) = join!(waves, meanwhile);
        flooding.push(wave);
        flooded.push(load);
    }
    let tails = |rounds: &Rounds| rounds.each(|load| load.p99.as_secs_f64());
    let ratios = tails(&flooded).into_iter().zip(tails(&alone));
    let ratios: Vec<f64> = ratios.map(|(flooded, alone)| flooded / alone).collect();
    let flood = median(flooding.each(|load| load.rate));
    report.row(
        &format!("{name}p99 of a create and a get"),
        &format!("{}, the flood {flood:.0}/s", flooded.words()),
        &alone.words(),
        ratios,
        wanted,
    );
}

/// A create, and a get of the created artifact.
async fn work(callers: &[(usize, Client)], round: u32, content: &Bytes, turn: Duration) -> Load {
    let content = content.clone();
    load(callers.to_vec(), turn, move |(caller, client), number| {
        let content = content.clone();
        async move {
            let spec = spec(round, caller, number, content.len());
            let made = client.create(spec, fresh(&content)).await;
            let id = made.expect("an artifact").artifact_id;
            client.get(&id).await.expect("a record");
        }
    })
    .await
}

/// Creates that may be refused: the server may defend itself.
async fn wave(callers: &[(usize, Client)], round: u32, content: &Bytes, turn: Duration) -> Load {
    let content = content.clone();
    load(callers.to_vec(), turn, move |(caller, client), number| {
        let content = content.clone();
        async move {
            let spec = spec(round, caller, number, content.len());
            let _ = client.create(spec, fresh(&content)).await;
        }
    })
    .await
}
