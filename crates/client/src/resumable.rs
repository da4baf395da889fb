//! Uploads that resume: of large content, after a lost connection, and after the death of this process.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use cairn_proto::v1::{
    Artifact, ArtifactSpec, FinishUploadRequest, GetUploadRequest, StartUploadRequest, Upload,
    UploadEnd, UploadPosition, UploadState, WriteUploadRequest, write_upload_request::Message,
};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::{sync::mpsc, time};

use crate::{
    Client, Error, Observer, Progress, Retries,
    content::{self, Large, Piece, on_thread},
    digest::Digest,
    keys, required, unary,
};

/// Content over this size is sent by resumable uploads, in bytes.
pub(crate) const RESUMABLE: u64 = 64 << 20;

/// How many pieces wait between the reader and the connection.
const PIECES_WAITING: usize = 4;
/// How long a stream may be silent.
const SILENCE: Duration = Duration::from_secs(20);
/// How long combining the parts may take: S3 may need minutes.
const FINISH: Duration = Duration::from_secs(660);
/// How long another writer of the same upload may store nothing before it is taken over, and how often that is looked at.
const OTHER_WRITER: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_secs(1);
/// How many uploads in a row may have ended under keys that lead from one to the next.
const ENDED: usize = 10;

/// The upload of one content.
pub(crate) struct Resumable<'a> {
    pub(crate) client: &'a Client,
    pub(crate) observer: &'a Observer,
    pub(crate) retries: &'a Retries,
    pub(crate) path: &'a Path,
    pub(crate) content: &'a Large,
    pub(crate) digest: &'a Digest,
}

