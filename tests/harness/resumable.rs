//! Resumable uploads, as a client makes them.

use bytes::Bytes;
use cairn_proto::v1::{
    AbortUploadRequest, Artifact, ArtifactSpec, FinishUploadRequest, GetUploadRequest,
    PresignUploadPartsRequest, PresignedPart, StartUploadRequest, Upload, UploadPosition,
    WriteUploadRequest, write_upload_request::Message,
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::Client;

fn message(message: Message) -> WriteUploadRequest {
    WriteUploadRequest {
        message: Some(message),
    }
}

fn position(id: &str, offset: i64) -> WriteUploadRequest {
    message(Message::Position(UploadPosition {
        upload_id: id.to_owned(),
        offset,
    }))
}

impl Client {
    /// Opens a resumable upload.
    pub async fn start_upload(&self, spec: ArtifactSpec) -> Result<Upload, Status> {
        let request = StartUploadRequest { spec: Some(spec) };
        let response = self.uploads.clone().start_upload(request).await?;
        Ok(response.into_inner().upload.unwrap())
    }

    /// Writes these bytes from this offset on, in pieces.
    pub async fn write_upload(
        &self,
        id: &str,
        offset: i64,
        content: impl Into<Bytes>,
    ) -> Result<Upload, Status> {
        let mut content = content.into();
        let mut messages = vec![position(id, offset)];
        while !content.is_empty() {
            let piece = content.split_to(content.len().min(256 << 10));
            messages.push(message(Message::Data(piece)));
        }
        self.send_write(messages).await
    }

    /// Sends these messages to an upload.
    pub async fn send_write(&self, messages: Vec<WriteUploadRequest>) -> Result<Upload, Status> {
        let stream = tokio_stream::iter(messages);
        let response = self.uploads.clone().write_upload(stream).await?;
        Ok(response.into_inner().upload.unwrap())
    }

    /// The upload as it is.
    pub async fn get_upload(&self, id: &str) -> Result<Upload, Status> {
        let request = GetUploadRequest {
            upload_id: id.to_owned(),
        };
        let response = self.uploads.clone().get_upload(request).await?;
        Ok(response.into_inner().upload.unwrap())
    }

    /// Makes the upload an artifact.
    pub async fn finish_upload(&self, id: &str) -> Result<Artifact, Status> {
        self.finish_upload_with(FinishUploadRequest {
            upload_id: id.to_owned(),
            ..FinishUploadRequest::default()
        })
        .await
    }

    /// The same, with more in the request.
    pub async fn finish_upload_with(
        &self,
        request: FinishUploadRequest,
    ) -> Result<Artifact, Status> {
        let response = self.uploads.clone().finish_upload(request).await?;
        Ok(response.into_inner().artifact.unwrap())
    }

    /// URLs for all parts of an upload of few.
    pub async fn presign(&self, id: &str) -> Result<Vec<PresignedPart>, Status> {
        let request = PresignUploadPartsRequest {
            upload_id: id.to_owned(),
            part_count: 200,
            ..PresignUploadPartsRequest::default()
        };
        let response = self.uploads.clone().presign_upload_parts(request).await?;
        Ok(response.into_inner().parts)
    }

    /// Ends the upload without an artifact.
    pub async fn abort_upload(&self, id: &str) -> Result<Upload, Status> {
        let request = AbortUploadRequest {
            upload_id: id.to_owned(),
        };
        let response = self.uploads.clone().abort_upload(request).await?;
        Ok(response.into_inner().upload.unwrap())
    }
}

/// A write that continues until the test ends it.
pub struct OpenWrite {
    messages: mpsc::Sender<WriteUploadRequest>,
    /// The call.
    pub call: JoinHandle<Result<Upload, Status>>,
}

impl OpenWrite {
    /// Begins to write at this offset.
    pub async fn begin(client: &Client, id: &str, offset: i64) -> Self {
        let (messages, receiver) = mpsc::channel(1);
        let mut uploads = client.uploads.clone();
        let call = tokio::spawn(async move {
            let stream = ReceiverStream::new(receiver);
            let response = uploads.write_upload(stream).await?;
            Ok(response.into_inner().upload.unwrap())
        });
        messages.send(position(id, offset)).await.unwrap();
        Self { messages, call }
    }

    /// Sends bytes to a call that may have ended.
    pub async fn send(&self, content: &[u8]) {
        for piece in content.chunks(256 << 10) {
            let piece = message(Message::Data(piece.to_vec().into()));
            let _ = self.messages.send(piece).await;
        }
    }

    /// Cuts the stream off, as a process that dies does.
    pub fn cut(self) {
        self.call.abort();
    }

    /// Closes the stream, and returns the answer.
    pub async fn close(self) -> Result<Upload, Status> {
        drop(self.messages);
        self.call.await.unwrap()
    }
}

/// The bytes of a part, of the whole content.
pub fn part_of<'a>(whole: &'a [u8], part: &PresignedPart) -> &'a [u8] {
    &whole[part.offset as usize..][..part.size_bytes as usize]
}

/// Puts bytes to a signed URL, without a credential, and returns the status of the answer.
pub async fn put_to(url: &str, bytes: impl Into<reqwest::Body>) -> u16 {
    let put = reqwest::Client::new().put(url).body(bytes).send().await;
    put.map_or(0, |answer| answer.status().as_u16())
}
