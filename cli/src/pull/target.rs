//! Writing files so that nobody ever sees half of one, and none outside its folder.

use std::{
    io,
    path::{Path, PathBuf},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};
use rand::distr::{Alphanumeric, SampleString};
use tokio::fs::File;

use super::name::SafeName;
use crate::error::CliError;

/// An open folder, through which nothing outside of it can be reached: no name leads out, and no symbolic link.
pub(super) struct Folder {
    dir: Dir,
    path: PathBuf,
}

/// A file to be.
pub(super) struct Target {
    dir: Dir,
    name: PathBuf,
    /// As it is shown to people.
    path: PathBuf,
    /// Whether it may replace a file that is there.
    replace: bool,
}

/// A file that is being written beside its target. Dropped before it is kept, it leaves nothing behind.
pub(super) struct Partial {
    target: Target,
    temporary: String,
    file: File,
}

impl Folder {
    /// Opens a folder that the caller named, which must exist.
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority());
        Ok(Self {
            dir: dir.map_err(CliError::of_file(path))?,
            path: path.to_owned(),
        })
    }

    /// Opens the current directory, whose files are shown without a "./".
    pub(super) fn current() -> Result<Self, CliError> {
        let here = Self::open(Path::new("."))?;
        Ok(Self {
            path: PathBuf::new(),
            ..here
        })
    }

    /// Opens a folder that the caller named, and makes it when it does not exist.
    pub(super) fn create(path: &Path) -> Result<Self, CliError> {
        std::fs::create_dir_all(path).map_err(CliError::of_file(path))?;
        Self::open(path)
    }

    /// A file in the folder, or in a folder below it that is made when it does not exist.
    pub(super) fn target(&self, name: &SafeName, replace: bool) -> Result<Target, CliError> {
        let path = self.path.join(&name.folder);
        let dir = if name.folder.as_os_str().is_empty() {
            self.dir.try_clone()
        } else {
            self.dir
                .create_dir_all(&name.folder)
                .and_then(|()| self.dir.open_dir(&name.folder))
                .map_err(|error| self.explain(error, &name.folder))
        };
        Target {
            dir: dir.map_err(CliError::of_file(&path))?,
            name: name.file.clone().into(),
            path: path.join(&name.file),
            replace,
        }
        .checked()
    }

    /// What is in the way to a folder below this one is an existing file to the system, also when it is a symbolic link.
    fn explain(&self, error: io::Error, below: &Path) -> io::Error {
        let is_link = |path: &Path| {
            let found = self.dir.symlink_metadata(path);
            found.is_ok_and(|found| found.is_symlink())
        };
        if below.ancestors().any(is_link) {
            return io::Error::other("leads through a symbolic link, which is not followed out");
        }
        error
    }
}

impl Target {
    /// A file at a path that the caller named, and may have meant to replace.
    pub(super) fn at(path: &Path) -> Result<Self, CliError> {
        let error = |words: &str| CliError::of_file(path)(io::Error::other(words));
        let name = path.file_name().ok_or_else(|| error("names no file"))?;
        // Renaming a file over /dev/null would succeed, for those who may.
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(error(
                "is not a regular file; to write to a stream, use -o -",
            ));
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        Ok(Self {
            dir: Folder::open(parent)?.dir,
            name: name.into(),
            path: path.to_owned(),
            replace: true,
        })
    }

    /// Refuses early what `keep` would refuse late.
    fn checked(self) -> Result<Self, CliError> {
        if !self.replace && self.dir.symlink_metadata(&self.name).is_ok() {
            return Err(self.exists());
        }
        Ok(self)
    }

    fn exists(&self) -> CliError {
        let words = "exists already: choose another path with -o, or replace it with --force";
        CliError::of_file(&self.path)(io::Error::other(words))
    }

    /// Begins to write.
    pub(super) fn create(self) -> Result<Partial, CliError> {
        let random = Alphanumeric.sample_string(&mut rand::rng(), 16);
        let temporary = format!(".cairn-{random}.part");
        let options = OpenOptions::new().write(true).create_new(true).clone();
        let file = self
            .dir
            .open_with(&temporary, &options)
            .map_err(CliError::of_file(&self.path))?;
        Ok(Partial {
            target: self,
            temporary,
            file: File::from_std(file.into_std()),
        })
    }
}

impl Partial {
    /// Where to write.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Where the file is going to be.
    pub(super) fn path(&self) -> &Path {
        &self.target.path
    }

