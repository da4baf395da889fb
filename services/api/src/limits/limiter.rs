//! What a replica counts of tenants and keys, and what it admits.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cairn_store::{Caller, Error, LimitKind, LimitReached, PlanLimits, Result};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    counts::{Counts, Direction},
    rate::Rate,
};

/// How long a refused call is asked to wait where that depends on other calls.
const PAUSE: Duration = Duration::from_secs(1);
/// How many seconds' worth of a rate may come at once.
pub(crate) const BURST: u64 = 2;
/// After how long without a call a tenant or key is forgotten: its rates are full again by then.
const IDLE: Duration = Duration::from_secs(60);

/// What this replica counts of every tenant and key that has called lately.
pub(crate) struct Limiter {
    pub(super) subjects: Mutex<HashMap<Uuid, Arc<Subject>>>,
    pub(super) replicas: AtomicU64,
}

/// One tenant, or one key.
pub(super) struct Subject {
    pub(super) id: Uuid,
    pub(super) calls: AtomicU64,
    pub(super) watches: AtomicU64,
    pub(super) requests: Rate,
    pub(super) received: Rate,
    pub(super) sent: Rate,
    pub(super) counts: Counts,
    pub(super) used_at: Mutex<Instant>,
}

impl Subject {
    fn new(id: Uuid) -> Self {
        Self {
            id,
            calls: AtomicU64::new(0),
            watches: AtomicU64::new(0),
            requests: Rate::default(),
            received: Rate::default(),
            sent: Rate::default(),
            counts: Counts::default(),
            used_at: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn places(&self, kind: LimitKind) -> &AtomicU64 {
        match kind {
            LimitKind::Watches => &self.watches,
            _ => &self.calls,
        }
    }
}

/// A subject with the limits that it has in this replica.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) subject: Arc<Subject>,
    pub(super) limits: PlanLimits,
    pub(super) of_key: bool,
}

/// A place among the calls or watches of a subject, until it is dropped.
pub(crate) struct Place {
    subject: Arc<Subject>,
    kind: LimitKind,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.subject
            .places(self.kind)
            .fetch_sub(1, Ordering::Relaxed);
    }
}

/// What limits a caller: its tenant, and its key or workload.
#[derive(Clone)]
pub(crate) struct Limited {
    pub(super) tenant: Held,
    pub(super) key: Held,
    pub(super) replicas: u64,
}

impl Default for Limiter {
    fn default() -> Self {
        Self {
            subjects: Mutex::default(),
            replicas: AtomicU64::new(1),
        }
    }
}

impl Limiter {
    /// What limits a caller.
    pub(crate) fn of(&self, caller: &Caller) -> Limited {
        let mut subjects = self.lock();
        let mut held = |id, limits, of_key| {
            let subject = subjects.entry(id);
            let subject = subject.or_insert_with(|| Arc::new(Subject::new(id)));
            Held {
                subject: subject.clone(),
                limits,
                of_key,
            }
        };
        Limited {
            tenant: held(caller.tenant.uuid(), caller.tenant.limits, false),
            key: held(caller.credential_id(), caller.limits, true),
            replicas: self.replicas.load(Ordering::Relaxed).max(1),
        }
    }

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Arc<Subject>>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets those that have no call under way, nothing to be saved, and have not called for a while.
    pub(super) fn forget_idle(&self) {
        let today = today();
        self.lock().retain(|_, subject| {
            let used_at = *subject
                .used_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            Arc::strong_count(subject) > 1
                || used_at.elapsed() < IDLE
                || !subject.counts.is_idle(today)
        });
    }
}

impl Limited {
    /// Counts a call and admits it.
    ///
    /// # Errors
    /// `LimitReached`.
    pub(crate) fn enter(&self) -> Result<Vec<Place>> {
        let today = today();
        self.tenant.subject.counts.request(today);
        let entered = self.try_enter(today);
        if entered.is_err() {
            self.tenant.subject.counts.refused(today);
        }
        entered
    }

