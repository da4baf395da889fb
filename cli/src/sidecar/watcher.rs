//! Pushes the files of a folder as they appear.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use cairn_client::{
    Client, CreateBatches, IdempotencyMode, Retries, Room, Stamp, UploadOptions, is_changed,
};
use cairn_proto::{
    reason::Retry,
    v1::{Artifact, ArtifactSpec},
};
use futures_util::{FutureExt, StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use tokio::{
    select,
    sync::mpsc,
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

use super::{
    folder::{Folder, Scan, is_gone},
    known::{End, Known},
    pace::Pace,
};
use crate::{
    error::{CliError, Fault},
    files::walk::{Skipped, looks_secret, report_each, report_skipped, warn_of_secrets},
    terminal::{failures::Failures, output::Output, progress::Progress},
    verbs::push,
};

/// How long a push may take, besides the time for its bytes at so many a second.
const PATIENCE: Duration = Duration::from_secs(60);
const SLOWEST: u64 = 64 << 10;

/// How many files are pushed at a time.
const IN_FLIGHT: usize = 32;

/// The values that all pushes share.
pub(super) struct Pushing {
    pub(super) client: Client,
    pub(super) folder: Arc<Folder>,
    pub(super) spec: ArtifactSpec,
    pub(super) room: Room,
    pub(super) batches: Option<CreateBatches>,
    pub(super) progress: Progress,
    pub(super) output: Output,
}

/// Pushes the files of a folder, a few at a time, and records the outcomes.
pub(super) struct Watcher<'a> {
    pushing: &'a Pushing,
    known: Known,
    pace: Pace,
    under_way: FuturesUnordered<LocalBoxFuture<'a, Outcome>>,
    /// Entries that cannot be pushed.
    faults: BTreeSet<String>,
    skipped: BTreeSet<Skipped>,
    /// The files that a warning of secrets named.
    secrets: BTreeSet<String>,
    has_pushed: bool,
    /// Whose fault the last failed push was.
    trouble: Option<Fault>,
    told_of_seal: bool,
    /// Whether the last scan is done.
    swept: bool,
}

/// The outcome of the push of a file.
struct Outcome {
    name: Arc<str>,
    artifact: Result<Artifact, CliError>,
}

impl Pushing {
    /// One attempt.
    async fn push(&self, name: Arc<str>, stamp: Stamp) -> Outcome {
        let options = UploadOptions {
            idempotency: IdempotencyMode::OfState(stamp),
            retries: Retries::none(),
            resume: None,
            room: self.room.clone(),
            observer: self
                .progress
                .observer(&name, Some(stamp.length()), self.output),
            batches: self.batches.clone(),
        };
        let spec = ArtifactSpec {
            filename: name.to_string(),
            ..self.spec.clone()
        };
        let content = match self.folder.place_of(&name) {
            Ok(place) => {
                let content = place.content().in_state(stamp);
                content.with_size_hint(Some(stamp.length()))
            }
            Err(error) => {
                return Outcome {
                    name,
                    artifact: Err(error),
                };
            }
        };
        // One that never ends would be in the way of the others.
        let bound = PATIENCE + Duration::from_secs(stamp.length() / SLOWEST);
        let artifact = match timeout(bound, self.client.upload(spec, content, &options)).await {
            Ok(artifact) => artifact.map_err(CliError::from),
            Err(_) => Err(CliError::Network(format!("no answer within {bound:?}"))),
        };
        Outcome { name, artifact }
    }
}

impl<'a> Watcher<'a> {
    pub(super) fn new(pushing: &'a Pushing, known: Known) -> Self {
        Self {
            pushing,
            known,
            pace: Pace::default(),
            under_way: FuturesUnordered::new(),
            faults: BTreeSet::new(),
            skipped: BTreeSet::new(),
            secrets: BTreeSet::new(),
            has_pushed: false,
            trouble: None,
            told_of_seal: false,
            swept: false,
        }
    }

    /// Pushes each file as soon as it has settled, without an end. Can be dropped at any time: running pushes continue with
    /// [`Self::sweep`].
    pub(super) async fn watch(&mut self, interval: Duration) {
        let mut scans = scans(self.pushing.folder.clone(), interval);
        loop {
            self.begin();
            select! {
                Some(scan) = scans.recv() => self.see(scan),
                Some(outcome) = self.under_way.next() => self.end(outcome),
                () = self.pace.rest(), if self.is_held_up() => {}
                else => return,
            }
        }
    }

    /// Pushes all that is there and is not pushed, until nothing is left that could be.
    pub(super) async fn sweep(&mut self) {
        self.known.hurry();
        self.pace.go_on();
        let folder = self.pushing.folder.clone();
        if let Ok(scan) = spawn_blocking(move || folder.scan()).await {
            self.see(scan);
            self.swept = true;
            let by_rules = self
                .skipped
                .iter()
                .filter(|skipped| skipped.why.is_a_rule());
            let by_rules: Vec<_> = by_rules.cloned().collect();
            self.aside(|output| report_skipped(&by_rules, output));
        }
        match self.known.left().len() {
            0 => {}
            left => self.say(&format!("left to push at the end: {left}")),
        }
        loop {
            self.begin();
            select! {
                Some(outcome) = self.under_way.next() => self.end(outcome),
                () = self.pace.rest(), if self.is_held_up() => {}
                else => return,
            }
        }
    }

    pub(super) fn has_pushed_all(&self) -> bool {
        let refused = self.known.worst().is_some() || !self.faults.is_empty();
        self.swept && self.known.left().is_empty() && !refused
    }

    /// Whether nothing was pushed ever, and nothing is there that could be.
    pub(super) fn has_nothing(&self) -> bool {
        self.swept && !self.has_pushed && self.known.is_empty()
    }

    /// Whether some entry is skipped, by a rule or by its type.
    pub(super) fn has_skipped(&self) -> bool {
        !self.skipped.is_empty()
    }

    /// Reports the files that were not pushed, each once.
    pub(super) fn failures(self) -> Failures {
        let (output, mut failures) = (self.pushing.output, Failures::default());
        if !self.swept {
            let words =
                "it is unknown which files are left: the folder could not be scanned in time";
            failures.add(output, &CliError::Usage(words.to_owned()));
        }
        let fault = self.trouble.unwrap_or(Fault::Network);
        for name in self.known.left() {
            let words = format!("{name}: not pushed in time");
            let error = match fault {
                Fault::Caller => CliError::Usage(words),
                Fault::Server => CliError::Server(words),
                Fault::Network | Fault::Interrupt => CliError::Network(words),
            };
            failures.add(output, &error);
        }
        let faults = (!self.faults.is_empty()).then_some(Fault::Caller);
        if let Some(worst) = self.known.worst().max(faults) {
            failures.add(output, &CliError::AlreadyReported(worst));
        }
        failures
    }

    /// Whether files wait for nothing but the end of a pause.
    fn is_held_up(&self) -> bool {
        self.known.waits() && self.under_way.len() < IN_FLIGHT
    }

    fn begin(&mut self) {
        while self.under_way.len() < IN_FLIGHT && !self.pace.rests(Instant::now()) {
            let Some((name, stamp)) = self.known.next() else {
                return;
            };
            self.under_way
                .push(self.pushing.push(name, stamp).boxed_local());
        }
    }

    fn see(&mut self, scan: Scan) {
        for fault in scan.faults.difference(&self.faults) {
            self.fail(&CliError::Usage(fault.clone()));
        }
        self.faults = scan.faults;
        let new = scan.skipped.difference(&self.skipped);
        let new: Vec<_> = new.filter(|skipped| !skipped.why.is_a_rule()).collect();
        self.aside(|output| report_each(new.into_iter(), output));
        self.skipped = scan.skipped;
        self.warn(&scan.files);
        for name in self.known.see(scan.files, scan.began, Instant::now()) {
            self.say(&format!("{name}: gone before it could be pushed"));
        }
    }

    /// Warns once of files that look like secrets.
    fn warn(&mut self, files: &[(String, Stamp)]) {
        let names = files.iter().map(|(name, _)| name.as_str());
        let secrets: BTreeSet<String> = names
            .filter(|name| looks_secret(name))
            .map(str::to_owned)
            .collect();
        let new = secrets.difference(&self.secrets).map(String::as_str);
        self.aside(|output| warn_of_secrets(new, output));
        self.secrets = secrets;
    }

    fn end(&mut self, Outcome { name, artifact }: Outcome) {
        match artifact {
            Ok(artifact) => self.pushed(&name, artifact),
            Err(error) => self.failed(&name, error),
        }
    }

    fn pushed(&mut self, name: &Arc<str>, artifact: Artifact) {
        self.known.end(name, End::Pushed);
        self.has_pushed = true;
        self.pace.go_on();
        self.trouble = None;
        // Standard output may have no reader. The files are pushed all the same.
        if let Err(error) = self.aside(|output| push::print_line(artifact, output)) {
            self.fail(&error);
        }
    }

    fn failed(&mut self, name: &Arc<str>, error: CliError) {
        let now = Instant::now();
        match What::of(&error) {
            What::Gone => {
                self.known.forget(name);
                self.say(&format!("{name}: gone before it could be pushed"));
            }
            What::Changed => {
                match self.pushing.folder.stamp_of(name) {
                    Some(stamp) => self.known.changed(name, stamp, now),
                    None => self.known.forget(name),
                }
                // One that is written all the time must not be read all the time.
                self.pace.slow_down(now);
            }
            What::Refused => {
                self.known.end(name, End::Refused(error.fault()));
                let seal = error.code() == "session_sealed";
                if !seal || !self.told_of_seal {
                    self.told_of_seal |= seal;
                    self.fail(&error.about(&**name));
                }
            }
            What::Lost => {
                self.known.again(name, now);
                // The running call is the lost one.
                self.trouble = match error.retry() {
                    Retry::WhenFirstEnds => self.trouble.or(Some(error.fault())),
                    _ => Some(error.fault()),
                };
                if let Some(pause) = self.pace.slow_down(now) {
                    self.say(&format!("{name}: {error}; trying again in {pause:?}"));
                }
            }
        }
    }

    fn say(&self, words: &str) {
        self.aside(|output| output.progress(words));
    }

    fn fail(&self, error: &CliError) {
        self.aside(|output| output.fail(error));
    }

    fn aside<T>(&self, write: impl FnOnce(Output) -> T) -> T {
        let Pushing {
            progress, output, ..
        } = self.pushing;
        progress.aside(|| write(*output))
    }
}

/// The kind of failure of a push.
enum What {
    /// There is no such file any more.
    Gone,
    /// The file is another now.
    Changed,
    /// It will never do.
    Refused,
    /// It may do the next time.
    Lost,
}

impl What {
    fn of(error: &CliError) -> Self {
        // The key file may get a valid key later.
        let new_key = error.code() == "unauthorized";
        match error {
            _ if is_gone(error) => Self::Gone,
            CliError::File { source, .. } if is_changed(source) => Self::Changed,
            _ if new_key || error.retry() != Retry::No || error.fault() != Fault::Caller => {
                Self::Lost
            }
            _ => Self::Refused,
        }
    }
}

/// Scans a folder at an interval, until the receiver is dropped.
fn scans(folder: Arc<Folder>, interval: Duration) -> mpsc::Receiver<Scan> {
    let (sender, scans) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let folder = folder.clone();
            let Ok(scan) = spawn_blocking(move || folder.scan()).await else {
                return;
            };
            if sender.send(scan).await.is_err() {
                return;
            }
            sleep(interval).await;
        }
    });
    scans
}
