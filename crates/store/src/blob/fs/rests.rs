//! The rest of a folder that a page of a listing leaves to the next page.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// The rest of the last folder that a page read, so that the next page need not read it again: otherwise a folder of
/// many pages is read each time. Each rest is used once, by the read that continues after that page.
#[derive(Default)]
pub(super) struct Rests {
    kept: Mutex<VecDeque<Rest>>,
    #[cfg(test)]
    pub(super) folders: std::sync::atomic::AtomicUsize,
}

struct Rest {
    start: String,
    after: String,
    paths: Vec<String>,
}

/// How many listings can continue at once without reading a folder again.
const RESTS: usize = 8;

impl Rests {
    pub(super) fn take(&self, start: &str, after: &str) -> Vec<String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept
            .iter()
            .position(|rest| rest.start == start && rest.after == after);
        let rest = place.and_then(|place| kept.remove(place));
        rest.map(|rest| rest.paths).unwrap_or_default()
    }

    pub(super) fn keep(&self, start: &str, after: &str, paths: Vec<String>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(RESTS - 1);
        kept.push_front(Rest {
            start: start.to_owned(),
            after: after.to_owned(),
            paths,
        });
    }

    #[cfg(test)]
    pub(super) fn count_folder(&self) {
        use std::sync::atomic::Ordering;
        self.folders.fetch_add(1, Ordering::Relaxed);
    }
}
