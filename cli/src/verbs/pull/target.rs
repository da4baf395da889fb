//! Writes files atomically, and only inside their folder.

use std::{
    fs::{File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use cairn_client::{Digest, Hashing, is_executable};
use cairn_proto::v1::Artifact;
use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions, OpenOptionsExt},
};

use super::{name::SafeName, naming};
use crate::{error::CliError, files::walk::temporary_name};

/// How much is read at once, in bytes.
const BLOCK: usize = 256 << 10;

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
    there: There,
}

/// The target before the pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    /// A regular file with these permissions and of this size.
    File(u32, u64),
    /// A link, a pipe or the like.
    Other,
}

/// A file that is being written beside its target. Dropped before it is kept, it leaves nothing behind.
pub(super) struct Partial {
    target: Target,
    temporary: String,
    file: Arc<File>,
    executable: bool,
    /// Whether there is no temporary file any more.
    renamed: bool,
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
            self.open_below(&name.folder)
                .map_err(|error| self.explain(error, &name.folder))
        };
        let dir = dir.map_err(CliError::of_file(&path))?;
        Target::of(
            dir,
            name.file.clone().into(),
            path.join(&name.file),
            replace,
        )
    }

    fn open_below(&self, below: &Path) -> io::Result<Dir> {
        match self.dir.open_dir(below) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.dir.create_dir_all(below)?;
                self.dir.open_dir(below)
            }
            opened => opened,
        }
    }

    /// The system reports a symbolic link in the path as an existing file; this names it.
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
        Self::of(
            Folder::open(parent)?.dir,
            name.into(),
            path.to_owned(),
            true,
        )
    }

    fn of(dir: Dir, name: PathBuf, path: PathBuf, replace: bool) -> Result<Self, CliError> {
        let there = match dir.symlink_metadata(&name) {
            Ok(found) if found.is_dir() => {
                let words = "is a folder: choose another path with -o";
                return Err(CliError::of_file(path)(io::Error::other(words)));
            }
            Ok(found) if found.is_file() => {
                let mode = cap_std::fs::PermissionsExt::mode(&found.permissions());
                There::File(mode & 0o777, found.len())
            }
            Ok(_) => There::Other,
            Err(error) if error.kind() == io::ErrorKind::NotFound => There::Nothing,
            Err(error) => return Err(CliError::of_file(path)(error)),
        };
        Ok(Self {
            dir,
            name,
            path,
            replace,
            there,
        })
    }

    /// Where the file is going to be, as it is shown to people.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file is there already with the content that the artifact has. Then it only becomes one that may be run,
    /// where it should. Reads all of it when it is as long.
    pub(super) fn holds(&self, artifact: &Artifact) -> Result<bool, CliError> {
        let There::File(mode, size) = self.there else {
            return Ok(false);
        };
        let as_long = i64::try_from(size) == Ok(artifact.size_bytes);
        // One that cannot be read is replaced.
        let same = as_long && self.digest().ok() == Some(Digest::recorded(artifact));
        if same && is_executable(artifact) && mode & 0o111 == 0 {
            let mode = cap_std::fs::PermissionsExt::from_mode(runnable(mode));
            let set = self.dir.set_permissions(&self.name, mode);
            set.map_err(CliError::of_file(&self.path))?;
        }
        Ok(same)
    }

    fn digest(&self) -> io::Result<Digest> {
        let mut file = self.dir.open(&self.name)?;
        let mut hashing = Hashing::default();
        let mut block = vec![0; BLOCK];
        loop {
            match file.read(&mut block)? {
                0 => return Ok(hashing.finish()),
                n => hashing.update(&block[..n]),
            }
        }
    }

    /// Refuses early what `keep` would refuse late.
    pub(super) fn checked(self) -> Result<Self, CliError> {
        if self.replace || self.there == There::Nothing {
            Ok(self)
        } else {
            Err(self.exists())
        }
    }

    fn exists(&self) -> CliError {
        let words = "exists already: choose another path with -o, or replace it with --force";
        CliError::of_file(&self.path)(io::Error::other(words))
    }

    /// Begins to write.
    pub(super) fn create(self, artifact: &Artifact) -> Result<Partial, CliError> {
        let temporary = temporary_name();
        let executable = is_executable(artifact);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        // A new file has what the umask leaves. A file that replaces another gets its permissions once it is whole, and is
        // its owner's alone until then.
        options.mode(match (self.there, executable) {
            (There::File(..), _) => 0o600,
            (_, true) => 0o777,
            (_, false) => 0o666,
        });
        let file = self.dir.open_with(&temporary, &options);
        let file = file.map_err(CliError::of_file(&self.path))?;
        Ok(Partial {
            target: self,
            temporary,
            file: Arc::new(file.into_std()),
            executable,
            renamed: false,
        })
    }

    /// Writes all of the file, and returns its path.
    pub(super) fn write(self, artifact: &Artifact, content: &[u8]) -> Result<PathBuf, CliError> {
        let partial = self.create(artifact)?;
        let written = (&*partial.file).write_all(content);
        written.map_err(CliError::of_file(partial.path()))?;
        partial.keep()
    }
}

/// Permissions under which every reader may also run the file.
fn runnable(mode: u32) -> u32 {
    mode | ((mode & 0o444) >> 2)
}

impl Partial {
    /// Where to write.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Where the file is going to be.
    pub(super) fn path(&self) -> &Path {
        &self.target.path
    }

    /// Gives the file its name, all at once, after its bytes are on the disk.
    pub(super) fn keep(mut self) -> Result<PathBuf, CliError> {
        let path = self.target.path.clone();
        match self.name() {
            Ok(()) => Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !self.target.replace => {
                Err(self.target.exists())
            }
            Err(error) => Err(CliError::of_file(path)(error)),
        }
    }