    /// Gives the file its name, all at once, after its bytes are on the disk.
    pub(super) async fn keep(self) -> Result<PathBuf, CliError> {
        let Target {
            dir,
            name,
            path,
            replace,
        } = &self.target;
        self.file
            .sync_all()
            .await
            .map_err(CliError::of_file(path))?;
        let named = if *replace {
            dir.rename(&self.temporary, dir, name)
        } else {
            // Unlike a rename, a link never takes the place of what is there.
            dir.hard_link(&self.temporary, dir, name)
        };
        match named {
            Ok(()) => Ok(path.clone()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(self.target.exists()),
            Err(error) => Err(CliError::of_file(path)(error)),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = self.target.dir.remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io, os::unix::fs::symlink, path::Path};

    use tempfile::TempDir;
    use tokio::io::AsyncWriteExt;

    use super::{Folder, SafeName, Target};
    use crate::error::CliError;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    async fn write(target: Target, content: &str) -> std::result::Result<(), CliError> {
        let mut partial = target.create()?;
        let written = async {
            partial.file().write_all(content.as_bytes()).await?;
            partial.file().flush().await
        };
        written.await.map_err(CliError::of_file("test"))?;
        partial.keep().await?;
        Ok(())
    }

    fn entries(folder: &Path) -> io::Result<Vec<String>> {
        let mut names = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    #[tokio::test]
    async fn a_file_that_is_kept_stands_alone_and_one_that_is_not_leaves_nothing() -> Result {
        let temp = TempDir::new()?;
        let folder = Folder::open(temp.path())?;
        for replace in [true, false] {
            let mut partial = folder
                .target(&SafeName::parse("lost")?, replace)?
                .create()?;
            partial.file().write_all(b"half").await?;
            drop(partial);
        }
        write(folder.target(&SafeName::parse("a/b/new")?, false)?, "1").await?;
        write(folder.target(&SafeName::parse("a/b/replaced")?, true)?, "2").await?;
        assert_eq!(entries(temp.path())?, ["a"]);
        assert_eq!(entries(&temp.path().join("a/b"))?, ["new", "replaced"]);
        Ok(())
    }

    #[tokio::test]
    async fn a_file_that_is_there_is_replaced_only_when_it_may_be() -> Result {
        let temp = TempDir::new()?;
        let folder = Folder::open(temp.path())?;
        let name = SafeName::parse("a.txt")?;
        let late = folder.target(&name, false)?;
        write(folder.target(&name, false)?, "old").await?;
        assert!(folder.target(&name, false).is_err());
        assert!(write(late, "new").await.is_err());
        assert_eq!(fs::read_to_string(temp.path().join("a.txt"))?, "old");
        write(folder.target(&name, true)?, "new").await?;
        assert_eq!(fs::read_to_string(temp.path().join("a.txt"))?, "new");
        assert_eq!(entries(temp.path())?, ["a.txt"]);
        Ok(())
    }

    #[tokio::test]
    async fn a_symbolic_link_that_leads_out_is_not_followed() -> Result {
        let outside = TempDir::new()?;
        fs::write(outside.path().join("file"), "precious")?;
        let temp = TempDir::new()?;
        symlink(outside.path(), temp.path().join("dir"))?;
        symlink(outside.path().join("file"), temp.path().join("file"))?;
        let folder = Folder::open(temp.path())?;
        assert!(folder.target(&SafeName::parse("dir/a")?, true).is_err());
        assert!(folder.target(&SafeName::parse("dir/sub/a")?, true).is_err());
        assert!(folder.target(&SafeName::parse("file")?, false).is_err());
        // Replacing puts a file where the link was.
        write(folder.target(&SafeName::parse("file")?, true)?, "new").await?;
        assert_eq!(fs::read_to_string(outside.path().join("file"))?, "precious");
        assert_eq!(entries(outside.path())?, ["file"]);
        Ok(())
    }

    #[test]
    fn a_path_that_is_no_file_is_refused() -> Result {
        let temp = TempDir::new()?;
        assert!(Target::at(Path::new("/dev/null")).is_err());
        assert!(Target::at(Path::new("/")).is_err());
        assert!(Target::at(temp.path()).is_err());
        assert!(Target::at(&temp.path().join("missing/a")).is_err());
        assert!(Target::at(&temp.path().join("a")).is_ok());
        Ok(())
    }
}
