//! The programs as they are deployed: built once a run, each run a process that ends with its test.

use std::{
    collections::HashMap,
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::OnceLock,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    task::spawn_blocking,
    time::timeout,
};

use super::{log, within_patience};

/// Where a program of the workspace is.
pub async fn program(name: &str) -> &'static Path {
    let programs = spawn_blocking(programs).await.unwrap();
    programs
        .get(name)
        .unwrap_or_else(|| panic!("no {name} among {programs:?}"))
}

/// Builds them: cargo gives `CARGO_BIN_EXE_…` only to the tests of their own packages.
fn programs() -> &'static HashMap<String, PathBuf> {
    static PROGRAMS: OnceLock<HashMap<String, PathBuf>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        // <target>/<profile>/deps/api-…
        let test = env::current_exe().unwrap();
        let mut folders = test.ancestors().skip(2);
        let profile = folders.next().and_then(Path::file_name).unwrap();
        let profile = if profile == "debug" {
            "dev".as_ref()
        } else {
            profile
        };
        let mut cargo = std::process::Command::new(env!("CARGO"));
        // Cargo's variables for a test would make build scripts think that much has changed.
        for (variable, _) in env::vars_os() {
            let name = variable.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(variable);
            }
        }
        // There are no examples. Requesting them makes cargo choose the features of dependencies as `cargo test` does,
        // so that nothing is built twice.
        let output = cargo
            .args(["build", "--locked", "--workspace", "--bins", "--examples"])
            .arg("--message-format=json-render-diagnostics")
            .arg("--profile")
            .arg(profile)
            .arg("--target-dir")
            .arg(folders.next().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}");
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .filter_map(executable)
            .collect()
    })
}

/// The name and the path of an executable, if a message of cargo is about one.
fn executable(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).unwrap();
    let path = message["executable"].as_str()?;
    let name = message["target"]["name"].as_str()?;
    Some((name.to_owned(), path.into()))
}

/// A Python program that `scripts/bootstrap test` installs.
pub fn of_python(name: &str) -> PathBuf {
    of_environment("venv", name)
}

/// A program of one of the virtual environments that `scripts/bootstrap test` makes.
pub fn of_environment(environment: &str, name: &str) -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools");
    let program = tools.join(environment).join("bin").join(name);
    assert!(
        program.is_file(),
        "{} is missing: scripts/bootstrap test installs it",
        program.display()
    );
    program
}

/// A run of a program whose standard input is empty and whose output is captured, without the environment variables
/// that configure Cairn.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (variable, _) in env::vars_os() {
        if variable.to_string_lossy().starts_with("CAIRN_") {
            command.env_remove(variable);
        }
    }
    command
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Addresses where no program listens now.
pub fn free_addresses() -> [String; 3] {
    let held = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().to_string())
}

/// The result of a program that ended.
#[derive(Debug)]
pub struct Done {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: String,
}

/// Runs a program to its end.
pub async fn run(command: &mut Command) -> Done {
    end_of(command.spawn().unwrap()).await
}

/// How long [`run_long`] waits.
const LONG: Duration = Duration::from_secs(600);

/// Runs a program that takes tens of seconds on an idle machine.
pub async fn run_long(command: &mut Command) -> Done {
    let ended = command.spawn().unwrap().wait_with_output();
    let ended = timeout(LONG, ended).await.expect("the program ends");
    ended.unwrap().into()
}

/// Waits for a program to end.
pub async fn end_of(child: Child) -> Done {
    let ended = within_patience("the program ends", child.wait_with_output());
    ended.await.unwrap().into()
}

/// Sends a signal to a program that is running.
pub fn signal(child: &Child, signal: Signal) {
    let pid = child.id().expect("it still runs");
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let stderr = String::from_utf8(output.stderr).unwrap();
        log::check(&stderr);
        Self {
            code: output.status.code(),
            stdout: output.stdout,
            stderr,
        }
    }
}

impl Done {
    /// It succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.with_code(0)
    }

    /// It ended with this code.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Also printed these words, or all of these, to standard error.
    #[track_caller]
    pub fn saying(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "{words:?} in {}", self.stderr);
        self
    }

    /// Its standard output, which is text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Its standard output, which is one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }
}
