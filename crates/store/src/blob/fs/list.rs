//! Lists the folder.

use std::{
    fs,
    io::{self, ErrorKind},
    time::{Duration, SystemTime},
};

use super::{Fs, blocking};
use crate::blob::{BlobError, BlobResult, Entry, Listed, ObjectKey};

/// As many entries as S3 returns at once.
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
        let mut paths = self.rests.take(start, after);
        if paths.len() <= PAGE {
            let after = paths.last().map_or(after, String::as_str).to_owned();
            let mut page = Page { after, paths };
            // The beginning is the path of a folder, or empty.
            match self.walk(start, &mut page) {
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                walked => walked?,
            }
            paths = page.paths;
        }
        let rest = paths.split_off(paths.len().min(PAGE));
        let next = paths.last().filter(|_| !rest.is_empty()).cloned();
        if let Some(next) = &next {
            self.rests.keep(start, next, rest);
        }
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

    /// The files below a folder, in the order of their paths from the root, until the page is full; files that are
    /// being written are not included. A folder is read only if an entry of it belongs to the page, and then all of its
    /// files are read.
    fn walk(&self, folder: &str, page: &mut Page) -> io::Result<()> {
        #[cfg(test)]
        self.rests.count_folder();
        let mut found = Vec::new();
        for entry in fs::read_dir(self.root.join(folder))? {
            let entry = entry?;
            let name = entry.file_name();
            let mut path = format!("{folder}{}", name.to_string_lossy());
            if entry.file_type()?.is_dir() {
                path.push('/');
            }
            if path != "tmp/" && !page.is_past(&path) {
                found.push(path);
            }
        }
        found.sort_unstable();
        for path in found {
            if !path.ends_with('/') {
                page.paths.push(path);
                continue;
            }
            if page.paths.len() > PAGE {
                return Ok(());
            }
            match self.walk(&path, page) {
                // Removed since its own folder was read.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                walked => walked?,
            }
        }
        Ok(())
    }
}

/// The paths after one of them: if they exist, at least a page and one more.
struct Page {
    after: String,
    paths: Vec<String>,
}

impl Page {
    /// Whether a file, or everything in a folder, whose path ends with a slash, is before the page.
    fn is_past(&self, path: &str) -> bool {
        *path <= *self.after && !(path.ends_with('/') && self.after.starts_with(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_of_many_pages_is_read_twice() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Fs::open(folder.path()).unwrap();
        let tenant = folder.path().join("v1/00/t");
        fs::create_dir_all(&tenant).unwrap();
        for number in 0..5 * PAGE {
            fs::write(tenant.join(format!("{number:05}")), "").unwrap();
        }
        let (mut found, mut after) = (0, String::new());
        while let Some(next) = {
            let listed = blobs.list("v1/00/", &after).await.unwrap();
            found += listed.entries.len();
            listed.next
        } {
            after = next;
        }
        assert_eq!(found, 5 * PAGE);
        // The folder of the tenants and that of the files, for the first page and for the last.
        let read = blobs
            .rests
            .folders
            .load(std::sync::atomic::Ordering::Relaxed);
        assert!(read <= 4, "{read} folders were read");
    }

    #[tokio::test]
    async fn pages_have_every_file_once_in_the_order_of_paths() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Fs::open(folder.path()).unwrap();
        let mut expected = Vec::new();
        // "a-b" sorts before "a/b", though "a" sorts before "a-b".
        for tenant in ["a", "a-b", "b"] {
            for number in 0..400 {
                expected.push(format!("v1/00/{tenant}/{number:03}"));
            }
        }
        expected.push("v1/_deployment_id".to_owned());
        for path in &expected {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        expected.sort_unstable();
        for start in ["", "v1/00/"] {
            let (mut found, mut after) = (Vec::new(), String::new());
            loop {
                let listed = blobs.list(start, &after).await.unwrap();
                assert!(listed.entries.len() <= PAGE);
                found.extend(listed.entries.into_iter().map(|entry| entry.path));
                match listed.next {
                    Some(next) => after = next,
                    None => break,
                }
            }
            let below: Vec<_> = expected.iter().filter(|p| p.starts_with(start)).collect();
            assert!(found.iter().eq(below), "below '{start}'");
        }
    }

    #[test]
    fn a_folder_that_lies_before_the_page_is_not_read() {
        let page = Page {
            after: "v1/03/t/5".into(),
            paths: Vec::new(),
        };
        for past in ["v1/02/", "v1/03/s/", "v1/03/t/4", "v1/03/t/5"] {
            assert!(page.is_past(past), "{past}");
        }
        for ahead in ["v1/", "v1/03/", "v1/03/t/", "v1/03/t/50", "v1/04/"] {
            assert!(!page.is_past(ahead), "{ahead}");
        }
    }
}
