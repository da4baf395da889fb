//! `cairn session watch`.

mod event;

use cairn_client::Watch;
use cairn_proto::{json::Event, v1::WatchSessionRequest};

use self::event::row;
use crate::{
    args::server::Server,
    error::CliError,
    terminal::{interrupt::interrupted, output::Output},
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The session, which need not be there yet
    #[arg(value_name = "ID")]
    session_id: String,
    /// Only what came after this position, which every event tells; from the first event when it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    /// Only what happens from now on
    #[arg(long, conflicts_with = "after")]
    new: bool,
    /// End when the session is sealed, once that is told
    #[arg(long)]
    until_sealed: bool,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let mut watch = client.watch(WatchSessionRequest {
        session_id: args.session_id.clone(),
        after_position: args.after.unwrap_or_default(),
        only_new: args.new,
        until_sealed: args.until_sealed,
    });
    let ended = tokio::select! {
        // An interrupt that has come is not overlooked.
        biased;
        () = interrupted() => None,
        // The reader may be gone long before there is something to write.
        () = output.is_unread() => return Ok(()),
        ended = print_all(&mut watch, output) => Some(ended),
    };
    match ended {
        Some(ended) => ended,
        None => at_interrupt(
            &args.session_id,
            watch.position(),
            args.until_sealed,
            output,
        ),
    }
}

/// Prints events until the watch ends.
async fn print_all(watch: &mut Watch, output: Output) -> Result<(), CliError> {
    while let Some(event) = watch.next(|words| output.progress(words)).await? {
        if let Some(event) = Event::known(event) {
            output.line(&event, || row(&event))?;
        }
    }
    Ok(())
}

/// An interrupt is the usual end of a watch without an end.
fn at_interrupt(
    session_id: &str,
    position: i64,
    until_sealed: bool,
    output: Output,
) -> Result<(), CliError> {
    let words = format!("to go on: cairn session watch {session_id} --after {position}");
    if until_sealed {
        let words = format!("the session has not been sealed; {words} --until-sealed");
        return Err(CliError::Interrupted(words));
    }
    output.hint(&words);
    Ok(())
}
