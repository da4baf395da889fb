//! Finds the files of a folder that are pushed, for every verb that pushes folders.

mod ours;
mod root;
mod rules;
mod secrets;
mod skipped;

use std::{
    fs::{self, DirEntry, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
};

use rustix::io::Errno;

use self::rules::Ignored;
pub(crate) use self::{
    ours::{is_temporary, refuse_data_folder, temporary_name},
    root::{Place, Root},
    rules::{Rules, Selection},
    secrets::{looks_secret, warn_of_secrets},
    skipped::{Skipped, Why, report_each, report_skipped},
};
use cairn_client::Stamp;

use crate::error::CliError;

/// The most that is looked at in one folder and below it: links can make few files appear to be any number.
const MOST: usize = 1_000_000;

/// A folder, and the rules for its files.
pub(crate) struct Walk {
    pub(crate) root: Arc<Root>,
    pub(crate) rules: Rules,
    /// Whether files on other file systems are skipped.
    pub(crate) one_file_system: bool,
}

/// The contents of a folder at one moment.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Files to push, sorted by name.
    pub(crate) files: Vec<Found>,
    /// Files left out by a rule.
    pub(crate) skipped: Vec<Skipped>,
    /// Entries that cannot be read or cannot become artifacts.
    pub(crate) faults: Vec<CliError>,
}

/// A regular file.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its path below the folder with "/" between its segments.
    pub(crate) name: String,
    /// Its path below the folder with every link resolved.
    pub(crate) place: PathBuf,
    pub(crate) stamp: Stamp,
}

/// A folder on the way from the root.
struct Folder {
    /// The prefix of names below it: empty, or its path and a "/".
    prefix: String,
    place: PathBuf,
    ignored: Ignored,
    up: Option<Rc<Folder>>,
}

impl Walk {
    /// Looks at everything, and reads nothing but `.cairnignore`.
    ///
    /// A link is followed when what it leads to is in the folder as well. Files are opened through [`Root`], so a link that
    /// is exchanged after this look leads nowhere else.
    pub(crate) fn look(&self) -> Seen {
        let mut seen = Seen::default();
        let device = match fs::metadata(self.root.real()) {
            Ok(found) => found.dev(),
            Err(error) => {
                seen.faults
                    .push(CliError::of_file(self.root.shown(Path::new("")))(error));
                return seen;
            }
        };
        let root = self.enter(String::new(), PathBuf::new(), None, &mut seen);
        let mut folders: Vec<Rc<Folder>> = root.into_iter().collect();
        let mut looked = 0;
        while let Some(folder) = folders.pop() {
            for entry in self.entries(&folder, &mut seen) {
                looked += 1;
                if looked > MOST {
                    let words =
                        format!("holds more than {MOST} files: push the folders in it one by one");
                    let shown = self.root.shown(Path::new(""));
                    seen.faults
                        .push(CliError::of_file(shown)(io::Error::other(words)));
                    return seen.sorted();
                }
                folders.extend(self.see(&folder, &entry, device, &mut seen));
            }
        }
        seen.sorted()
    }

    /// The entries of a folder, sorted by name.
    fn entries(&self, folder: &Folder, seen: &mut Seen) -> Vec<DirEntry> {
        let read = || -> io::Result<Vec<DirEntry>> {
            let mut entries = fs::read_dir(self.root.real().join(&folder.place))?
                .collect::<io::Result<Vec<_>>>()?;
            entries.sort_by_key(DirEntry::file_name);
            Ok(entries)
        };
        read().unwrap_or_else(|error| {
            // A folder that is gone by now is skipped, except for the root.
            if error.kind() != io::ErrorKind::NotFound || folder.up.is_none() {
                let path = folder.prefix.trim_end_matches('/');
                let path = self.root.shown(Path::new(path));
                seen.faults.push(CliError::of_file(path)(error));
            }
            Vec::new()
        })
    }

