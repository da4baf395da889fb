//! The files that a push leaves out, and the words for them.

use std::path::PathBuf;

use crate::terminal::output::Output;

/// How many of one kind a message names.
const MAX_NAMED: usize = 10;

/// Something that is not pushed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Skipped {
    pub(crate) path: PathBuf,
    pub(crate) why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    Hidden,
    Excluded,
    Ignored,
    /// A link out of the folder.
    LeadsOut,
    /// A link to nothing.
    LeadsNowhere,
    /// A link to a folder that it lies in.
    Loop,
    OtherFileSystem,
    /// No regular file.
    Special,
    /// A file that `cairn pull` did not finish.
    Temporary,
    DataFolder,
}

impl Why {
    /// Whether an option pushes it or leaves it out; such files share one message.
    pub(crate) fn is_a_rule(self) -> bool {
        matches!(self, Self::Hidden | Self::Excluded | Self::Ignored)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Hidden => "hidden, which --hidden pushes",
            Self::Excluded => "left out by --exclude or its default",
            Self::Ignored => "left out by .cairnignore",
            Self::LeadsOut => "a symbolic link that leads out of the folder",
            Self::LeadsNowhere => "a symbolic link that leads nowhere",
            Self::Loop => "a symbolic link that leads back to where it lies",
            Self::OtherFileSystem => "on another file system",
            Self::Special => "not a regular file",
            Self::Temporary => "a temporary file of cairn pull",
            Self::DataFolder => "a data folder of Cairn, with its key and all bytes",
        }
    }
}

/// Reports skipped files: one line for each, and one for all that a rule skips.
pub(crate) fn report_skipped(skipped: &[Skipped], output: Output) {
    let (rules, others): (Vec<_>, Vec<_>) =
        skipped.iter().partition(|skipped| skipped.why.is_a_rule());
    report_each(others.into_iter(), output);
    for why in [Why::Hidden, Why::Excluded, Why::Ignored] {
        let of_rule = rules.iter().filter(|skipped| skipped.why == why);
        let paths: Vec<_> = of_rule
            .map(|skipped| skipped.path.to_string_lossy())
            .collect();
        if paths.is_empty() {
            continue;
        }
        let more = match paths.len().saturating_sub(MAX_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let paths = paths[..paths.len().min(MAX_NAMED)].join(", ");
        output.note(&format!("skipped as {}: {paths}{more}", why.words()));
    }
}

/// Reports each of these.
pub(crate) fn report_each<'a>(skipped: impl Iterator<Item = &'a Skipped>, output: Output) {
    let mut more = 0;
    for (named, Skipped { path, why }) in skipped.enumerate() {
        if named < MAX_NAMED {
            output.note(&format!("skipped {}: {}", path.display(), why.words()));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        output.note(&format!("skipped {more} more of these"));
    }
}
