//! `cairn pull`.

mod chunks;
mod fetch;
mod name;
mod naming;
mod target;
mod whole;

use std::{
    io::{IsTerminal, stderr},
    mem,
    path::{Path, PathBuf},
    sync::Arc,
};

use cairn_proto::{json::Artifact, v1};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::{
    io::{AsyncWriteExt, stdout},
    task::JoinError,
};

use self::{
    fetch::Fetch,
    name::SafeName,
    target::{Folder, Target},
    whole::Whole,
};
use crate::{
    args::name::{Name, Which},
    client::{Client, Server},
    digest::{Digest, Hashing},
    error::CliError,
    terminal::{
        interrupt::finished,
        output::{Output, table},
        progress::Progress,
        several::{Failures, Room, transfer},
        shapes::size,
    },
};

/// The most that is held in memory instead of being written in parts, in bytes.
const SMALL: u64 = 1 << 20;

/// How many hidden files are told.
const TOLD: usize = 10;

/// Fetch an artifact, or everything that a session holds
///
/// With an ID or with --name, one artifact is fetched. With --session and without --name, it is the latest version of every
/// file of that session, into the directory OUTPUT; with --namespace or --user, of those alone that are theirs. Files of one
/// name that belong to several of them do not fit into one directory, nor does a file with the name of a directory that
/// others need: then nothing is fetched, and it is said which.
///
/// A file that is there with the right content is left as it is. What breaks off is taken up where it was, and large files
/// come in several parts at a time. Every file is checked against its hash, and has its name only when it is whole. A file
/// that may be run may be run again, unless it is hidden or in a hidden directory; a file that is replaced keeps its
/// permissions.
#[derive(clap::Args)]
#[command(override_usage = "cairn pull [OPTIONS] ID [-o PATH]
       cairn pull [OPTIONS] --name FILENAME [--version N] [--session ID] [--namespace NAME] [--user ID] [-o PATH]
       cairn pull [OPTIONS] --session ID [--namespace NAME] [--user ID] [--except FILENAME] -o DIRECTORY")]
pub(crate) struct Args {
    /// The artifact
    #[arg(value_name = "ID")]
    artifact_id: Option<String>,
    /// A file to write or replace, a directory to write into, or - for standard output; the stored filename in the
    /// current directory when it is not given
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace the file when the stored filename is taken
    #[arg(long, short)]
    force: bool,
    /// Leave the file of this name out of a session; may be given again
    #[arg(long, value_name = "FILENAME")]
    except: Vec<String>,
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
}

#[derive(Serialize)]
struct Pulled {
    #[serde(flatten)]
    artifact: Artifact,
    /// Where it is.
    path: String,
    /// Whether it was there before with this content.
    unchanged: bool,
}

#[derive(Serialize)]
struct SessionPulled {
    artifacts: Vec<Pulled>,
}

/// What to fetch, and where to.
enum Task {
    One(Which),
    Session(Whole, PathBuf),
}

impl Args {
    fn task(&mut self) -> Result<Task, CliError> {
        let name = mem::take(&mut self.name);
        let id = self.artifact_id.take();
        let whole = match &name.scope.session {
            Some(session_id) if id.is_none() && name.name.is_none() => Whole {
                session_id: session_id.clone(),
                namespace: name.scope.namespace.clone(),
                user: name.scope.user.clone(),
                except: mem::take(&mut self.except),
            },
            _ if !self.except.is_empty() => {
                let words = "--except is for a whole session: give --session alone";
                return Err(CliError::Usage(words.to_owned()));
            }
            _ => return name.or_id(id).map(Task::One),
        };
        match self.output.take() {
            Some(folder) if folder.as_os_str() != "-" => Ok(Task::Session(whole, folder)),
            _ => Err(CliError::Usage(
                "a session is pulled into a directory: give it with --output, or one file of it with --name"
                    .to_owned(),
            )),
        }
    }
}

/// Pulls go this way.
struct Puller {
    client: Client,
    room: Room,
    output: Output,
}

pub(crate) async fn run(mut args: Args, output: Output) -> Result<(), CliError> {
    let task = args.task()?;
    let puller = Puller {
        client: args.server.connect().await?,
        room: Room::default(),
        output,
    };
    match task {
        Task::One(which) if args.output.as_deref() == Some(Path::new("-")) => {
            let progress = Progress::of(1);
            let pull = puller.to_stdout(which, &progress);
            progress.told(|words| output.progress(words), pull).await
        }
        Task::One(which) => {
            let progress = Progress::of(1);
            let pull = puller.one(which, args.output.as_deref(), args.force, &progress);
            let pulled = progress.told(|words| output.progress(words), pull).await?;
            output.data(&pulled, || table(&[pulled.row()]))
        }
        Task::Session(whole, folder) => puller.session(whole, &folder).await,
    }
}

impl Puller {
    async fn to_stdout(&self, which: Which, progress: &Progress) -> Result<(), CliError> {
        let tell = |words: &str| self.output.progress(words);
        let fetch = Fetch::begin(&self.client, which, tell).await?;
        // At a terminal it would be drawn over what is read there.
        let bar = match stderr().is_terminal() {
            true => ProgressBar::hidden(),
            false => progress.bytes(&fetch.artifact.filename, Some(fetch.size())),
        };
        let mut stdout = stdout();
        let mut hashing = Hashing::default();
        let write = async |data: bytes::Bytes| {
            hashing.update(&data);
            bar.inc(data.len() as u64);
            stdout.write_all(&data).await.map_err(CliError::Stdout)
        };
        fetch.whole(tell, write).await?;
        stdout.flush().await.map_err(CliError::Stdout)?;
        hashing.finish().check(&fetch.artifact)
    }

