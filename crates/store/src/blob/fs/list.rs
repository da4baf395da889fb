//! What lies in the folder.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
    time::{Duration, SystemTime},
};

use super::{Fs, blocking};
use crate::blob::{BlobError, BlobResult, Entry, Listed, ObjectKey};

/// As many as S3 gives at once.
const PAGE: usize = 1000;

impl Fs {
    pub(in crate::blob) async fn size_of(&self, key: &ObjectKey) -> BlobResult<Option<u64>> {
        match tokio::fs::metadata(self.path(key)).await {
            Ok(found) => Ok(Some(found.len())),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(BlobError::failed("looking at a file", e)),
        }
    }

    pub(in crate::blob) async fn list(&self, start: &str, after: &str) -> BlobResult<Listed> {
        let (fs, start, after) = (self.clone(), start.to_owned(), after.to_owned());
        blocking("listing files", move || fs.list_now(&start, &after)).await
    }

    fn list_now(&self, start: &str, after: &str) -> io::Result<Listed> {
        // A start is the path of a folder, or empty.
        let mut paths = Vec::new();
        match self.walk(&self.root.join(start), &mut paths) {
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            walked => walked?,
        }
        paths.retain(|path| path.as_str() > after);
        paths.sort_unstable();
        let more = paths.len() > PAGE;
        paths.truncate(PAGE);
        let next = paths.last().filter(|_| more).cloned();
        let now = SystemTime::now();
        let mut entries = Vec::with_capacity(paths.len());
        for path in paths {
            let found = match fs::metadata(self.root.join(&path)) {
                // Deleted since it was listed.
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                found => found?,
            };
            let written = found.modified()?;
            let at = written.duration_since(SystemTime::UNIX_EPOCH);
            entries.push(Entry {
                path,
                size: found.len(),
                age: now.duration_since(written).unwrap_or(Duration::ZERO),
                version: format!("{} {}", found.len(), at.unwrap_or_default().as_nanos()),
            });
        }
        Ok(Listed { entries, next })
    }

    /// The files below a folder, by their paths from the root; those that are being written are not there yet.
    fn walk(&self, folder: &Path, paths: &mut Vec<String>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if !entry.file_type()?.is_dir() {
                let relative = path.strip_prefix(&self.root).unwrap_or(&path);
                paths.push(relative.to_string_lossy().into_owned());
            } else if path != self.root.join("tmp") {
                self.walk(&path, paths)?;
            }
        }
        Ok(())
    }
}
