//! Parts in files of their own, for uploads that may have several writers.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{FILE_MODE, Fs, blocking, make_folders};
use crate::blob::{BlobError, BlobResult, Multipart, ObjectKey, Part, Pieces};

/// The end of the name of a folder of parts.
pub(super) const SUFFIX: &str = ".parts";

impl Fs {
    /// The folder of an upload's parts.
    pub(super) fn numbered(&self, key: &ObjectKey) -> PathBuf {
        let name = format!("{}{SUFFIX}", key.temporary_name());
        self.root.join("tmp").join(name)
    }

    pub(in crate::blob) async fn put_numbered(
        &self,
        upload: &Multipart,
        number: i32,
        bytes: Pieces,
    ) -> BlobResult<Part> {
        let folder = self.numbered(&upload.key);
        blocking("writing a part", move || {
            make_folders(&folder)?;
            let mut file = create(&folder.join(number.to_string()))?;
            for piece in bytes.iter() {
                io::Write::write_all(&mut file, piece)?;
            }
            file.sync_all()?;
            File::open(&folder)?.sync_all()
        })
        .await?;
        Ok(Part {
            number,
            etag: String::new(),
        })
    }

    pub(in crate::blob) async fn combine(
        &self,
        upload: &Multipart,
        parts: &[Part],
        size: u64,
    ) -> BlobResult<()> {
        let (fs, key) = (self.clone(), upload.key.clone());
        let numbers: Vec<_> = parts.iter().map(|part| part.number).collect();
        let combined = blocking("combining parts", move || fs.combine_now(&key, &numbers)).await;
        match combined {
            // Another call has combined them, and removed its parts.
            Err(_) if self.size_of(&upload.key).await? == Some(size) => Ok(()),
            Err(BlobError::Failed(doing, e)) => Err(BlobError::NotDone(doing, e)),
            combined => combined,
        }
    }

    /// The whole is a file of this call alone, so that two calls do not write into one.
    fn combine_now(&self, key: &ObjectKey, numbers: &[i32]) -> io::Result<()> {
        let folder = self.numbered(key);
        let whole = folder.join(format!("whole-{}", Uuid::now_v7()));
        let mut file = create(&whole)?;
        for number in numbers {
            let mut part = File::open(folder.join(number.to_string()))?;
            io::copy(&mut part, &mut file)?;
        }
        drop(file);
        self.publish_from(&whole, key)?;
        self.remove_parts(key)
    }

    /// Removes an upload's parts; having none is not an error.
    pub(super) fn remove_parts(&self, key: &ObjectKey) -> io::Result<()> {
        match fs::remove_dir_all(self.numbered(key)) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(path)
}
