//! The events of a session, across lost connections.

use std::{collections::VecDeque, time::Duration};

use cairn_proto::v1::{SessionEvent, WatchSessionRequest, WatchSessionResponse};
use tokio::time::timeout;
use tonic::Streaming;

use crate::{Client, Error, Retries};

/// How long the server may be silent; it sends a message at least every 15 seconds.
const SILENCE: Duration = Duration::from_secs(60);

/// The events of a session, each once and in order. A lost connection is made again, and the watch goes on after the last
/// event that was returned.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    request: WatchSessionRequest,
    stream: Option<Streaming<WatchSessionResponse>>,
    waiting: VecDeque<SessionEvent>,
    /// Where the stream goes on once all that wait were returned.
    behind: i64,
    retries: Retries,
}

impl Client {
    /// Watches a session, which need not exist yet. The stream is opened by the first [`Watch::next`].
    #[must_use]
    pub fn watch(&self, request: WatchSessionRequest) -> Watch {
        Watch {
            client: self.clone(),
            behind: request.after_position,
            request,
            stream: None,
            waiting: VecDeque::new(),
            retries: Retries::default(),
        }
    }
}

impl Watch {
    /// The position to go on from: [`WatchSessionRequest::after_position`] of another watch that misses nothing and repeats
    /// nothing.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.request.after_position
    }

    /// The next event; `None` once the sealing has been returned of a watch `until_sealed`. `tell` hears why the connection
    /// is made again.
    ///
    /// Dropping the returned future loses no event.
    ///
    /// # Errors
    ///
    /// A refusal with reason EVENTS_EXPIRED when the events after the position are no longer kept, and any error that retries
    /// could not help.
    pub async fn next(&mut self, tell: impl Fn(&str)) -> Result<Option<SessionEvent>, Error> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.request.after_position = event.position;
                return Ok(Some(event));
            }
            self.request.after_position = self.behind;
            match self.receive().await {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => {
                    self.stream = None;
                    self.retries.pause(error, &tell).await?;
                }
            }
        }
    }

    /// Receives one message. False when the stream has ended as it should.
    async fn receive(&mut self) -> Result<bool, Error> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let mut sessions = self.client.sessions.clone();
                let begun = timeout(SILENCE, sessions.watch_session(self.request.clone())).await;
                let stream = begun.map_err(|_| silent())??.into_inner();
                self.stream.insert(stream)
            }
        };
        let message = timeout(SILENCE, stream.message()).await;
        let Some(message) = message.map_err(|_| silent())?? else {
            return if self.request.until_sealed {
                Ok(false)
            } else {
                let words = "lost the server: it ended the stream";
                Err(Error::Connection(words.to_owned()))
            };
        };
        // The server answered, so the next loss has all retries again.
        self.retries = Retries::default();
        self.request.only_new = false;
        self.behind = message.position;
        self.waiting.extend(message.events);
        Ok(true)
    }
}

fn silent() -> Error {
    let seconds = SILENCE.as_secs();
    Error::Connection(format!(
        "connection lost: no message from the server for {seconds} s"
    ))
}
