//! How much of its limits a caller has used.

use std::{sync::atomic::Ordering, time::Duration};

use cairn_store::LimitKind;
use jiff::Timestamp;
use tokio::time::Instant;

use super::limiter::{BURST, Held, Limited, burst, end_of_month, today};

/// One limit, and how much of it is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) kind: LimitKind,
    pub(crate) max: u64,
    /// How much of it is used; `None` where this process does not count it.
    pub(crate) used: Option<u64>,
    /// When all of it is left again without further calls; `None`: when something ends or is deleted.
    pub(crate) resets_at: Option<Timestamp>,
    pub(crate) of_key: bool,
}

/// The calls each second that a caller may still make on this replica, for the header `RateLimit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallsLeft {
    /// How many may come at once.
    pub(crate) burst: u64,
    /// How many of them may come now.
    pub(crate) left: u64,
    /// In how long it is the burst again.
    pub(crate) resets_in: Duration,
}

impl Limited {
    /// Every limit of the caller's tenant and key.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        let each = [&self.tenant, &self.key].into_iter().flat_map(|held| {
            let limits = held.limits.iter();
            limits.map(|(kind, max)| self.standing(held, kind, max))
        });
        each.collect()
    }

    /// Calls that are counted here and that the database does not know yet.
    pub(crate) fn unsaved_calls(&self) -> u64 {
        self.tenant.subject.counts.unsaved(today())
    }

    /// How many calls may come; `None` without such a limit. Of two limits, the one of which less is left.
    pub(crate) fn calls_left(&self) -> Option<CallsLeft> {
        let each = self.each().filter_map(|held| {
            let rate = self.share(held.limits.get(LimitKind::RequestsPerSecond)?);
            let burst = burst(rate);
            let (left, resets_in) = held.subject.requests.left(rate, burst, Instant::now());
            Some(CallsLeft {
                burst: burst as u64,
                left: left as u64,
                resets_in,
            })
        });
        each.min_by_key(|calls| calls.left)
    }

    fn standing(&self, held: &Held, kind: LimitKind, max: u64) -> Standing {
        let subject = &held.subject;
        // What other replicas count of places is not known here: each has the same share, and probably the same calls.
        let places = |here: u64| (Some((here * self.replicas).min(max)), None);
        let (used, resets_at) = match kind {
            LimitKind::Calls => places(subject.calls.load(Ordering::Relaxed)),
            LimitKind::Watches => places(subject.watches.load(Ordering::Relaxed)),
            LimitKind::RequestsPerSecond => {
                let rate = self.share(max);
                let (left, full_in) = subject.requests.left(rate, burst(rate), Instant::now());
                let used = (burst(rate) - left) * self.replicas as f64 / BURST as f64;
                (
                    Some((used.ceil() as u64).min(max)),
                    Timestamp::now().checked_add(full_in).ok(),
                )
            }
            LimitKind::RequestsPerMonth => {
                let today = today();
                let used = subject.counts.of_month(today);
                (Some(used), Some(end_of_month(today)))
            }
            LimitKind::ReceivedBytesPerSecond
            | LimitKind::SentBytesPerSecond
            | LimitKind::Links
            | LimitKind::FileBytes
            | LimitKind::StoredBytes
            | LimitKind::Artifacts
            | LimitKind::Sessions
            | LimitKind::OpenUploads => (None, None),
        };
        Standing {
            kind,
            max,
            used,
            resets_at,
            of_key: held.of_key,
        }
    }
}