impl Resumable<'_> {
    /// Opens the upload of this spec under its key, or finds it, and sends what is missing.
    pub(crate) async fn upload(&self, mut spec: ArtifactSpec) -> Result<Artifact, Error> {
        let mut opened = self.start(&spec).await?;
        for _ in 0..ENDED {
            if opened.state() != UploadState::Ended || spec.idempotency_key.is_empty() {
                break;
            }
            spec.idempotency_key = keys::after_upload(&spec.idempotency_key, &opened.upload_id);
            opened = self.start(&spec).await?;
        }
        self.go_on(opened).await
    }

    /// Sends what is missing of an open upload, which any process may have opened.
    pub(crate) async fn resume(&self, upload_id: &str) -> Result<Artifact, Error> {
        let opened = self.get(upload_id).await?;
        let other_hash =
            !opened.content_hash.is_empty() && opened.content_hash != self.digest.content_hash;
        let declared = opened.size_bytes.unwrap_or(self.digest.size_bytes);
        if other_hash
            || declared != self.digest.size_bytes
            || opened.committed_bytes > self.digest.size_bytes
        {
            return Err(Error::Configuration(format!(
                "upload {upload_id} is of other content than {}; nothing was sent",
                self.path.display()
            )));
        }
        self.go_on(opened).await
    }

    async fn go_on(&self, mut upload: Upload) -> Result<Artifact, Error> {
        let id = upload.upload_id.clone();
        self.observer.see(Progress::Opened { upload_id: &id });
        let mut retries = self.retries.clone();
        loop {
            let before = upload.committed_bytes;
            let error = match self.attempt(&upload).await {
                Ok(artifact) => {
                    self.digest.check(&artifact)?;
                    return Ok(artifact);
                }
                Err(error) => error,
            };
            match error.reason() {
                Some("UPLOAD_OFFSET_MISMATCH") => upload = self.get(&id).await?,
                Some("LAST_WRITER") => upload = self.wait_for_other(&id).await?,
                _ => {
                    retries
                        .pause(error, |why| self.observer.retrying(why))
                        .await?;
                    upload = self.get(&id).await?;
                }
            }
            if upload.committed_bytes > before {
                retries = self.retries.clone();
            }
        }
    }

    async fn attempt(&self, upload: &Upload) -> Result<Artifact, Error> {
        if upload.state() == UploadState::Open && upload.committed_bytes < self.digest.size_bytes {
            self.write(upload).await?;
        }
        self.finish(&upload.upload_id).await
    }

    /// Waits while another writer stores bytes of the upload. The same push may run twice.
    async fn wait_for_other(&self, id: &str) -> Result<Upload, Error> {
        self.observer
            .retrying("another process writes the same upload; waiting for it");
        // It may be finishing: two that finish at once would take the upload from each other.
        time::sleep(LOOK).await;
        let mut upload = self.get(id).await?;
        let mut since = time::Instant::now();
        while upload.state() == UploadState::Open
            && upload.committed_bytes < self.digest.size_bytes
            && since.elapsed() < OTHER_WRITER
        {
            time::sleep(LOOK).await;
            let now = self.get(id).await?;
            if now.committed_bytes > upload.committed_bytes {
                since = time::Instant::now();
            }
            upload = now;
        }
        Ok(upload)
    }

    async fn start(&self, spec: &ArtifactSpec) -> Result<Upload, Error> {
        let start = async || {
            let request = StartUploadRequest {
                spec: Some(spec.clone()),
            };
            let mut uploads = self.client.uploads.clone();
            let answer = uploads.start_upload(unary(request)).await?;
            required(answer.into_inner().upload, "upload")
        };
        if spec.idempotency_key.is_empty() {
            return start().await;
        }
        let tell = |why: &str| self.observer.retrying(why);
        self.retries.clone().run(tell, start).await
    }

    async fn get(&self, id: &str) -> Result<Upload, Error> {
        let tell = |why: &str| self.observer.retrying(why);
        let get = async || {
            let request = GetUploadRequest {
                upload_id: id.to_owned(),
            };
            let mut uploads = self.client.uploads.clone();
            let answer = uploads.get_upload(unary(request)).await?;
            required(answer.into_inner().upload, "upload")
        };
        self.retries.clone().run(tell, get).await
    }

    /// Sends the content from where the upload is. When the reading fails, the call is dropped while its stream is open, and
    /// the server keeps what has arrived.
    async fn write(&self, upload: &Upload) -> Result<(), Error> {
        let (sender, pieces) = mpsc::channel(PIECES_WAITING);
        let observer = self.observer.clone();
        let messages = messages(upload, pieces, observer, self.digest.size_bytes);
        let content = self.content.clone();
        let offset = u64::try_from(upload.committed_bytes).unwrap_or(0);
        let reading = on_thread(self.path, move || {
            content::send(content.read_from(offset)?, None, &sender)
        });
        let call = async {
            self.client.uploads.clone().write_upload(messages).await?;
            Ok(())
        };
        tokio::try_join!(reading, call).map(drop)
    }

    async fn finish(&self, id: &str) -> Result<Artifact, Error> {
        let mut request = unary(FinishUploadRequest {
            upload_id: id.to_owned(),
            end: Some(UploadEnd {
                content_hash: self.digest.content_hash.clone(),
                size_bytes: Some(self.digest.size_bytes),
            }),
            ..FinishUploadRequest::default()
        });
        request.set_timeout(FINISH);
        let answer = self.client.uploads.clone().finish_upload(request).await?;
        required(answer.into_inner().artifact, "artifact")
    }
}

/// The messages of one write. Only [`Piece::End`] ends them.
fn messages(
    upload: &Upload,
    pieces: mpsc::Receiver<Piece>,
    observer: Observer,
    total: i64,
) -> impl Stream<Item = WriteUploadRequest> + Send + 'static {
    let total = u64::try_from(total).ok();
    let sent = u64::try_from(upload.committed_bytes).unwrap_or(0);
    let data = stream::unfold((pieces, observer, sent), move |reading| async move {
        let (mut pieces, observer, sent) = reading;
        let piece = match time::timeout(SILENCE, pieces.recv()).await {
            Ok(Some(Piece::Bytes(piece))) => piece,
            Ok(Some(Piece::End(_))) => return None,
            Ok(None) => std::future::pending().await,
            Err(_) => Bytes::new(),
        };
        let bytes = sent + piece.len() as u64;
        observer.see(Progress::Sent { bytes, total });
        Some((message(Message::Data(piece)), (pieces, observer, bytes)))
    });
    let position = Message::Position(UploadPosition {
        upload_id: upload.upload_id.clone(),
        offset: upload.committed_bytes,
    });
    stream::iter([message(position)]).chain(data)
}

fn message(message: Message) -> WriteUploadRequest {
    WriteUploadRequest {
        message: Some(message),
    }
}
