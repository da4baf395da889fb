//! `cairn push`.

mod context;
mod plan;
mod publish;
mod pushed;

use std::path::PathBuf;

use cairn_client::{ArtifactRef, Client, IdempotencyMode, UploadOptions, has_ended, keys};
use cairn_proto::{
    json::{self, Link},
    v1::{self, ArtifactName, ArtifactSpec, ArtifactState},
};
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;

pub(crate) use self::{
    context::{Condition, Context},
    plan::print_folder,
};
use self::{
    plan::{Plan, Source},
    publish::Publishing,
    pushed::Pushed,
};
use crate::{
    args::key::Key,
    args::server::Server,
    error::CliError,
    files::walk::Selection,
    terminal::{
        failures::Failures,
        output::{Output, table},
        progress::Progress,
        transfer::transfer,
    },
    verbs::link,
};

/// Store files as artifacts
///
/// The same push again, of the same bytes with the same options, stores nothing twice within the server's window for
/// idempotency keys (24 hours) and prints the same artifact: a push whose answer was lost can be repeated. A push that
/// loses its server in between repeats itself a few times. For this, files are read once before they are sent, and a key is
/// derived from all that is asked. Standard input and pipes can be read only once: no key is derived for them.
///
/// A file over 64 MiB is sent by an upload that resumes: after a lost connection by itself, and after the end of this
/// process when the same push is made again, or with --resume by any push of that file. Only what the server has not
/// stored is sent.
///
/// Of a directory everything in it is stored, under its path below the directory, but for hidden files, what --exclude or a
/// .cairnignore leaves out, and what Cairn itself left there. A symbolic link in it is what it leads to, where that is in
/// the directory as well. The command names what it skips, and storing nothing is a failure. Whether a file may be run is kept in
/// its metadata, as cairn.executable.
///
/// With --atomic, where something cannot be pushed or the push is cut off, nothing is published and what was pushed waits:
/// the same push again goes on with it, and publishes it once. The server discards what waits for too long.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files, directories (everything in them), or - for standard input
    #[arg(required = true, value_name = "FILE|DIR|-")]
    sources: Vec<PathBuf>,
    /// Store a single file, or standard input, under this filename
    #[arg(long, value_name = "FILENAME")]
    name: Option<String>,
    /// Also make a public link to each
    #[arg(long)]
    link: bool,
    /// The caller's own name for this push of a single file, in place of one that is derived from all that is asked
    #[arg(
        long,
        value_name = "KEY",
        conflicts_with = "no_idempotency_key",
        value_parser = NonEmptyStringValueParser::new()
    )]
    idempotency_key: Option<String>,
    /// Store the file again even if it is stored already
    #[arg(long)]
    no_idempotency_key: bool,
    /// Go on with this upload of a single file, which another push began: only what is missing is sent, and the artifact
    /// is the one that the other push asked for
    #[arg(
        long,
        value_name = "UPLOAD_ID",
        conflicts_with_all = ["idempotency_key", "no_idempotency_key"],
        value_parser = NonEmptyStringValueParser::new()
    )]
    resume: Option<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    publishing: Publishing,
    #[command(flatten)]
    context: Context,
    #[command(flatten)]
    condition: Condition,
    #[command(flatten)]
    server: Server,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'a> {
    One(&'a Pushed),
    Several { artifacts: &'a [Pushed] },
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let rules = args.selection.rules()?;
    let plan = Plan::of(&args.sources, args.name.as_deref(), &rules)?;
    if args.idempotency_key.is_some() && !plan.single {
        let words = "--idempotency-key is for a single file: each needs its own";
        return Err(CliError::Usage(words.to_owned()));
    }
    if args.resume.is_some() && !plan.single {
        let words = "--resume is for a single file";
        return Err(CliError::Usage(words.to_owned()));
    }
    let idempotency = match args.idempotency_key {
        Some(key) => IdempotencyMode::Given(key),
        None if args.no_idempotency_key => IdempotencyMode::Without,
        None => IdempotencyMode::Derived,
    };
    let new_session = args.context.new_session;
    let spec = args.condition.of(args.context.into_spec()?);
    let spec = args.publishing.of(spec)?;
    let mut failures = Failures::default();
    plan.warn(output);
    for error in &plan.failures {
        failures.add(output, error);
    }
    if let Err(error) = args
        .publishing
        .check(plan.sources.len(), plan.failures.len())
    {
        failures.add(output, &error);
        return failures.into_result();
    }
    if plan.sources.is_empty() {
        if failures.is_empty() {
            let words = "nothing was pushed, for there is no file to push";
            failures.add(output, &CliError::Usage(words.to_owned()));
        }
        return failures.into_result();
    }
    if args.selection.dry_run {
        plan.print(output)?;
        return failures.into_result();
    }
    let atomic = args.publishing.atomic;

    let client = args.server.connect().await?;
    if new_session {
        output.note(&format!("session {}", spec.session_id));
    }
    let pusher = Pusher {
        options: UploadOptions {
            idempotency,
            resume: args.resume,
            batches: Some(client.create_batches()),
            ..UploadOptions::default()
        },
        client,
        output,
    };
    let push = async |source, progress: &Progress| {
        let wants_link = args.link && !atomic;
        push_one(&pusher, source, spec.clone(), wants_link, progress).await
    };
    let mut pushed = Vec::new();
    for (artifact, unlinked) in transfer(plan.sources, "pushed", output, &mut failures, push).await
    {
        pushed.push(artifact);
        if let Some(error) = unlinked {
            failures.add(output, &error);
        }
    }
    if !atomic {
        print(&pushed, plan.single, output)?;
        args.publishing.hint(&spec.session_id, output);
        return failures.into_result();
    }

    let session_id = &spec.session_id;
    let session = if failures.is_empty() {
        let publish = args
            .publishing
            .publish(&pusher.client, session_id, &mut pushed, output);
        publish
            .await
            .map_err(|error| failures.add(output, &error))
            .ok()
    } else {
        let error = args.publishing.given_up(session_id, &pushed);
        failures.add(output, &error);
        None
    };
    if args.link && session.is_some() {
        link_all(&pusher, &mut pushed, &mut failures).await;
    }
    publish::print(&pushed, session, output)?;
    failures.into_result()
}

/// How everything of one push is sent.
struct Pusher {
    client: Client,
    options: UploadOptions,
    output: Output,
}

/// Links artifacts that could not be linked before they were published.
async fn link_all(pusher: &Pusher, pushed: &mut [Pushed], failures: &mut Failures) {
    for one in pushed {
        let id = &one.artifact.artifact_id;
        match make_link(pusher, id).await {
            Ok(link) => one.link = Some(link),
            Err(error) => failures.add(pusher.output, &error.about(format!("no link to {id}"))),
        }
    }
}

/// Pushes one source, and links it when that is wanted. An artifact that could not be linked is there all the same, and
/// comes with the reason.
async fn push_one(
    pusher: &Pusher,
    source: Source,
    spec: ArtifactSpec,
    wants_link: bool,
    progress: &Progress,
) -> Result<(Pushed, Option<CliError>), CliError> {
    let spec = ArtifactSpec {
        filename: source.name.clone(),
        ..spec
    };
    let start = jiff::Timestamp::now();
    let options = UploadOptions {
        observer: progress.observer(&source.name, source.size, pusher.output),
        ..pusher.options.clone()
    };
    let pushed = pusher.client.upload(spec, source.content(), &options).await;
    let artifact = pushed.map_err(|error| {
        let error = CliError::from(error);
        let given = matches!(options.idempotency, IdempotencyMode::Given(_));
        if given && error.missing_artifact().is_some() {
            let words = "what was pushed with this idempotency key was discarded";
            return error.about(words).about(source.name);
        }
        error.about(source.name)
    })?;
    if let Some(words) = misunderstanding(pusher, &artifact, start).await {
        let words = format!("{}: {words}", artifact.filename);
        progress.aside(|| pusher.output.progress(&words));
    }
    let mut pushed = Pushed::from(artifact);
    if !wants_link {
        return Ok((pushed, None));
    }
    match make_link(pusher, &pushed.artifact.artifact_id).await {
        Ok(link) => {
            pushed.link = Some(link);
            Ok((pushed, None))
        }
        Err(error) => {
            let error = error.about(format!("no link to {}", pushed.artifact.artifact_id));
            Ok((pushed, Some(error)))
        }
    }
}

/// The warning that the answer is that of an earlier push, whose artifact has ended or is no longer the latest version.
async fn misunderstanding(
    pusher: &Pusher,
    artifact: &v1::Artifact,
    start: jiff::Timestamp,
) -> Option<String> {
    if has_ended(artifact) {
        let state = json::artifact_state(artifact.state).unwrap_or_default();
        return Some(format!(
            "was pushed with this idempotency key before, as {}, and is {state}",
            artifact.artifact_id
        ));
    }
    // Which version it becomes is not known yet.
    if artifact.state() == ArtifactState::Unpublished {
        return None;
    }
    // Made before it was asked for. By a clock that is ahead of the server's, it is looked at in vain.
    let is_earlier = json::timestamp(artifact.created_at).is_some_and(|time| time < start);
    if pusher.options.idempotency != IdempotencyMode::Derived || !is_earlier {
        return None;
    }
    let name = ArtifactName {
        filename: artifact.filename.clone(),
        session_id: artifact.session_id.clone(),
        namespace: artifact.namespace.clone(),
        user_id: artifact.user_id.clone(),
        version: 0,
    };
    // It is there; only the words about it are lost with this.
    let latest = pusher.client.artifact(ArtifactRef::Name(name)).await.ok()?;
    (latest.version > artifact.version).then(|| {
        format!(
            "was pushed before, as v{}, and the latest is v{} now; to make the next version of it, use \
             --no-idempotency-key",
            artifact.version, latest.version
        )
    })
}

/// Makes a link under a key of the push's, so that a push that is repeated has its link again, unless that was revoked.
async fn make_link(pusher: &Pusher, artifact_id: &str) -> Result<Link, CliError> {
    let push_key = match &pusher.options.idempotency {
        IdempotencyMode::Given(key) => Some(key.as_str()),
        _ => None,
    };
    let make = async |key: String| {
        let key = Key {
            idempotency_key: Some(key),
        };
        let which = ArtifactRef::Id(artifact_id.to_owned());
        let wanted = link::Wanted::default();
        link::create(
            &pusher.client,
            link::Target::Artifact(which),
            wanted,
            &key,
            pusher.output,
        )
        .await
    };
    if pusher.options.idempotency == IdempotencyMode::Without {
        return make(keys::fresh()).await;
    }
    let link = make(keys::for_link(push_key, artifact_id)).await?;
    if link.revoked_at.is_some() {
        return make(keys::fresh()).await;
    }
    Ok(link)
}

/// Prints an artifact that a call has just made.
pub(crate) fn print_one(artifact: v1::Artifact, output: Output) -> Result<(), CliError> {
    print(&[artifact.into()], true, output)
}

/// Prints one of many artifacts that are pushed one by one, on a line of its own.
pub(crate) fn print_line(artifact: v1::Artifact, output: Output) -> Result<(), CliError> {
    let pushed = Pushed::from(artifact);
    output.line(&pushed, || table(&[pushed.row()]))
}

fn print(pushed: &[Pushed], single: bool, output: Output) -> Result<(), CliError> {
    let answer = match pushed {
        [] if single => return Ok(()),
        [one] if single => Answer::One(one),
        artifacts => Answer::Several { artifacts },
    };
    output.data(&answer, || {
        let rows: Vec<Vec<String>> = pushed.iter().map(Pushed::row).collect();
        table(&rows)
    })
}
