//! Reading one artifact's content from the server.

use std::io;

use cairn_proto::v1::{
    Artifact, DownloadArtifactRequest, DownloadArtifactResponse,
    download_artifact_response::Message,
};
use indicatif::ProgressBar;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tonic::Streaming;

use crate::{client::Client, digest::Hashing, error::CliError, name::Which};

/// A download that has begun.
pub(super) struct Download {
    /// The record that came before the content.
    pub(super) artifact: Artifact,
    content: Streaming<DownloadArtifactResponse>,
}

impl Download {
    pub(super) async fn start(client: &mut Client, which: Which) -> Result<Self, CliError> {
        let (artifact_id, name) = which.into_fields();
        let request = DownloadArtifactRequest {
            artifact_id,
            name,
            ..DownloadArtifactRequest::default()
        };
        let mut content = client
            .artifacts
            .download_artifact(request)
            .await?
            .into_inner();
        let first = content.message().await?.and_then(|first| first.message);
        match first {
            Some(Message::Artifact(artifact)) => Ok(Self { artifact, content }),
            _ => Err(CliError::BadAnswer(
                "a download without a record".to_owned(),
            )),
        }
    }

    /// Writes the content, and fails when it is not what the record says. What was written must then not be used.
    pub(super) async fn copy(
        mut self,
        sink: &mut (impl AsyncWrite + Unpin),
        sink_error: impl Fn(io::Error) -> CliError,
        bar: ProgressBar,
    ) -> Result<Artifact, CliError> {
        let mut hashing = Hashing::default();
        while let Some(next) = self.content.message().await? {
            let Some(Message::Data(data)) = next.message else {
                return Err(CliError::BadAnswer("a record amid the content".to_owned()));
            };
            sink.write_all(&data).await.map_err(&sink_error)?;
            hashing.update(&data);
            bar.inc(data.len() as u64);
        }
        sink.flush().await.map_err(&sink_error)?;
        hashing.finish().check(&self.artifact)?;
        Ok(self.artifact)
    }
}