    async fn one(
        &self,
        which: Which,
        path: Option<&Path>,
        force: bool,
        progress: &Progress,
    ) -> Result<Pulled, CliError> {
        let tell = |words: &str| progress.aside(|| self.output.progress(words));
        let fetch = Fetch::begin(&self.client, which, tell).await?;
        let stored = || SafeName::parse(&fetch.artifact.filename).map(SafeName::flat);
        let target = match path {
            None => Folder::current()?.target(&stored()?, force)?,
            Some(folder) if folder.is_dir() => Folder::open(folder)?.target(&stored()?, force)?,
            Some(file) => Target::at(file)?,
        };
        self.fetch(fetch, || Ok(target), progress).await
    }

    /// Pulls the latest version of each file. Existing files are replaced: the folder is the caller's choice, and pulling
    /// again must bring it up to date.
    async fn session(&self, whole: Whole, folder: &Path) -> Result<(), CliError> {
        let output = self.output;
        let artifacts = whole.files(&mut self.client.clone()).await?;
        warn_of_hidden(&artifacts, output);
        let folder = Arc::new(Folder::create(folder)?);
        let mut failures = Failures::default();
        let pull = async |artifact: v1::Artifact, progress: &Progress| {
            let filename = artifact.filename.clone();
            let folder = folder.clone();
            let name = SafeName::parse(&filename);
            let target = move || folder.target(&name?, true);
            let fetch = Fetch::of(self.client.clone(), artifact);
            let pulled = self.fetch(fetch, target, progress).await;
            pulled.map_err(|error| error.about(filename))
        };
        let pulled = SessionPulled {
            artifacts: transfer(artifacts, "pulled", output, &mut failures, pull).await,
        };
        output.data(&pulled, || {
            let rows: Vec<Vec<String>> = pulled.artifacts.iter().map(Pulled::row).collect();
            table(&rows)
        })?;
        failures.into_result()
    }

    /// Fetches what is not there, into the file that `target` opens.
    async fn fetch(
        &self,
        fetch: Fetch,
        target: impl FnOnce() -> Result<Target, CliError> + Send + 'static,
        progress: &Progress,
    ) -> Result<Pulled, CliError> {
        let _room = self.room.take(fetch.size()).await;
        let artifact = fetch.artifact.clone();
        let target = on_thread(move || {
            let target = target()?;
            match target.holds(&artifact)? {
                true => Ok(Err(target.path().to_owned())),
                false => target.checked().map(Ok),
            }
        });
        let (path, unchanged) = match target.await? {
            Ok(target) => (self.write(&fetch, target, progress).await?, false),
            Err(path) => (path, true),
        };
        Ok(Pulled {
            artifact: fetch.artifact.into(),
            path: path.to_string_lossy().into_owned(),
            unchanged,
        })
    }

    async fn write(
        &self,
        fetch: &Fetch,
        target: Target,
        progress: &Progress,
    ) -> Result<PathBuf, CliError> {
        let name = &fetch.artifact.filename;
        let tell = |words: &str| {
            let words = format!("{name}: {words}");
            progress.aside(|| self.output.progress(&words));
        };
        let artifact = fetch.artifact.clone();
        if fetch.size() > SMALL {
            let bar = progress.bytes(name, Some(fetch.size()));
            let partial = target.create(&artifact)?;
            let (file, path) = (partial.file().clone(), partial.path().to_owned());
            let file_error = |error| CliError::of_file(&path)(error);
            chunks::write(fetch, file, file_error, &bar, tell).await?;
            return on_thread(move || partial.keep()).await;
        }
        let mut content = Vec::with_capacity(fetch.size() as usize);
        let take = async |data: bytes::Bytes| {
            content.extend_from_slice(&data);
            Ok(())
        };
        fetch.whole(tell, take).await?;
        on_thread(move || {
            Digest::of(&content).check(&artifact)?;
            target.write(&artifact, &content)
        })
        .await
    }
}

/// Does work that blocks on a thread of its own, and to its end.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CliError> + Send + 'static,
) -> Result<T, CliError> {
    let broken = |error: JoinError| CliError::Usage(error.to_string());
    finished(work).await.map_err(broken)?
}

/// Tells which files are hidden: programs read them unasked, and who made them may be less trusted.
fn warn_of_hidden(artifacts: &[v1::Artifact], output: Output) {
    let is_hidden = |name: &str| name.split('/').any(|segment| segment.starts_with('.'));
    let names = artifacts.iter().map(|artifact| artifact.filename.as_str());
    let hidden: Vec<&str> = names.filter(|name| is_hidden(name)).collect();
    if hidden.is_empty() {
        return;
    }
    let more = match hidden.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    output.note(&format!(
        "warning: these are hidden, and programs may read them unasked: {}{more}",
        hidden[..hidden.len().min(TOLD)].join(", ")
    ));
}

impl Pulled {
    fn row(&self) -> Vec<String> {
        let remark = if self.unchanged { "unchanged" } else { "" };
        vec![
            self.artifact.artifact_id.clone(),
            format!("v{}", self.artifact.version),
            self.path.clone(),
            size(self.artifact.size_bytes),
            remark.to_owned(),
        ]
    }
}