    fn try_enter(&self, today: Date) -> Result<Vec<Place>> {
        let now = Instant::now();
        for held in self.each() {
            *held
                .subject
                .used_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = now;
        }
        self.within_month(today)?;
        let places = self.places(LimitKind::Calls)?;
        for held in self.each() {
            if let Some(max) = held.limits.get(LimitKind::RequestsPerSecond) {
                let rate = self.share(max);
                let taken = held.subject.requests.take(1.0, rate, burst(rate), now);
                taken.map_err(|pause| held.reached(LimitKind::RequestsPerSecond, max, pause))?;
            }
        }
        Ok(places)
    }

    /// A place among the calls or watches of each.
    ///
    /// # Errors
    /// `LimitReached`.
    pub(crate) fn places(&self, kind: LimitKind) -> Result<Vec<Place>> {
        let mut places = Vec::with_capacity(2);
        for held in self.each() {
            let taken = held.subject.places(kind).fetch_add(1, Ordering::Relaxed) + 1;
            places.push(Place {
                subject: held.subject.clone(),
                kind,
            });
            // Dropping the places gives them back.
            if let Some(max) = held.limits.get(kind)
                && taken > max.div_ceil(self.replicas)
            {
                return Err(held.reached(kind, max, PAUSE));
            }
        }
        Ok(places)
    }

    fn within_month(&self, today: Date) -> Result<()> {
        let held = &self.tenant;
        let Some(max) = held.limits.get(LimitKind::RequestsPerMonth) else {
            return Ok(());
        };
        if held.subject.counts.of_month(today) <= max {
            return Ok(());
        }
        let left = end_of_month(today).duration_since(Timestamp::now());
        let left = Duration::try_from(left).unwrap_or(PAUSE);
        Err(held.reached(LimitKind::RequestsPerMonth, max, left))
    }

    /// This replica's share of a rate.
    pub(super) fn share(&self, max: u64) -> f64 {
        max as f64 / self.replicas as f64
    }

    /// The key first: a call that it refuses takes nothing of what its tenant's other keys have.
    pub(super) fn each(&self) -> impl Iterator<Item = &Held> {
        [&self.key, &self.tenant].into_iter()
    }

    /// Counts bytes, and says how long to wait before the next ones.
    pub(super) fn pass(&self, direction: Direction, bytes: u64) -> Duration {
        self.tenant.subject.counts.bytes(today(), direction, bytes);
        let now = Instant::now();
        let pause = |held: &Held| {
            let (kind, rate) = match direction {
                Direction::Received => (LimitKind::ReceivedBytesPerSecond, &held.subject.received),
                Direction::Sent => (LimitKind::SentBytesPerSecond, &held.subject.sent),
            };
            let max = held.limits.get(kind)?;
            let share = self.share(max);
            Some(rate.owe(bytes as f64, share, share, now))
        };
        self.each().filter_map(pause).max().unwrap_or_default()
    }
}

impl Held {
    fn reached(&self, kind: LimitKind, max: u64, retry_after: Duration) -> Error {
        LimitReached {
            kind,
            max,
            of_key: self.of_key,
            retry_after,
        }
        .into()
    }
}

#[cfg(test)]
impl Limited {
    /// What limits a tenant in the only replica.
    pub(super) fn alone(limits: PlanLimits) -> Self {
        let held = |limits, of_key| Held {
            subject: Arc::new(Subject::new(Uuid::nil())),
            limits,
            of_key,
        };
        Self {
            tenant: held(limits, false),
            key: held(PlanLimits::default(), true),
            replicas: 1,
        }
    }
}

/// How many calls may come at once at a rate: one at least.
pub(super) fn burst(rate: f64) -> f64 {
    (rate * BURST as f64).max(1.0)
}

/// The day in UTC.
pub(super) fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

pub(super) fn end_of_month(today: Date) -> Timestamp {
    let next = today.last_of_month().tomorrow();
    let midnight = next.and_then(|day| day.to_zoned(TimeZone::UTC));
    midnight.map_or_else(|_| Timestamp::now(), |at| at.timestamp())
}
