//! Sending one thing to the server.

use std::{
    future,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use cairn_proto::v1::{
    Artifact, ArtifactSpec, ArtifactState, CreateArtifactRequest, UploadArtifactRequest, UploadEnd,
    upload_artifact_request::Message,
};
use futures_util::stream::{self, Stream, StreamExt};
use indicatif::ProgressBar;
use tokio::{sync::mpsc, task, time};

use super::{
    content::{self, How, LargeFile, Piece},
    plan::Content,
    stamp::Stamp,
};
use crate::{
    again::Patience,
    args::key,
    client::{Client, required, unary},
    digest::Digest,
    error::CliError,
    files::mode,
    terminal::{output::Output, progress::Progress, several::Room},
};

/// How many pieces wait between the reader and the connection.
const PIECES_WAITING: usize = 4;

/// How long a stream may be silent, for example because the program before the pipe is thinking. The server gives up on
/// one that is silent for a minute.
const SILENCE: Duration = Duration::from_secs(20);

/// How many artifacts in a row a push takes the word of the server for that they are gone.
const GONE: usize = 10;

/// How a push is kept from taking effect twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Keying {
    /// By a key that is derived from the whole request, content included.
    Derived,
    Given(String),
    /// By a key that is derived from the whole request and from the state that a file is in. Content that was there before
    /// and is there again is another push; one whose artifact was deleted since is not made again.
    OfState(Stamp),
    /// Not at all.
    Without,
}

/// Pushes go this way.
pub(crate) struct Pusher<'a> {
    pub(crate) client: &'a Client,
    pub(crate) keying: &'a Keying,
    /// With what is lost on the way.
    pub(crate) patience: Patience,
    pub(crate) room: &'a Room,
    pub(crate) output: Output,
    pub(crate) progress: &'a Progress,
}

