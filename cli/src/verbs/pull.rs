//! `cairn pull`.

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

use cairn_client::{ArtifactRef, Client, Download, Observer, ReadBatches, Room};
use cairn_proto::{json::Artifact, v1};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::{
    io::{AsyncWriteExt, stdout},
    task::JoinError,
};

use self::{
    name::SafeName,
    target::{Folder, Target},
    whole::Whole,
};
use crate::{
    args::name::Name,
    args::server::Server,
    error::CliError,
    terminal::{
        failures::Failures,
        interrupt::run_to_completion,
        output::{Output, table},
        progress::Progress,
        render::size,
        transfer::transfer,
    },
};

/// The most that is held in memory instead of being written in parts, in bytes.
const SMALL: u64 = 1 << 20;

/// How many hidden files a warning names.
const MAX_NAMED: usize = 10;

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

/// Which artifacts to fetch.
enum Task {
    One(ArtifactRef),
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
    batches: ReadBatches,
    room: Room,
    output: Output,
}

pub(crate) async fn run(mut args: Args, output: Output) -> Result<(), CliError> {
    let task = args.task()?;
    let client = args.server.connect().await?;
    let puller = Puller {
        batches: client.read_batches(),
        client,
        room: Room::default(),
        output,
    };
    match task {
        Task::One(which) if args.output.as_deref() == Some(Path::new("-")) => {
            let progress = Progress::of(1);
            let pull = puller.to_stdout(which, &progress);
            progress
                .report_during(|words| output.progress(words), pull)
                .await
        }
        Task::One(which) => {
            let progress = Progress::of(1);
            let pull = puller.one(which, args.output.as_deref(), args.force, &progress);
            let pulled = progress
                .report_during(|words| output.progress(words), pull)
                .await?;
            output.data(&pulled, || table(&[pulled.row()]))
        }
        Task::Session(whole, folder) => puller.session(whole, &folder).await,
    }
}

impl Puller {
    async fn to_stdout(&self, which: ArtifactRef, progress: &Progress) -> Result<(), CliError> {
        let observer = progress.observer(&which.to_string(), None, self.output);
        let download = self.client.download(which, observer).await?;
        // At a terminal the bar would be drawn over the content.
        let bar = match stderr().is_terminal() {
            true => ProgressBar::hidden(),
            false => progress.bytes(&download.artifact().filename, Some(download.size())),
        };
        let mut stdout = stdout();
        let write = async |data: bytes::Bytes| {
            bar.inc(data.len() as u64);
            stdout.write_all(&data).await
        };
        let read = download.read(write).await;
        stdout.flush().await.map_err(CliError::Stdout)?;
        Ok(read?)
    }

    async fn one(
        &self,
        which: ArtifactRef,
        path: Option<&Path>,
        force: bool,
        progress: &Progress,
    ) -> Result<Pulled, CliError> {
        let observer = progress.observer(&which.to_string(), None, self.output);
        let download = self.client.download(which, observer).await?;
        let stored = || SafeName::parse(&download.artifact().filename).map(SafeName::flat);
        let target = match path {
            None => Folder::current()?.target(&stored()?, force)?,
            Some(folder) if folder.is_dir() => Folder::open(folder)?.target(&stored()?, force)?,
            Some(file) => Target::at(file)?,
        };
        let artifact = download.artifact().clone();
        self.fetch(artifact, Some(download), || Ok(target), progress)
            .await
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
            let pulled = self.fetch(artifact, None, target, progress).await;
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

    /// Fetches the content into the file that `target` opens, unless it is there already. `begun` is a running download, if any.
    async fn fetch(
        &self,
        artifact: v1::Artifact,
        begun: Option<Download>,
        target: impl FnOnce() -> Result<Target, CliError> + Send + 'static,
        progress: &Progress,
    ) -> Result<Pulled, CliError> {
        let size = u64::try_from(artifact.size_bytes).unwrap_or_default();
        let _room = self.room.take(size).await;
        let wanted = artifact.clone();
        let target = on_thread(move || {
            let target = target()?;
            match target.holds(&wanted)? {
                true => Ok(Err(target.path().to_owned())),
                false => target.checked().map(Ok),
            }
        });
        let (path, unchanged) = match target.await? {
            Ok(target) => {
                let observer = progress.observer(&artifact.filename, Some(size), self.output);
                let path = self.write(&artifact, begun, target, observer).await?;
                (path, false)
            }
            Err(path) => (path, true),
        };
        Ok(Pulled {
            artifact: artifact.into(),
            path: path.to_string_lossy().into_owned(),
            unchanged,
        })
    }

    async fn write(
        &self,
        artifact: &v1::Artifact,
        begun: Option<Download>,
        target: Target,
        observer: Observer,
    ) -> Result<PathBuf, CliError> {
        let wanted = artifact.clone();
        if u64::try_from(artifact.size_bytes).unwrap_or_default() > SMALL {
            let download = self.client.download_of(wanted, observer);
            let partial = target.create(artifact)?;
            let (file, path) = (partial.file().clone(), partial.path().to_owned());
            download.write_to(file, &path).await?;
            return on_thread(move || partial.keep()).await;
        }
        let content = match begun {
            Some(download) => download.bytes().await?.into(),
            None => self.batches.read(artifact, observer).await?,
        };
        on_thread(move || target.write(&wanted, &content)).await
    }
}

/// Does work that blocks on a thread of its own, and to its end.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CliError> + Send + 'static,
) -> Result<T, CliError> {
    let broken = |error: JoinError| CliError::Usage(error.to_string());
    run_to_completion(work).await.map_err(broken)?
}

/// Warns of hidden files: programs read them without being asked, and their author may be less trusted.
fn warn_of_hidden(artifacts: &[v1::Artifact], output: Output) {
    let is_hidden = |name: &str| name.split('/').any(|segment| segment.starts_with('.'));
    let names = artifacts.iter().map(|artifact| artifact.filename.as_str());
    let hidden: Vec<&str> = names.filter(|name| is_hidden(name)).collect();
    if hidden.is_empty() {
        return;
    }
    let more = match hidden.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    output.note(&format!(
        "warning: these are hidden, and programs may read them unasked: {}{more}",
        hidden[..hidden.len().min(MAX_NAMED)].join(", ")
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
