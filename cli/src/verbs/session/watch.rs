//! `cairn session watch`.

mod render;

use cairn_client::{Client, Watch};
use cairn_proto::{
    json::Event,
    v1::{WatchSessionRequest, WatchSessionsRequest},
};

use self::render::row;
use crate::{
    args::server::Server,
    error::CliError,
    terminal::{interrupt::interrupted, output::Output, printable::shell_word},
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The sessions, which need not exist yet
    #[arg(value_name = "ID", required_unless_present_any = ["labels", "all"])]
    session_ids: Vec<String>,
    /// Sessions with this label; may be given again, then those with all of them
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Every session
    #[arg(long, conflicts_with_all = ["session_ids", "labels"])]
    all: bool,
    /// Only events after this position, which every event has; from the first event by default. Positions among several
    /// sessions differ from those of one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    /// Only events from now on
    #[arg(long, conflicts_with = "after")]
    new: bool,
    /// End after the seal of the sessions
    #[arg(long, requires = "session_ids", conflicts_with_all = ["labels", "all"])]
    until_sealed: bool,
    #[command(flatten)]
    server: Server,
}

impl Args {
    /// The only session; several sessions have a stream and positions of another kind.
    fn one(&self) -> Option<&str> {
        match self.session_ids.as_slice() {
            [id] if self.labels.is_empty() => Some(id),
            _ => None,
        }
    }

    fn begin(&self, client: &Client) -> Watch {
        let after_position = self.after.unwrap_or_default();
        let (only_new, until_sealed) = (self.new, self.until_sealed);
        match self.one() {
            Some(id) => client.watch(WatchSessionRequest {
                session_id: id.to_owned(),
                after_position,
                only_new,
                until_sealed,
            }),
            None => client.watch_sessions(WatchSessionsRequest {
                session_ids: self.session_ids.clone(),
                labels: self.labels.clone(),
                after_position,
                only_new,
                until_sealed,
            }),
        }
    }

    /// The sessions, as on a command line.
    fn words(&self) -> String {
        let labels = self.labels.iter();
        let labels = labels.map(|label| format!("--label={}", shell_word(label)));
        let all = self.all.then(|| "--all".to_owned());
        let ids = self.session_ids.iter().map(|id| shell_word(id));
        ids.chain(labels).chain(all).collect::<Vec<_>>().join(" ")
    }
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let mut watch = args.begin(&client);
    let several = args.one().is_none();
    let ended = tokio::select! {
        // An interrupt that has come is not overlooked.
        biased;
        () = interrupted() => None,
        // The reader may be gone long before there is something to write.
        () = output.is_unread() => return Ok(()),
        ended = print_all(&mut watch, several, output) => Some(ended),
    };
    match ended {
        Some(ended) => ended,
        None => at_interrupt(&args, watch.position(), output),
    }
}

/// Prints events until the watch ends.
async fn print_all(watch: &mut Watch, several: bool, output: Output) -> Result<(), CliError> {
    while let Some(event) = watch.next(|words| output.progress(words)).await? {
        if let Some(event) = Event::known(event) {
            output.line(&event, || row(&event, several))?;
        }
    }
    Ok(())
}

/// An interrupt is the usual end of a watch without an end.
fn at_interrupt(args: &Args, position: i64, output: Output) -> Result<(), CliError> {
    let sessions = args.words();
    let words = format!("to go on: cairn session watch {sessions} --after {position}");
    if args.until_sealed {
        let words = format!("not everything has been sealed; {words} --until-sealed");
        return Err(CliError::Interrupted(words));
    }
    output.hint(&words);
    Ok(())
}
