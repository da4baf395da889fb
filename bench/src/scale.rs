//! The sizes of a run.

use std::time::Duration;

use clap::ValueEnum;

/// How large a run is.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Size {
    /// Some seconds: shows that everything works, and says nothing of speed
    Smoke,
    /// Ten minutes on two cores
    Short,
    /// Some hours, 60 GB: 10 million artifacts, streams of a gibibyte
    Full,
}

/// The numbers.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    /// How often each side takes its turn.
    pub(crate) rounds: u32,
    /// How long a turn of small calls is.
    pub(crate) turn: Duration,
    /// The length of a large file, in MiB.
    pub(crate) stream: u64,
    /// How many uploads run at once on one connection.
    pub(crate) crowd: usize,
    /// The size of each, in MiB.
    pub(crate) crowd_stream: u64,
    /// How many files are in a folder.
    pub(crate) files: u32,
    /// The small number of artifacts.
    pub(crate) few: u32,
    /// The large numbers of artifacts.
    pub(crate) many: Vec<u32>,
    /// How many objects are deleted in a turn.
    pub(crate) reclaimed: u32,
    /// The large number of artifacts for the collector's idle passes.
    pub(crate) idle: u32,
}

impl From<Size> for Scale {
    fn from(size: Size) -> Self {
        match size {
            Size::Smoke => Self {
                rounds: 1,
                turn: Duration::from_millis(50),
                stream: 16,
                crowd: 4,
                crowd_stream: 1,
                files: 50,
                few: 1000,
                many: vec![2000],
                reclaimed: 100,
                idle: 2000,
            },
            Size::Short => Self {
                rounds: 5,
                turn: Duration::from_secs(2),
                stream: 512,
                crowd: 32,
                crowd_stream: 64,
                files: 2000,
                few: 10_000,
                many: vec![200_000],
                reclaimed: 2000,
                idle: 200_000,
            },
            Size::Full => Self {
                rounds: 7,
                turn: Duration::from_secs(3),
                stream: 1024,
                crowd: 64,
                crowd_stream: 256,
                files: 20_000,
                few: 10_000,
                many: vec![1_000_000, 10_000_000],
                reclaimed: 5000,
                idle: 10_000_000,
            },
        }
    }
}

impl Scale {
    /// Has so many artifacts in the longest list, and no more in any, for a machine with less disk.
    pub(crate) fn with_longest(mut self, artifacts: u32) -> Self {
        self.many.retain(|many| *many < artifacts);
        self.many.push(artifacts);
        self.idle = self.idle.min(artifacts);
        self
    }
}
