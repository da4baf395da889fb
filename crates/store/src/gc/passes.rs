//! The list of passes. A new one is an entry here and a function.

use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;

use super::{
    audit,
    batches::{self, Batches},
    erasures, ghosts, jobs, orphans, plans, reclaim,
    run::Run,
    unfinished,
};
use crate::{
    meta::{
        collector as rows, events, holds, jobs as job_rows, ledger, pending, retention, sessions,
        uploads, usage, usage_days,
    },
    model::error::Result,
};

/// Somebody waits for it.
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// One job of the collector.
#[derive(Debug)]
pub struct Pass {
    /// Its name, in reports and for `--only`.
    pub name: &'static str,
    /// The pause between two runs; `None` for that of the worker, `CAIRN_GC_INTERVAL`.
    pub every: Option<Duration>,
    /// The counters of its effects.
    pub counts: &'static [&'static str],
    /// The counters of items that it only inspected.
    pub looks: &'static [&'static str],
    pub(super) work: Work,
}

/// Works for a run, and adds to its report.
type Whole = for<'a> fn(&'a mut Run) -> BoxFuture<'a, Result<()>>;

/// How a pass works.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// Transactions of one batch each.
    Batches(Batches),
    Whole(Whole),
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

impl Work {
    pub(super) async fn run(self, run: &mut Run) -> Result<()> {
        match self {
            Self::Batches(batches) => batches::run(run, batches).await,
            Self::Whole(work) => work(run).await,
        }
    }
}

