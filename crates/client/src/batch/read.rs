//! Small contents that are read in one call.

use std::time::Duration;

use bytes::Bytes;
use cairn_proto::v1::{
    Artifact, DownloadArtifactsRequest, DownloadArtifactsResponse,
    download_artifacts_response::Message,
};
use tokio::time::timeout;
use tonic::Streaming;

use super::{Queue, Waiting};
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
    queue: Queue<Artifact, Bytes>,
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
        if artifact.size_bytes <= SMALL
            && let Ok(content) = self.queue.send(artifact.clone()).await
        {
            return Ok(content);
        }
        let download = self.client.download_of(artifact.clone(), observer);
        download.bytes().await.map(Bytes::from)
    }
}

/// Whoever gets no answer reads in a call of its own, which says what is wrong.
async fn call(client: Client, batch: Vec<Waiting<Artifact, Bytes>>) {
    if batch.len() == 1 {
        return;
    }
    let ids = batch.iter().map(|one| one.request.artifact_id.clone());
    let request = DownloadArtifactsRequest {
        artifact_ids: ids.collect(),
    };
    let mut artifacts = client.artifacts.clone();
    let answer = timeout(SILENCE, artifacts.download_artifacts(request)).await;
    let Ok(Ok(answer)) = answer else {
        return;
    };
    let mut contents = Contents {
        stream: answer.into_inner(),
        next: None,
    };
    for Waiting { request, answer } in batch {
        let Ok(content) = contents.next(&request).await else {
            return;
        };
        // Who waited for it may have gone.
        let _ = answer.send(content);
    }
}

/// The contents of one stream, one after another.
struct Contents {
    stream: Streaming<DownloadArtifactsResponse>,
    /// The message that begins the next content.
    next: Option<Message>,
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
            let next = self.message().await?;
            if let Some(Message::Data(data)) = next {
                content.extend_from_slice(&data);
                if content.len() as u64 > expected.size_bytes.unsigned_abs() {
                    return Err(bad("more content than the record says"));
                }
                continue;
            }
            let sound = Digest::of(&content).check(expected);
            return match (sound, next) {
                (Err(_), Some(Message::Error(error))) => {
                    Ok(Err(Error::Refused(Box::new(Refusal::of_item(error)))))
                }
                (sound, next) => {
                    self.next = next;
                    Ok(sound.map(|()| content.into()))
                }
            };
        }
    }

    async fn message(&mut self) -> Result<Option<Message>, Error> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        let message = timeout(SILENCE, self.stream.message()).await;
        let message = message.map_err(|_| bad("no message from the server"))??;
        Ok(message.and_then(|message| message.message))
    }
}

fn bad(words: &str) -> Error {
    Error::BadAnswer(words.to_owned())
}
