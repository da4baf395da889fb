//! Progress: bars on standard error, or lines when standard error is not a terminal.

use std::{
    future::Future,
    io::{IsTerminal, stderr},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cairn_client::{Observer, Progress as Step};
use indicatif::{
    BinaryBytes, HumanCount, MultiProgress, ProgressBar, ProgressFinish, ProgressStyle,
    WeakProgressBar,
};
use tokio::time::{Instant, interval_at};

use crate::terminal::{output::Output, printable::printable};

/// How often a line is written.
const EVERY: Duration = Duration::from_secs(10);

/// How many running transfers a line names.
const MAX_NAMED: usize = 3;

/// The bars of several transfers. A clone shares them.
#[derive(Clone)]
pub(crate) struct Progress {
    bars: MultiProgress,
    /// Of how many things how many are done.
    count: ProgressBar,
    things: u64,
    under_way: Arc<Mutex<Vec<(String, WeakProgressBar)>>>,
}

impl Progress {
    pub(crate) fn of(things: usize) -> Self {
        let bars = MultiProgress::new();
        let things = things as u64;
        let count = if things > 1 {
            bars.add(bar(Some(things), "{pos} of {len}"))
        } else {
            ProgressBar::hidden()
        };
        Self {
            bars,
            count,
            things,
            under_way: Arc::default(),
        }
    }

    /// A bar for the bytes of one thing. It goes when its last clone is dropped.
    pub(crate) fn bytes(&self, name: &str, length: Option<u64>) -> ProgressBar {
        let template = if length.is_some() {
            "{bar:24} {bytes:>11} of {total_bytes:<11} {bytes_per_sec:>13} {eta:>4} {prefix}"
        } else {
            "{spinner} {bytes:>11} {bytes_per_sec:>13} {prefix}"
        };
        let bar = self
            .bars
            .add(bar(length, template).with_prefix(printable(name)));
        let under_way = self.under_way.lock();
        let mut under_way = under_way.unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|(_, bar)| bar.upgrade().is_some());
        under_way.push((name.to_owned(), bar.downgrade()));
        bar
    }

    /// A bar for how many of many things are done. It disappears as that of bytes does.
    pub(crate) fn things(&self, name: &str, length: Option<u64>) -> ProgressBar {
        let template = if length.is_some() {
            "{bar:24} {human_pos:>9} of {human_len:<9} {eta:>4} {prefix}"
        } else {
            "{spinner} {human_pos:>9} {prefix}"
        };
        let bar = bar(length, template).with_prefix(printable(name));
        self.bars.add(bar)
    }

    /// Shows the transfer of one thing: a bar for each part of it, of which the last goes with the observer.
    pub(crate) fn observer(&self, name: &str, length: Option<u64>, output: Output) -> Observer {
        let (progress, name) = (self.clone(), name.to_owned());
        let shown: Mutex<Option<(Part, ProgressBar)>> = Mutex::default();
        Observer::new(move |step| {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            let mut bar = |part: Part, length| {
                if shown.as_ref().is_none_or(|(now, _)| *now != part) {
                    // The bar before goes first.
                    *shown = None;
                }
                let bar = shown.get_or_insert_with(|| match part {
                    Part::Reading => (part, progress.bytes(&format!("{name}, reading"), length)),
                    Part::Transfer => (part, progress.bytes(&name, length)),
                });
                bar.1.clone()
            };
            match step {
                Step::Hashed { bytes, total } => {
                    bar(Part::Reading, Some(total)).set_position(bytes);
                }
                Step::Sent { bytes, total } => bar(Part::Transfer, total).set_position(bytes),
                Step::Received { more } => bar(Part::Transfer, length).inc(more),
                Step::Opened { upload_id } => {
                    let words = format!(
                        "{name}: upload {upload_id}; if it is interrupted, push again, or with --resume {upload_id}"
                    );
                    progress.aside(|| output.progress(&words));
                }
                Step::Retrying { reason } => {
                    let words = format!("{name}: {reason}");
                    progress.aside(|| output.progress(&words));
                }
                _ => {}
            }
        })
    }

    pub(crate) fn one_done(&self) {
        self.count.inc(1);
    }

    /// Writes to the terminal without the bars in between.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bars.suspend(write)
    }

    /// Does work, and prints a line every ten seconds when no terminal shows the bars.
    pub(crate) async fn report_during<T>(
        &self,
        tell: impl Fn(&str),
        work: impl Future<Output = T>,
    ) -> T {
        if stderr().is_terminal() {
            work.await
        } else {
            self.lines(tell, work).await
        }
    }

    async fn lines<T>(&self, tell: impl Fn(&str), work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut tick = interval_at(Instant::now() + EVERY, EVERY);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = tick.tick() => {
                    let line = self.line();
                    if !line.is_empty() {
                        tell(&line);
                    }
                }
            }
        }
    }

    /// "250 of 20,000 done; under way: a.bin (12 MiB of 300 MiB)"; nothing where nothing goes on.
    fn line(&self) -> String {
        let under_way = self.under_way.lock();
        let under_way = under_way.unwrap_or_else(PoisonError::into_inner);
        let running = under_way.iter().filter_map(|(name, bar)| {
            let bar = bar.upgrade()?;
            let position = BinaryBytes(bar.position());
            Some(match bar.length() {
                Some(length) => format!("{name} ({position} of {})", BinaryBytes(length)),
                None => format!("{name} ({position})"),
            })
        });
        let running: Vec<String> = running.take(MAX_NAMED).collect();
        let done = (self.things > 1).then(|| {
            let [done, all] = [self.count.position(), self.things].map(HumanCount);
            format!("{done} of {all} done")
        });
        let running = (!running.is_empty()).then(|| format!("under way: {}", running.join(", ")));
        let parts: Vec<String> = done.into_iter().chain(running).collect();
        parts.join("; ")
    }
}

/// What a bar is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Reading a file to know its hash.
    Reading,
    Transfer,
}

fn bar(length: Option<u64>, template: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
    bar.with_style(style).with_finish(ProgressFinish::AndClear)
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, time::Duration};

    use tokio::time::sleep;

    use super::Progress;

    #[tokio::test(start_paused = true)]
    async fn a_line_every_ten_seconds_tells_how_far_it_is() {
        let progress = Progress::of(2_000);
        let lines = RefCell::default();
        let work = async {
            sleep(Duration::from_secs(11)).await;
            progress.one_done();
            let bar = progress.bytes("a.bin", Some(300 << 20));
            bar.inc(12 << 20);
            sleep(Duration::from_secs(10)).await;
            drop(bar);
            sleep(Duration::from_secs(10)).await;
        };
        let tell = |line: &str| {
            let lines: &RefCell<Vec<String>> = &lines;
            lines.borrow_mut().push(line.to_owned());
        };
        progress.lines(tell, work).await;
        let expected = [
            "0 of 2,000 done",
            "1 of 2,000 done; under way: a.bin (12.00 MiB of 300.00 MiB)",
            "1 of 2,000 done",
        ];
        assert_eq!(lines.into_inner(), expected);
    }
}