    fn name(&mut self) -> io::Result<()> {
        let Target {
            dir, name, replace, ..
        } = &self.target;
        if let There::File(mode, _) = self.target.there {
            let mode = if self.executable {
                runnable(mode)
            } else {
                mode
            };
            self.file.set_permissions(Permissions::from_mode(mode))?;
        }
        self.file.sync_all()?;
        if *replace {
            dir.rename(&self.temporary, dir, name)?;
            self.renamed = true;
            return Ok(());
        }
        naming::name(dir, &self.temporary, name)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.renamed {
            // A file that was given its name may have lost this one.
            let _ = self.target.dir.remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        io,
        os::unix::fs::{PermissionsExt, symlink},
        path::Path,
    };

    use cairn_client::Digest;
    use cairn_proto::v1::Artifact;
    use tempfile::TempDir;

    use super::{Folder, SafeName, Target};
    use crate::error::CliError;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn record(content: &str, executable: bool) -> Artifact {
        let digest = Digest::of(content.as_bytes());
        let pair = ("cairn.executable".to_owned(), executable.to_string());
        Artifact {
            filename: "a".to_owned(),
            content_hash: digest.content_hash,
            size_bytes: digest.size_bytes,
            metadata: [pair].into(),
            ..Artifact::default()
        }
    }

    fn write(target: Target, content: &str) -> std::result::Result<(), CliError> {
        let target = target.checked()?;
        target.write(&record(content, false), content.as_bytes())?;
        Ok(())
    }

    fn entries(folder: &Path) -> io::Result<Vec<String>> {
        let mut names = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn mode(path: &Path) -> io::Result<u32> {
        Ok(fs::metadata(path)?.permissions().mode() & 0o777)
    }

    #[test]
    fn a_file_that_is_not_kept_leaves_nothing() -> Result {
        let temp = TempDir::new()?;
        let folder = Folder::open(temp.path())?;
        for replace in [true, false] {
            let target = folder.target(&SafeName::parse("lost")?, replace)?;
            drop(target.create(&Artifact::default())?);
        }
        write(folder.target(&SafeName::parse("a/b/new")?, false)?, "1")?;
        write(folder.target(&SafeName::parse("a/b/replaced")?, true)?, "2")?;
        assert_eq!(entries(temp.path())?, ["a"]);
        assert_eq!(entries(&temp.path().join("a/b"))?, ["new", "replaced"]);
        Ok(())
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_when_it_may_be() -> Result {
        let temp = TempDir::new()?;
        let folder = Folder::open(temp.path())?;
        let name = SafeName::parse("a.txt")?;
        let late = folder.target(&name, false)?;
        write(folder.target(&name, false)?, "old")?;
        assert!(folder.target(&name, false)?.checked().is_err());
        assert!(write(late, "new").is_err());
        assert_eq!(fs::read_to_string(temp.path().join("a.txt"))?, "old");
        write(folder.target(&name, true)?, "new")?;
        assert_eq!(fs::read_to_string(temp.path().join("a.txt"))?, "new");
        assert_eq!(entries(temp.path())?, ["a.txt"]);
        Ok(())
    }

    #[test]
    fn what_replaces_a_file_is_for_no_one_that_the_file_was_not_for() -> Result {
        let temp = TempDir::new()?;
        let path = temp.path().join("a");
        for (before, executable, after) in [
            (0o600, false, 0o600),
            (0o600, true, 0o700),
            (0o640, true, 0o750),
            (0o755, false, 0o755),
        ] {
            fs::write(&path, "old")?;
            fs::set_permissions(&path, Permissions::from_mode(before))?;
            Target::at(&path)?.write(&record("new", executable), b"new")?;
            assert_eq!(mode(&path)?, after, "{before:o}");
        }
        Ok(())
    }

    #[test]
    fn a_file_that_is_there_with_its_content_is_known() -> Result {
        let temp = TempDir::new()?;
        let path = temp.path().join("a");
        assert!(!Target::at(&path)?.holds(&record("same", false))?);
        fs::write(&path, "same")?;
        fs::set_permissions(&path, Permissions::from_mode(0o640))?;
        assert!(Target::at(&path)?.holds(&record("same", false))?);
        assert!(!Target::at(&path)?.holds(&record("else", false))?);
        assert_eq!(mode(&path)?, 0o640);
        assert!(Target::at(&path)?.holds(&record("same", true))?);
        assert_eq!(mode(&path)?, 0o750);
        symlink("a", temp.path().join("link"))?;
        assert!(!Target::at(&temp.path().join("link"))?.holds(&record("same", false))?);
        Ok(())
    }

    #[test]
    fn a_symbolic_link_that_leads_out_is_not_followed() -> Result {
        let outside = TempDir::new()?;
        fs::write(outside.path().join("file"), "precious")?;
        let temp = TempDir::new()?;
        symlink(outside.path(), temp.path().join("dir"))?;
        symlink(outside.path().join("file"), temp.path().join("file"))?;
        let folder = Folder::open(temp.path())?;
        assert!(folder.target(&SafeName::parse("dir/a")?, true).is_err());
        assert!(folder.target(&SafeName::parse("dir/sub/a")?, true).is_err());
        let file = folder.target(&SafeName::parse("file")?, false)?;
        assert!(file.checked().is_err());
        // Replacing puts a file where the link was.
        write(folder.target(&SafeName::parse("file")?, true)?, "new")?;
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
        let folder = Folder::open(temp.path())?;
        fs::create_dir(temp.path().join("taken"))?;
        assert!(folder.target(&SafeName::parse("taken")?, true).is_err());
        Ok(())
    }
}
