//! The faults, and when they happen.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rustix::process::Signal;
use tokio::{sync::Mutex, time::sleep};

use super::{
    process::Process,
    stores::{Postgres, S3, Stop},
    tally::Tally,
};

pub(super) struct Stores {
    pub(super) postgres: Postgres,
    pub(super) s3: S3,
}

pub(super) struct Chaos {
    pub(super) apis: Arc<Vec<Process>>,
    pub(super) workers: Arc<Vec<Process>>,
    /// Held while a store is down, and while the oracle reads both.
    pub(super) stores: Arc<Mutex<Stores>>,
    pub(super) tally: Arc<Tally>,
}

impl Chaos {
    /// Injects faults until then; leaves everything running.
    pub(super) async fn reign(self, seed: u64, until: Instant) {
        let mut rng = StdRng::seed_from_u64(!seed);
        loop {
            let calm = Duration::from_millis(rng.random_range(300..2500));
            sleep(calm.min(until.saturating_duration_since(Instant::now()))).await;
            if Instant::now() >= until {
                return;
            }
            self.strike(&mut rng).await;
        }
    }

    async fn strike(&self, rng: &mut StdRng) {
        let apis = &self.apis[rng.random_range(..self.apis.len())];
        let worker = &self.workers[rng.random_range(..self.workers.len())];
        let seconds = Duration::from_millis(rng.random_range(300..4000));
        let moment = Duration::from_millis(rng.random_range(10..500));
        match rng.random_range(0..100) {
            0..25 => {
                self.note("fault: kill -9 of an API process");
                apis.signal(Signal::KILL);
            }
            25..48 => {
                self.note("fault: kill -9 of a worker");
                worker.signal(Signal::KILL);
            }
            48..58 => {
                self.note("fault: worker stopped for seconds");
                pause(worker, seconds).await;
            }
            58..63 => {
                self.note("fault: API process stopped for seconds");
                pause(apis, seconds).await;
            }
            63..75 => {
                let stores = self.stores.lock().await;
                self.note("fault: S3 stopped for seconds");
                stores.s3.signal(Signal::STOP);
                sleep(seconds).await;
                stores.s3.signal(Signal::CONT);
            }
            75..83 => {
                let stores = self.stores.lock().await;
                self.note("fault: connections to S3 cut");
                stores.s3.proxy.cut();
                sleep(moment).await;
                stores.s3.proxy.restore();
            }
            83..91 => {
                let stores = self.stores.lock().await;
                self.note("fault: connections to Postgres cut");
                stores.postgres.proxy.cut();
                sleep(moment).await;
                stores.postgres.proxy.restore();
            }
            91..95 => {
                let mut stores = self.stores.lock().await;
                self.note("fault: Postgres restarted, immediate");
                stores.postgres.restart(Stop::Immediate).await;
            }
            95..97 => {
                let mut stores = self.stores.lock().await;
                self.note("fault: Postgres restarted, fast");
                stores.postgres.restart(Stop::Fast).await;
            }
            97..98 => {
                let mut stores = self.stores.lock().await;
                self.note("fault: S3 restarted in good order");
                stores.s3.restart(false).await;
            }
            _ => {
                let mut stores = self.stores.lock().await;
                self.note("fault: kill -9 and restart of S3");
                stores.s3.restart(true).await;
            }
        }
    }

    fn note(&self, fault: &'static str) {
        self.tally.add(fault);
        self.tally.say(fault);
    }
}

async fn pause(process: &Process, for_so_long: Duration) {
    process.signal(Signal::STOP);
    sleep(for_so_long).await;
    process.signal(Signal::CONT);
}
