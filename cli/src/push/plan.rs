//! What a push is going to push, and under which names.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use super::{
    stamp::Stamp,
    walk::{self, Found, Skipped},
};
use crate::error::CliError;

/// One thing to push.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) content: Content,
    /// The filename that the artifact gets.
    pub(super) name: String,
}

/// Where content comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Stdin,
    File(PathBuf),
    /// A file in this state, and in no other.
    State(PathBuf, Stamp),
}

/// Everything to push, in the order in which it is told.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) sources: Vec<Source>,
    /// What was left out on purpose.
    pub(super) skipped: Vec<Skipped>,
    /// What was asked for and cannot be had; the rest goes on.
    pub(super) failures: Vec<CliError>,
    /// Whether the command line names one file, whose artifact is then the whole answer.
    pub(super) single: bool,
}

impl Plan {
    /// Looks at the arguments and walks the directories among them.
    pub(super) fn of(args: &[PathBuf], name: Option<&str>) -> Result<Self, CliError> {
        if name.is_some() && args.len() > 1 {
            return usage("--name is for a single file");
        }
        let mut plan = Self::default();
        for path in args {
            if path.as_os_str() == "-" {
                plan.add_stdin(name)?;
                continue;
            }
            match fs::metadata(path) {
                Ok(found) if found.is_dir() && name.is_some() => {
                    return usage("--name is for a single file, not for a directory");
                }
                Ok(found) if found.is_dir() => plan.add_directory(path),
                Ok(_) => plan.add_file(path, name),
                Err(error) => plan.failures.push(CliError::of_file(path)(error)),
            }
            plan.single = args.len() == 1 && !path.is_dir();
        }
        plan.refuse_equal_names()?;
        Ok(plan)
    }

    fn add_stdin(&mut self, name: Option<&str>) -> Result<(), CliError> {
        let Some(name) = name else {
            return usage("standard input has no name: give one with --name");
        };
        self.sources.push(Source {
            content: Content::Stdin,
            name: name.to_owned(),
        });
        self.single = true;
        Ok(())
    }

    fn add_file(&mut self, path: &Path, name: Option<&str>) {
        let name = match name {
            Some(name) => Some(name.to_owned()),
            None => path
                .file_name()
                .and_then(|name| name.to_str())
                .map(str::to_owned),
        };
        self.add(path, name);
    }

    /// Adds the regular files below a directory, sorted by name. Symbolic links are not followed: what they lead to may
    /// lie anywhere.
    fn add_directory(&mut self, directory: &Path) {
        let first = self.sources.len();
        for found in walk::below(directory, WalkDir::new(directory).min_depth(1)) {
            match found {
                Found::File(entry, name) => self.add(entry.path(), name),
                Found::Skipped(skipped) => self.skipped.push(skipped),
                Found::Lost(error) => self.failures.push(error),
            }
        }
        self.sources[first..].sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn add(&mut self, path: &Path, name: Option<String>) {
        match name {
            Some(name) => self.sources.push(Source {
                content: Content::File(path.to_owned()),
                name,
            }),
            None => {
                let error = io::Error::other("its name is not UTF-8: give another with --name");
                self.failures.push(CliError::of_file(path)(error));
            }
        }
    }

    /// Two sources of one name would become two versions of it, in whatever order they arrive.
    fn refuse_equal_names(&self) -> Result<(), CliError> {
        let mut seen = HashSet::new();
        match self
            .sources
            .iter()
            .find(|source| !seen.insert(&source.name))
        {
            Some(source) => usage(&format!("two of these would be named {}", source.name)),
            None => Ok(()),
        }
    }
}

fn usage<T>(words: &str) -> Result<T, CliError> {
    Err(CliError::Usage(words.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::PathBuf};

    use super::{Content, Plan};
    use crate::{error::CliError, push::folder};

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn names(plan: &Plan) -> Vec<&str> {
        plan.sources
            .iter()
            .map(|source| source.name.as_str())
            .collect()
    }

    #[test]
    fn a_directory_is_its_regular_files_sorted_by_name() -> Result {
        let folder = folder(&["b.txt", "a/z.txt", "a/b/c.txt", "a.txt", ".hidden"])?;
        fs::create_dir(folder.path().join("empty"))?;
        let plan = Plan::of(&[folder.path().to_owned()], None)?;
        assert_eq!(
            names(&plan),
            [".hidden", "a.txt", "a/b/c.txt", "a/z.txt", "b.txt"]
        );
        assert!(!plan.single);
        Ok(())
    }

    #[test]
    fn symbolic_links_in_a_directory_are_skipped_and_told() -> Result {
        let outside = folder(&["secret.txt"])?;
        let folder = folder(&["a.txt"])?;
        symlink(
            outside.path().join("secret.txt"),
            folder.path().join("file"),
        )?;
        symlink(outside.path(), folder.path().join("dir"))?;
        symlink(
            folder.path().join("nowhere"),
            folder.path().join("dangling"),
        )?;
        let plan = Plan::of(&[folder.path().to_owned()], None)?;
        assert_eq!(names(&plan), ["a.txt"]);
        assert_eq!(plan.skipped.len(), 3);
        assert!(plan.failures.is_empty());
        Ok(())
    }

    #[test]
    fn a_file_has_its_base_name_or_the_name_given() -> Result {
        let folder = folder(&["a/b.txt"])?;
        let path = folder.path().join("a/b.txt");
        let plan = Plan::of(std::slice::from_ref(&path), None)?;
        assert_eq!(names(&plan), ["b.txt"]);
        assert!(plan.single);
        let plan = Plan::of(std::slice::from_ref(&path), Some("reports/b"))?;
        assert_eq!(names(&plan), ["reports/b"]);
        assert_eq!(plan.sources[0].content, Content::File(path));
        Ok(())
    }

    #[test]
    fn what_is_missing_does_not_keep_the_rest_from_being_pushed() -> Result {
        let folder = folder(&["a.txt"])?;
        let missing = folder.path().join("missing");
        let plan = Plan::of(&[missing.clone(), folder.path().join("a.txt")], None)?;
        assert_eq!(names(&plan), ["a.txt"]);
        assert!(matches!(&plan.failures[..], [CliError::File { path, .. }] if *path == missing));
        Ok(())
    }

    #[test]
    fn a_name_is_needed_for_standard_input_and_fits_only_one_file() -> Result {
        let folder = folder(&["a.txt", "b.txt"])?;
        let stdin = PathBuf::from("-");
        let file = folder.path().join("a.txt");
        assert!(Plan::of(std::slice::from_ref(&stdin), None).is_err());
        assert_eq!(
            names(&Plan::of(std::slice::from_ref(&stdin), Some("log"))?),
            ["log"]
        );
        assert!(Plan::of(&[stdin, file], Some("log")).is_err());
        assert!(Plan::of(&[folder.path().to_owned()], Some("log")).is_err());
        Ok(())
    }

    #[test]
    fn two_files_of_one_name_are_refused() -> Result {
        let one = folder(&["a.txt"])?;
        let other = folder(&["a.txt"])?;
        assert!(Plan::of(&[one.path().to_owned(), other.path().join("a.txt")], None).is_err());
        Ok(())
    }
}
