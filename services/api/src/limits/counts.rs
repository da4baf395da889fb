//! The calls of a tenant that the other replicas do not know yet.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use cairn_store::DayOfCalls;
use jiff::civil::Date;
use uuid::Uuid;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the caller.
    Received,
    /// To the caller.
    Sent,
}

/// Counts by day until they are saved.
#[derive(Default)]
pub(crate) struct Counts(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    days: BTreeMap<Date, Day>,
    /// The first day of a month, and how many calls all replicas have saved of it.
    month: Option<(Date, u64)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Day {
    requests: u64,
    refused: u64,
    received: u64,
    sent: u64,
}

impl Counts {
    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn request(&self, today: Date) {
        self.with(|inner| inner.days.entry(today).or_default().requests += 1);
    }

    pub(super) fn refused(&self, today: Date) {
        self.with(|inner| inner.days.entry(today).or_default().refused += 1);
    }

    pub(super) fn bytes(&self, today: Date, direction: Direction, bytes: u64) {
        self.with(|inner| {
            let day = inner.days.entry(today).or_default();
            match direction {
                Direction::Received => day.received += bytes,
                Direction::Sent => day.sent += bytes,
            }
        });
    }

    /// The calls of this month, as far as they are known.
    pub(super) fn of_month(&self, today: Date) -> u64 {
        let first = today.first_of_month();
        self.with(|inner| {
            let saved = inner.month.filter(|(month, _)| *month == first);
            let here: u64 = inner.days.range(first..).map(|(_, day)| day.requests).sum();
            saved.map_or(0, |(_, saved)| saved) + here
        })
    }

    /// The calls of today that are not saved yet.
    pub(super) fn unsaved(&self, today: Date) -> u64 {
        self.with(|inner| inner.days.get(&today).map_or(0, |day| day.requests))
    }

    /// Whether nothing would be forgotten with it: neither calls that are not saved, nor the sum of this month.
    pub(super) fn is_idle(&self, today: Date) -> bool {
        let first = today.first_of_month();
        self.with(|inner| {
            inner.days.is_empty() && inner.month.is_none_or(|(month, _)| month != first)
        })
    }

    /// Takes what is to be saved.
    pub(super) fn take(&self, tenant: Uuid) -> Vec<DayOfCalls> {
        let days = self.with(|inner| std::mem::take(&mut inner.days));
        let day = |(day, counts): (Date, Day)| DayOfCalls {
            tenant,
            day,
            requests: counts.requests,
            refused: counts.refused,
            received_bytes: counts.received,
            sent_bytes: counts.sent,
        };
        days.into_iter().map(day).collect()
    }

    /// Puts back what could not be saved.
    pub(super) fn put_back(&self, calls: &DayOfCalls) {
        self.with(|inner| {
            let day = inner.days.entry(calls.day).or_default();
            day.requests += calls.requests;
            day.refused += calls.refused;
            day.received += calls.received_bytes;
            day.sent += calls.sent_bytes;
        });
    }

    /// Notes how many calls all replicas have saved of this month.
    pub(super) fn month_is(&self, today: Date, calls: u64) {
        self.with(|inner| inner.month = Some((today.first_of_month(), calls)));
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::Counts;

    #[test]
    fn what_a_month_has_seen_is_kept_until_its_end() {
        let (counts, today) = (Counts::default(), date(2026, 11, 30));
        assert!(counts.is_idle(today));
        counts.month_is(today, 7);
        assert!(!counts.is_idle(today));
        assert!(counts.is_idle(date(2026, 12, 1)));
    }
}
