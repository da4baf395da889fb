//! Cairn's own files in folders, which are never pushed.

use std::path::{Path, PathBuf};

use rand::distr::{Alphanumeric, SampleString};

use crate::error::CliError;

const BEGIN: &str = ".cairn-";
const END: &str = ".part";

/// A name for a file that is written before it gets its own name.
pub(crate) fn temporary_name() -> String {
    let random = Alphanumeric.sample_string(&mut rand::rng(), 16);
    format!("{BEGIN}{random}{END}")
}

/// Whether a file of this name was being written when the process that wrote it was killed.
pub(crate) fn is_temporary(file_name: &str) -> bool {
    file_name.starts_with(BEGIN) && file_name.ends_with(END)
}

/// Whether a folder is the data folder of a `cairn dev`, with its key and all bytes, or a folder of blobs.
pub(super) fn is_data_folder(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).symlink_metadata().is_ok();
    (has("dev.env") && has("lock")) || (has("_deployment_id") && has("v1"))
}

/// Fails when a folder is a data folder or lies in one.
pub(crate) fn refuse_data_folder(folder: &Path) -> Result<(), CliError> {
    // A folder that cannot be found is refused when it is opened.
    let real = folder.canonicalize().unwrap_or_else(|_| PathBuf::new());
    match real.ancestors().find(|above| is_data_folder(above)) {
        Some(_) => Err(CliError::Usage(format!(
            "{} is in a data folder of Cairn, which holds a key and everybody's bytes: it is never pushed",
            folder.display()
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_temporary, temporary_name};

    #[test]
    fn a_temporary_file_is_known_by_its_name() {
        assert!(is_temporary(&temporary_name()));
        for name in [".cairn-x", "x.part", "cairn-x.part", ".cairnignore"] {
            assert!(!is_temporary(name), "{name}");
        }
    }
}
