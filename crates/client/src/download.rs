//! Downloads: one artifact's content, verified, across lost connections.

mod parts;

use std::{
    io,
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
    ArtifactRef, Client, Error, Observer, Retries,
    digest::{Digest, Hashing},
    retry,
};

/// How long the server may be silent amid content before it counts as lost.
const SILENCE: Duration = Duration::from_secs(60);

type Content = Streaming<DownloadArtifactResponse>;

/// One artifact whose content can be read, as a whole or in parts.
#[derive(Debug)]
pub struct Download {
    artifact: Artifact,
    client: Client,
    observer: Observer,
    /// The content from its beginning, where it was asked for to know the record.
    begun: Mutex<Option<Content>>,
}

impl Client {
    /// Asks for an artifact and its content.
    ///
    /// # Errors
    ///
    /// A refusal with reason ARTIFACT_NOT_FOUND, ARTIFACT_EXPIRED or ARTIFACT_DELETED when it cannot be read.
    pub async fn download(
        &self,
        artifact: ArtifactRef,
        observer: Observer,
    ) -> Result<Download, Error> {
        let (artifact_id, name) = artifact.into_fields();
        let request = DownloadArtifactRequest {
            artifact_id,
            name,
            ..DownloadArtifactRequest::default()
        };
        let begin = async || open(self, request.clone()).await;
        let (artifact, content) = retry(|reason| observer.retrying(reason), begin).await?;
        Ok(Download {
            artifact,
            client: self.clone(),
            observer,
            begun: Mutex::new(Some(content)),
        })
    }

    /// The content of an artifact whose record is known. No call is made yet.
    #[must_use]
    pub fn download_of(&self, artifact: Artifact, observer: Observer) -> Download {
        Download {
            artifact,
            client: self.clone(),
            observer,
            begun: Mutex::default(),
        }
    }
}

impl Download {
    /// The artifact's record.
    #[must_use]
    pub fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// The length of the content in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::try_from(self.artifact.size_bytes).unwrap_or_default()
    }

    /// All of the content in memory, verified against the record's hash.
    ///
    /// # Errors
    ///
    /// [`Error::BadAnswer`] when the bytes are not those of the record, and any error that retries could not help.
    pub async fn bytes(&self) -> Result<Vec<u8>, Error> {
        // The server may claim any size: memory is taken for what has arrived.
        let mut content = Vec::new();
        self.read(async |data| {
            content.extend_from_slice(&data);
            Ok(())
        })
        .await?;
        Ok(content)
    }

    /// Hands all of the content over in order, and verifies it against the record's hash: what `take` got is good once this
    /// has returned Ok. A lost connection is made again, and the content goes on where it broke off.
    ///
    /// # Errors
    ///
    /// As [`Download::bytes`], and [`Error::Receiver`] with the error of `take`.
    pub async fn read(
        &self,
        mut take: impl AsyncFnMut(Bytes) -> io::Result<()>,
    ) -> Result<(), Error> {
        let mut hashing = Hashing::default();
        self.part(0..self.size(), true, async |data: Bytes| {
            hashing.update(&data);
            take(data).await.map_err(Error::Receiver)
        })
        .await?;
        hashing.finish().check(&self.artifact)
    }

    /// `to_the_end`: the server is asked for all that follows, and says at the end whether all of it is sound.
    async fn part(
        &self,
        range: Range<u64>,
        to_the_end: bool,
        mut take: impl AsyncFnMut(Bytes) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut at = range.start;
        loop {
            let (began, mut retries) = (at, Retries::default());
            // As long as it gets on, it is not given up.
            while at == began {
                let got = self
                    .attempt(&mut at, range.end, to_the_end, &mut take)
                    .await;
                match got {
                    Ok(()) => return Ok(()),
                    Err(error) => {
                        let tell = |reason: &str| self.observer.retrying(reason);
                        retries.pause(error, tell).await?;
                    }
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
        take: &mut impl AsyncFnMut(Bytes) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut content = self.content(*at, end, to_the_end).await?;
        let from = *at;
        while to_the_end || *at < end {
            let Some(next) = message(&mut content).await? else {
                return Err(Error::Connection(
                    "connection lost: the content has no end".to_owned(),
                ));
            };
            let mut data = match next.message {
                Some(Message::Data(data)) => data,
                Some(Message::End(said)) => {
                    let came = i64::try_from(*at - from).unwrap_or(i64::MAX);
                    let own =
                        [&self.artifact.content_hash, ""].contains(&said.content_hash.as_str());
                    if said.size_bytes == came && own {
                        break;
                    }
                    return Err(bad(&format!(
                        "{}, but something else was sent",
                        self.recorded()
                    )));
                }
                _ => return Err(bad("a record amid the content")),
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

    async fn content(&self, at: u64, end: u64, to_the_end: bool) -> Result<Content, Error> {
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
) -> Result<(Artifact, Content), Error> {
    let mut artifacts = client.artifacts.clone();
    let answer = timeout(SILENCE, artifacts.download_artifact(request)).await;
    let mut content = answer.map_err(|_| silent())??.into_inner();
    let first = message(&mut content).await?.and_then(|first| first.message);
    match first {
        Some(Message::Artifact(artifact)) => Ok((artifact, content)),
        _ => Err(bad("a download without a record")),
    }
}

async fn message(content: &mut Content) -> Result<Option<DownloadArtifactResponse>, Error> {
    let message = timeout(SILENCE, content.message()).await;
    Ok(message.map_err(|_| silent())??)
}

fn silent() -> Error {
    let seconds = SILENCE.as_secs();
    Error::Connection(format!(
        "connection lost: no message from the server for {seconds} s"
    ))
}

fn bad(words: &str) -> Error {
    Error::BadAnswer(words.to_owned())
}