impl Pusher<'_> {
    /// Pushes content and returns the artifact that the server made, now or earlier, which is of the same bytes.
    pub(crate) async fn push(
        &self,
        content: Content,
        spec: ArtifactSpec,
    ) -> Result<Artifact, CliError> {
        let path = content.shown();
        let opened = on_thread(&path, move || content::open(&content)).await?;
        let spec = mode::told(spec, opened.executable);
        let again = match opened.how {
            How::Once(content) => return self.send_once(&path, content, spec).await,
            How::Small(content) => Repeatable::Small(Digest::of(&content), content),
            How::Large(file) => {
                let _room = self.room.take(file.length()).await;
                let digest = self.digest(&path, &file, &spec.filename).await?;
                Repeatable::Large(digest, file, path)
            }
        };
        let spec = again.declared(spec);
        let send = async |key| self.send(&again, keyed(&spec, key)).await;
        match self.keying {
            Keying::Without => send(String::new()).await,
            Keying::Given(key) => {
                let artifact = self.until_answered(&spec, async || send(key.clone()).await);
                artifact.await.map_err(|error| {
                    if error.missing_artifact().is_some() {
                        error.about("what was pushed with this idempotency key was discarded")
                    } else {
                        error
                    }
                })
            }
            Keying::OfState(stamp) => {
                let key = key::of_state(&spec, &stamp.to_bytes());
                self.until_answered(&spec, async || send(key.clone()).await)
                    .await
            }
            Keying::Derived => {
                let mut gone = None;
                for _ in 0..GONE {
                    let key = key::of_push(&spec, gone.as_deref());
                    let artifact = self.until_answered(&spec, async || send(key.clone()).await);
                    // Whoever pushes what was deleted wants it back, and a retry of that must find this one.
                    gone = match artifact.await {
                        Ok(artifact) if is_gone(&artifact) => Some(artifact.artifact_id),
                        // It was discarded before it was published.
                        Err(error) if error.missing_artifact().is_some() => {
                            error.missing_artifact().map(str::to_owned)
                        }
                        done => return done,
                    };
                }
                let key = key::fresh();
                self.until_answered(&spec, async || send(key.clone()).await)
                    .await
            }
        }
    }

    async fn until_answered(
        &self,
        spec: &ArtifactSpec,
        call: impl AsyncFnMut() -> Result<Artifact, CliError>,
    ) -> Result<Artifact, CliError> {
        let tell = |words: &str| {
            let words = format!("{}: {words}", spec.filename);
            self.progress.aside(|| self.output.progress(&words));
        };
        self.patience.clone().until_answered(tell, call).await
    }

    /// What a file holds, which a key has to tell before it is sent.
    async fn digest(
        &self,
        path: &Path,
        file: &LargeFile,
        name: &str,
    ) -> Result<Option<Digest>, CliError> {
        if *self.keying == Keying::Without {
            return Ok(None);
        }
        let name = format!("{name}, reading");
        let bar = self.progress.bytes(&name, Some(file.length()));
        let file = file.clone();
        on_thread(path, move || file.digest(&bar)).await.map(Some)
    }

    /// Sends what can be read only once: without a derived key, for nobody knows yet what it is.
    async fn send_once(
        &self,
        path: &Path,
        content: Box<dyn Read + Send>,
        spec: ArtifactSpec,
    ) -> Result<Artifact, CliError> {
        let key = match self.keying {
            Keying::Given(key) => key.clone(),
            Keying::Derived | Keying::OfState(_) | Keying::Without => String::new(),
        };
        let bar = self.progress.bytes(&spec.filename, None);
        let (sender, pieces) = mpsc::channel(PIECES_WAITING);
        let reading = on_thread(path, move || content::send(content, None, &sender));
        let messages = messages(keyed(&spec, key), pieces, bar);
        upload(self.client.clone(), messages, reading, None).await
    }

    /// One attempt.
    async fn send(&self, content: &Repeatable, spec: ArtifactSpec) -> Result<Artifact, CliError> {
        let client = self.client.clone();
        let _room = self.room.take(content.length()).await;
        match content {
            Repeatable::Small(digest, content) => {
                create(client, spec, content.clone(), digest).await
            }
            Repeatable::Large(digest, file, path) => {
                let bar = self.progress.bytes(&spec.filename, Some(file.length()));
                let (sender, pieces) = mpsc::channel(PIECES_WAITING);
                let (file, expected) = (file.clone(), digest.clone());
                let reading = on_thread(path, move || {
                    content::send(file.read()?, expected.as_ref(), &sender)
                });
                upload(
                    client,
                    messages(spec, pieces, bar),
                    reading,
                    digest.as_ref(),
                )
                .await
            }
        }
    }
}

/// Content that can be sent as often as that takes.
enum Repeatable {
    Small(Digest, Bytes),
    Large(Option<Digest>, LargeFile, PathBuf),
}

impl Repeatable {
    fn length(&self) -> u64 {
        match self {
            Self::Small(_, content) => content.len() as u64,
            Self::Large(_, file, _) => file.length(),
        }
    }

    /// The spec with all that is known of the content.
    fn declared(&self, spec: ArtifactSpec) -> ArtifactSpec {
        let (digest, length) = match self {
            Self::Small(digest, _) => (Some(digest), None),
            Self::Large(digest, file, _) => (digest.as_ref(), i64::try_from(file.length()).ok()),
        };
        ArtifactSpec {
            content_hash: digest.map(|d| d.content_hash.clone()).unwrap_or_default(),
            size_bytes: digest.map(|digest| digest.size_bytes).or(length),
            ..spec
        }
    }
}

fn keyed(spec: &ArtifactSpec, idempotency_key: String) -> ArtifactSpec {
    ArtifactSpec {
        idempotency_key,
        ..spec.clone()
    }
}

/// Whether an answer is of an artifact that has been made and has ended since.
pub(super) fn is_gone(artifact: &Artifact) -> bool {
    matches!(
        artifact.state(),
        ArtifactState::Expired | ArtifactState::Deleted
    )
}

async fn create(
    mut client: Client,
    spec: ArtifactSpec,
    content: Bytes,
    digest: &Digest,
) -> Result<Artifact, CliError> {
    let request = unary(CreateArtifactRequest {
        spec: Some(spec),
        content,
    });
    let answer = client
        .artifacts
        .create_artifact(request)
        .await?
        .into_inner();
    let artifact = required(answer.artifact, "artifact")?;
    digest.check(&artifact)?;
    Ok(artifact)
}

