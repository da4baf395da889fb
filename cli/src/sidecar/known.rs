//! The state of each file of a folder: changing, waiting, being pushed, or done.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use cairn_client::Stamp;
use tokio::time::Instant;

use crate::error::Fault;

/// The files of a folder, and those that wait to be pushed.
pub(super) struct Known {
    /// For how long a file must stand still before it is taken to be whole; `None` when what is there must do.
    settle: Option<Duration>,
    files: HashMap<Arc<str>, File>,
    queue: VecDeque<Arc<str>>,
}

struct File {
    stamp: Stamp,
    /// When it was first seen to be in this state, or could not be pushed the last time.
    since: Instant,
    /// When it was last seen.
    seen: Instant,
    step: Step,
}

/// How far a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Not for long enough in its state.
    Changing,
    Waiting,
    UnderWay {
        /// Since it was begun.
        changed: bool,
    },
    Ended(End),
}

/// The outcome of a file in its present state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Pushed,
    /// It will not do, by whose fault.
    Refused(Fault),
}

impl Known {
    pub(super) fn nothing(settle: Duration) -> Self {
        Self {
            settle: Some(settle),
            files: HashMap::new(),
            queue: VecDeque::new(),
        }
    }

    /// From now on no file needs to stand still.
    pub(super) fn hurry(&mut self) {
        self.settle = None;
    }

