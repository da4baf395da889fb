//! Sending one thing to the server.

use std::{
    future, io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use cairn_proto::v1::{
    Artifact, ArtifactSpec, CreateArtifactRequest, UploadArtifactRequest,
    upload_artifact_request::Message,
};
use futures_util::stream::{self, Stream, StreamExt};
use indicatif::ProgressBar;
use tokio::{sync::mpsc, task, time};

use super::{
    content::{self, Opened, Piece},
    plan::Content,
};
use crate::{
    client::{Client, required, unary},
    digest::Digest,
    error::CliError,
    progress::Progress,
};

/// How many pieces wait between the reader and the connection.
const PIECES_WAITING: usize = 4;

/// How long a stream may be silent, for example because the program before the pipe is thinking. The server gives up on
/// one that is silent for a minute.
const SILENCE: Duration = Duration::from_secs(20);

/// Pushes content and returns the artifact that the server made, which is of the same bytes.
pub(super) async fn push(
    client: &mut Client,
    content: Content,
    spec: ArtifactSpec,
    progress: &Progress,
) -> Result<Artifact, CliError> {
    let path = match &content {
        Content::Stdin => PathBuf::from("standard input"),
        Content::File(path) => path.clone(),
    };
    match on_thread(&path, move || content::open(&content)).await? {
        Opened::Small(content) => create(client, spec, content).await,
        Opened::Stream(content, length) => {
            let bar = progress.bytes(&spec.filename, length);
            let spec = ArtifactSpec {
                size_bytes: length.and_then(|length| i64::try_from(length).ok()),
                ..spec
            };
            let (sender, pieces) = mpsc::channel(PIECES_WAITING);
            let reading = on_thread(&path, move || content::send(content, &sender));
            upload(client, messages(spec, pieces, bar), reading).await
        }
    }
}

async fn create(
    client: &mut Client,
    spec: ArtifactSpec,
    content: Bytes,
) -> Result<Artifact, CliError> {
    let digest = Digest::of(&content);
    let request = unary(CreateArtifactRequest {
        spec: Some(ArtifactSpec {
            content_hash: digest.content_hash.clone(),
            size_bytes: Some(digest.size_bytes),
            ..spec
        }),
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
/// dropped while its stream is open: that resets the stream, and the server keeps nothing.
async fn upload(
    client: &mut Client,
    messages: impl Stream<Item = UploadArtifactRequest> + Send + 'static,
    reading: impl Future<Output = Result<Option<Digest>, CliError>>,
) -> Result<Artifact, CliError> {
    let call = async {
        let answer = client.artifacts.upload_artifact(messages).await?;
        required(answer.into_inner().artifact, "artifact")
    };
    match tokio::try_join!(reading, call)? {
        (Some(digest), artifact) => {
            digest.check(&artifact)?;
            Ok(artifact)
        }
        (None, artifact) => Err(CliError::BadAnswer(format!(
            "{} was made before all of it was sent",
            artifact.artifact_id
        ))),
    }
}

/// The messages of one upload. Only [`Piece::End`] ends them: the server commits what ends, so content that is cut off
/// must leave the stream open, for the dropped call to reset.
fn messages(
    spec: ArtifactSpec,
    pieces: mpsc::Receiver<Piece>,
    bar: ProgressBar,
) -> impl Stream<Item = UploadArtifactRequest> + Send + 'static {
    let message = |message| UploadArtifactRequest {
        message: Some(message),
    };
    let data = stream::unfold((pieces, bar), move |(mut pieces, bar)| async move {
        let piece = match time::timeout(SILENCE, pieces.recv()).await {
            Ok(Some(Piece::Bytes(piece))) => piece,
            Ok(Some(Piece::End)) => return None,
            Ok(None) => future::pending().await,
            Err(_) => Bytes::new(),
        };
        bar.inc(piece.len() as u64);
        Some((message(Message::Data(piece)), (pieces, bar)))
    });
    stream::iter([message(Message::Spec(spec))]).chain(data)
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

    fn data(message: Option<UploadArtifactRequest>) -> Option<Bytes> {
        match message?.message? {
            Message::Data(data) => Some(data),
            Message::Spec(_) => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_stream_ends_with_the_content() -> Result<(), Box<dyn std::error::Error>> {
        let (sender, pieces) = mpsc::channel(8);
        sender
            .send(Piece::Bytes(Bytes::from_static(b"abc")))
            .await?;
        sender.send(Piece::End).await?;
        drop(sender);
        let mut stream = pin!(messages(
            ArtifactSpec::default(),
            pieces,
            ProgressBar::hidden()
        ));
        let first = stream.next().await.and_then(|first| first.message);
        assert!(matches!(first, Some(Message::Spec(_))));
        assert_eq!(data(stream.next().await).as_deref(), Some(&b"abc"[..]));
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
