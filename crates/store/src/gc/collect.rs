//! The collector: runs passes, and records how they went.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::Instrument;

use crate::{
    blob::pace::Pace,
    config::gc::GcConfig,
    gc::{
        passes::{PASSES, Pass},
        report::Report,
        run::{Policy, Run},
    },
    meta::passes as rows,
    metrics,
    model::error::{Result, describe},
    store::Store,
};

/// The garbage collector of a process. Clones share the pace at which they delete.
#[derive(Clone)]
pub struct Collector {
    store: Store,
    config: Arc<GcConfig>,
    pace: Pace,
}

impl Collector {
    /// A collector of what this store keeps. A process makes one, because `deletes_per_second` bounds a process.
    #[must_use]
    pub fn new(store: Store, config: GcConfig) -> Self {
        Self {
            store,
            pace: Pace::new(config.deletes_per_second),
            config: Arc::new(config),
        }
    }

    /// Runs every pass once, in the order in which garbage moves through them. A pass that fails does not stop the others.
    pub async fn run(&self, policy: Policy) -> Report {
        self.run_passes(policy, PASSES).await
    }

    /// Runs these passes once, as `run` does all.
    pub async fn run_passes(
        &self,
        policy: Policy,
        passes: impl IntoIterator<Item = &'static Pass>,
    ) -> Report {
        let (store, config) = (self.store.clone(), Arc::clone(&self.config));
        let mut run = Run::new(store, config, self.pace.clone(), policy);
        let passes: Vec<_> = passes.into_iter().collect();
        for pass in &passes {
            for name in pass.names() {
                run.report.add(name, 0);
            }
        }
        for pass in passes {
            let span = tracing::info_span!("pass", otel.name = format!("gc {}", pass.name));
            if !run_pass(&mut run, pass).instrument(span).await {
                break;
            }
        }
        run.report
    }
}

/// Runs a pass; false when the collector is paused.
async fn run_pass(run: &mut Run, pass: &'static Pass) -> bool {
    run.pass = pass.name;
    run.counted = pass.counts.first().copied();
    let began = Instant::now();
    match run.may_begin().await {
        Ok(true) => {
            if let Err(e) = pass.work.run(run).await {
                run.report.fail(pass.name, &e);
            }
        }
        Ok(false) => return false,
        Err(e) => run.report.fail(pass.name, &e),
    }
    if run.policy.dry_run {
        return true;
    }
    let failed = run.report.failures_of(pass.name) > 0;
    let counts = pass.names().map(|name| (name, run.report.count(name)));
    metrics::pass_ended(pass.name, failed, began.elapsed(), counts);
    if let Err(e) = record(run, pass, began.elapsed()).await {
        tracing::warn!(
            pass = pass.name,
            error = describe(&e),
            "the result of a pass was not recorded"
        );
    }
    true
}

async fn record(run: &Run, pass: &Pass, took: Duration) -> Result<()> {
    let counts = pass
        .names()
        .map(|name| (name.to_owned(), run.report.count(name).into()));
    let mut failures = run.report.failures.iter();
    let error = failures.find(|failure| failure.pass == pass.name);
    let client = run.store.meta.client().await?;
    rows::record(
        &client,
        pass.name,
        &run.config.worker,
        took,
        error.map(|failure| failure.error.as_str()),
        serde_json::Value::Object(counts.collect()),
    )
    .await
}

impl Report {
    /// Whether the run found nothing to do. Counters of items that were only examined are ignored.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let mut done = PASSES.iter().flat_map(|pass| pass.counts);
        done.all(|name| self.count(name) == 0) && self.failures.is_empty()
    }
}
