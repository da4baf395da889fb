//! `cairn session watch`.

mod event;

use std::time::Duration;

use cairn_proto::{
    json::Event,
    v1::{WatchSessionRequest, WatchSessionResponse},
};
use tokio::time::timeout;
use tonic::Streaming;

use self::event::row;
use crate::{
    again::Patience,
    client::{Client, Server},
    error::CliError,
    terminal::{interrupt::interrupted, output::Output},
};

/// How long the server may be silent, which gives a sign of life every 15 seconds.
const SILENCE: Duration = Duration::from_secs(60);

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

/// Tells what happens, and knows where to go on.
struct Watcher {
    client: Client,
    request: WatchSessionRequest,
    output: Output,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let mut watcher = Watcher {
        client: args.server.connect().await?,
        request: WatchSessionRequest {
            session_id: args.session_id,
            after_position: args.after.unwrap_or_default(),
            only_new: args.new,
            until_sealed: args.until_sealed,
        },
        output,
    };
    tokio::select! {
        // An interrupt that has come is not overlooked.
        biased;
        () = interrupted() => watcher.interrupted(),
        // Who reads may be gone long before there is something to write.
        () = output.is_unread() => Ok(()),
        done = watcher.tell_all() => done,
    }
}

impl Watcher {
    /// Tells until it is over, across lost connections: every event once, for the position goes on with each.
    async fn tell_all(&mut self) -> Result<(), CliError> {
        let output = self.output;
        let mut patience = Patience::default();
        loop {
            let Err(error) = self.tell(&mut patience).await else {
                return Ok(());
            };
            patience
                .pause(error, |words| output.progress(words))
                .await?;
        }
    }

    /// Tells until the stream ends.
    async fn tell(&mut self, patience: &mut Patience) -> Result<(), CliError> {
        let mut client = self.client.sessions.clone();
        let begun = timeout(SILENCE, client.watch_session(self.request.clone()));
        let mut stream = begun.await.map_err(|_| silent())??.into_inner();
        while let Some(message) = next(&mut stream).await? {
            // Whoever is heard is there: what is lost from now on is lost anew.
            *patience = Patience::default();
            self.request.only_new = false;
            for event in message.events {
                let position = event.position;
                if let Some(event) = Event::known(event) {
                    self.output.line(&event, || row(&event))?;
                }
                self.request.after_position = position;
            }
            self.request.after_position = message.position;
        }
        if self.request.until_sealed {
            Ok(())
        } else {
            let words = "lost the server: it ended the stream";
            Err(CliError::Network(words.to_owned()))
        }
    }

    /// Whoever watches without an end ends it so, and has got what they wanted.
    fn interrupted(&self) -> Result<(), CliError> {
        let WatchSessionRequest {
            session_id,
            after_position,
            until_sealed,
            ..
        } = &self.request;
        let words = format!("to go on: cairn session watch {session_id} --after {after_position}");
        if *until_sealed {
            let words = format!("the session has not been sealed; {words} --until-sealed");
            return Err(CliError::Interrupted(words));
        }
        self.output.hint(&words);
        Ok(())
    }
}

async fn next(
    stream: &mut Streaming<WatchSessionResponse>,
) -> Result<Option<WatchSessionResponse>, CliError> {
    let message = timeout(SILENCE, stream.message());
    Ok(message.await.map_err(|_| silent())??)
}

fn silent() -> CliError {
    CliError::Network("lost the server: it has fallen silent".to_owned())
}
