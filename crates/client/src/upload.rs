//! Uploads: one artifact under one idempotency key, verified and with retries.

use std::{future, io::Read, path::Path, time::Duration};

use bytes::Bytes;
use cairn_proto::v1::{
    Artifact, ArtifactSpec, ArtifactState, CreateArtifactRequest, UploadArtifactRequest, UploadEnd,
    upload_artifact_request::Message,
};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::{sync::mpsc, time};

use crate::{
    Client, CreateBatches, Error, Observer, Progress, Retries, Room, Stamp,
    content::{self, Content, How, Large, Piece, on_thread},
    create,
    digest::Digest,
    executable, keys, required,
    resumable::{RESUMABLE, Resumable},
};

/// How many pieces wait between the reader and the connection.
const PIECES_WAITING: usize = 4;

/// How long a stream may be silent, for example because the program before a pipe computes. The server gives up on a stream
/// that is silent for a minute.
const SILENCE: Duration = Duration::from_secs(20);

/// How many ended artifacts in a row an upload with a derived key steps over.
const GONE: usize = 10;

/// How an upload is kept from taking effect twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IdempotencyMode {
    /// By a key that is derived from the whole request, content included.
    #[default]
    Derived,
    /// By the caller's own key, of at most 256 bytes.
    Given(String),
    /// By a key that is derived from the whole request and from the state of a file. Content that a file has again after a
    /// change is another upload; one whose artifact was deleted since is not made again.
    OfState(Stamp),
    /// Not at all: every upload makes an artifact, and a lost answer is not asked for again.
    Without,
}

/// How to upload.
#[derive(Debug, Clone, Default)]
pub struct UploadOptions {
    /// How a repeated upload is known.
    pub idempotency: IdempotencyMode,
    /// How often a failing call is repeated.
    pub retries: Retries,
    /// An open upload that is to be continued with this content, whatever its own spec says. Not for content that can be
    /// read only once.
    pub resume: Option<String>,
    /// The memory of uploads at the same time.
    pub room: Room,
    /// Hears of the progress.
    pub observer: Observer,
    /// Sends small contents of uploads at the same time in one call.
    pub batches: Option<CreateBatches>,
}

impl Client {
    /// Uploads content and returns the artifact that the server made, now or earlier, which has the same bytes: their hash is
    /// computed here and compared with the record.
    ///
    /// The content may have any length. Up to 1 MiB it is sent in one message, and up to 64 MiB streamed. Larger content is
    /// sent by a resumable upload, which goes on after a lost connection, and when the same content is uploaded again under
    /// the same key after the death of this process. With a derived or given key the call is repeated when its answer is lost. An artifact that has expired or was deleted since an earlier upload
    /// under the same derived key is made again; under a given key it is returned as it is, with its state.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when the content cannot be read or changes meanwhile, and any error of the calls; after all of them but
    /// [`Error::Connection`] nothing was stored.
    pub async fn upload(
        &self,
        spec: ArtifactSpec,
        content: Content,
        options: &UploadOptions,
    ) -> Result<Artifact, Error> {
        let client = self;
        Uploader { client, options }.upload(content, spec).await
    }
}

struct Uploader<'a> {
    client: &'a Client,
    options: &'a UploadOptions,
}

