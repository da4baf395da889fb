//! A folder to read files of, and none outside of it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use cairn_client::Content;
use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions, OpenOptionsExt},
};
use rustix::fs::OFlags;

use crate::error::CliError;

/// A folder. Who writes in it may be less trusted than who reads: a name that leads out is not opened, also when it led
/// elsewhere a moment ago.
#[derive(Debug)]
pub(crate) struct Root {
    shown: PathBuf,
    real: PathBuf,
}

/// Where a file is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Where the caller said. Links are followed wherever they lead.
    Named(PathBuf),
    /// At a path below a folder.
    Below(Arc<Root>, PathBuf),
}

impl Root {
    /// Fails when there is no such folder.
    pub(crate) fn open(path: &Path) -> Result<Self, CliError> {
        let open = || {
            let real = path.canonicalize()?;
            if fs::metadata(&real)?.is_dir() {
                Ok(real)
            } else {
                Err(io::ErrorKind::NotADirectory.into())
            }
        };
        Ok(Self {
            real: open().map_err(CliError::of_file(path))?,
            shown: path.to_owned(),
        })
    }

    /// The folder's path without links.
    pub(crate) fn real(&self) -> &Path {
        &self.real
    }

    /// A path below the folder, as it is shown to people.
    pub(crate) fn shown(&self, below: &Path) -> PathBuf {
        // Joined to nothing, a path gets a "/" at its end.
        if below.as_os_str().is_empty() {
            self.shown.clone()
        } else {
            self.shown.join(below)
        }
    }

    /// A path below the folder with every link in it resolved; `None` when that leads out.
    pub(crate) fn resolve(&self, below: &Path) -> io::Result<Option<PathBuf>> {
        let found = self.real.join(below).canonicalize()?;
        Ok(found.strip_prefix(&self.real).ok().map(Path::to_owned))
    }

    /// Opens a path below the folder for reading. Does not wait for the other end of a pipe.
    pub(crate) fn read(&self, below: &Path) -> io::Result<File> {
        let dir = Dir::open_ambient_dir(&self.real, ambient_authority())?;
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        Ok(dir.open_with(below, &options)?.into_std())
    }
}

impl Place {
    /// As it is shown to people.
    pub(crate) fn shown(&self) -> PathBuf {
        match self {
            Self::Named(path) => path.clone(),
            Self::Below(root, path) => root.shown(path),
        }
    }

    /// The content to upload.
    pub(crate) fn content(&self) -> Content {
        match self {
            Self::Named(path) => Content::file(path),
            Self::Below(root, path) => {
                let (shown, root, path) = (self.shown(), root.clone(), path.clone());
                Content::opened_by(shown, move || root.read(&path))
            }
        }
    }
}
