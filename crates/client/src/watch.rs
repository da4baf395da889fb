//! The events of a session, or of several, across lost connections.

use std::{collections::VecDeque, time::Duration};

use cairn_proto::v1::{
    SessionEvent, WatchSessionRequest, WatchSessionResponse, WatchSessionsRequest,
    WatchSessionsResponse,
};
use tokio::time::timeout;
use tonic::{Status, Streaming};

use crate::{Client, Error, Retries};

/// How long the server may be silent; it sends a message at least every 15 seconds.
const SILENCE: Duration = Duration::from_secs(60);

/// The events of a session or of several, each once and in order. A lost connection is made again, and the watch goes on after
/// the last event that was returned.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    request: Request,
    stream: Option<Stream>,
    waiting: VecDeque<SessionEvent>,
    /// Where the stream goes on once all that wait were returned.
    behind: i64,
    retries: Retries,
}

#[derive(Debug, Clone)]
enum Request {
    One(WatchSessionRequest),
    Several(WatchSessionsRequest),
}

#[derive(Debug)]
enum Stream {
    One(Streaming<WatchSessionResponse>),
    Several(Streaming<WatchSessionsResponse>),
}

impl Client {
    /// Watches a session, which need not exist yet. The stream is opened by the first [`Watch::next`].
    #[must_use]
    pub fn watch(&self, request: WatchSessionRequest) -> Watch {
        Watch::new(self, Request::One(request))
    }

    /// Watches several sessions, those with certain labels, or every session of the tenant. Its positions are not those of
    /// [`Client::watch`].
    #[must_use]
    pub fn watch_sessions(&self, request: WatchSessionsRequest) -> Watch {
        Watch::new(self, Request::Several(request))
    }
}

impl Request {
    fn position(&self) -> i64 {
        match self {
            Self::One(request) => request.after_position,
            Self::Several(request) => request.after_position,
        }
    }

    /// Goes on after a position.
    fn go_on(&mut self, after_position: i64) {
        match self {
            Self::One(request) => request.after_position = after_position,
            Self::Several(request) => request.after_position = after_position,
        }
    }

    /// The next stream begins after the position, also where the first one began with new events.
    fn resume(&mut self) {
        match self {
            Self::One(request) => request.only_new = false,
            Self::Several(request) => request.only_new = false,
        }
    }

    fn until_sealed(&self) -> bool {
        match self {
            Self::One(request) => request.until_sealed,
            Self::Several(request) => request.until_sealed,
        }
    }

    async fn open(&self, client: &Client) -> Result<Stream, Status> {
        let mut sessions = client.sessions.clone();
        Ok(match self {
            Self::One(request) => {
                Stream::One(sessions.watch_session(request.clone()).await?.into_inner())
            }
            Self::Several(request) => {
                Stream::Several(sessions.watch_sessions(request.clone()).await?.into_inner())
            }
        })
    }
}

impl Stream {
    /// The events of the next message, and the position after it.
    async fn message(&mut self) -> Result<Option<(Vec<SessionEvent>, i64)>, Status> {
        Ok(match self {
            Self::One(stream) => stream.message().await?.map(|it| (it.events, it.position)),
            Self::Several(stream) => stream.message().await?.map(|it| (it.events, it.position)),
        })
    }
}

impl Watch {
    fn new(client: &Client, request: Request) -> Self {
        Self {
            client: client.clone(),
            behind: request.position(),
            request,
            stream: None,
            waiting: VecDeque::new(),
            retries: Retries::default(),
        }
    }

    /// The position to go on from: the `after_position` of another watch of the same kind that misses nothing and repeats
    /// nothing.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.request.position()
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
                self.request.go_on(event.position);
                return Ok(Some(event));
            }
            self.request.go_on(self.behind);
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
                let begun = timeout(SILENCE, self.request.open(&self.client)).await;
                self.stream.insert(begun.map_err(|_| silent())??)
            }
        };
        let message = timeout(SILENCE, stream.message()).await;
        let Some((events, position)) = message.map_err(|_| silent())?? else {
            return if self.request.until_sealed() {
                Ok(false)
            } else {
                let words = "lost the server: it ended the stream";
                Err(Error::Connection(words.to_owned()))
            };
        };
        // The server answered, so the next loss has all retries again.
        self.retries = Retries::default();
        self.request.resume();
        self.behind = position;
        self.waiting.extend(events);
        Ok(true)
    }
}

fn silent() -> Error {
    let seconds = SILENCE.as_secs();
    Error::Connection(format!(
        "connection lost: no message from the server for {seconds} s"
    ))
}
