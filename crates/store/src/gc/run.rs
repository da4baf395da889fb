//! A run of some passes: what a pass may use.

use std::{collections::HashSet, sync::Arc};

use crate::{
    blob::pace::Pace,
    config::gc::GcConfig,
    gc::report::Report,
    meta::{connection::Connection, control},
    model::{
        deployment::Deployment,
        error::{Error, Result},
        id::ObjectId,
    },
    store::Store,
};

/// How a run goes about its work.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// The most rows of one transaction.
    pub batch: u32,
    /// The most batches of one pass; the next run continues there.
    pub max_batches: u32,
    /// The most parts of a listing, of a thousand keys each, that one pass reads.
    pub max_pages: u32,
    /// How many objects the ghosts pass examines in one run.
    pub heads: u32,
    /// Changes nothing: the report lists what is due and would be done.
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

/// A run of some passes: what they work on, and what they report.
pub(super) struct Run {
    pub(super) store: Store,
    pub(super) config: Arc<GcConfig>,
    /// The rate limit of this process's deletions.
    pub(super) pace: Pace,
    pub(super) policy: Policy,
    pub(super) report: Report,
    /// The name of the current pass.
    pub(super) pass: &'static str,
    /// What the current pass counts first.
    pub(super) counted: Option<&'static str>,
    /// What both stores agreed on when they were last compared. No bytes are deleted before that.
    deployment: Option<Deployment>,
    /// Objects that the run has reported as ghosts.
    pub(super) accused: HashSet<ObjectId>,
}

impl Run {
    pub(super) fn new(store: Store, config: Arc<GcConfig>, pace: Pace, policy: Policy) -> Self {
        Self {
            store,
            config,
            pace,
            policy,
            report: Report {
                dry_run: policy.dry_run,
                ..Report::default()
            },
            pass: "",
            counted: None,
            deployment: None,
            accused: HashSet::new(),
        }
    }

    /// Adds to what the current pass counts first.
    pub(super) fn count(&mut self, count: u64) {
        if let Some(name) = self.counted {
            self.report.add(name, count);
        }
    }

    pub(super) async fn may_begin(&mut self) -> Result<bool> {
        let client = self.store.meta.client().await?;
        self.may_go_on(&client).await
    }

    /// Whether the pass may take another batch: false while the collector is paused. A dry run may, because it changes
    /// nothing.
    ///
    /// # Errors
    /// `Unavailable` on a standby; `Internal` when another database has taken over the blob store since it was verified.
    pub(super) async fn may_go_on(&mut self, client: &Connection) -> Result<bool> {
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

    /// Makes sure, once a run, that this database owns the blob store from which bytes are deleted.
    pub(super) async fn verify(&mut self) -> Result<()> {
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

    /// Waits until so many keys may be deleted, and returns whether they still may be: a database that takes over the blob
    /// store relies on it that the one before deletes nothing from then on.
    pub(super) async fn may_delete(&mut self, keys: usize) -> Result<bool> {
        self.pace.wait(keys).await;
        if Some(self.store.deployment().await?) != self.deployment {
            return Err(Error::internal("the deployment has changed during the run"));
        }
        self.may_begin().await
    }
}