impl Uploader<'_> {
    async fn upload(&self, content: Content, spec: ArtifactSpec) -> Result<Artifact, Error> {
        let path = content.shown();
        let room = self.options.room.take(content.memory()).await;
        let opened = on_thread(&path, move || content::open(content)).await?;
        let spec = executable::with_executable(spec, opened.executable);
        let how = match (opened.how, &self.options.resume) {
            (How::Small(content), Some(_)) => How::Large(Large::Memory(content)),
            (How::Once(_), Some(_)) => {
                let words = "content that can be read only once cannot continue an upload";
                return Err(Error::Configuration(words.to_owned()));
            }
            (how, _) => how,
        };
        let repeatable = match how {
            How::Once(content) => return self.send_once(&path, content, spec).await,
            // It stays in memory until the end.
            How::Small(content) => return self.upload_small(content, spec, room).await,
            How::Large(content) => content,
        };
        drop(room);
        let resumes = repeatable.length() > RESUMABLE || self.options.resume.is_some();
        let digest = {
            let _room = self.options.room.take(repeatable.length()).await;
            self.digest(&path, &repeatable, resumes).await?
        };
        let length = i64::try_from(repeatable.length()).ok();
        let spec = ArtifactSpec {
            content_hash: digest.iter().map(|d| d.content_hash.as_str()).collect(),
            size_bytes: digest.as_ref().map(|digest| digest.size_bytes).or(length),
            ..spec
        };
        if resumes && let Some(digest) = &digest {
            let resumable = Resumable {
                client: self.client,
                observer: &self.options.observer,
                retries: &self.options.retries,
                path: &path,
                content: &repeatable,
                digest,
            };
            let _room = self.options.room.take(repeatable.length()).await;
            if let Some(upload) = &self.options.resume {
                return resumable.resume(upload).await;
            }
            let send = async |spec: ArtifactSpec| match resumable.upload(spec.clone()).await {
                // An earlier release of the server.
                Err(error) if error.reason() == Some("UNIMPLEMENTED") => {
                    let stream = async |spec: ArtifactSpec| {
                        self.stream(&path, &repeatable, Some(digest), spec).await
                    };
                    self.retried(spec, self.options.retries.clone(), stream)
                        .await
                }
                done => done,
            };
            return self.under_key(spec, Retries::none(), send).await;
        }
        let send = async |spec: ArtifactSpec| {
            let _room = self.options.room.take(repeatable.length()).await;
            self.stream(&path, &repeatable, digest.as_ref(), spec).await
        };
        self.under_key(spec, self.options.retries.clone(), send)
            .await
    }

    async fn upload_small<R>(
        &self,
        content: Bytes,
        spec: ArtifactSpec,
        _room: R,
    ) -> Result<Artifact, Error> {
        let digest = Digest::of(&content);
        let spec = ArtifactSpec {
            content_hash: digest.content_hash.clone(),
            size_bytes: Some(digest.size_bytes),
            ..spec
        };
        let send = async |spec: ArtifactSpec| {
            let request = CreateArtifactRequest {
                spec: Some(spec),
                content: content.clone(),
                preview_bytes: 0,
            };
            let artifact = match &self.options.batches {
                Some(batches) => batches.create(request).await?,
                None => create::alone(self.client, request).await?,
            };
            digest.check(&artifact)?;
            Ok(artifact)
        };
        self.under_key(spec, self.options.retries.clone(), send)
            .await
    }

    /// Sends a request as often as its idempotency allows.
    async fn under_key(
        &self,
        spec: ArtifactSpec,
        retries: Retries,
        send: impl AsyncFn(ArtifactSpec) -> Result<Artifact, Error>,
    ) -> Result<Artifact, Error> {
        let send_with = async |key: String| {
            self.retried(keyed(&spec, key), retries.clone(), &send)
                .await
        };
        match &self.options.idempotency {
            IdempotencyMode::Without => send_with(String::new()).await,
            IdempotencyMode::Given(key) => send_with(key.clone()).await,
            IdempotencyMode::OfState(stamp) => {
                send_with(keys::for_file_state(&spec, &stamp.to_bytes())).await
            }
            IdempotencyMode::Derived => {
                let mut gone = None;
                for _ in 0..GONE {
                    let key = keys::for_upload(&spec, gone.as_deref());
                    // Who uploads what was deleted wants it back, and a retry of that must find this one.
                    gone = match send_with(key).await {
                        Ok(artifact) if has_ended(&artifact) => Some(artifact.artifact_id),
                        // It was discarded before it was published.
                        Err(error) if error.missing_artifact().is_some() => {
                            error.missing_artifact().map(str::to_owned)
                        }
                        done => return done,
                    };
                }
                send_with(keys::fresh()).await
            }
        }
    }

    /// Sends a request again and again if it has a key, else once.
    async fn retried(
        &self,
        spec: ArtifactSpec,
        retries: Retries,
        send: impl AsyncFn(ArtifactSpec) -> Result<Artifact, Error>,
    ) -> Result<Artifact, Error> {
        if spec.idempotency_key.is_empty() {
            return send(spec).await;
        }
        let tell = |reason: &str| self.options.observer.retrying(reason);
        retries.run(tell, async || send(spec.clone()).await).await
    }

    /// What a file holds, where a derived key or a resumable upload needs it.
    async fn digest(
        &self,
        path: &Path,
        content: &Large,
        resumes: bool,
    ) -> Result<Option<Digest>, Error> {
        if self.options.idempotency == IdempotencyMode::Without && !resumes {
            return Ok(None);
        }
        let (content, observer) = (content.clone(), self.options.observer.clone());
        on_thread(path, move || content.digest(&observer))
            .await
            .map(Some)
    }

    /// Sends what can be read only once: without a derived key, because its hash is not known yet.
    async fn send_once(
        &self,
        path: &Path,
        content: Box<dyn Read + Send>,
        spec: ArtifactSpec,
    ) -> Result<Artifact, Error> {
        let key = match &self.options.idempotency {
            IdempotencyMode::Given(key) => key.clone(),
            IdempotencyMode::Derived | IdempotencyMode::OfState(_) | IdempotencyMode::Without => {
                String::new()
            }
        };
        let observer = self.options.observer.clone();
        let (sender, pieces) = mpsc::channel(PIECES_WAITING);
        let reading = on_thread(path, move || content::send(content, None, &sender));
        let messages = messages(keyed(&spec, key), pieces, observer, None);
        transfer(self.client, messages, reading, None).await
    }

    /// One attempt to send large content.
    async fn stream(
        &self,
        path: &Path,
        content: &Large,
        digest: Option<&Digest>,
        spec: ArtifactSpec,
    ) -> Result<Artifact, Error> {
        let observer = self.options.observer.clone();
        let (sender, pieces) = mpsc::channel(PIECES_WAITING);
        let messages = messages(spec, pieces, observer, Some(content.length()));
        let (content, expected) = (content.clone(), digest.cloned());
        let reading = on_thread(path, move || {
            content::send(content.read()?, expected.as_ref(), &sender)
        });
        transfer(self.client, messages, reading, digest).await
    }
}