    /// Takes notice of one entry, and returns it when it is a folder to look into.
    fn see(
        &self,
        folder: &Rc<Folder>,
        entry: &DirEntry,
        device: u64,
        seen: &mut Seen,
    ) -> Option<Rc<Folder>> {
        let file_name = entry.file_name();
        let shown = self.root.shown(&Path::new(&folder.prefix).join(&file_name));
        let Some(file_name) = file_name.to_str() else {
            let error = io::Error::other("its name is not UTF-8, as an artifact's must be");
            seen.faults.push(CliError::of_file(shown)(error));
            return None;
        };
        let name = format!("{}{file_name}", folder.prefix);
        let mut skip = |why| {
            seen.skipped.push(Skipped {
                path: shown.clone(),
                why,
            });
        };
        if is_temporary(file_name) {
            skip(Why::Temporary);
            return None;
        }
        if !self.rules.hidden && file_name.starts_with('.') {
            skip(Why::Hidden);
            return None;
        }
        let found = match self.resolve(folder, entry) {
            Ok(Some(found)) => found,
            Ok(None) => return None,
            Err(NotFollowed::Why(why)) => {
                // A link that is excluded by name is reported as excluded.
                match self.excluded(folder, &name, false) {
                    Some(why) => skip(why),
                    None => skip(why),
                }
                return None;
            }
            Err(NotFollowed::Error(error)) => {
                seen.faults.push(CliError::of_file(shown)(error));
                return None;
            }
        };
        let (place, metadata) = found;
        if let Some(why) = self.excluded(folder, &name, metadata.is_dir()) {
            skip(why);
        } else if self.one_file_system && metadata.dev() != device {
            skip(Why::OtherFileSystem);
        } else if metadata.is_dir() {
            return self.enter(format!("{name}/"), place, Some(folder.clone()), seen);
        } else if metadata.is_file() {
            let stamp = Stamp::of(&metadata);
            seen.files.push(Found { name, place, stamp });
        } else {
            skip(Why::Special);
        }
        None
    }

    /// Where an entry is and what it is; `None` when it is gone.
    fn resolve(
        &self,
        folder: &Folder,
        entry: &DirEntry,
    ) -> Result<Option<(PathBuf, Metadata)>, NotFollowed> {
        let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let place = folder.place.join(entry.file_name());
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            Err(error) if gone(&error) => return Ok(None),
            Err(error) => return Err(NotFollowed::Error(error)),
        };
        if !metadata.is_symlink() {
            return Ok(Some((place, metadata)));
        }
        let place = match self.root.resolve(&place) {
            Ok(Some(place)) => place,
            Ok(None) => return Err(NotFollowed::Why(Why::LeadsOut)),
            Err(error) if gone(&error) => return Err(NotFollowed::Why(Why::LeadsNowhere)),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
                return Err(NotFollowed::Why(Why::Loop));
            }
            Err(error) => return Err(NotFollowed::Error(error)),
        };
        let real = self.root.real().join(&place);
        let metadata = match fs::symlink_metadata(&real) {
            Ok(metadata) => metadata,
            Err(error) if gone(&error) => return Ok(None),
            Err(error) => return Err(NotFollowed::Error(error)),
        };
        if folder.is_below(&place) {
            return Err(NotFollowed::Why(Why::Loop));
        }
        let mut above = place.ancestors().skip(1);
        if above.any(|above| ours::is_data_folder(&self.root.real().join(above))) {
            return Err(NotFollowed::Why(Why::DataFolder));
        }
        Ok(Some((place, metadata)))
    }

    /// Begins with a folder, unless it is one that is never pushed.
    fn enter(
        &self,
        prefix: String,
        place: PathBuf,
        up: Option<Rc<Folder>>,
        seen: &mut Seen,
    ) -> Option<Rc<Folder>> {
        let path = self.root.shown(Path::new(prefix.trim_end_matches('/')));
        if ours::is_data_folder(&self.root.real().join(&place)) {
            seen.skipped.push(Skipped {
                path,
                why: Why::DataFolder,
            });
            return None;
        }
        // Without the ignore file it is unknown which files must not be pushed.
        let ignored = match Ignored::of_folder(&self.root, &place) {
            Ok(ignored) => ignored,
            Err(error) => {
                seen.faults
                    .push(CliError::of_file(path.join(rules::IGNORE_FILE))(error));
                return None;
            }
        };
        Some(Rc::new(Folder {
            prefix,
            place,
            ignored,
            up,
        }))
    }

    fn excluded(&self, folder: &Folder, name: &str, is_dir: bool) -> Option<Why> {
        if let Some(excluded) = self.rules.exclude.verdict(name, is_dir) {
            return excluded.then_some(Why::Excluded);
        }
        // The nearest that says anything decides.
        let verdict = folder.way().find_map(|folder| {
            let below = name.strip_prefix(&folder.prefix)?;
            folder.ignored.verdict(below, is_dir)
        });
        verdict?.then_some(Why::Ignored)
    }
}

/// Why a link is not followed.
enum NotFollowed {
    Why(Why),
    Error(io::Error),
}

impl Folder {
    /// This folder and those above it.
    fn way(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |folder| folder.up.as_deref())
    }

    /// Whether this folder is at that place, or was reached through it.
    fn is_below(&self, place: &Path) -> bool {
        self.way().any(|folder| folder.place == place)
    }
}

impl Seen {
    fn sorted(mut self) -> Self {
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
        self
    }
}

#[cfg(test)]
pub(crate) mod tests;
