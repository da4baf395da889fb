use cairn_proto::v1::{
    Artifact, ArtifactSpec, UploadArtifactRequest, upload_artifact_request::Message,
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Client, client::end};

/// An upload that continues until the test ends it.
pub struct OpenUpload {
    messages: mpsc::Sender<UploadArtifactRequest>,
    /// The call, which ends after the end of the upload.
    pub call: JoinHandle<Result<Artifact, Status>>,
}

impl OpenUpload {
    /// Sends the spec.
    pub async fn begin(client: &Client, spec: ArtifactSpec) -> Self {
        let (messages, receiver) = mpsc::channel(1);
        let mut artifacts = client.artifacts.clone();
        let call = tokio::spawn(async move {
            let stream = ReceiverStream::new(receiver);
            let response = artifacts.upload_artifact(stream).await?;
            Ok(response.into_inner().artifact.unwrap())
        });
        let open = Self { messages, call };
        open.message(Message::Spec(spec)).await;
        open
    }

    /// Sends a part of the content.
    pub async fn send(&self, bytes: Vec<u8>) {
        self.message(Message::Data(bytes.into())).await;
    }

    /// Sends a part of the content to a call that may have ended.
    pub async fn try_send(&self, bytes: Vec<u8>) {
        let message = Some(Message::Data(bytes.into()));
        let _ = self.messages.send(UploadArtifactRequest { message }).await;
    }

    /// Sends the end, closes the stream and returns the answer.
    pub async fn finish(self) -> Result<Artifact, Status> {
        // The call may have ended.
        let message = Some(end());
        let _ = self.messages.send(UploadArtifactRequest { message }).await;
        self.close().await
    }

    /// Closes the stream without an end, and returns the answer.
    pub async fn close(self) -> Result<Artifact, Status> {
        drop(self.messages);
        self.call.await.unwrap()
    }

    async fn message(&self, message: Message) {
        let message = UploadArtifactRequest {
            message: Some(message),
        };
        self.messages.send(message).await.unwrap();
    }
}
