//! Bytes in files under one folder: the embedded default.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{io::AsyncSeekExt, task::spawn_blocking};

use crate::blob::{BlobError, BlobReader, BlobResult, Multipart, ObjectKey, Part, Pieces};

mod list;
mod marker;
mod numbered;
mod rests;
mod unfinished;

/// Only Cairn's own user may read the bytes.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// A folder of blobs. A file is written under `tmp/`, synced, renamed into its place, and the folders on its path are
/// synced. So a key has either nothing or everything, even after a power failure.
#[derive(Clone)]
pub(crate) struct Fs {
    root: Arc<Path>,
    rests: Arc<rests::Rests>,
}

impl Fs {
    /// Opens a folder, and creates it if necessary.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        for folder in ["tmp", "v1"] {
            let folder = root.join(folder);
            make_folders(&folder)?;
            // An earlier release let other users read.
            fs::set_permissions(&folder, Permissions::from_mode(FOLDER_MODE))?;
        }
        Ok(Self {
            root: root.canonicalize()?.into(),
            rests: Arc::default(),
        })
    }

    pub(super) async fn put(&self, key: &ObjectKey, bytes: Pieces) -> BlobResult<()> {
        let (fs, key) = (self.clone(), key.clone());
        blocking("writing a file", move || {
            fs.write_at(&key, &bytes, 0)?;
            fs.publish(&key)
        })
        .await
    }

    pub(super) async fn begin(&self, key: &ObjectKey) -> BlobResult<String> {
        Ok(key.temporary_name())
    }

    pub(super) async fn put_part(
        &self,
        upload: &Multipart,
        number: i32,
        bytes: Pieces,
    ) -> BlobResult<Part> {
        let (fs, key) = (self.clone(), upload.key.clone());
        let index = u64::from(number.unsigned_abs()).saturating_sub(1);
        let offset = index * upload.part_size as u64;
        blocking("writing a file", move || fs.write_at(&key, &bytes, offset)).await?;
        Ok(Part {
            number,
            etag: String::new(),
        })
    }

    pub(super) async fn complete(&self, upload: &Multipart) -> BlobResult<()> {
        let (fs, key) = (self.clone(), upload.key.clone());
        blocking("publishing a file", move || fs.publish(&key)).await
    }

    pub(super) async fn abort(&self, key: &ObjectKey) -> BlobResult<()> {
        let (fs, key) = (self.clone(), key.clone());
        blocking("removing a temporary file", move || {
            remove(&fs.temporary(&key))?;
            fs.remove_parts(&key)
        })
        .await
    }

    pub(super) async fn get(
        &self,
        key: &ObjectKey,
        offset: u64,
        length: u64,
    ) -> BlobResult<BlobReader> {
        let open = async {
            let mut file = tokio::fs::File::open(self.path(key)).await?;
            file.seek(io::SeekFrom::Start(offset)).await?;
            Ok::<_, io::Error>(file)
        };
        match open.await {
            Ok(file) => Ok(BlobReader::fs(file, length)),
            Err(e) if e.kind() == ErrorKind::NotFound => Err(BlobError::NotFound),
            Err(e) => Err(BlobError::failed("opening a file", e)),
        }
    }

    pub(super) async fn delete(&self, keys: &[ObjectKey]) -> Vec<BlobResult<()>> {
        let mut results = Vec::with_capacity(keys.len());
        for key in keys {
            let path = self.path(key);
            results.push(blocking("deleting a file", move || remove(&path)).await);
        }
        results
    }

    pub(super) async fn ping(&self) -> BlobResult<()> {
        tokio::fs::metadata(self.root.join("tmp"))
            .await
            .map(drop)
            .map_err(|e| BlobError::failed("looking at the data folder", e))
    }

    fn path(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn temporary(&self, key: &ObjectKey) -> PathBuf {
        self.root.join("tmp").join(key.temporary_name())
    }

    fn write_at(&self, key: &ObjectKey, bytes: &Pieces, offset: u64) -> io::Result<()> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(self.temporary(key))?;
        let mut at = offset;
        for piece in bytes.iter() {
            file.write_all_at(piece, at)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// Moves the temporary file into its place, durably.
    fn publish(&self, key: &ObjectKey) -> io::Result<()> {
        self.publish_from(&self.temporary(key), key)
    }

    fn publish_from(&self, temporary: &Path, key: &ObjectKey) -> io::Result<()> {
        let path = self.path(key);
        File::open(temporary)?.sync_all()?;
        let folder = path.parent().unwrap_or(&self.root);
        make_folders(folder)?;
        fs::rename(temporary, &path)?;
        for folder in folder.ancestors() {
            File::open(folder)?.sync_all()?;
            if folder == &*self.root {
                break;
            }
        }
        Ok(())
    }
}

fn make_folders(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)
}

/// Removes a file; a missing one is not an error.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

async fn blocking<T: Send + 'static>(
    doing: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> BlobResult<T> {
    match spawn_blocking(work).await {
        Ok(result) => result.map_err(|e| BlobError::failed(doing, e)),
        Err(e) => Err(BlobError::failed(doing, e)),
    }
}
