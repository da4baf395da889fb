//! Clients that repeat a call for some time.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// The result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Calls a second.
    pub(crate) rate: f64,
    /// The median time.
    pub(crate) p50: Duration,
    /// The 99th percentile.
    pub(crate) p99: Duration,
    /// How many there were.
    pub(crate) calls: usize,
}

/// Lets each of these clients call until the time is over. A running call then finishes and counts. `call` gets the
/// client and the number of the call, from 0.
pub(crate) async fn load<C, F, Call>(callers: Vec<C>, time: Duration, call: F) -> Load
where
    C: Clone + Send + 'static,
    F: Fn(C, u64) -> Call + Clone + Send + 'static,
    Call: Future<Output = ()> + Send,
{
    let began = Instant::now();
    let end = began + time;
    let mut tasks = Vec::new();
    for caller in callers {
        let call = call.clone();
        tasks.push(tokio::spawn(async move {
            let mut took = Vec::new();
            for number in 0.. {
                let began = Instant::now();
                if began >= end {
                    break;
                }
                call(caller.clone(), number).await;
                took.push(began.elapsed());
            }
            took
        }));
    }
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.expect("no call fails"));
    }
    let rate = took.len() as f64 / began.elapsed().as_secs_f64();
    took.sort();
    let share = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    Load {
        rate,
        p50: share(0.5),
        p99: share(0.99),
        calls: took.len(),
    }
}

/// The figures of several rounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds(Vec<Load>);

impl Rounds {
    pub(crate) fn push(&mut self, load: Load) {
        self.0.push(load);
    }

    /// One figure of each round.
    pub(crate) fn each(&self, figure: impl Fn(&Load) -> f64) -> Vec<f64> {
        self.0.iter().map(figure).collect()
    }

    /// The p99 divided by the p50, round by round.
    pub(crate) fn tails(&self) -> Vec<f64> {
        self.each(|load| load.p99.as_secs_f64() / load.p50.as_secs_f64())
    }

    /// Our rate divided by the peer's, round by round.
    pub(crate) fn rates_by(&self, peer: &Self) -> Vec<f64> {
        let pairs = self.0.iter().zip(&peer.0);
        pairs
            .map(|(ours, theirs)| ours.rate / theirs.rate)
            .collect()
    }

    /// The medians, in words.
    pub(crate) fn words(&self) -> String {
        let median = |figure: fn(&Load) -> f64| crate::report::median(self.each(figure));
        format!(
            "{:.0}/s, p50 {}, p99 {}",
            median(|load| load.rate),
            milliseconds(median(|load| load.p50.as_secs_f64())),
            milliseconds(median(|load| load.p99.as_secs_f64())),
        )
    }
}

/// A time in seconds, in words.
pub(crate) fn milliseconds(seconds: f64) -> String {
    let milliseconds = seconds * 1000.0;
    let digits = if milliseconds < 10.0 { 1 } else { 0 };
    format!("{milliseconds:.digits$} ms")
}
