//! `cairn pull`.

mod download;
mod name;
mod target;
mod whole;

use std::{
    mem,
    path::{Path, PathBuf},
};

use cairn_proto::v1;
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::io::stdout;

use self::{
    download::Download,
    name::SafeName,
    target::{Folder, Target},
    whole::Whole,
};
use crate::{
    client::{Client, Server},
    error::CliError,
    name::{Name, Which},
    output::{Output, table},
    progress::Progress,
    several::{Failures, transfer},
    shapes::Artifact,
};

/// Fetch an artifact, or everything that a session holds
///
/// With an ID or with --name, one artifact is fetched. With --session and without --name, it is the latest version of every
/// file of that session, into the directory OUTPUT; with --namespace or --user, of those alone that are theirs. Files of one
/// name that belong to several of them do not fit into one directory: then nothing is fetched, and it is said which.
#[derive(clap::Args)]
#[command(override_usage = "cairn pull [OPTIONS] ID [-o PATH]
       cairn pull [OPTIONS] --name FILENAME [--version N] [--session ID] [--namespace NAME] [--user ID] [-o PATH]
       cairn pull [OPTIONS] --session ID [--namespace NAME] [--user ID] -o DIRECTORY")]
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
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
}

#[derive(Serialize)]
struct Pulled {
    #[serde(flatten)]
    artifact: Artifact,
    /// Where it was written.
    path: String,
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
            },
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

pub(crate) async fn run(mut args: Args, output: Output) -> Result<(), CliError> {
    let task = args.task()?;
    let client = args.server.connect().await?;
    match task {
        Task::One(which) if args.output.as_deref() == Some(Path::new("-")) => {
            pull_to_stdout(client, which).await
        }
        Task::One(which) => {
            let pulled = pull_one(client, which, args.output.as_deref(), args.force).await?;
            output.data(&pulled, || table(&[pulled.row()]))
        }
        Task::Session(whole, folder) => pull_session(client, whole, &folder, output).await,
    }
}

async fn pull_to_stdout(mut client: Client, which: Which) -> Result<(), CliError> {
    let download = Download::start(&mut client, which).await?;
    let bar = ProgressBar::hidden();
    download.copy(&mut stdout(), CliError::Stdout, bar).await?;
    Ok(())
}

async fn pull_one(
    mut client: Client,
    which: Which,
    path: Option<&Path>,
    force: bool,
) -> Result<Pulled, CliError> {
    let download = Download::start(&mut client, which).await?;
    let stored = || SafeName::parse(&download.artifact.filename).map(SafeName::flat);
    let target = match path {
        None => Folder::current()?.target(&stored()?, force)?,
        Some(folder) if folder.is_dir() => Folder::open(folder)?.target(&stored()?, force)?,
        Some(file) => Target::at(file)?,
    };
    write(download, target, &Progress::of(1)).await
}

/// Pulls the latest version of each file. Existing files are replaced: the folder is the caller's choice, and pulling
/// again must bring it up to date.
async fn pull_session(
    mut client: Client,
    whole: Whole,
    folder: &Path,
    output: Output,
) -> Result<(), CliError> {
    let artifacts = whole.files(&mut client).await?;
    let folder = Folder::create(folder)?;
    let mut failures = Failures::default();
    let pull = async |artifact: v1::Artifact, progress: &Progress| {
        let filename = artifact.filename.clone();
        pull_into(client.clone(), artifact, &folder, progress)
            .await
            .map_err(|error| error.about(filename))
    };
    let pulled = SessionPulled {
        artifacts: transfer(artifacts, output, &mut failures, pull).await,
    };
    output.data(&pulled, || {
        let rows: Vec<Vec<String>> = pulled.artifacts.iter().map(Pulled::row).collect();
        table(&rows)
    })?;
    failures.into_result()
}

async fn pull_into(
    mut client: Client,
    artifact: v1::Artifact,
    folder: &Folder,
    progress: &Progress,
) -> Result<Pulled, CliError> {
    let target = folder.target(&SafeName::parse(&artifact.filename)?, true)?;
    let download = Download::start(&mut client, Which::Id(artifact.artifact_id)).await?;
    write(download, target, progress).await
}

async fn write(
    download: Download,
    target: Target,
    progress: &Progress,
) -> Result<Pulled, CliError> {
    let length = u64::try_from(download.artifact.size_bytes).ok();
    let bar = progress.bytes(&download.artifact.filename, length);
    let mut partial = target.create()?;
    let path = partial.path().to_owned();
    let file_error = |error| CliError::of_file(&path)(error);
    let artifact = download.copy(partial.file(), file_error, bar).await?;
    let path = partial.keep().await?;
    Ok(Pulled {
        artifact: artifact.into(),
        path: path.to_string_lossy().into_owned(),
    })
}

impl Pulled {
    fn row(&self) -> Vec<String> {
        vec![
            self.artifact.artifact_id.clone(),
            format!("v{}", self.artifact.version),
            self.path.clone(),
            self.artifact.size(),
        ]
    }
}
