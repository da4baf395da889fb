//! What lies below a directory.

use std::path::{Path, PathBuf};

use walkdir::DirEntry;

use crate::error::CliError;

/// Something that is no directory.
pub(crate) enum Found {
    /// A regular file, and its path below the directory with "/" between its segments, where that is UTF-8.
    File(DirEntry, Option<String>),
    Skipped(Skipped),
    /// It cannot be told what is there.
    Lost(CliError),
}

/// Something that is no regular file.
#[derive(Debug)]
pub(crate) struct Skipped {
    pub(crate) path: PathBuf,
    pub(crate) why: &'static str,
}

/// What a walk through a directory finds.
pub(crate) fn below(
    directory: &Path,
    walk: impl IntoIterator<Item = walkdir::Result<DirEntry>>,
) -> impl Iterator<Item = Found> {
    walk.into_iter().filter_map(|entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(directory).to_owned();
                return Some(Found::Lost(CliError::of_file(path)(error.into())));
            }
        };
        let kind = entry.file_type();
        if kind.is_file() {
            let name = name_within(directory, entry.path());
            return Some(Found::File(entry, name));
        }
        let why = match (kind.is_dir(), kind.is_symlink()) {
            (true, _) => return None,
            (_, true) => "a symbolic link",
            _ => "not a regular file",
        };
        let path = entry.into_path();
        Some(Found::Skipped(Skipped { path, why }))
    })
}

fn name_within(directory: &Path, path: &Path) -> Option<String> {
    let segments: Option<Vec<&str>> = path
        .strip_prefix(directory)
        .ok()?
        .iter()
        .map(|segment| segment.to_str())
        .collect();
    Some(segments?.join("/"))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{fs, io};

    use tempfile::TempDir;

    /// A folder with these files, each of which holds its name.
    pub(crate) fn folder(files: &[&str]) -> io::Result<TempDir> {
        let folder = TempDir::new()?;
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
            fs::write(path, file)?;
        }
        Ok(folder)
    }
}
