//! A user of the `cairn` command.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

use super::program::{self, Done, program};

/// A shell with an address and a key in the environment, in an empty folder.
pub struct Shell {
    folder: TempDir,
    program: &'static Path,
    addr: String,
    key: String,
}

impl Shell {
    /// A shell with the address and the key of a server in its environment.
    pub async fn at(addr: &str, key: &str) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            program: program("cairn").await,
            addr: addr.to_owned(),
            key: key.to_owned(),
        }
    }

    /// The `cairn` command with these arguments, not yet started.
    pub fn cairn(&self, args: &[&str]) -> Command {
        let mut command = program::command(self.program);
        command
            .args(args)
            .current_dir(&self.folder)
            .env("CAIRN_ADDR", &self.addr)
            .env("CAIRN_API_KEY", &self.key);
        command
    }

    /// Runs `cairn` with these arguments to its end.
    pub async fn run(&self, args: &[&str]) -> Done {
        program::run(&mut self.cairn(args)).await
    }

    /// Runs a command whose standard input is this.
    pub async fn pipe(&self, content: &[u8], args: &[&str]) -> Done {
        let mut child = self.cairn(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // The command may refuse before it has read all.
        let _ = stdin.write_all(content).await;
        drop(stdin);
        program::end_of(child).await
    }

    /// The output of a command that succeeds.
    pub async fn json(&self, args: &[&str]) -> Value {
        self.run(args).await.ok().json()
    }

    /// Writes a file, pushes it, and returns the artifact.
    pub async fn push(&self, name: &str, content: impl AsRef<[u8]>, args: &[&str]) -> Value {
        self.write(name, content);
        self.json(&[&["push", name], args].concat()).await
    }

    /// The path of a file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders on the way to it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The bytes of a file of its folder.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The names in a folder, including hidden files.
    pub fn entries(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// A text field.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text but {value}"))
}

/// The same field of each.
pub fn each<'a>(values: &'a Value, field: &str) -> Vec<&'a Value> {
    let values = values.as_array().unwrap_or_else(|| panic!("{values}"));
    values.iter().map(|value| &value[field]).collect()
}
