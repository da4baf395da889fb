//! `cairn sidecar`.

mod folder;
mod known;
mod pace;
mod watcher;

use std::{path::PathBuf, sync::Arc, time::Duration};

use cairn_client::{Room, retry};
use cairn_proto::v1::{ArtifactSpec, OnDuplicate, SealSessionRequest};
use tokio::{select, time::sleep};

use self::{
    folder::Folder,
    known::Known,
    watcher::{Pushing, Watcher},
};
use crate::{
    args::server::Server,
    error::CliError,
    files::walk::{Selection, refuse_data_folder, report_skipped, warn_of_secrets},
    terminal::{failures::Failures, output::Output, progress::Progress, signals::Signals},
    verbs::{
        push::{self, Context},
        session,
    },
};

/// Push every file of a folder as soon as it stands still, and the rest at the end
///
/// Each file becomes an artifact of the session, named by its path below the folder, and its next version whenever it has
/// changed; content that is there already is not stored again, also after a restart. What of the folder is pushed, and what
/// is not, is as with push; what is on another file system is not. At
/// SIGTERM or Ctrl-C everything that is there and not pushed yet is pushed, within --grace, and what could not be is
/// listed. A second signal does not wait for that.
///
/// While the server is away it is asked again until the end. The exit code is that of the worst fault of the files that
/// were there at the end and could not be pushed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder
    #[arg(value_name = "DIR", env = "CAIRN_OUTPUTS", default_value = "/outputs")]
    folder: PathBuf,
    /// How often to look at the folder
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_interval)]
    interval: Duration,
    /// For how long a file must not change before it is pushed; at the end it need not
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    settle: Duration,
    /// How long pushing the rest at the end may take
    #[arg(long, value_name = "TIME", default_value = "25s", value_parser = humantime::parse_duration)]
    grace: Duration,
    /// Seal the session at the end, if everything was pushed
    #[arg(long)]
    seal: bool,
    /// Begin with the end: push everything that is there, and end
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    context: Context,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let mut signals = Signals::listen()?;
    refuse_data_folder(&args.folder)?;
    let folder = Arc::new(Folder::open(&args.folder, args.selection.rules()?)?);
    if args.selection.dry_run {
        return print_dry(&folder, output);
    }
    let new_session = args.context.new_session;
    let spec = ArtifactSpec {
        on_duplicate: OnDuplicate::ReturnExisting.into(),
        ..args.context.into_spec()?
    };
    if spec.session_id.is_empty() {
        let words = "which session do the files belong to? Give --session, or set CAIRN_SESSION_ID";
        return Err(CliError::Usage(words.to_owned()));
    }
    let client = args.server.connect_lazily()?;
    let pushing = Pushing {
        batches: Some(client.create_batches()),
        client,
        folder,
        spec,
        room: Room::default(),
        progress: Progress::of(1),
        output,
    };
    if new_session {
        output.note(&format!("session {}", pushing.spec.session_id));
    }
    let say = |words: &str| output.progress(words);
    let mut watcher = Watcher::new(&pushing, Known::nothing(args.settle));
    if !args.once {
        output.progress(&format!(
            "watching {} for session '{}'",
            args.folder.display(),
            pushing.spec.session_id
        ));
        select! {
            biased;
            _ = signals.next() => {}
            () = pushing.progress.report_during(say, watcher.watch(args.interval)) => {}
        }
    }
    let end = async {
        watcher.sweep().await;
        if args.seal && watcher.has_pushed_all() {
            seal(&pushing).await
        } else {
            Ok(())
        }
    };
    let out_of_time = || Err(CliError::Network("out of time".to_owned()));
    let ended = select! {
        ended = pushing.progress.report_during(say, end) => ended,
        () = sleep(args.grace) => out_of_time(),
        _ = signals.next() => out_of_time(),
    };
    let pushed_all = watcher.has_pushed_all();
    // A watched folder may stay empty: the agent wrote nothing.
    let pushed_nothing = watcher.has_nothing() && (args.once || watcher.has_skipped());
    let mut failures = watcher.failures();
    if pushed_nothing {
        failures.add(output, &nothing());
    }
    let unsealed = format!("session '{}' is not sealed", pushing.spec.session_id);
    match ended {
        _ if !args.seal => {}
        _ if !pushed_all => output.note(&format!("{unsealed}, for not everything was pushed")),
        Err(error) => failures.add(output, &error.about(unsealed)),
        Ok(()) => {}
    }
    failures.into_result()
}

/// Seals the session, if anything was ever pushed to it.
async fn seal(pushing: &Pushing) -> Result<(), CliError> {
    let output = pushing.output;
    let request = SealSessionRequest {
        session_id: pushing.spec.session_id.clone(),
        ..SealSessionRequest::default()
    };
    let seal = async || session::seal_once(&pushing.client, request.clone()).await;
    match retry(|words| output.progress(words), seal).await {
        Ok(session) => {
            output.progress(&format!("session '{}' is sealed", session.session_id));
            Ok(())
        }
        Err(error) if error.reason() == Some("SESSION_NOT_FOUND") => {
            output.progress("nothing was pushed, so there is no session to seal");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn nothing() -> CliError {
    CliError::Usage("nothing was pushed, for there is no file to push".to_owned())
}

/// Prints what would be pushed.
fn print_dry(folder: &Folder, output: Output) -> Result<(), CliError> {
    let seen = folder.look();
    let mut failures = Failures::default();
    report_skipped(&seen.skipped, output);
    warn_of_secrets(seen.files.iter().map(|found| found.name.as_str()), output);
    for error in &seen.faults {
        failures.add(output, error);
    }
    if seen.files.is_empty() {
        failures.add(output, &nothing());
        return failures.into_result();
    }
    push::print_folder(folder.root(), &seen.files, output)?;
    failures.into_result()
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be more than zero".to_owned()),
        parsed => parsed.map_err(|error| error.to_string()),
    }
}
