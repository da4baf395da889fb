//! What a read may cost.

/// The budget of a read.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Budget {
    /// The most bytes of text to print: 256 to 262144; by default 16384
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(256..=262_144))]
    max_bytes: Option<i64>,
    /// The most bytes of the artifact to look through: 1 MiB to 1 GiB; by default 256 MiB
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(1_048_576..=1_073_741_824))]
    max_scan_bytes: Option<i64>,
    /// Go on where an earlier answer ended: its next_cursor
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
}

impl Budget {
    /// Bytes of text; 0 for the default.
    pub(crate) fn max_bytes(&self) -> i64 {
        self.max_bytes.unwrap_or_default()
    }

    /// Bytes of content; 0 for the default.
    pub(crate) fn max_scan_bytes(&self) -> i64 {
        self.max_scan_bytes.unwrap_or_default()
    }
}
