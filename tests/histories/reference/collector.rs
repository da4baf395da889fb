//! The effects of time and the collector.

use std::collections::BTreeSet;

use super::{Life, Record, Reference, Until};

/// The predictable counts of a pass, without what a crash left behind.
pub(crate) fn counted_by(pass: &str) -> Option<&'static str> {
    match pass {
        "expire" => Some("expired"),
        "purge" => Some("purged"),
        "unpublished" => Some("unpublished"),
        "condemn" => Some("condemned"),
        "artifact_rows" => Some("artifact_rows"),
        _ => None,
    }
}

impl Reference {
    /// The time of an artifact is over.
    pub(crate) fn expire(&mut self, id: &str) {
        if let Some(record) = self.record(id) {
            record.until = Until::Over;
        }
    }

    /// The delete window of an artifact is over.
    pub(crate) fn end_window(&mut self, id: &str) {
        if let Some(Life::Deleted { window_over, .. }) = self.record(id).map(|it| &mut it.life) {
            *window_over = true;
        }
    }

    /// What is unpublished has waited too long.
    pub(crate) fn end_wait(&mut self, id: &str) {
        let mut waiting = self.waiting.iter_mut();
        if let Some(waiting) = waiting.find(|waiting| waiting.id == id) {
            waiting.overdue = true;
        }
    }

    /// Every wait is over.
    pub(crate) fn let_time_pass(&mut self) {
        for record in &mut self.artifacts {
            match &mut record.life {
                Life::Live if record.until == Until::Soon => record.until = Until::Over,
                Life::Deleted { window_over, .. } => *window_over = true,
                _ => {}
            }
        }
        for waiting in &mut self.waiting {
            waiting.overdue = true;
        }
    }

    /// The rows of purged artifacts are past their retention.
    pub(crate) fn end_retention(&mut self) {
        for record in &mut self.artifacts {
            if let Life::Purged { retention_over, .. } = &mut record.life {
                *retention_over = true;
            }
        }
    }

    /// Everything is collected, with time passing.
    pub(crate) fn drain(&mut self) {
        // What expires in the first round is purged in the second.
        for _ in 0..2 {
            self.let_time_pass();
            for pass in ["expire", "purge", "unpublished", "condemn", "artifact_rows"] {
                self.pass(pass);
            }
        }
    }

    /// Applies the pass, as far as it is predictable, and returns how many it changed.
    pub(crate) fn pass(&mut self, name: &str) -> u64 {
        let done = match name {
            "expire" => self.change(Record::is_due, Record::delete),
            "purge" => self.change(Record::is_to_be_purged, Record::purge),
            "unpublished" => {
                let before = self.waiting.len();
                self.waiting.retain(|waiting| !waiting.overdue);
                before - self.waiting.len()
            }
            "artifact_rows" => self.forget(),
            "condemn" => {
                let before = self.objects.len();
                let mut objects = std::mem::take(&mut self.objects);
                objects.retain(|content| self.is_pinned(*content));
                self.objects = objects;
                before - self.objects.len()
            }
            _ => 0,
        };
        done as u64
    }

    fn change(&mut self, due: fn(&Record) -> bool, change: fn(&mut Record)) -> usize {
        let due = self.artifacts.iter_mut().filter(|record| due(record));
        due.map(change).count()
    }

    /// Deletes rows, except those of inputs, which are checked again another day.
    fn forget(&mut self) -> usize {
        let inputs: BTreeSet<_> = self
            .artifacts
            .iter()
            .filter_map(|it| it.input.clone())
            .collect();
        let before = self.artifacts.len();
        self.artifacts.retain_mut(|record| match &mut record.life {
            Life::Purged { retention_over, .. } if *retention_over => {
                *retention_over = false;
                inputs.contains(&record.id)
            }
            _ => true,
        });
        before - self.artifacts.len()
    }

    fn record(&mut self, id: &str) -> Option<&mut Record> {
        self.artifacts.iter_mut().find(|record| record.id == id)
    }
}

impl Record {
    fn is_to_be_purged(&self) -> bool {
        let over = matches!(
            self.life,
            Life::Deleted {
                window_over: true,
                ..
            }
        );
        over && !self.is_held()
    }

    fn purge(&mut self) {
        let of_age = matches!(self.life, Life::Deleted { of_age: true, .. });
        self.life = Life::Purged {
            of_age,
            retention_over: false,
        };
    }
}