/// The call and the reading that feeds it, until both are done or one has failed. When the reading fails, the call is
/// dropped while its stream is open: that resets the stream, and the server keeps nothing. The server may answer before all
/// of it was sent when it was told what comes.
async fn upload(
    mut client: Client,
    messages: impl Stream<Item = UploadArtifactRequest> + Send + 'static,
    reading: impl Future<Output = Result<Option<Digest>, CliError>>,
    declared: Option<&Digest>,
) -> Result<Artifact, CliError> {
    let call = async {
        let answer = client.artifacts.upload_artifact(messages).await?;
        required(answer.into_inner().artifact, "artifact")
    };
    let (sent, artifact) = tokio::try_join!(reading, call)?;
    match sent.as_ref().or(declared) {
        Some(digest) => {
            digest.check(&artifact)?;
            Ok(artifact)
        }
        None => Err(CliError::BadAnswer(format!(
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
    bar: ProgressBar,
) -> impl Stream<Item = UploadArtifactRequest> + Send + 'static {
    let data = stream::unfold(Some((pieces, bar)), |reading| async {
        let (mut pieces, bar) = reading?;
        let piece = match time::timeout(SILENCE, pieces.recv()).await {
            Ok(Some(Piece::Bytes(piece))) => piece,
            Ok(Some(Piece::End(digest))) => return Some((message(end(digest)), None)),
            Ok(None) => future::pending().await,
            Err(_) => Bytes::new(),
        };
        bar.inc(piece.len() as u64);
        Some((message(Message::Data(piece)), Some((pieces, bar))))
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

/// Does what blocks where it blocks nobody.
async fn on_thread<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, CliError> {
    task::spawn_blocking(work)
        .await
        .map_err(io::Error::from)
        .flatten()
        .map_err(CliError::of_file(path))
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, time::Duration};

    use bytes::Bytes;
    use cairn_proto::v1::{ArtifactSpec, UploadArtifactRequest, upload_artifact_request::Message};
    use futures_util::StreamExt;
    use indicatif::ProgressBar;
    use tokio::{sync::mpsc, time};

    use super::{Piece, SILENCE, messages};
    use crate::digest::Digest;

    fn data(message: Option<UploadArtifactRequest>) -> Option<Bytes> {
        match message?.message? {
            Message::Data(data) => Some(data),
            Message::Spec(_) | Message::End(_) => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_stream_says_what_it_was_and_ends() -> Result<(), Box<dyn std::error::Error>> {
        let (sender, pieces) = mpsc::channel(8);
        sender
            .send(Piece::Bytes(Bytes::from_static(b"abc")))
            .await?;
        let digest = Digest::of(b"abc");
        sender.send(Piece::End(digest.clone())).await?;
        drop(sender);
        let mut stream = pin!(messages(
            ArtifactSpec::default(),
            pieces,
            ProgressBar::hidden()
        ));
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
    async fn content_that_is_cut_off_never_ends_the_stream()
    -> Result<(), Box<dyn std::error::Error>> {
        let (sender, pieces) = mpsc::channel(8);
        sender
            .send(Piece::Bytes(Bytes::from_static(b"abc")))
            .await?;
        drop(sender);
        let mut stream =
            pin!(messages(ArtifactSpec::default(), pieces, ProgressBar::hidden()).skip(2));
        let week = Duration::from_secs(7 * 86_400);
        assert!(time::timeout(week, stream.next()).await.is_err());
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_slow_keeps_its_upload_alive_with_empty_messages() {
        let (_sender, pieces) = mpsc::channel(8);
        let mut stream =
            pin!(messages(ArtifactSpec::default(), pieces, ProgressBar::hidden()).skip(1));
        let start = time::Instant::now();
        assert_eq!(data(stream.next().await), Some(Bytes::new()));
        assert_eq!(data(stream.next().await), Some(Bytes::new()));
        assert_eq!(start.elapsed(), 2 * SILENCE);
    }
}