    /// Takes notice of the files that are there and of their states, which were looked at between `began` and now. Returns
    /// those that are gone before they were pushed.
    pub(super) fn see(
        &mut self,
        files: Vec<(String, Stamp)>,
        began: Instant,
        now: Instant,
    ) -> Vec<Arc<str>> {
        for (name, stamp) in files {
            let file = match self.files.get_mut(&*name) {
                Some(file) => file,
                None => self.files.entry(name.into()).or_insert(File {
                    stamp,
                    since: now,
                    seen: now,
                    step: Step::Changing,
                }),
            };
            let settled = |since| {
                let settle = self.settle;
                settle.is_none_or(|settle| began.saturating_duration_since(since) >= settle)
            };
            file.see(stamp, now, settled);
        }
        let mut lost = Vec::new();
        self.files.retain(|name, file| {
            if file.seen < now && file.step == Step::Waiting {
                lost.push(name.clone());
            }
            // A file that is being pushed is open, or its push fails as gone.
            file.seen == now || matches!(file.step, Step::UnderWay { .. })
        });
        let waiting = self
            .files
            .iter()
            .filter(|(_, file)| file.step == Step::Waiting);
        let mut waiting: Vec<_> = waiting
            .map(|(name, file)| (file.since, name.clone()))
            .collect();
        waiting.sort();
        self.queue = waiting.into_iter().map(|(_, name)| name).collect();
        lost
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether any file waits to be pushed.
    pub(super) fn waits(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The file that has waited longest, and the state in which it is to be pushed.
    pub(super) fn next(&mut self) -> Option<(Arc<str>, Stamp)> {
        let name = self.queue.pop_front()?;
        let file = self.files.get_mut(&name)?;
        file.step = Step::UnderWay { changed: false };
        Some((name, file.stamp))
    }

    /// Records the outcome of a push. The file may have changed meanwhile.
    pub(super) fn end(&mut self, name: &Arc<str>, end: End) {
        self.leave(name, Step::Ended(end));
    }

    /// Puts a file that was being pushed behind all that wait.
    pub(super) fn again(&mut self, name: &Arc<str>, now: Instant) {
        if let Some(file) = self.leave(name, Step::Waiting) {
            file.since = now;
        }
    }

    /// Notes that a file that was being pushed is in another state now.
    pub(super) fn changed(&mut self, name: &Arc<str>, stamp: Stamp, now: Instant) {
        if let Some(file) = self.leave(name, Step::Changing) {
            file.stamp = stamp;
            file.since = now;
        }
    }

    pub(super) fn forget(&mut self, name: &Arc<str>) {
        self.files.remove(name);
    }

    /// The files that are neither pushed nor refused.
    pub(super) fn left(&self) -> Vec<Arc<str>> {
        let left = self
            .files
            .iter()
            .filter(|(_, file)| !matches!(file.step, Step::Ended(_)));
        let mut left: Vec<_> = left.map(|(name, _)| name.clone()).collect();
        left.sort();
        left
    }

    /// Whose fault the worst refusal is.
    pub(super) fn worst(&self) -> Option<Fault> {
        let refused = self.files.values().filter_map(|file| match file.step {
            Step::Ended(End::Refused(fault)) => Some(fault),
            _ => None,
        });
        refused.max()
    }

    /// Takes a file that was being pushed to its next step, or back to the first when it has changed meanwhile.
    fn leave(&mut self, name: &Arc<str>, next: Step) -> Option<&mut File> {
        let file = self.files.get_mut(name)?;
        let changed = file.step != Step::UnderWay { changed: false } || next == Step::Changing;
        file.step = match (changed, self.settle) {
            (false, _) => next,
            (true, Some(_)) => Step::Changing,
            (true, None) => Step::Waiting,
        };
        if file.step == Step::Waiting {
            self.queue.push_back(name.clone());
        }
        Some(file)
    }
}

impl File {
    /// Takes notice of the state that the file is in.
    fn see(&mut self, stamp: Stamp, now: Instant, settled: impl Fn(Instant) -> bool) {
        self.seen = now;
        if stamp != self.stamp {
            self.stamp = stamp;
            self.since = now;
            self.step = match self.step {
                Step::UnderWay { .. } => Step::UnderWay { changed: true },
                _ => Step::Changing,
            };
        }
        if self.step == Step::Changing && settled(self.since) {
            self.step = Step::Waiting;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, sync::Arc, time::Duration};

    use cairn_client::Stamp;
    use tempfile::NamedTempFile;
    use tokio::time::Instant;

    use super::{End, Known};
    use crate::error::Fault;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    const SETTLE: Duration = Duration::from_secs(2);

    /// A folder of one file, seen every second.
    struct Seen {
        known: Known,
        file: NamedTempFile,
        now: Instant,
    }

    impl Seen {
        fn new() -> std::io::Result<Self> {
            Ok(Self {
                known: Known::nothing(SETTLE),
                file: NamedTempFile::new()?,
                now: Instant::now(),
            })
        }

        fn see(&mut self) -> std::io::Result<usize> {
            let stamp = Stamp::of(&self.file.as_file().metadata()?);
            self.now += Duration::from_secs(1);
            Ok(self
                .known
                .see(vec![("a".to_owned(), stamp)], self.now, self.now)
                .len())
        }

        fn write(&mut self) -> std::io::Result<()> {
            self.file.write_all(b"x")
        }

        fn next(&mut self) -> std::result::Result<Arc<str>, &'static str> {
            Ok(self.known.next().ok_or("nothing waits")?.0)
        }
    }

    #[test]
    fn a_file_is_pushed_once_it_has_settled() -> Result {
        let mut seen = Seen::new()?;
        seen.see()?;
        seen.see()?;
        assert!(!seen.known.waits());
        seen.write()?;
        for _ in 0..2 {
            seen.see()?;
            assert!(!seen.known.waits());
        }
        seen.see()?;
        let name = seen.next()?;
        assert_eq!(seen.known.left().len(), 1);
        seen.known.end(&name, End::Pushed);
        for _ in 0..9 {
            seen.see()?;
            assert!(!seen.known.waits());
        }
        assert!(seen.known.left().is_empty() && seen.known.worst().is_none());
        Ok(())
    }

    #[test]
    fn a_file_that_changes_during_its_push_is_pushed_again() -> Result {
        let mut seen = Seen::new()?;
        for _ in 0..3 {
            seen.see()?;
        }
        let name = seen.next()?;
        seen.write()?;
        for _ in 0..9 {
            seen.see()?;
            assert!(!seen.known.waits());
        }
        seen.known.end(&name, End::Refused(Fault::Caller));
        // The refused file is gone.
        assert_eq!(seen.known.worst(), None);
        seen.see()?;
        let name = seen.next()?;
        seen.known.end(&name, End::Refused(Fault::Server));
        assert_eq!(seen.known.worst(), Some(Fault::Server));
        Ok(())
    }

    #[test]
    fn at_the_end_no_file_needs_to_stand_still() -> Result {
        let mut seen = Seen::new()?;
        seen.known.hurry();
        seen.see()?;
        let name = seen.next()?;
        seen.write()?;
        let stamp = Stamp::of(&seen.file.as_file().metadata()?);
        seen.known.changed(&name, stamp, seen.now);
        assert_eq!(seen.known.next(), Some((name.clone(), stamp)));
        seen.known.again(&name, seen.now);
        assert!(seen.known.waits());
        Ok(())
    }

    #[test]
    fn what_goes_is_missed_only_if_it_waited_and_is_forgotten() -> Result {
        let mut seen = Seen::new()?;
        let gone = |seen: &mut Seen| {
            seen.now += Duration::from_secs(1);
            seen.known.see(vec![], seen.now, seen.now).len()
        };
        seen.see()?;
        assert_eq!(gone(&mut seen), 0);
        for _ in 0..3 {
            seen.see()?;
        }
        assert_eq!(gone(&mut seen), 1);
        assert!(seen.known.left().is_empty() && !seen.known.waits());
        Ok(())
    }
}
