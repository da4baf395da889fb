//! A private Postgres: a cluster in a folder of its own, reached through a unix socket alone, which never outlives the
//! process that started it.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::{fs::DirBuilderExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::park_timeout,
    time::{Duration, Instant},
};

use rand::distr::{Alphanumeric, SampleString};
use thiserror::Error;

use super::{account::Account, binaries::Binaries};

/// How long Postgres may take to be ready: it may have to recover first.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(25);
/// The superuser, and the only user.
const USER: &str = "cairn";
/// Where sockets go: the path of a socket may have no more than 107 bytes, which the folder of the data may pass.
const SOCKETS: &str = "/tmp";
/// Where the data goes when the account that runs Postgres may not enter the folder that was asked for.
const ELSEWHERE: &str = "/var/lib/cairn";

/// Runs Postgres until it ends, or until standard input does, which is when the process that holds the other end stops
/// or dies, in whatever way. `$1` is the socket's folder, `$2` a folder to remove at the end, and the rest is the command.
const KEEPER: &str = r#"
socket=$1 remove=$2
shift 2
exec 3<&0
"$@" </dev/null 3<&- &
postgres=$!
(cat <&3 >/dev/null; kill -INT $postgres 2>/dev/null) &
exec 3<&-
wait $postgres
status=$?
rm -rf "$socket"
[ -z "$remove" ] || rm -rf "$remove"
exit $status
"#;

/// Why there is no Postgres.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// The binaries are not here; says how to install them.
    #[error("{0}")]
    NotInstalled(String),
    /// A file or folder could not be used.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A program could not be run.
    #[error("{0} could not be run: {1}")]
    Program(&'static str, #[source] io::Error),
    /// A program failed, with the end of its output.
    #[error("{0} failed: {1}")]
    Failed(&'static str, String),
}

/// How a cluster is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Settings of Postgres beyond its own defaults, such as `fsync=off`.
    pub settings: &'static [&'static str],
    /// Remove the folder when Postgres has stopped.
    pub temporary: bool,
}

/// A running Postgres. It stops when this is dropped, and when the process dies.
#[derive(Debug)]
pub struct Cluster {
    keeper: Child,
    socket: PathBuf,
}

impl Cluster {
    /// Starts a Postgres on the cluster in a folder, which is made when it is not there. One that runs there already, left
    /// behind by a process that died, is stopped first: the caller makes sure that it belongs to no other process. Blocks.
    ///
    /// # Errors
    /// [`ClusterError`], in words for the person who started it.
    pub fn start(folder: &Path, options: Options) -> Result<Self, ClusterError> {
        let binaries = Binaries::find().map_err(ClusterError::NotInstalled)?;
        let account = Account::for_folder(folder).map_err(of_file(folder))?;
        let folder = make_folder(folder, account)?;
        let data = folder.join("data");
        if data.exists() {
            stop_left_behind(&binaries, account, &data)?;
        } else {
            init(&binaries, account, &folder, &data)?;
        }
        let socket = socket_folder(account)?;
        let log_path = folder.join("log");
        let log = File::create(&log_path).map_err(of_file(&log_path))?;

        let mut postgres = account.command(Path::new("/bin/sh"), &folder);
        postgres.args(["-c", KEEPER, "sh"]).arg(&socket);
        postgres.arg(if options.temporary {
            folder.as_os_str()
        } else {
            "".as_ref()
        });
        postgres.arg(binaries.path("postgres")).arg("-D").arg(&data);
        postgres.arg("-k").arg(&socket).args(["-h", ""]);
        for setting in options.settings {
            postgres.args(["-c", setting]);
        }
        let keeper = postgres
            // A Ctrl-C at the terminal is for us: the calls under way still need Postgres.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|e| ClusterError::Program("postgres", e))?;
        let mut cluster = Self { keeper, socket };
        cluster.wait_until_ready(&binaries, &log_path)?;
        Ok(cluster)
    }

