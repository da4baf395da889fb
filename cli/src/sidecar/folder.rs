//! Looking at a folder.

use std::{
    collections::BTreeSet,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use cairn_client::Stamp;
use tokio::time::Instant;

use crate::{
    error::CliError,
    files::walk::{Place, Root, Rules, Seen, Skipped, Walk},
};

/// A folder, with the rules for its files.
pub(super) struct Folder {
    walk: Walk,
    device: u64,
}

/// The contents of a folder at one moment.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) began: Instant,
    /// The files by their names, and the state that each is in.
    pub(super) files: Vec<(String, Stamp)>,
    pub(super) skipped: BTreeSet<Skipped>,
    /// Entries that cannot be pushed, and why.
    pub(super) faults: BTreeSet<String>,
}

impl Folder {
    /// Fails when there is no such folder.
    pub(super) fn open(path: &Path, rules: Rules) -> Result<Self, CliError> {
        let root = Root::open(path)?;
        let found = fs::metadata(root.real()).map_err(CliError::of_file(path))?;
        Ok(Self {
            device: found.dev(),
            walk: Walk {
                root: Arc::new(root),
                rules,
                // Where secrets are mounted.
                one_file_system: true,
            },
        })
    }

    pub(super) fn root(&self) -> &Root {
        &self.walk.root
    }

    /// Where the file of this name is.
    pub(super) fn place_of(&self, name: &str) -> Result<Place, CliError> {
        let shown = self.walk.root.shown(Path::new(name));
        let place = self.resolve(name).map_err(CliError::of_file(shown))?;
        Ok(Place::Below(self.walk.root.clone(), place))
    }

    /// The state that the file of this name is in; `None` when it is gone.
    pub(super) fn stamp_of(&self, name: &str) -> Option<Stamp> {
        let path = self.walk.root.real().join(self.resolve(name).ok()?);
        self.stamp(&fs::symlink_metadata(path).ok()?)
    }

    fn resolve(&self, name: &str) -> io::Result<PathBuf> {
        let place = self.walk.root.resolve(Path::new(name))?;
        // A link out of the folder counts as missing.
        place.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn stamp(&self, metadata: &Metadata) -> Option<Stamp> {
        let ours = metadata.is_file() && metadata.dev() == self.device;
        ours.then(|| Stamp::of(metadata))
    }

    /// Scans everything. Stamps include the device, so pushed files are on the folder's file system.
    pub(super) fn look(&self) -> Seen {
        self.walk.look()
    }

    pub(super) fn scan(&self) -> Scan {
        let began = Instant::now();
        let seen = self.look();
        let files = seen.files.into_iter();
        let faults = seen.faults.iter();
        Scan {
            began,
            files: files.map(|found| (found.name, found.stamp)).collect(),
            skipped: seen.skipped.into_iter().collect(),
            faults: faults.map(ToString::to_string).collect(),
        }
    }
}

/// Whether the error is that a file is not there.
pub(super) fn is_gone(error: &CliError) -> bool {
    matches!(error, CliError::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
}