/// Every pass, in the order in which garbage moves through them.
pub static PASSES: &[Pass] = &[
    Pass {
        name: "jobs",
        every: Some(SECOND),
        counts: &["job_batches"],
        looks: &[],
        work: Work::Whole(|run| Box::pin(jobs::run(run))),
    },
    Pass {
        name: "plans",
        every: Some(SECOND),
        counts: &["plans_read"],
        looks: &[],
        work: Work::Whole(|run| Box::pin(plans::run(run))),
    },
    Pass {
        name: "erasures",
        every: Some(MINUTE),
        counts: &["erasure_steps"],
        looks: &[],
        work: Work::Whole(|run| Box::pin(erasures::run(run))),
    },
    Pass {
        name: "expire",
        every: None,
        counts: &["expired"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "expire",
            due: Some(rows::EXPIRING),
            step: |tx, batch| Box::pin(rows::expire(tx, batch)),
        }),
    },
    Pass {
        name: "purge",
        every: None,
        counts: &["purged"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "purge",
            due: Some(rows::PURGING),
            step: |tx, batch| Box::pin(rows::purge(tx, batch)),
        }),
    },
    Pass {
        name: "stale_uploads",
        every: None,
        counts: &["stale_uploads"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "give up",
            due: Some(rows::STALE),
            step: |tx, batch| Box::pin(rows::condemn_stale(tx, batch)),
        }),
    },
    Pass {
        name: "unpublished",
        every: None,
        counts: &["unpublished"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "discard",
            due: Some(pending::OVERDUE),
            step: |tx, batch| Box::pin(pending::discard_overdue(tx, batch)),
        }),
    },
    Pass {
        name: "condemn",
        every: None,
        counts: &["condemned"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "condemn",
            due: Some(rows::UNPINNED),
            step: |tx, batch| Box::pin(rows::condemn(tx, batch)),
        }),
    },
    Pass {
        name: "reclaim",
        every: None,
        counts: &["reclaimed", "bytes"],
        looks: &[],
        work: Work::Whole(|run| Box::pin(reclaim::run(run))),
    },
    Pass {
        name: "usage",
        every: Some(SECOND),
        // It adds and removes nothing.
        counts: &[],
        looks: &[],
        work: Work::Batches(Batches {
            action: "add up",
            due: None,
            step: |tx, batch| Box::pin(usage::add_up(tx, batch)),
        }),
    },
    Pass {
        name: "usage_days",
        every: Some(MINUTE),
        counts: &[],
        looks: &[],
        work: Work::Batches(Batches {
            action: "add up",
            due: None,
            step: |tx, batch| Box::pin(usage_days::add_up(tx, batch)),
        }),
    },
    Pass {
        name: "session_holds",
        every: Some(MINUTE),
        counts: &["session_holds"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "settle",
            due: Some(holds::LEFT),
            step: |tx, batch| Box::pin(holds::settle_left(tx, batch)),
        }),
    },
    Pass {
        name: "session_sizes",
        every: Some(MINUTE),
        counts: &["session_sizes"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "mark",
            due: None,
            step: |tx, batch| Box::pin(sessions::mark_full(tx, batch)),
        }),
    },
    Pass {
        name: "upload_rows",
        every: Some(MINUTE),
        counts: &["upload_rows"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "forget",
            due: Some(uploads::ENDED),
            step: |tx, batch| Box::pin(uploads::forget(tx, batch)),
        }),
    },
    Pass {
        name: "idempotency_keys",
        every: None,
        counts: &["idempotency_keys"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "forget",
            due: Some(rows::EXPIRED_KEYS),
            step: |tx, batch| Box::pin(rows::forget_keys(tx, batch)),
        }),
    },
    Pass {
        name: "session_events",
        every: Some(HOUR),
        counts: &["session_events"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "forget",
            due: Some(events::OLD),
            step: |tx, batch| Box::pin(events::forget(tx, batch)),
        }),
    },
    Pass {
        name: "job_rows",
        every: Some(HOUR),
        counts: &["job_rows"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "forget",
            due: Some(job_rows::ENDED),
            step: |tx, batch| Box::pin(job_rows::forget(tx, batch)),
        }),
    },
    Pass {
        name: "links",
        every: Some(HOUR),
        counts: &["links"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "forget",
            due: Some(retention::ENDED_LINKS),
            step: |tx, batch| Box::pin(retention::forget_links(tx, batch)),
        }),
    },
    Pass {
        name: "artifact_rows",
        every: Some(HOUR),
        counts: &["artifact_rows"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "forget",
            due: Some(retention::PURGED),
            step: |tx, batch| Box::pin(retention::forget_artifacts(tx, batch)),
        }),
    },
    Pass {
        name: "object_rows",
        every: Some(HOUR),
        counts: &["object_rows"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "forget",
            due: Some(retention::GONE),
            step: |tx, batch| Box::pin(retention::forget_objects(tx, batch)),
        }),
    },
    Pass {
        name: "ledger",
        every: Some(HOUR),
        counts: &["ledger_entries"],
        looks: &[],
        work: Work::Batches(Batches {
            action: "forget",
            due: Some(ledger::OLD),
            step: |tx, batch| Box::pin(ledger::forget(tx, batch)),
        }),
    },
    Pass {
        name: "audit",
        every: Some(HOUR),
        counts: &["audit_days"],
        looks: &[],
        work: Work::Whole(|run| Box::pin(audit::run(run))),
    },
    Pass {
        name: "orphans",
        every: Some(HOUR),
        counts: &["orphans", "orphan_bytes"],
        looks: &["listed", "suspects", "unknown_keys"],
        work: Work::Whole(|run| Box::pin(orphans::run(run))),
    },
    Pass {
        name: "unfinished_uploads",
        every: Some(HOUR),
        counts: &["aborted_uploads"],
        looks: &["unfinished"],
        work: Work::Whole(|run| Box::pin(unfinished::run(run))),
    },
    Pass {
        name: "ghosts",
        every: Some(HOUR),
        counts: &["ghosts"],
        looks: &["looked_at", "rehashed", "rehashed_bytes"],
        work: Work::Whole(|run| Box::pin(ghosts::run(run))),
    },
];

impl Pass {
    /// The pass of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PASSES.iter().find(|pass| pass.name == name)
    }

    /// Everything that it counts.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.counts.iter().chain(self.looks).copied()
    }

    /// Whether it walks through everything that is stored, and not only through what is due.
    #[must_use]
    pub fn walks(&self) -> bool {
        !self.looks.is_empty()
    }
}
