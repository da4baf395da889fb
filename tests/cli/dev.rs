//! `cairn dev` is the whole store in one process, which leaves no process running and loses nothing.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    thread::park_timeout,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};

use harness::{
    Shell, eventually,
    program::{self, Done, program},
    within_patience,
};

mod refusals;
mod stopping;
mod store;

const FREE_PORTS: [&str; 3] = [
    "--grpc=127.0.0.1:0",
    "--http=127.0.0.1:0",
    "--ops=127.0.0.1:0",
];

/// A folder for the data, inside a folder of this test only.
struct Place {
    folder: TempDir,
}

impl Place {
    /// A folder that every account may enter.
    fn open() -> Self {
        Self::with_mode(0o755)
    }

    /// A folder that only our account may enter: for tests as root, Postgres' account may not.
    fn closed() -> Self {
        Self::with_mode(0o700)
    }

    fn with_mode(mode: u32) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("cairn-test-dev-")
            .permissions(fs::Permissions::from_mode(mode))
            .tempdir()
            .unwrap();
        Self { folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("cairn-data")
    }

    /// The folder of Postgres' files; elsewhere if its account may not enter this one.
    fn postgres(&self) -> Option<PathBuf> {
        self.data().join("postgres").canonicalize().ok()
    }

    fn file(&self, name: &str) -> String {
        let path = self.data().join(name);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// The key for clients.
    fn key(&self) -> String {
        let env = self.file("dev.env");
        let mut lines = env.lines();
        let key = lines.find_map(|line| line.strip_prefix("export CAIRN_API_KEY="));
        key.unwrap_or_else(|| panic!("no key in {env}")).to_owned()
    }

    /// A `cairn dev` on this folder and free ports.
    async fn dev(&self) -> Command {
        let mut command = self.bare_dev().await;
        command.arg("--data-dir").arg(self.data()).args(FREE_PORTS);
        command
    }

    /// A `cairn dev` without arguments.
    async fn bare_dev(&self) -> Command {
        let mut command = program::command(program("cairn").await);
        command.arg("dev").current_dir(&self.folder);
        // In a process group of its own, as at a terminal, where a Ctrl-C reaches the whole group.
        command.process_group(0);
        command
    }

    /// A `cairn dev` that ends by itself.
    async fn refused(&self) -> Done {
        program::run(&mut self.dev().await).await
    }

    async fn start(&self) -> Dev {
        self.start_as(self.dev().await).await
    }

    async fn start_as(&self, mut command: Command) -> Dev {
        let log = self.folder.path().join("log");
        let mut child = command
            .stderr(Stdio::from(fs::File::create(&log).unwrap()))
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        let all_said = async {
            while !said.contains("Ctrl-C stops it.") {
                if stdout.read_line(&mut said).await.unwrap() == 0 {
                    panic!("{said}{}", fs::read_to_string(&log).unwrap());
                }
            }
        };
        within_patience("cairn dev starts", all_said).await;
        let told = |name: &str| {
            let mut lines = said.lines().map(|line| line.split_whitespace());
            lines
                .find_map(|mut line| (line.next()? == name).then(|| line.next())?)
                .unwrap_or_else(|| panic!("no {name} in {said}"))
                .to_owned()
        };
        Dev {
            grpc: told("gRPC"),
            links: told("links"),
            probes: told("probes"),
            key: self.key(),
            child,
            said,
            _stdout: stdout,
        }
    }

    /// The processes that work in this folder or have it in their command line, with their command lines.
    fn processes(&self) -> Vec<(Pid, String)> {
        let mut folders = vec![self.data()];
        folders.extend(self.postgres());
        let about = |process: &Path| {
            let command = fs::read(process.join("cmdline")).ok()?;
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            let works_in = fs::read_link(process.join("cwd")).unwrap_or_default();
            let ours = folders.iter().any(|folder| {
                command.contains(folder.to_str().unwrap()) || works_in.starts_with(folder)
            });
            let pid = process.file_name()?.to_str()?.parse().ok()?;
            ours.then_some((Pid::from_raw(pid)?, command))
        };
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| about(&entry.unwrap().path()))
            .collect()
    }

    /// The folder of the socket that Postgres listens on.
    fn socket(&self) -> PathBuf {
        let processes = self.processes();
        let socket = processes.iter().find_map(|(_, command)| {
            let mut words = command.split_whitespace().skip_while(|word| *word != "-k");
            words.nth(1)
        });
        socket.unwrap_or_else(|| panic!("{processes:?}")).into()
    }

    /// Waits until no process of a `cairn dev` with this socket is left.
    async fn is_quiet(&self, socket: &Path) {
        eventually("no process and no socket is left", async || {
            self.processes().is_empty() && !socket.exists()
        })
        .await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A failed test has only killed `cairn dev`; the processes that it started should end by themselves.
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.processes().is_empty() && Instant::now() < deadline {
            park_timeout(Duration::from_millis(20));
        }
        for (pid, _) in self.processes() {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
        if let Some(elsewhere) = self.postgres().filter(|p| !p.starts_with(&self.folder)) {
            let _ = fs::remove_dir_all(elsewhere);
        }
    }
}

/// A running `cairn dev`.
struct Dev {
    child: Child,
    grpc: String,
    links: String,
    probes: String,
    key: String,
    /// Its output.
    said: String,
    _stdout: BufReader<ChildStdout>,
}

/// Sends SIGINT to the process group, like a Ctrl-C at its terminal.
fn interrupt(child: &Child) {
    let pid = child.id().expect("it still runs");
    let group = Pid::from_raw(pid.cast_signed()).unwrap();
    kill_process_group(group, Signal::INT).unwrap();
}

impl Dev {
    async fn shell(&self) -> Shell {
        Shell::at(&self.grpc, &self.key).await
    }

    fn ctrl_c(&self) {
        interrupt(&self.child);
    }

    async fn end(self) -> Done {
        program::end_of(self.child).await
    }

    /// Stops it cleanly.
    async fn stop(self) {
        program::signal(&self.child, Signal::TERM);
        self.end().await.ok();
    }
}
