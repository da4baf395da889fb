//! Settings of the environment that are not arguments. The only file of this crate that reads the environment.

use std::{env, ffi::OsString, path::PathBuf};

/// Where programs are looked for.
pub(super) fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect()
}

/// The variables that are there for Postgres and its tools.
pub(super) fn postgres_variables() -> Vec<OsString> {
    env::vars_os()
        .map(|(variable, _)| variable)
        .filter(|variable| variable.to_string_lossy().starts_with("PG"))
        .collect()
}
