//! Filenames from the server, and whether they may become paths here.

use std::path::PathBuf;

use crate::error::CliError;

/// A stored filename that stays below the folder that it is joined to. The server has the same rules, but a program that
/// writes files must not trust a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SafeName {
    /// Where below the folder; empty for the folder itself.
    pub(super) folder: PathBuf,
    /// One segment.
    pub(super) file: String,
}

impl SafeName {
    pub(super) fn parse(filename: &str) -> Result<Self, CliError> {
        let safe = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && !segment.contains(|c: char| c == '\\' || c.is_control())
        };
        if !filename.split('/').all(safe) {
            return Err(CliError::Usage(format!(
                "the stored filename {filename:?} is no safe path: choose one with -o"
            )));
        }
        let (folder, file) = filename.rsplit_once('/').unwrap_or(("", filename));
        Ok(Self {
            folder: folder.into(),
            file: file.to_owned(),
        })
    }

    /// Only the last segment.
    pub(super) fn flat(self) -> Self {
        Self {
            folder: PathBuf::new(),
            file: self.file,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SafeName;
    use crate::error::CliError;

    #[test]
    fn a_filename_keeps_its_folders_unless_flattened() -> Result<(), CliError> {
        let name = SafeName::parse("a/b/c.txt")?;
        assert_eq!(
            (name.folder.to_str(), name.file.as_str()),
            (Some("a/b"), "c.txt")
        );
        let flat = name.flat();
        assert_eq!(
            (flat.folder.to_str(), flat.file.as_str()),
            (Some(""), "c.txt")
        );
        assert_eq!(SafeName::parse("c.txt")?, flat);
        Ok(())
    }

    #[test]
    fn a_filename_that_could_leave_its_folder_is_refused() {
        for name in [
            "",
            ".",
            "..",
            "/etc/passwd",
            "../a",
            "a/../b",
            "a/..",
            "a//b",
            "a/",
            "./a",
            "a/./b",
            "a\\b",
            "..\\a",
            "a\0b",
            "a\nb",
            "a\x1b[2J",
            "a\u{9b}",
        ] {
            assert!(SafeName::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn odd_but_harmless_filenames_are_taken() {
        for name in [
            "...",
            "..a",
            "a..",
            "-rf",
            "a b",
            ".bashrc",
            "отчёт.md",
            "c:",
        ] {
            assert!(SafeName::parse(name).is_ok(), "{name:?}");
        }
    }
}
