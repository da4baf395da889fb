//! Files that were begun and not published.

use std::{
    fs,
    io::{self, ErrorKind},
    time::{Duration, SystemTime},
};

use super::{Fs, blocking, numbered};
use crate::{
    blob::{BlobResult, ListedUnfinished, ObjectKey, Unfinished},
    model::id::{ObjectId, TenantId},
};

impl Fs {
    pub(in crate::blob) async fn list_unfinished(&self) -> BlobResult<ListedUnfinished> {
        let fs = self.clone();
        let uploads = blocking("listing temporary files", move || fs.list_unfinished_now()).await?;
        Ok(ListedUnfinished {
            uploads,
            next: None,
        })
    }

    fn list_unfinished_now(&self) -> io::Result<Vec<Unfinished>> {
        let now = SystemTime::now();
        let mut uploads = Vec::new();
        for entry in fs::read_dir(self.root.join("tmp"))? {
            let entry = entry?;
            let name = entry.file_name();
            let written = match entry.metadata() {
                // Published or removed since it was listed.
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                found => found?.modified()?,
            };
            uploads.push(Unfinished {
                owner: name.to_str().and_then(owner),
                id: String::new(),
                age: now.duration_since(written).unwrap_or(Duration::ZERO),
            });
        }
        Ok(uploads)
    }
}

/// The object of a temporary file, or of a folder of parts.
fn owner(name: &str) -> Option<(TenantId, ObjectId)> {
    let name = name.strip_suffix(numbered::SUFFIX).unwrap_or(name);
    ObjectKey::parse_temporary_name(name)
}
