//! Where the binaries of Postgres are.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::config::search_path;

/// The oldest release that has all the SQL that Cairn speaks.
const AT_LEAST: u32 = 15;
/// Where packages put releases side by side: Debian's, Red Hat's, Homebrew's.
const RELEASES: [&str; 4] = [
    "/usr/lib/postgresql",
    "/usr",
    "/opt/homebrew/opt",
    "/usr/local/opt",
];

/// The folder of a Postgres of which all that is needed is there.
#[derive(Debug, Clone)]
pub(super) struct Binaries(PathBuf);

impl Binaries {
    /// Finds a release that is new enough: on PATH, else the newest in the usual places.
    pub(super) fn find() -> Result<Self, String> {
        let mut folders = search_path();
        let mut installed: Vec<_> = RELEASES.iter().flat_map(|r| releases(r.as_ref())).collect();
        installed.sort_by_key(|(release, _)| std::cmp::Reverse(*release));
        folders.extend(installed.into_iter().map(|(_, folder)| folder));

        let mut too_old = None;
        for folder in folders {
            match version(&folder) {
                Some(found) if found >= AT_LEAST => return Ok(Self(folder)),
                Some(found) => too_old = too_old.or(Some((found, folder))),
                None => {}
            }
        }
        let found = too_old.map_or_else(
            || "no Postgres was found".to_owned(),
            |(found, folder)| format!("Postgres {found} in {} is too old", folder.display()),
        );
        Err(format!(
            "{found}: cairn dev runs a private one and needs the binaries of release {AT_LEAST} or newer. Install them \
             with `apt-get install postgresql`, `dnf install postgresql-server` or `brew install postgresql`, or put \
             their folder on PATH"
        ))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// The `bin` folders of the releases in one place, by their number: `15/bin`, `pgsql-15/bin`, `postgresql@15/bin`.
fn releases(place: &Path) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = fs::read_dir(place) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let name = name.to_str()?;
            let number = ["pgsql-", "postgresql@", ""]
                .iter()
                .find_map(|prefix| name.strip_prefix(prefix))?;
            Some((number.parse().ok()?, entry.path().join("bin")))
        })
        .collect()
}

/// The release in a folder, if everything needed is there.
fn version(folder: &Path) -> Option<u32> {
    let complete = ["initdb", "pg_ctl", "pg_isready"]
        .iter()
        .all(|name| folder.join(name).is_file());
    if !complete {
        return None;
    }
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    // "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)", "… 17beta1"
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.split_whitespace().nth(2)?;
    number
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}
