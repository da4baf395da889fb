//! Looking at a folder.

use std::{
    collections::BTreeSet,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use glob::{MatchOptions, Pattern};
use tokio::time::Instant;
use walkdir::{DirEntry, WalkDir};

use crate::{
    error::CliError,
    push::{Found, Stamp, below},
};

/// A folder, and what in it is left alone.
pub(super) struct Folder {
    path: PathBuf,
    device: u64,
    exclude: Vec<Pattern>,
}

/// What is in a folder at one moment.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) began: Instant,
    /// The files by their names, and the state that each is in.
    pub(super) files: Vec<(String, Stamp)>,
    /// What cannot be pushed, and why.
    pub(super) faults: BTreeSet<String>,
}

impl Folder {
    /// Fails when there is no such folder.
    pub(super) fn open(path: &Path, exclude: Vec<Pattern>) -> Result<Self, CliError> {
        let found = fs::metadata(path).map_err(CliError::of_file(path))?;
        if !found.is_dir() {
            let why = io::Error::from(io::ErrorKind::NotADirectory);
            return Err(CliError::of_file(path)(why));
        }
        Ok(Self {
            device: found.dev(),
            path: path.to_owned(),
            exclude,
        })
    }

    /// The path of the file of this name.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The state that the file of this name is in; `None` when it is gone.
    pub(super) fn stamp_of(&self, name: &str) -> Option<Stamp> {
        self.stamp(&fs::symlink_metadata(self.path_of(name)).ok()?)
    }

    fn stamp(&self, metadata: &Metadata) -> Option<Stamp> {
        let ours = metadata.is_file() && metadata.dev() == self.device;
        ours.then(|| Stamp::of(metadata))
    }

    /// Looks at everything, and reads nothing.
    ///
    /// Whoever writes here may be less trusted than whoever pushes: no symbolic link is followed, and what is on another file
    /// system, where secrets are mounted, is not looked at. The stamps hold the file system, so what is pushed is on
    /// this one, too.
    pub(super) fn scan(&self) -> Scan {
        let mut scan = Scan {
            began: Instant::now(),
            files: Vec::new(),
            faults: BTreeSet::new(),
        };
        let walk = WalkDir::new(&self.path)
            .min_depth(1)
            .same_file_system(true)
            .into_iter()
            .filter_entry(|entry| entry.depth() == 0 || !self.excludes(entry));
        for found in below(&self.path, walk) {
            match found {
                Found::File(entry, Some(name)) => {
                    // What is gone by now was never there.
                    let metadata = entry.metadata().ok();
                    let stamp = metadata.and_then(|metadata| self.stamp(&metadata));
                    scan.files.extend(stamp.map(|stamp| (name, stamp)));
                }
                Found::File(entry, None) => {
                    let error = io::Error::other("its name is not UTF-8, as an artifact's must be");
                    scan.add_fault(&CliError::of_file(entry.path())(error));
                }
                Found::Skipped(_) => {}
                Found::Lost(error) if is_gone(&error) && self.path.exists() => {}
                Found::Lost(error) => scan.add_fault(&error),
            }
        }
        scan
    }

    /// A pattern without a "/" is of one name, of a file or of a folder with all that is in it, another of the path.
    fn excludes(&self, entry: &DirEntry) -> bool {
        let options = MatchOptions {
            require_literal_separator: true,
            ..MatchOptions::new()
        };
        let path = entry.path().strip_prefix(&self.path);
        let path = path.unwrap_or(entry.path());
        self.exclude.iter().any(|pattern| {
            let subject = if pattern.as_str().contains('/') {
                path
            } else {
                Path::new(entry.file_name())
            };
            pattern.matches_path_with(subject, options)
        })
    }
}

impl Scan {
    fn add_fault(&mut self, error: &CliError) {
        self.faults.insert(error.to_string());
    }
}

/// Whether the error is that a file is not there.
pub(super) fn is_gone(error: &CliError) -> bool {
    matches!(error, CliError::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use glob::Pattern;
    use tempfile::TempDir;

    use super::Folder;
    use crate::push::folder;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn names(
        folder: &TempDir,
        exclude: &[&str],
    ) -> std::result::Result<Vec<String>, Box<dyn std::error::Error>> {
        let exclude = exclude.iter().map(|glob| Pattern::new(glob));
        let exclude = exclude.collect::<std::result::Result<_, _>>()?;
        let scan = Folder::open(folder.path(), exclude)?.scan();
        assert!(scan.faults.is_empty(), "{:?}", scan.faults);
        let mut names: Vec<_> = scan.files.into_iter().map(|(name, _)| name).collect();
        names.sort();
        Ok(names)
    }

    #[test]
    fn files_are_found_in_folders_and_links_are_not_followed() -> Result {
        let outside = folder(&["secret.txt"])?;
        let inside = folder(&["a.txt", "b/c/d.txt"])?;
        symlink(outside.path(), inside.path().join("folder"))?;
        symlink(
            outside.path().join("secret.txt"),
            inside.path().join("file"),
        )?;
        assert_eq!(names(&inside, &[])?, ["a.txt", "b/c/d.txt"]);
        Ok(())
    }

    #[test]
    fn what_is_excluded_by_its_name_or_by_its_path_is_left_alone_with_all_that_is_in_it() -> Result
    {
        let folder = folder(&[
            "a.txt",
            "a.tmp",
            ".git/config",
            "b/.c",
            "b/a.tmp",
            "b/x/y",
            "x/y",
        ])?;
        assert_eq!(names(&folder, &[".*", "*.tmp"])?, ["a.txt", "b/x/y", "x/y"]);
        let left = names(&folder, &["b/x", "a.*"])?;
        assert_eq!(left, [".git/config", "b/.c", "x/y"]);
        assert_eq!(
            names(&folder, &["b/*", "**/y"])?,
            [".git/config", "a.tmp", "a.txt"]
        );
        Ok(())
    }
}
