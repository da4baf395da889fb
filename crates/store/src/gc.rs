//! The garbage collector: passes that turn what nobody can reach any more into free space, and nothing else.
//!
//! A pass is a function of the store and its policy, takes no other input, and can be cut off anywhere: what it did is
//! committed, what it did not do is found again by the next one. Any number of workers may run passes at the same time.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use tracing::Instrument;

use crate::{
    meta::{connection::Connection, control, passes as rows},
    metrics,
    model::{
        deployment::Deployment,
        error::{Error, Result, describe},
        id::ObjectId,
    },
    store::Store,
};

mod batches;
mod examine;
mod fsck;
mod ghosts;
mod history;
mod jobs;
mod orphans;
mod passes;
mod reclaim;
mod report;
mod unfinished;

pub use crate::model::collector::{Deletion, Ghost, PassState, Waiting};
pub use fsck::{Fsck, FsckReport, Stray};
pub use history::Status;
pub use passes::{PASSES, Pass};
pub use report::{Failure, Report, Would};

/// How a pass goes about its work.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How many rows one transaction takes at the most.
    pub batch: u32,
    /// How many batches one pass takes at the most; the next pass goes on from there.
    pub max_batches: u32,
    /// How many parts of a listing, of a thousand keys each, a pass that lists takes at the most.
    pub max_pages: u32,
    /// How many objects the search for ghosts looks at in one run.
    pub heads: u32,
    /// Only look: the report says what is due and would be done.
    pub dry_run: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            batch: 500,
            max_batches: 1000,
            max_pages: 10_000,
            heads: 1000,
            dry_run: false,
        }
    }
}

impl Report {
    /// Whether the run found nothing to do. To have looked at something is not to have done something.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let mut done = PASSES.iter().flat_map(|pass| pass.counts);
        done.all(|name| self.count(name) == 0) && self.failures.is_empty()
    }
}

/// A run of some passes: what they work on, and what they have to tell.
pub(crate) struct Run {
    store: Store,
    policy: Policy,
    report: Report,
    /// The pass under way.
    pass: &'static str,
    /// What both stores agreed on when it was last asked. Nothing is deleted from the blob store before.
    deployment: Option<Deployment>,
    /// Objects that the run has raised the alarm about.
    accused: HashSet<ObjectId>,
}

/// Runs every pass once, in the order in which garbage moves through them. One that fails does not stop the others.
pub async fn run(store: &Store, policy: Policy) -> Report {
    run_passes(store, policy, PASSES).await
}

/// Runs these passes once, as `run` does all.
pub async fn run_passes(
    store: &Store,
    policy: Policy,
    passes: impl IntoIterator<Item = &'static Pass>,
) -> Report {
    let mut run = Run {
        store: store.clone(),
        policy,
        report: Report {
            dry_run: policy.dry_run,
            ..Report::default()
        },
        pass: "",
        deployment: None,
        accused: HashSet::new(),
    };
    let passes: Vec<_> = passes.into_iter().collect();
    for pass in &passes {
        for name in pass.counts.iter().chain(pass.looks) {
            run.report.add(name, 0);
        }
    }
    for pass in passes {
        let span = tracing::info_span!("pass", otel.name = format!("gc {}", pass.name));
        if !run.one(pass).instrument(span).await {
            break;
        }
    }
    run.report
}

impl Run {
    /// Runs a pass; false when the collector is paused.
    async fn one(&mut self, pass: &'static Pass) -> bool {
        self.pass = pass.name;
        let began = Instant::now();
        match self.may_begin().await {
            Ok(true) => {
                if let Err(e) = pass.work.run(self).await {
                    self.report.fail(pass.name, &e);
                }
            }
            Ok(false) => return false,
            Err(e) => self.report.fail(pass.name, &e),
        }
        if self.policy.dry_run {
            return true;
        }
        metrics::collected(pass, &self.report, began.elapsed());
        if let Err(e) = self.record(pass, began.elapsed()).await {
            tracing::warn!(
                pass = pass.name,
                error = describe(&e),
                "how a pass went was not recorded"
            );
        }
        true
    }

    async fn may_begin(&mut self) -> Result<bool> {
        let client = self.store.meta.client().await?;
        self.may_go_on(&client).await
    }

    /// Whether the pass may take another batch: not while the collector is paused, though a dry run may, for it does
    /// nothing.
    ///
    /// # Errors
    /// `Unavailable` on a standby; `Internal` when another database has taken the blob store over since it was verified.
    async fn may_go_on(&mut self, client: &Connection) -> Result<bool> {
        let control = control::read(client).await?;
        if self.deployment.is_some() && control.deployment != self.deployment {
            return Err(Error::internal("the deployment has changed during the run"));
        }
        if control.pause.is_some() && !self.policy.dry_run {
            self.report.paused = control.pause;
            return Ok(false);
        }
        Ok(true)
    }

    /// Makes sure, once a run, that what is deleted from the blob store is this database's to delete.
    async fn verify(&mut self) -> Result<()> {
        if self.deployment.is_some() {
            return Ok(());
        }
        let deployment = self.store.deployment().await?;
        let client = self.store.meta.client().await?;
        if !control::is_at_home(&client).await? {
            return Err(Error::invalid(
                "CAIRN_DATABASE_URL",
                "is of a copy: the collector worked in another Postgres cluster before, which may still need what would be \
                 deleted here. If this database has replaced that one, say so with `cairn admin gc adopt`",
            ));
        }
        self.deployment = Some(deployment);
        Ok(())
    }

    /// Waits until so many keys may be deleted, and says whether they still may then: whoever takes the blob store over has
    /// another one's word that nothing is deleted from it any more.
    async fn may_delete(&mut self, keys: usize) -> Result<bool> {
        self.store.pace.wait(keys).await;
        if Some(self.store.deployment().await?) != self.deployment {
            return Err(Error::internal("the deployment has changed during the run"));
        }
        self.may_begin().await
    }

    async fn record(&self, pass: &Pass, took: Duration) -> Result<()> {
        let names = pass.counts.iter().chain(pass.looks);
        let counts = names.map(|name| ((*name).to_owned(), self.report.count(name).into()));
        let mut failures = self.report.failures.iter();
        let error = failures.find(|failure| failure.pass == pass.name);
        let client = self.store.meta.client().await?;
        rows::record(
            &client,
            pass.name,
            &self.store.gc.worker,
            took,
            error.map(|failure| failure.error.as_str()),
            serde_json::Value::Object(counts.collect()),
        )
        .await
    }
}
