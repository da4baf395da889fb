//! The settings of the collector, from the environment.

use std::time::Duration;

use crate::{
    config::variable::{env, override_by, override_duration},
    model::error::{Error, Result},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Settings of the collector.
#[derive(Debug, Clone)]
pub struct GcConfig {
    /// `CAIRN_GC_WORKER`: the worker's name in the ledger; default the host's name, from `HOSTNAME`, and the process
    /// id.
    pub worker: String,
    /// `CAIRN_GC_DELETES_PER_SECOND`: maximum keys that one process deletes from the blob store a second; at least 1,
    /// default 10,000.
    pub deletes_per_second: u32,
    /// `CAIRN_GC_ORPHAN_AGE`: age at which a key without an object becomes a suspect; at least 24h, default 72h.
    pub orphan_age: Duration,
    /// `CAIRN_GC_ORPHAN_CONFIRM`: how long after it became a suspect it is deleted, if it still exists and still has no
    /// object; at least 24h, default 24h.
    pub orphan_confirm: Duration,
    /// `CAIRN_GC_ORPHAN_ROUND`: the pause between two scans of the same part of the blob store; at least 1h, default 20h.
    pub orphan_round: Duration,
    /// `CAIRN_GC_ORPHAN_LIMIT`: with more suspects than this, and more than a hundredth of all keys, no orphan is
    /// deleted; default 1,000.
    pub orphan_limit: u64,
    /// `CAIRN_GC_REHASH_BYTES`: how many bytes the search for ghosts reads and hashes in each run; default 1 GiB, 0 for
    /// none.
    pub rehash_bytes: u64,
    /// `CAIRN_RECORD_RETENTION`: how long the rows of purged artifacts, deleted objects and ended links are kept; at
    /// least 30d, default 90d.
    pub record_retention: Duration,
    /// `CAIRN_LEDGER_RETENTION`: how long the ledger of deletions is kept; at least 30d, default 400d.
    pub ledger_retention: Duration,
    /// `CAIRN_AUDIT_RETENTION`: how long the audit trail is kept, in whole days; at least 1d, default 400d.
    pub audit_retention: Duration,
    /// `CAIRN_SESSION_MAX_ARTIFACTS`: how many visible artifacts a session may have, checked once a minute; 1 to
    /// 1,000,000, default 200,000. Sealing a session is one transaction, which takes about 15 seconds for a million.
    pub session_max_artifacts: u32,
}

impl Default for GcConfig {
    fn default() -> Self {
        Self {
            worker: format!("worker-{}", std::process::id()),
            deletes_per_second: 10_000,
            orphan_age: 3 * DAY,
            orphan_confirm: DAY,
            orphan_round: Duration::from_secs(20 * 3600),
            orphan_limit: 1000,
            rehash_bytes: 1 << 30,
            record_retention: 90 * DAY,
            ledger_retention: 400 * DAY,
            audit_retention: 400 * DAY,
            session_max_artifacts: 200_000,
        }
    }
}

impl GcConfig {
    pub(crate) fn with_env(mut self) -> Result<Self> {
        if let Some(host) = env::<String>("HOSTNAME")? {
            self.worker = format!("{host}-{}", std::process::id());
        }
        override_by(&mut self.worker, "CAIRN_GC_WORKER")?;
        override_by(&mut self.deletes_per_second, "CAIRN_GC_DELETES_PER_SECOND")?;
        if self.deletes_per_second == 0 {
            let rule = "must be at least 1; `cairn admin gc pause` stops all deleting";
            return Err(Error::invalid("CAIRN_GC_DELETES_PER_SECOND", rule));
        }
        override_by(&mut self.orphan_limit, "CAIRN_GC_ORPHAN_LIMIT")?;
        let most = "CAIRN_SESSION_MAX_ARTIFACTS";
        override_by(&mut self.session_max_artifacts, most)?;
        if !(1..=1_000_000).contains(&self.session_max_artifacts) {
            return Err(Error::invalid(most, "must be 1 to 1000000"));
        }
        override_by(&mut self.rehash_bytes, "CAIRN_GC_REHASH_BYTES")?;
        // Settings cannot remove what protects bytes and records.
        for (value, variable, least) in [
            (&mut self.orphan_age, "CAIRN_GC_ORPHAN_AGE", DAY),
            (&mut self.orphan_confirm, "CAIRN_GC_ORPHAN_CONFIRM", DAY),
            (&mut self.orphan_round, "CAIRN_GC_ORPHAN_ROUND", DAY / 24),
            (
                &mut self.record_retention,
                "CAIRN_RECORD_RETENTION",
                30 * DAY,
            ),
            (
                &mut self.ledger_retention,
                "CAIRN_LEDGER_RETENTION",
                30 * DAY,
            ),
            (&mut self.audit_retention, "CAIRN_AUDIT_RETENTION", DAY),
        ] {
            override_duration(value, variable)?;
            if *value < least {
                let rule = format!("must be at least {}", humantime::format_duration(least));
                return Err(Error::invalid(variable, rule));
            }
        }
        Ok(self)
    }
}