fn keyed(spec: &ArtifactSpec, idempotency_key: String) -> ArtifactSpec {
    ArtifactSpec {
        idempotency_key,
        ..spec.clone()
    }
}

/// Whether an artifact has expired or was deleted. A call that is repeated under its key may return one.
#[must_use]
pub fn has_ended(artifact: &Artifact) -> bool {
    matches!(
        artifact.state(),
        ArtifactState::Expired | ArtifactState::Deleted
    )
}

/// The call and the reading that feeds it, until both are done or one has failed. When the reading fails, the call is
/// dropped while its stream is open: that resets the stream, and the server keeps nothing. The server may answer before all
/// of it was sent when the spec declares the content.
async fn transfer(
    client: &Client,
    messages: impl Stream<Item = UploadArtifactRequest> + Send + 'static,
    reading: impl Future<Output = Result<Option<Digest>, Error>>,
    declared: Option<&Digest>,
) -> Result<Artifact, Error> {
    let call = async {
        let answer = client.artifacts.clone().upload_artifact(messages).await?;
        required(answer.into_inner().artifact, "artifact")
    };
    let (sent, artifact) = tokio::try_join!(reading, call)?;
    match sent.as_ref().or(declared) {
        Some(digest) => {
            digest.check(&artifact)?;
            Ok(artifact)
        }
        None => Err(Error::BadAnswer(format!(
            "{} was made before all of it was sent",
            artifact.artifact_id
        ))),
    }
}

