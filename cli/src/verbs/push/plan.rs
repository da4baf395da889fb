//! The files of a push, and the names of their artifacts.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use cairn_client::Content;
use serde::Serialize;

use crate::{
    error::CliError,
    files::{
        names,
        walk::{
            Found, Place, Root, Rules, Skipped, Walk, is_temporary, refuse_data_folder,
            report_skipped, warn_of_secrets,
        },
    },
    terminal::output::{Output, table},
};

/// One thing to push.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) origin: Origin,
    /// The filename that the artifact gets.
    pub(super) name: String,
    /// In bytes, where that is known before it is read.
    pub(super) size: Option<u64>,
}

/// Where content comes from.
#[derive(Debug)]
pub(super) enum Origin {
    Stdin,
    File(Place),
}

/// Everything to push, in the order of the output.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) sources: Vec<Source>,
    /// Files left out by a rule.
    skipped: Vec<Skipped>,
    /// Arguments that cannot be read; the others are pushed.
    pub(super) failures: Vec<CliError>,
    /// Whether the command line names one file, whose artifact is then the whole answer.
    pub(super) single: bool,
}

/// A file of a dry run, as JSON.
#[derive(Serialize)]
struct Planned {
    filename: String,
    path: String,
    size_bytes: Option<u64>,
}

#[derive(Serialize)]
struct Dry {
    files: Vec<Planned>,
}

impl Plan {
    /// Looks at the arguments and walks the directories among them.
    pub(super) fn of(
        args: &[PathBuf],
        name: Option<&str>,
        rules: &Rules,
    ) -> Result<Self, CliError> {
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
                Ok(found) if found.is_dir() => plan.add_directory(path, rules)?,
                Ok(found) => plan.add_file(path, name, &found),
                Err(error) => plan.failures.push(CliError::of_file(path)(error)),
            }
            plan.single = args.len() == 1 && !path.is_dir();
        }
        plan.refuse_equal_names()?;
        plan.refuse_conflicts()?;
        Ok(plan)
    }

    /// Prints which files are skipped, and which look like secrets.
    pub(super) fn warn(&self, output: Output) {
        report_skipped(&self.skipped, output);
        warn_of_secrets(self.sources.iter().flat_map(Source::names), output);
    }

    /// Prints the files of a dry run.
    pub(super) fn print(&self, output: Output) -> Result<(), CliError> {
        let files = self.sources.iter().map(|source| Planned {
            filename: source.name.clone(),
            path: source.origin.shown().to_string_lossy().into_owned(),
            size_bytes: source.size,
        });
        print_dry(files.collect(), output)
    }

    fn add_stdin(&mut self, name: Option<&str>) -> Result<(), CliError> {
        let Some(name) = name else {
            return usage("standard input has no name: give one with --name");
        };
        self.sources.push(Source {
            origin: Origin::Stdin,
            name: name.to_owned(),
            size: None,
        });
        self.single = true;
        Ok(())
    }

    fn add_file(&mut self, path: &Path, name: Option<&str>, found: &fs::Metadata) {
        let file_name = path.file_name().and_then(|name| name.to_str());
        let fail = |words: &str| CliError::of_file(path)(io::Error::other(words));
        if file_name.is_some_and(is_temporary) {
            let words = "is a temporary file of cairn pull, which is never pushed";
            return self.failures.push(fail(words));
        }
        match name.or(file_name) {
            Some(name) => self.sources.push(Source {
                origin: Origin::File(Place::Named(path.to_owned())),
                name: name.to_owned(),
                size: found.is_file().then_some(found.len()),
            }),
            None => self
                .failures
                .push(fail("its name is not UTF-8: give another with --name")),
        }
    }

    /// Adds the files below a directory, sorted by name.
    fn add_directory(&mut self, directory: &Path, rules: &Rules) -> Result<(), CliError> {
        refuse_data_folder(directory)?;
        let root = Arc::new(Root::open(directory)?);
        let walk = Walk {
            root: root.clone(),
            rules: rules.clone(),
            one_file_system: false,
        };
        let seen = walk.look();
        self.sources
            .extend(seen.files.into_iter().map(|found| Source {
                origin: Origin::File(Place::Below(root.clone(), found.place)),
                name: found.name,
                size: Some(found.stamp.length()),
            }));
        self.skipped.extend(seen.skipped);
        self.failures.extend(seen.faults);
        Ok(())
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

    /// A file and a folder of one name can be stored, and never be pulled into one folder again.
    fn refuse_conflicts(&self) -> Result<(), CliError> {
        let names = self.sources.iter().map(|source| source.name.as_str());
        match names::conflicts(names).first() {
            Some((file, below)) => usage(&format!(
                "nothing was pushed: {file} would be a file, and for {below} a folder, so the session could not be pulled \
                 into one folder; push one of them under another name with --name, or to another session"
            )),
            None => Ok(()),
        }
    }
}

impl Source {
    /// The content to upload.
    pub(super) fn content(&self) -> Content {
        let content = match &self.origin {
            Origin::Stdin => Content::reader(self.origin.shown(), io::stdin()),
            Origin::File(place) => place.content(),
        };
        content.with_size_hint(self.size)
    }

