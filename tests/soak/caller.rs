//! A caller that retries until it gets an answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::{sleep, timeout};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{
    contents::Pool,
    journal::Journal,
    tally::{Broken, Tally},
};
use harness::Client;

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(6);
/// The maximum time until there is an answer. No outage is as long, and every key is remembered for longer.
const UNTIL_ANSWERED: Duration = Duration::from_secs(240);

/// After so long without an answer, the caller logs it.
const SLOW: Duration = Duration::from_secs(20);

/// The final outcome of a call.
#[derive(Debug)]
pub(super) enum Heard<T> {
    Answer(T),
    Refused {
        reason: String,
        /// An attempt before this one had no answer.
        doubtful: bool,
    },
}

/// What all clients share.
pub(super) struct World {
    pub(super) clients: Vec<Client>,
    pub(super) journal: Journal,
    pub(super) pool: Pool,
    pub(super) tally: Arc<Tally>,
}

pub(super) struct Caller {
    pub(super) world: Arc<World>,
    pub(super) rng: StdRng,
    pub(super) name: String,
    count: u64,
    /// The artifacts that it created, and that only it changes.
    pub(super) own: Vec<String>,
}

impl Caller {
    pub(super) fn new(world: &Arc<World>, seed: u64, number: u64) -> Self {
        Self {
            world: Arc::clone(world),
            rng: StdRng::seed_from_u64(seed ^ (number << 32)),
            name: format!("caller-{number}"),
            count: 0,
            own: Vec::new(),
        }
    }

    /// A name that is used once: an idempotency key, a title.
    pub(super) fn fresh(&mut self) -> String {
        self.count += 1;
        format!("{}-{}", self.name, self.count)
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.world.tally
    }

    pub(super) fn any_client(&mut self) -> Client {
        let clients = &self.world.clients;
        clients[self.rng.random_range(..clients.len())].clone()
    }

    /// Repeats a call, on any process, until there is an answer.
    pub(super) async fn ask<T>(
        &mut self,
        name: &'static str,
        call: impl AsyncFn(Client) -> Result<T, Status>,
    ) -> Heard<T> {
        let began = Instant::now();
        let (mut doubtful, mut slow) = (false, false);
        loop {
            let client = self.any_client();
            let attempt = timeout(PATIENCE, call(client)).await;
            let unanswered = match attempt {
                Ok(Ok(answer)) => {
                    self.tally().add(name);
                    return Heard::Answer(answer);
                }
                Ok(Err(status)) => match verdict(&status) {
                    Verdict::Final(reason) => {
                        self.tally().add(name);
                        return Heard::Refused { reason, doubtful };
                    }
                    Verdict::NotNow(why) => {
                        self.tally().add(why);
                        false
                    }
                    Verdict::Unknown(why) => {
                        if status.code() == Code::Internal {
                            self.tally().say(&format!("{name}: {status:?}"));
                        }
                        self.tally().add(why);
                        true
                    }
                },
                Err(_) => {
                    self.tally().add("attempt: no answer in time (ambiguous)");
                    true
                }
            };
            doubtful |= unanswered;
            if !slow && began.elapsed() > SLOW {
                slow = true;
                let words = format!("{} has {name} unanswered for {SLOW:?}", self.name);
                self.tally().say(&words);
            }
            if began.elapsed() > UNTIL_ANSWERED {
                let words = format!("{name} has had no answer for {UNTIL_ANSWERED:?}");
                self.tally().broken(Broken::Other, words);
                return Heard::Refused {
                    reason: "NONE".to_owned(),
                    doubtful: true,
                };
            }
            let pause = self.rng.random_range(20..200);
            sleep(Duration::from_millis(pause)).await;
        }
    }
}

enum Verdict {
    Final(String),
    /// It was not done, and may be repeated.
    NotNow(&'static str),
    /// It may have been done.
    Unknown(&'static str),
}

fn verdict(status: &Status) -> Verdict {
    let details = status.get_error_details();
    let Some(info) = details.error_info() else {
        return Verdict::Unknown("attempt: connection lost or refused (ambiguous)");
    };
    match info.reason.as_str() {
        "UNAVAILABLE" => Verdict::Unknown("attempt: UNAVAILABLE (ambiguous)"),
        "INTERNAL" => Verdict::Unknown("attempt: INTERNAL (ambiguous)"),
        "IDEMPOTENCY_IN_PROGRESS" => Verdict::NotNow("attempt: IDEMPOTENCY_IN_PROGRESS"),
        "UPLOAD_PARTS_MISSING" => Verdict::NotNow("attempt: UPLOAD_PARTS_MISSING"),
        "UPLOAD_EXPIRED" => Verdict::NotNow("attempt: UPLOAD_EXPIRED"),
        // An earlier attempt of the same call is still at work.
        "LAST_WRITER" => Verdict::NotNow("attempt: LAST_WRITER"),
        reason => Verdict::Final(reason.to_owned()),
    }
}