/// The messages of one upload. Only [`Piece::End`] ends them: content that is cut off must leave the stream open, for the
/// dropped call to reset.
fn messages(
    spec: ArtifactSpec,
    pieces: mpsc::Receiver<Piece>,
    observer: Observer,
    total: Option<u64>,
) -> impl Stream<Item = UploadArtifactRequest> + Send + 'static {
    let data = stream::unfold(Some((pieces, observer, 0)), move |reading| async move {
        let (mut pieces, observer, sent) = reading?;
        let piece = match time::timeout(SILENCE, pieces.recv()).await {
            Ok(Some(Piece::Bytes(piece))) => piece,
            Ok(Some(Piece::End(digest))) => return Some((message(end(digest)), None)),
            Ok(None) => future::pending().await,
            Err(_) => Bytes::new(),
        };
        let bytes = sent + piece.len() as u64;
        observer.see(Progress::Sent { bytes, total });
        Some((
            message(Message::Data(piece)),
            Some((pieces, observer, bytes)),
        ))
    });
    stream::iter([message(Message::Spec(spec))]).chain(data)
}

fn message(message: Message) -> UploadArtifactRequest {
    UploadArtifactRequest {
        message: Some(message),
    }
}

/// Says that this was all, and what it was: the server stores nothing else.
fn end(digest: Digest) -> Message {
    Message::End(UploadEnd {
        content_hash: digest.content_hash,
        size_bytes: Some(digest.size_bytes),
    })
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, time::Duration};

    use bytes::Bytes;
    use cairn_proto::v1::{ArtifactSpec, UploadArtifactRequest, upload_artifact_request::Message};
    use futures_util::{Stream, StreamExt};
    use tokio::{sync::mpsc, time};

    use super::{Piece, SILENCE, messages};
    use crate::{Digest, Observer};

    fn data(message: Option<UploadArtifactRequest>) -> Option<Bytes> {
        match message?.message? {
            Message::Data(data) => Some(data),
            Message::Spec(_) | Message::End(_) => None,
        }
    }

    fn stream(pieces: mpsc::Receiver<Piece>) -> impl Stream<Item = UploadArtifactRequest> {
        messages(ArtifactSpec::default(), pieces, Observer::default(), None)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_the_digest() -> Result<(), Box<dyn std::error::Error>> {
        let (sender, pieces) = mpsc::channel(8);
        sender
            .send(Piece::Bytes(Bytes::from_static(b"abc")))
            .await?;
        let digest = Digest::of(b"abc");
        sender.send(Piece::End(digest.clone())).await?;
        drop(sender);
        let mut stream = pin!(stream(pieces));
        let first = stream.next().await.and_then(|first| first.message);
        assert!(matches!(first, Some(Message::Spec(_))));
        assert_eq!(data(stream.next().await).as_deref(), Some(&b"abc"[..]));
        let last = stream.next().await.and_then(|last| last.message);
        let Some(Message::End(end)) = last else {
            return Err("the stream has no end".into());
        };
        assert_eq!(end.content_hash, digest.content_hash);
        assert_eq!(end.size_bytes, Some(3));
        assert_eq!(stream.next().await, None);
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn cut_off_content_never_ends_the_stream() -> Result<(), Box<dyn std::error::Error>> {
        let (sender, pieces) = mpsc::channel(8);
        sender
            .send(Piece::Bytes(Bytes::from_static(b"abc")))
            .await?;
        drop(sender);
        let mut stream = pin!(stream(pieces).skip(2));
        let week = Duration::from_secs(7 * 86_400);
        assert!(time::timeout(week, stream.next()).await.is_err());
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_keeps_its_upload_alive() {
        let (_sender, pieces) = mpsc::channel(8);
        let mut stream = pin!(stream(pieces).skip(1));
        let start = time::Instant::now();
        assert_eq!(data(stream.next().await), Some(Bytes::new()));
        assert_eq!(data(stream.next().await), Some(Bytes::new()));
        assert_eq!(start.elapsed(), 2 * SILENCE);
    }
}
