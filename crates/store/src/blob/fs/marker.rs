//! The mark of the folder's deployment.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
};

use rand::distr::{Alphanumeric, SampleString};

use super::{FILE_MODE, Fs, blocking, make_folders, remove};
use crate::blob::{BlobError, BlobResult, key::MARKER};

impl Fs {
    pub(in crate::blob) async fn marker(&self) -> BlobResult<Option<String>> {
        match tokio::fs::read_to_string(self.root.join(MARKER)).await {
            Ok(text) => Ok(Some(text)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(BlobError::failed("reading the mark of the data folder", e)),
        }
    }

    pub(in crate::blob) async fn mark(&self, text: &str, over: bool) -> BlobResult<()> {
        let (fs, text) = (self.clone(), text.to_owned());
        blocking("marking the data folder", move || {
            let path = fs.root.join(MARKER);
            let folder = path.parent().unwrap_or(&fs.root);
            make_folders(folder)?;
            let name = Alphanumeric.sample_string(&mut rand::rng(), 16);
            let temporary = fs.root.join("tmp").join(name);
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(FILE_MODE)
                .open(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            if over {
                fs::rename(&temporary, &path)?;
            } else {
                // Unlike a rename it keeps an existing file, and unlike a new file it appears with its whole content.
                match fs::hard_link(&temporary, &path) {
                    Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
                    _ => remove(&temporary)?,
                }
            }
            File::open(folder)?.sync_all()?;
            File::open(&fs.root)?.sync_all()
        })
        .await
    }
}
