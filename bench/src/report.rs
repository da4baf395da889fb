//! Tables of ratios, with whether each reaches its target.

use std::fmt;

/// The median; of two, the lower.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[(figures.len() - 1) / 2]
}

/// A figure of several rounds: its median, minimum and maximum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl From<Vec<f64>> for Spread {
    fn from(figures: Vec<f64>) -> Self {
        Self {
            least: figures.iter().copied().fold(f64::INFINITY, f64::min),
            most: figures.iter().copied().fold(0.0, f64::max),
            median: median(figures),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.median < 10.0 { 2 } else { 0 };
        write!(f, "{:.digits$}", self.median)?;
        if self.least < self.most {
            write!(f, " ({:.digits$} to {:.digits$})", self.least, self.most)?;
        }
        Ok(())
    }
}

/// The target of a ratio.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    /// None: the figure is for information.
    Nothing,
    AtLeast(f64),
    AtMost(f64),
}

impl Wanted {
    /// `None`: nothing is wanted.
    fn is_reached(self, ratio: f64) -> Option<bool> {
        match self {
            Self::Nothing => None,
            Self::AtLeast(least) => Some(ratio >= least),
            Self::AtMost(most) => Some(ratio <= most),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "–"),
            Self::AtLeast(least) => write!(f, ">= {least}"),
            Self::AtMost(most) => write!(f, "<= {most}"),
        }
    }
}

/// Prints tables as they are filled, in Markdown, and counts the targets that were reached.
#[derive(Debug, Default)]
pub(crate) struct Report {
    reached: u32,
    missed: Vec<String>,
}

impl Report {
    /// Starts a table.
    pub(crate) fn begin(&mut self, title: &str, [work, ours, peer]: [&str; 3]) {
        println!(
            "\n### {title}\n\n| {work} | {ours} | {peer} | ratio | wanted | reached |\n|---|---|---|---|---|---|"
        );
    }

    /// A row: the work, the results of Cairn and of the peer, their ratio and the target.
    pub(crate) fn row(
        &mut self,
        work: &str,
        ours: &str,
        peer: &str,
        ratio: impl Into<Spread>,
        wanted: Wanted,
    ) {
        let ratio = ratio.into();
        let reached = match wanted.is_reached(ratio.median) {
            None => "–",
            Some(true) => {
                self.reached += 1;
                "yes"
            }
            Some(false) => {
                self.missed
                    .push(format!("{work}: {:.2}, {wanted}", ratio.median));
                "**no**"
            }
        };
        println!("| {work} | {ours} | {peer} | {ratio} | {wanted} | {reached} |");
    }

    /// A row of a failure.
    pub(crate) fn failed(&mut self, work: &str, ours: &str, peer: &str, why: &str, wanted: Wanted) {
        self.missed.push(format!("{work}: {why}"));
        println!("| {work} | {ours} | {peer} | {why} | {wanted} | **no** |");
    }

    /// The last lines.
    pub(crate) fn end(self) {
        let wanted = self.reached as usize + self.missed.len();
        println!("\n{} of {wanted} targets are reached.", self.reached);
        if !self.missed.is_empty() {
            println!("\nNot reached:\n");
            for missed in self.missed {
                println!("- {missed}");
            }
        }
    }
}
