//! Files that a caller may name by a path: those below allowed folders.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use cairn_client::Content;

use super::answer::ToolError;
use crate::{
    error::CliError,
    files::walk::{Place, Root, looks_secret, refuse_data_folder},
};

/// The folders of which files may be stored. Without any, no path is an argument.
#[derive(Debug, Clone)]
pub(super) struct Folders(Vec<Arc<Root>>);

impl Folders {
    /// Fails when one of them is no folder, or is a data folder of Cairn.
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, CliError> {
        let open = |path: &PathBuf| {
            refuse_data_folder(path)?;
            Ok(Arc::new(Root::open(path)?))
        };
        paths.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn are_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// The file at a path, absolute or below one of the folders. Links are resolved first: where they lead out of a folder,
    /// or to a file that looks like a secret, it is refused.
    pub(super) fn content(&self, path: &str) -> Result<Content, ToolError> {
        let asked = Path::new(path);
        for root in &self.0 {
            // Why a path leads to nothing is not said: it would say what is outside the folders.
            let Ok(Some(below)) = root.resolve(asked) else {
                continue;
            };
            let (name, given) = (below.to_string_lossy(), asked.to_string_lossy());
            if looks_secret(&name) || looks_secret(&given) {
                return Err(ToolError::new(format!(
                    "{path} looks like a key or a password by its name: it is never stored"
                )));
            }
            let real = root.real().join(&below);
            let is_file = real.metadata().is_ok_and(|found| found.is_file());
            if !is_file {
                return Err(ToolError::new(format!(
                    "{path} is no regular file: name each file of a folder"
                )));
            }
            refuse_data_folder(&real)?;
            return Ok(Place::Below(Arc::clone(root), below).content());
        }
        let folders: Vec<_> = self.0.iter().map(|root| root.real().display()).collect();
        let folders = folders.iter().map(ToString::to_string);
        let folders = folders.collect::<Vec<_>>().join(", ");
        Err(ToolError::new(format!(
            "{path} is no file that can be read in the allowed folders: {folders}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn refusal(folders: &Folders, path: &str) -> String {
        folders.content(path).expect_err("a refusal").to_string()
    }

    #[test]
    fn only_plain_files_below_an_allowed_folder_are_opened() {
        let dir = tempfile::tempdir().expect("a folder");
        let (inside, outside) = (dir.path().join("in"), dir.path().join("out"));
        for folder in [&inside, &outside] {
            fs::create_dir(folder).expect("a folder");
            for name in ["a.txt", ".env", "id_rsa"] {
                fs::write(folder.join(name), "x").expect("a file");
            }
        }
        let link = |to: &Path, name: &str| symlink(to, inside.join(name)).expect("a link");
        link(&outside.join("a.txt"), "leads-out.txt");
        link(&outside, "folder");
        link(&inside.join("a.txt"), "within.txt");
        link(&inside.join("id_rsa"), "notes.txt");
        let folders = Folders::open(std::slice::from_ref(&inside)).expect("a folder");
        let absolute = inside.join("a.txt");
        for good in [
            "a.txt",
            "./a.txt",
            "within.txt",
            absolute.to_str().expect("UTF-8"),
        ] {
            assert!(folders.content(good).is_ok(), "{good}");
        }
        for out in [
            "leads-out.txt",
            "folder/a.txt",
            "../out/a.txt",
            "/etc/hostname",
            "/etc/no-such-file",
            "missing",
        ] {
            let (words, rest) = (refusal(&folders, out), "is no file that can be read");
            assert!(words.starts_with(&format!("{out} {rest} in")), "{words}");
        }
        for secret in [".env", "id_rsa", "notes.txt"] {
            assert!(
                refusal(&folders, secret).contains("never stored"),
                "{secret}"
            );
        }
        assert!(refusal(&folders, ".").contains("no regular file"));
    }
}
