//! Giving a file that is written its name, where nothing may have that name already.

use std::{io, path::Path};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{RenameFlags, renameat_with};

/// One way to do it; each fails with `AlreadyExists` when the name is taken, whatever takes it.
type Way = fn(&Dir, &str, &Path) -> io::Result<()>;

/// The best first. File systems that are made of a bucket know few of them.
const WAYS: [Way; 3] = [rename, link, claim];

/// Names a file of a folder, and replaces nothing. The old name may be left.
pub(super) fn name(dir: &Dir, from: &str, to: &Path) -> io::Result<()> {
    let mut tried = Ok(());
    for way in WAYS {
        tried = way(dir, from, to);
        match &tried {
            Ok(()) => break,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => break,
            Err(_) => {}
        }
    }
    tried
}

fn rename(dir: &Dir, from: &str, to: &Path) -> io::Result<()> {
    Ok(renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE)?)
}

fn link(dir: &Dir, from: &str, to: &Path) -> io::Result<()> {
    dir.hard_link(from, dir, to)
}

/// Takes the name with an empty file, which the other then replaces.
fn claim(dir: &Dir, from: &str, to: &Path) -> io::Result<()> {
    let mut new = OpenOptions::new();
    new.write(true).create_new(true).mode(0o600);
    dir.open_with(to, &new)?;
    let renamed = dir.rename(from, dir, to);
    if renamed.is_err() {
        // It is ours, and empty.
        let _ = dir.remove_file(to);
    }
    renamed
}

#[cfg(test)]
mod tests {
    use std::{fs, io, os::unix::fs::symlink};

    use cap_std::{ambient_authority, fs::Dir};
    use tempfile::TempDir;

    use super::{WAYS, name};

    #[test]
    fn no_way_replaces_what_is_there() -> io::Result<()> {
        for way in WAYS.into_iter().chain([name as super::Way]) {
            let temp = TempDir::new()?;
            let path = |name: &str| temp.path().join(name);
            let dir = Dir::open_ambient_dir(temp.path(), ambient_authority())?;
            fs::write(path("new"), "new")?;
            fs::write(path("file"), "old")?;
            fs::create_dir(path("folder"))?;
            symlink("nowhere", path("link"))?;
            for taken in ["file", "folder", "link"] {
                let error = way(&dir, "new", taken.as_ref()).err();
                let kind = error.map(|error| error.kind());
                assert_eq!(kind, Some(io::ErrorKind::AlreadyExists), "{taken}");
            }
            assert_eq!(fs::read_to_string(path("file"))?, "old");
            assert!(!path("nowhere").exists());
            way(&dir, "new", "free".as_ref())?;
            assert_eq!(fs::read_to_string(path("free"))?, "new");
        }
        Ok(())
    }

    #[test]
    fn a_name_that_was_claimed_in_vain_is_free_again() -> io::Result<()> {
        let temp = TempDir::new()?;
        let dir = Dir::open_ambient_dir(temp.path(), ambient_authority())?;
        assert!(super::claim(&dir, "missing", "free".as_ref()).is_err());
        assert!(!temp.path().join("free").exists());
        Ok(())
    }
}
