//! One artifact's content from the server, however often the connection breaks on the way.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use cairn_proto::v1::{
    Artifact, DownloadArtifactRequest, DownloadArtifactResponse,
    download_artifact_response::Message,
};
use tokio::time::timeout;
use tonic::Streaming;

use crate::{
    again::{Patience, until_answered},
    args::name::Which,
    client::Client,
    digest::Digest,
    error::CliError,
};

/// How long the server may be silent amid content before it counts as lost.
const SILENCE: Duration = Duration::from_secs(60);

type Content = Streaming<DownloadArtifactResponse>;

/// A content that can be read, as a whole or in parts.
pub(super) struct Fetch {
    /// The record of it.
    pub(super) artifact: Artifact,
    client: Client,
    /// The content from its beginning, where it was asked for to know the record.
    begun: Mutex<Option<Content>>,
}

impl Fetch {
    /// Asks for an artifact and its content.
    pub(super) async fn begin(
        client: &Client,
        which: Which,
        tell: impl Fn(&str),
    ) -> Result<Self, CliError> {
        let (artifact_id, name) = which.into_fields();
        let request = DownloadArtifactRequest {
            artifact_id,
            name,
            ..DownloadArtifactRequest::default()
        };
        let begin = async || open(client, request.clone()).await;
        let (artifact, content) = until_answered(tell, begin).await?;
        Ok(Self {
            artifact,
            client: client.clone(),
            begun: Mutex::new(Some(content)),
        })
    }

    /// The content of an artifact whose record is known.
    pub(super) fn of(client: Client, artifact: Artifact) -> Self {
        Self {
            artifact,
            client,
            begun: Mutex::default(),
        }
    }

    /// How long the content is, in bytes.
    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.artifact.size_bytes).unwrap_or_default()
    }

    /// Hands all of the content over in order. Whether it is what the record says, the caller has to see.
    pub(super) async fn whole(
        &self,
        tell: impl Fn(&str),
        take: impl AsyncFnMut(Bytes) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        self.part(0..self.size(), true, tell, take).await
    }

    /// Hands a part of the content over in order.
    pub(super) async fn range(
        &self,
        range: Range<u64>,
        tell: impl Fn(&str),
        take: impl AsyncFnMut(Bytes) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        self.part(range, false, tell, take).await
    }

    /// `to_the_end`: the server is asked for all that follows, and says at the end whether all of it is sound.
    async fn part(
        &self,
        range: Range<u64>,
        to_the_end: bool,
        tell: impl Fn(&str),
        mut take: impl AsyncFnMut(Bytes) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let mut at = range.start;
        loop {
            let (began, mut patience) = (at, Patience::default());
            // As long as it gets on, it is not given up.
            while at == began {
                let got = self
                    .attempt(&mut at, range.end, to_the_end, &mut take)
                    .await;
                match got {
                    Ok(()) => return Ok(()),
                    Err(error) => patience.pause(error, &tell).await?,
                }
            }
        }
    }

    /// Reads from `at`, which is then where it got to.
    async fn attempt(
        &self,
        at: &mut u64,
        end: u64,
        to_the_end: bool,
        take: &mut impl AsyncFnMut(Bytes) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let mut content = self.content(*at, end, to_the_end).await?;
        while to_the_end || *at < end {
            let Some(next) = message(&mut content).await? else {
                break;
            };
            let Some(Message::Data(mut data)) = next.message else {
                return Err(bad("a record amid the content"));
            };
            let left = end - *at;
            if data.len() as u64 > left {
                // What was asked for without an end is more than is needed of it.
                if to_the_end {
                    return Err(bad(&format!("{}, but more came", self.recorded())));
                }
                data.truncate(left as usize);
            }
            let length = data.len() as u64;
            take(data).await?;
            *at += length;
        }
        if *at < end && !to_the_end {
            return Err(bad(&format!("{}, but less came", self.recorded())));
        }
        Ok(())
    }

    async fn content(&self, at: u64, end: u64, to_the_end: bool) -> Result<Content, CliError> {
        let begun = self
            .begun
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take_if(|_| at == 0);
        if let Some(begun) = begun {
            return Ok(begun);
        }
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let request = DownloadArtifactRequest {
            artifact_id: self.artifact.artifact_id.clone(),
            offset: number(at),
            limit: if to_the_end { 0 } else { number(end - at) },
            ..DownloadArtifactRequest::default()
        };
        let (artifact, content) = open(&self.client, request).await?;
        let same = artifact.content_hash == self.artifact.content_hash
            && artifact.size_bytes == self.artifact.size_bytes;
        if same {
            Ok(content)
        } else {
            Err(bad(&format!("{}, and differs now", self.recorded())))
        }
    }

    fn recorded(&self) -> String {
        let id = &self.artifact.artifact_id;
        format!("{id} is recorded as {}", Digest::recorded(&self.artifact))
    }
}

async fn open(
    client: &Client,
    request: DownloadArtifactRequest,
) -> Result<(Artifact, Content), CliError> {
    let mut artifacts = client.artifacts.clone();
    let answer = timeout(SILENCE, artifacts.download_artifact(request)).await;
    let mut content = answer.map_err(|_| silent())??.into_inner();
    let first = message(&mut content).await?.and_then(|first| first.message);
    match first {
        Some(Message::Artifact(artifact)) => Ok((artifact, content)),
        _ => Err(bad("a download without a record")),
    }
}

async fn message(content: &mut Content) -> Result<Option<DownloadArtifactResponse>, CliError> {
    let message = timeout(SILENCE, content.message()).await;
    Ok(message.map_err(|_| silent())??)
}

fn silent() -> CliError {
    CliError::Network(format!("lost the server: nothing came for {SILENCE:?}"))
}

fn bad(words: &str) -> CliError {
    CliError::BadAnswer(words.to_owned())
}