    /// The names by which it may be known: the artifact's, and that of the file.
    fn names(&self) -> impl Iterator<Item = &str> {
        let path = match &self.origin {
            Origin::Stdin => None,
            Origin::File(Place::Named(path) | Place::Below(_, path)) => path.to_str(),
        };
        let path = path.filter(|path| !path.ends_with(&self.name));
        std::iter::once(self.name.as_str()).chain(path)
    }
}

impl Origin {
    /// As it is shown to people.
    fn shown(&self) -> PathBuf {
        match self {
            Self::Stdin => PathBuf::from("standard input"),
            Self::File(place) => place.shown(),
        }
    }
}

/// Prints the files of a folder for a dry run.
pub(crate) fn print_folder(root: &Root, files: &[Found], output: Output) -> Result<(), CliError> {
    let files = files.iter().map(|found| Planned {
        filename: found.name.clone(),
        path: root.shown(&found.place).to_string_lossy().into_owned(),
        size_bytes: Some(found.stamp.length()),
    });
    print_dry(files.collect(), output)
}

fn print_dry(files: Vec<Planned>, output: Output) -> Result<(), CliError> {
    let dry = Dry { files };
    output.data(&dry, || {
        let size = |size: u64| indicatif::BinaryBytes(size).to_string();
        let rows: Vec<Vec<String>> = dry
            .files
            .iter()
            .map(|file| {
                vec![
                    file.filename.clone(),
                    file.size_bytes.map(size).unwrap_or_default(),
                    file.path.clone(),
                ]
            })
            .collect();
        table(&rows)
    })
}

fn usage<T>(words: &str) -> Result<T, CliError> {
    Err(CliError::Usage(words.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::PathBuf};

    use super::{Origin, Plan};
    use crate::{
        error::CliError,
        files::walk::{Place, Rules, Selection, tests::folder},
    };

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn plan(args: &[PathBuf], name: Option<&str>) -> std::result::Result<Plan, CliError> {
        Plan::of(args, name, &rules()?)
    }

    fn rules() -> std::result::Result<Rules, CliError> {
        Selection::of(&[], false).rules()
    }

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
        let plan = plan(&[folder.path().to_owned()], None)?;
        assert_eq!(names(&plan), ["a.txt", "a/b/c.txt", "a/z.txt", "b.txt"]);
        assert!(!plan.single);
        Ok(())
    }

    #[test]
    fn a_file_has_its_base_name_or_the_name_given() -> Result {
        let folder = folder(&["a/b.txt"])?;
        let path = folder.path().join("a/b.txt");
        let unnamed = plan(std::slice::from_ref(&path), None)?;
        assert_eq!(names(&unnamed), ["b.txt"]);
        assert!(unnamed.single);
        let named = plan(std::slice::from_ref(&path), Some("reports/b"))?;
        assert_eq!(names(&named), ["reports/b"]);
        let origin = &named.sources[0].origin;
        assert!(matches!(origin, Origin::File(Place::Named(named)) if *named == path));
        Ok(())
    }

    #[test]
    fn what_is_missing_does_not_keep_the_rest_from_being_pushed() -> Result {
        let folder = folder(&["a.txt"])?;
        let missing = folder.path().join("missing");
        let plan = plan(&[missing.clone(), folder.path().join("a.txt")], None)?;
        assert_eq!(names(&plan), ["a.txt"]);
        assert!(matches!(&plan.failures[..], [CliError::File { path, .. }] if *path == missing));
        Ok(())
    }

    #[test]
    fn a_name_is_needed_for_standard_input_and_fits_only_one_file() -> Result {
        let folder = folder(&["a.txt", "b.txt"])?;
        let stdin = PathBuf::from("-");
        let file = folder.path().join("a.txt");
        assert!(plan(std::slice::from_ref(&stdin), None).is_err());
        assert_eq!(
            names(&plan(std::slice::from_ref(&stdin), Some("log"))?),
            ["log"]
        );
        assert!(plan(&[stdin, file], Some("log")).is_err());
        assert!(plan(&[folder.path().to_owned()], Some("log")).is_err());
        Ok(())
    }

    #[test]
    fn two_files_of_one_name_are_refused() -> Result {
        let one = folder(&["a.txt"])?;
        let other = folder(&["a.txt"])?;
        let args = [one.path().to_owned(), other.path().join("a.txt")];
        assert!(plan(&args, None).is_err());
        Ok(())
    }

    #[test]
    fn a_file_and_a_folder_of_one_name_are_refused() -> Result {
        let one = folder(&["data"])?;
        let other = folder(&["data/x.txt"])?;
        let args = [one.path().to_owned(), other.path().to_owned()];
        let words = plan(&args, None).err().map(|error| error.to_string());
        assert!(words.is_some_and(|words| words.contains("data/x.txt")));
        Ok(())
    }

    #[test]
    fn a_link_in_a_folder_is_what_it_leads_to() -> Result {
        let folder = folder(&["a.txt", "deep/b.txt"])?;
        symlink("a.txt", folder.path().join("relative"))?;
        symlink(folder.path().join("deep"), folder.path().join("absolute"))?;
        let plan = plan(&[folder.path().to_owned()], None)?;
        assert_eq!(
            names(&plan),
            ["a.txt", "absolute/b.txt", "deep/b.txt", "relative"]
        );
        Ok(())
    }
}