    /// The URL of one of its databases; there is always `postgres`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!(
            "host={} user={USER} dbname={database}",
            self.socket.display()
        )
    }

    /// How Postgres ended, if it did.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.keeper.try_wait()
    }

    /// Stops Postgres and waits until it has. Blocks.
    ///
    /// # Errors
    /// When it does not stop in time.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        drop(self.keeper.stdin.take());
        let deadline = Instant::now() + STOP_TIMEOUT;
        loop {
            let ended = self.ended();
            match ended.map_err(|e| ClusterError::Program("postgres", e))? {
                Some(_) => return Ok(()),
                None if Instant::now() < deadline => park_timeout(POLL),
                None => {
                    let words = format!("it did not stop within {STOP_TIMEOUT:?}");
                    return Err(ClusterError::Failed("postgres", words));
                }
            }
        }
    }

    fn wait_until_ready(&mut self, binaries: &Binaries, log: &Path) -> Result<(), ClusterError> {
        let deadline = Instant::now() + START_TIMEOUT;
        let failed = || ClusterError::Failed("postgres", last_words(log));
        loop {
            let ended = self.ended();
            if ended
                .map_err(|e| ClusterError::Program("postgres", e))?
                .is_some()
                || Instant::now() > deadline
            {
                return Err(failed());
            }
            let ready = Command::new(binaries.path("pg_isready"))
                .args(["-q", "-t", "5", "-d", "postgres", "-U", USER, "-h"])
                .arg(&self.socket)
                .stdin(Stdio::null())
                .status()
                .map_err(|e| ClusterError::Program("pg_isready", e))?;
            if ready.success() {
                return Ok(());
            }
            park_timeout(POLL);
        }
    }
}

/// The folder of a cluster, owned by the account and closed to all others. Where the account may not enter, it is made
/// elsewhere and a symbolic link leads there, so that the one goes with the other.
fn make_folder(folder: &Path, account: Account) -> Result<PathBuf, ClusterError> {
    if !folder.exists() {
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).map_err(of_file(parent))?;
        }
        private_folder(folder, account)?;
        if !account.can_enter(folder) {
            fs::remove_dir(folder).map_err(of_file(folder))?;
            fs::create_dir_all(ELSEWHERE).map_err(of_file(ELSEWHERE))?;
            let elsewhere = Path::new(ELSEWHERE).join(random_name());
            private_folder(&elsewhere, account)?;
            std::os::unix::fs::symlink(&elsewhere, folder).map_err(of_file(folder))?;
        }
    }
    folder.canonicalize().map_err(of_file(folder))
}

fn socket_folder(account: Account) -> Result<PathBuf, ClusterError> {
    let folder = Path::new(SOCKETS).join(random_name());
    private_folder(&folder, account)?;
    Ok(folder)
}

fn random_name() -> String {
    format!("cairn-{}", Alphanumeric.sample_string(&mut rand::rng(), 16))
}

fn private_folder(folder: &Path, account: Account) -> Result<(), ClusterError> {
    DirBuilder::new()
        .mode(0o700)
        .create(folder)
        .and_then(|()| account.own(folder))
        .map_err(of_file(folder))
}

/// Makes a cluster, whole or not at all.
fn init(
    binaries: &Binaries,
    account: Account,
    folder: &Path,
    data: &Path,
) -> Result<(), ClusterError> {
    let unfinished = folder.join("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(of_file(&unfinished))?;
    }
    let mut initdb = account.command(&binaries.path("initdb"), folder);
    initdb
        .arg("-D")
        .arg(&unfinished)
        .args(["--username", USER, "--auth", "trust", "--encoding", "UTF8"])
        .arg("--no-locale");
    run("initdb", initdb)?;
    fs::rename(&unfinished, data).map_err(of_file(data))
}

fn stop_left_behind(
    binaries: &Binaries,
    account: Account,
    data: &Path,
) -> Result<(), ClusterError> {
    if !data.join("postmaster.pid").exists() {
        return Ok(());
    }
    let pg_ctl = |verb| {
        let mut command = account.command(&binaries.path("pg_ctl"), data);
        command.arg(verb).arg("-D").arg(data);
        command
    };
    if run("pg_ctl", pg_ctl("status")).is_err() {
        return Ok(()); // a file without a process: Postgres knows what to do with it
    }
    let mut stop = pg_ctl("stop");
    stop.args(["-m", "fast", "-t"])
        .arg(STOP_TIMEOUT.as_secs().to_string());
    let stopped = run("pg_ctl", stop);
    // It may have stopped by itself in the meantime.
    stopped.or_else(|e| match run("pg_ctl", pg_ctl("status")) {
        Ok(()) => Err(e),
        Err(_) => Ok(()),
    })
}

fn run(name: &'static str, mut command: Command) -> Result<(), ClusterError> {
    let output = command
        // As with Postgres itself: a Ctrl-C must not leave half of its work.
        .process_group(0)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| ClusterError::Program(name, e))?;
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stdout, output.stderr].concat();
    let words = String::from_utf8_lossy(&words).trim().to_owned();
    Err(ClusterError::Failed(name, words))
}

/// The end of a log, where the reason usually is.
fn last_words(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(5)..].join("\n  ");
    format!("{last}\n  (all of it: {})", log.display())
}

fn of_file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ClusterError {
    let path = path.into();
    |source| ClusterError::Folder { path, source }
}
