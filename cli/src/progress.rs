//! Bars on standard error for whoever waits; nothing at all when that is no terminal.

use indicatif::{MultiProgress, ProgressBar, ProgressFinish, ProgressStyle};

use crate::printable::printable;

/// The bars of several transfers.
pub(crate) struct Progress {
    bars: MultiProgress,
    /// Of how many things how many are done.
    count: ProgressBar,
}

impl Progress {
    pub(crate) fn of(things: usize) -> Self {
        let bars = MultiProgress::new();
        let count = if things > 1 {
            bars.add(bar(Some(things as u64), "{pos} of {len}"))
        } else {
            ProgressBar::hidden()
        };
        Self { bars, count }
    }

    /// A bar for the bytes of one thing. It goes when its last clone is dropped.
    pub(crate) fn bytes(&self, name: &str, length: Option<u64>) -> ProgressBar {
        let template = if length.is_some() {
            "{bar:24} {bytes:>11} of {total_bytes:<11} {bytes_per_sec:>13} {eta:>4} {prefix}"
        } else {
            "{spinner} {bytes:>11} {bytes_per_sec:>13} {prefix}"
        };
        let bar = bar(length, template).with_prefix(printable(name));
        self.bars.add(bar)
    }

    /// A bar for how many of many things are done. It goes as that of bytes does.
    pub(crate) fn things(&self, name: &str, length: Option<u64>) -> ProgressBar {
        let template = if length.is_some() {
            "{bar:24} {human_pos:>9} of {human_len:<9} {eta:>4} {prefix}"
        } else {
            "{spinner} {human_pos:>9} {prefix}"
        };
        let bar = bar(length, template).with_prefix(printable(name));
        self.bars.add(bar)
    }

    pub(crate) fn one_done(&self) {
        self.count.inc(1);
    }

    /// Writes to the terminal without the bars in between.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bars.suspend(write)
    }
}

fn bar(length: Option<u64>, template: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
    bar.with_style(style).with_finish(ProgressFinish::AndClear)
}
