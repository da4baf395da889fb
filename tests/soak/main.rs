//! The soak: processes as they are deployed, clients that do everything at once, and faults everywhere. `make soak`
//! runs it for a given time; docs/reliability.md says what it shows.
#![cfg(test)]

mod bulk;
mod caller;
mod chaos;
mod contents;
mod creating;
mod deployment;
mod end;
mod journal;
mod looks;
mod operations;
mod process;
mod sessions;
mod stores;
mod tally;
mod watcher;
mod whole;

use std::{
    env,
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rand::{SeedableRng, rngs::StdRng};
use tokio::time::sleep;

use caller::{Caller, World};
use chaos::Chaos;
use contents::Pool;
use deployment::Deployment;
use journal::Journal;
use tally::Tally;

/// The default length in minutes; `make soak` sets another.
const BRIEFLY: f64 = 0.1;
const CALLERS: u64 = 16;
const OPEN_SESSIONS: usize = 5;
/// The pause between two checks of the oracle.
const LOOKS: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_whatever_is_killed() {
    let minutes = variable("CAIRN_SOAK_MINUTES").unwrap_or(BRIEFLY);
    let seed = variable("CAIRN_SOAK_SEED").unwrap_or_else(rand::random::<u32>);
    let tally = Arc::new(Tally::new());
    let deployment = Deployment::start(&tally).await;
    tally.say(&format!(
        "{minutes} minutes with seed {seed}; logs are in {}",
        deployment.run.display()
    ));
    let world = Arc::new(World {
        clients: deployment.clients().await,
        journal: Journal::default(),
        pool: Pool::new(&mut StdRng::seed_from_u64(u64::from(seed))),
        tally: Arc::clone(&tally),
    });
    let open = (0..OPEN_SESSIONS).map(|number| format!("session-{number}"));
    world.journal.entries().open.extend(open);

    let until = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let watcher = tokio::spawn(watcher::watch(Arc::clone(&world)));
    let mut callers = storm(&deployment, &world, u64::from(seed), until).await;
    watcher::check(watcher, &mut callers[0]).await;
    end::settle(deployment, callers).await;

    println!("\n{minutes} minutes, seed {seed}\n{tally}");
    assert!(tally.is_sound(), "promises were broken: see above");
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok().filter(|text| !text.is_empty())?;
    let value = text.parse().ok();
    Some(value.unwrap_or_else(|| panic!("{name} is {text}")))
}

/// Runs everything at once until then. When it ends, every client has an answer to every request.
async fn storm(
    deployment: &Deployment,
    world: &Arc<World>,
    seed: u64,
    until: Instant,
) -> Vec<Caller> {
    let chaos = Chaos {
        apis: Arc::clone(&deployment.apis),
        workers: Arc::clone(&deployment.workers),
        stores: Arc::clone(&deployment.stores),
        tally: Arc::clone(&world.tally),
    };
    let callers = (0..CALLERS).map(|number| Caller::new(world, seed, number).work(until));
    let looks = async {
        while Instant::now() < until {
            deployment.look(&world.tally).await;
            sleep(LOOKS).await;
        }
    };
    let everything = async {
        tokio::join!(
            chaos.reign(seed, until),
            looks,
            join_all(callers),
            bulk::work(Arc::clone(world), seed, until),
        )
    };
    tokio::select! {
        ((), (), mut callers, others) = everything => {
            callers.extend(others);
            callers
        }
        () = deployment.hasten() => unreachable!("it never ends"),
    }
}
