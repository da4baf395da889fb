//! Rules that leave files out of a push.

use std::{
    io::{self, Read},
    path::Path,
};

use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};

use super::root::Root;
use crate::error::CliError;

/// The file in a folder with patterns of files that are not pushed.
pub(super) const IGNORE_FILE: &str = ".cairnignore";

/// The most that such a file may hold, in bytes.
const IGNORE_MOST: u64 = 1 << 20;

/// Which files of folders are pushed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Files of a folder")]
pub(crate) struct Selection {
    /// Leave out files and folders by patterns as in .gitignore; may be given again, and takes the place of the default,
    /// which are names of unfinished files. A .cairnignore in a folder leaves out more
    #[arg(long, value_name = "GLOB", default_values = ["*.tmp", "*.part", "*~"])]
    exclude: Vec<String>,
    /// Push also hidden files and folders, whose names begin with a dot
    #[arg(long)]
    hidden: bool,
    /// Print the files that would be pushed, and push nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The rules for one folder.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(super) exclude: Patterns,
    pub(super) hidden: bool,
}

/// Patterns as in .gitignore.
#[derive(Debug, Clone)]
pub(super) struct Patterns(Gitignore);

/// The patterns of a folder's ignore file; none without one.
#[derive(Debug)]
pub(super) struct Ignored(Option<Patterns>);

#[cfg(test)]
impl Selection {
    pub(crate) fn of(exclude: &[&str], hidden: bool) -> Self {
        Self {
            exclude: exclude.iter().map(|&pattern| pattern.to_owned()).collect(),
            hidden,
            dry_run: false,
        }
    }
}

impl Selection {
    pub(crate) fn rules(&self) -> Result<Rules, CliError> {
        Ok(Rules {
            exclude: Patterns::given(&self.exclude)?,
            hidden: self.hidden,
        })
    }
}

impl Patterns {
    /// Patterns of the command line.
    fn given(patterns: &[String]) -> Result<Self, CliError> {
        let patterns = patterns.iter().map(String::as_str);
        Self::of(patterns).map_err(|error| CliError::Usage(format!("--exclude: {error}")))
    }

    fn of<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Self, ignore::Error> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            builder.add_line(None, pattern)?;
        }
        builder.build().map(Self)
    }

    /// Whether this path is left out; `None` when no pattern is about it.
    pub(super) fn verdict(&self, path: &str, is_dir: bool) -> Option<bool> {
        match self.0.matched(path, is_dir) {
            Match::None => None,
            Match::Ignore(_) => Some(true),
            Match::Whitelist(_) => Some(false),
        }
    }
}

impl Ignored {
    pub(super) fn of_folder(root: &Root, folder: &Path) -> io::Result<Self> {
        let file = match root.read(&folder.join(IGNORE_FILE)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self(None)),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.take(IGNORE_MOST + 1).read_to_string(&mut text)?;
        if text.len() as u64 > IGNORE_MOST {
            return Err(io::Error::other("is larger than 1 MiB"));
        }
        let patterns = Patterns::of(text.lines()).map_err(io::Error::other)?;
        Ok(Self(Some(patterns)))
    }

    pub(super) fn verdict(&self, path: &str, is_dir: bool) -> Option<bool> {
        self.0.as_ref()?.verdict(path, is_dir)
    }
}
