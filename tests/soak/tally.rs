//! What is counted.

use std::{collections::BTreeMap, fmt, sync::Mutex, time::Instant};

/// What must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Broken {
    /// A missing artifact, or missing bytes, that must exist.
    Lost,
    /// A sealed session that does not hold what it held when it was sealed.
    Seal,
    /// A deleted artifact that can still be read.
    Deletion,
    /// A write that was made twice, or one that was refused and made.
    Once,
    /// Bytes or rows that nothing needs, after the drain.
    Leak,
    /// An event that a watcher missed, heard twice or in a wrong order.
    Event,
    /// Anything else: a state that went back, a program that crashed, a call without an answer.
    Other,
}

#[derive(Debug)]
pub(super) struct Tally {
    began: Instant,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    broken: Mutex<Vec<(Broken, String)>>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            counts: Mutex::default(),
            broken: Mutex::default(),
        }
    }

    pub(super) fn add(&self, what: &'static str) {
        *self.counts.lock().unwrap().entry(what).or_default() += 1;
    }

    pub(super) fn broken(&self, promise: Broken, words: String) {
        let seconds = self.began.elapsed().as_secs_f32();
        eprintln!("{seconds:.1}s {promise:?}: {words}");
        self.broken.lock().unwrap().push((promise, words));
    }

    /// Events, for the log of a run.
    pub(super) fn say(&self, words: &str) {
        eprintln!("{:.1}s {words}", self.began.elapsed().as_secs_f32());
    }

    fn breaches(&self, promise: Broken) -> u64 {
        let broken = self.broken.lock().unwrap();
        let found = broken.iter().filter(|(found, _)| *found == promise);
        found.count() as u64
    }

    pub(super) fn is_sound(&self) -> bool {
        self.broken.lock().unwrap().is_empty()
    }

    fn with_prefix(&self, prefix: &str) -> Vec<(String, u64)> {
        let counts = self.counts.lock().unwrap();
        let found = counts.iter().filter_map(|(name, count)| {
            let rest = name.strip_prefix(prefix)?;
            Some((rest.to_owned(), *count))
        });
        found.collect()
    }

    fn section(&self, f: &mut fmt::Formatter<'_>, title: &str, prefix: &str) -> fmt::Result {
        let rows = self.with_prefix(prefix);
        let sum: u64 = rows.iter().map(|(_, count)| count).sum();
        writeln!(f, "{title:<44}{sum:>8}")?;
        for (name, count) in rows {
            writeln!(f, "  {name:<42}{count:>8}")?;
        }
        Ok(())
    }
}

/// The table at the end of a run.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.section(f, "operations answered", OPERATION)?;
        self.section(f, "attempts without a usable answer", ATTEMPT)?;
        self.section(f, "faults", FAULT)?;
        self.section(f, "checks", CHECK)?;
        for (name, promise) in [
            ("lost", Broken::Lost),
            ("sealed-session violations", Broken::Seal),
            ("deleted but readable", Broken::Deletion),
            ("writes made twice, or made and refused", Broken::Once),
            ("leaked keys and rows after the drain", Broken::Leak),
            ("events missed, repeated or disordered", Broken::Event),
            ("anything else that must not be", Broken::Other),
        ] {
            writeln!(f, "{name:<44}{:>8}", self.breaches(promise))?;
        }
        Ok(())
    }
}

pub(super) const OPERATION: &str = "operation: ";
pub(super) const ATTEMPT: &str = "attempt: ";
pub(super) const FAULT: &str = "fault: ";
pub(super) const CHECK: &str = "check: ";
