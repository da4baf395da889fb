//! Small contents that are read in one call.

use std::{time::Duration, vec};

use bytes::Bytes;
use cairn_proto::v1::{
    Artifact, DownloadArtifactsRequest, DownloadArtifactsResponse,
    download_artifacts_response::Message,
};
use tokio::time::timeout;
use tonic::{Code, Streaming};

use super::queue::{Queue, Waiting};
use crate::{Client, Error, Observer, Refusal, digest::Digest};

/// The largest content that is read together with others, in bytes.
const SMALL: i64 = 256 << 10;

/// The most content of a call, in bytes.
const CONTENT: usize = 4 << 20;

/// How long the server may be silent amid content before it counts as lost.
const SILENCE: Duration = Duration::from_secs(60);

/// Reads small contents together. A clone shares the calls.
#[derive(Debug, Clone)]
pub struct ReadBatches {
    client: Client,
    queue: Queue<Artifact, Option<Bytes>>,
}

impl Client {
    /// Gathers small reads that happen at the same time into calls of DownloadArtifacts.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    #[must_use]
    pub fn read_batches(&self) -> ReadBatches {
        let client = self.clone();
        let weight = |artifact: &Artifact| usize::try_from(artifact.size_bytes).unwrap_or_default();
        ReadBatches {
            client: self.clone(),
            queue: Queue::new(CONTENT, weight, move |batch| call(client.clone(), batch)),
        }
    }
}

impl ReadBatches {
    /// The content of an artifact whose record is known, in memory and verified against the record's hash. What a shared call
    /// could not read is read again in a call of its own, with the usual retries.
    ///
    /// # Errors
    ///
    /// As [`crate::Download::bytes`].
    pub async fn read(&self, artifact: &Artifact, observer: Observer) -> Result<Bytes, Error> {
        if artifact.size_bytes <= SMALL {
            match self.queue.send(artifact.clone()).await {
                Ok(Some(content)) => return Ok(content),
                Err(Error::Connection(words)) => {
                    observer.retrying(&format!("{words}; trying again"));
                }
                // The call of its own says what is wrong.
                Ok(None) | Err(_) => {}
            }
        }
        let download = self.client.download_of(artifact.clone(), observer);
        download.bytes().await.map(Bytes::from)
    }
}

type Reading = Waiting<Artifact, Option<Bytes>>;

/// Reads contents, or answers with nothing where there is only one: that is read in a call of its own.
async fn call(client: Client, batch: Vec<Reading>) {
    let mut batch = batch.into_iter();
    if batch.len() == 1 {
        for alone in batch {
            // The receiver may have been dropped.
            let _ = alone.answer.send(Ok(None));
        }
        return;
    }
    if let Err(error) = read_all(client, &mut batch).await {
        let words = error.to_string();
        for Waiting { answer, .. } in batch {
            let _ = answer.send(Err(Error::Connection(words.clone())));
        }
    }
}

/// Reads contents until the stream breaks, and takes those from the batch that it has answered.
async fn read_all(client: Client, batch: &mut vec::IntoIter<Reading>) -> Result<(), Error> {
    let ids = batch.as_slice().iter();
    let request = DownloadArtifactsRequest {
        artifact_ids: ids.map(|one| one.request.artifact_id.clone()).collect(),
    };
    let mut artifacts = client.artifacts.clone();
    let answer = timeout(SILENCE, artifacts.download_artifacts(request)).await;
    let stream = match answer.map_err(|_| silent())? {
        Ok(answer) => answer.into_inner(),
        // The server is older than the call.
        Err(status) if status.code() == Code::Unimplemented => {
            for Waiting { answer, .. } in batch {
                let _ = answer.send(Ok(None));
            }
            return Ok(());
        }
        Err(status) => return Err(status.into()),
    };
    let mut contents = Contents { stream };
    while let Some(one) = batch.as_slice().first() {
        let content = contents.next(&one.request).await?;
        if let Some(Waiting { answer, .. }) = batch.next() {
            // The receiver may have been dropped.
            let _ = answer.send(content.map(Some));
        }
    }
    Ok(())
}

/// The contents of one stream, one after another.
struct Contents {
    stream: Streaming<DownloadArtifactsResponse>,
}

impl Contents {
    /// The content of the next artifact of the stream, which should be this one. The inner error is of this content alone, the
    /// outer one ends the stream.
    async fn next(&mut self, expected: &Artifact) -> Result<Result<Bytes, Error>, Error> {
        match self.message().await? {
            Some(Message::Artifact(artifact)) if artifact.artifact_id == expected.artifact_id => {}
            Some(Message::Error(error)) => {
                return Ok(Err(Error::Refused(Box::new(Refusal::of_item(error)))));
            }
            _ => return Err(bad("a stream of contents without the next artifact")),
        }
        let mut content = Vec::new();
        loop {
            match self.message().await? {
                Some(Message::Data(data)) => {
                    content.extend_from_slice(&data);
                    if content.len() as u64 > expected.size_bytes.unsigned_abs() {
                        return Err(bad("more content than the record says"));
                    }
                }
                Some(Message::End(_)) => {
                    let sound = Digest::of(&content).check(expected);
                    return Ok(sound.map(|()| content.into()));
                }
                Some(Message::Error(error)) => {
                    return Ok(Err(Error::Refused(Box::new(Refusal::of_item(error)))));
                }
                Some(Message::Artifact(_)) | None => {
                    return Err(bad("a stream of contents without the end of one"));
                }
            }
        }
    }

    async fn message(&mut self) -> Result<Option<Message>, Error> {
        let message = timeout(SILENCE, self.stream.message()).await;
        let message = message.map_err(|_| silent())??;
        Ok(message.and_then(|message| message.message))
    }
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
