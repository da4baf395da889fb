//! A caller, and the answers that it gets.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use cairn_proto::v1::{
    Artifact, ArtifactSpec, CreateArtifactRequest, DownloadArtifactRequest, GetArtifactRequest,
    UploadArtifactRequest, UploadEnd, admin_service_client::AdminServiceClient,
    artifact_service_client::ArtifactServiceClient, download_artifact_response,
    identity_service_client::IdentityServiceClient, job_service_client::JobServiceClient,
    link_service_client::LinkServiceClient, operator_service_client::OperatorServiceClient,
    read_service_client::ReadServiceClient, session_service_client::SessionServiceClient,
    todo_service_client::TodoServiceClient, upload_artifact_request::Message,
    upload_service_client::UploadServiceClient,
};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

use super::PATIENCE;

type Authenticated = InterceptedService<Channel, Bearer>;

/// Clients of every service, with one key or none.
#[derive(Clone)]
pub struct Client {
    /// Of `ArtifactService`.
    pub artifacts: ArtifactServiceClient<Authenticated>,
    /// Of `SessionService`.
    pub sessions: SessionServiceClient<Authenticated>,
    /// Of `LinkService`.
    pub links: LinkServiceClient<Authenticated>,
    /// Of `TodoService`.
    pub todos: TodoServiceClient<Authenticated>,
    /// Of `JobService`.
    pub jobs: JobServiceClient<Authenticated>,
    /// Of `UploadService`.
    pub uploads: UploadServiceClient<Authenticated>,
    /// Of `ReadService`.
    pub reads: ReadServiceClient<Authenticated>,
    /// Of `IdentityService`.
    pub identity: IdentityServiceClient<Authenticated>,
    /// Of `AdminService`.
    pub admin: AdminServiceClient<Authenticated>,
    /// Of `OperatorService`.
    pub operator: OperatorServiceClient<Authenticated>,
}

/// Adds the key to each call.
#[derive(Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", value.clone());
        }
        Ok(request)
    }
}

impl Client {
    /// Clients of this server. They connect with their first call.
    pub async fn connect(url: &str, key: Option<&str>) -> Self {
        let endpoint = Endpoint::from_shared(url.to_owned())
            .unwrap()
            .timeout(2 * PATIENCE);
        Self::over(endpoint.connect_lazy(), key)
    }

    /// Clients over a connection that is there.
    pub fn over(channel: Channel, key: Option<&str>) -> Self {
        let bearer = Bearer(key.map(|key| format!("Bearer {key}").parse().unwrap()));
        let channel = InterceptedService::new(channel, bearer);
        Self {
            artifacts: ArtifactServiceClient::new(channel.clone()),
            sessions: SessionServiceClient::new(channel.clone()),
            links: LinkServiceClient::new(channel.clone()),
            jobs: JobServiceClient::new(channel.clone()),
            todos: TodoServiceClient::new(channel.clone()),
            reads: ReadServiceClient::new(channel.clone()),
            identity: IdentityServiceClient::new(channel.clone()),
            admin: AdminServiceClient::new(channel.clone()),
            operator: OperatorServiceClient::new(channel.clone()),
            uploads: UploadServiceClient::new(channel),
        }
    }

    /// Creates an artifact in one message.
    pub async fn create(
        &self,
        spec: ArtifactSpec,
        content: impl Into<Bytes>,
    ) -> Result<Artifact, Status> {
        let request = CreateArtifactRequest {
            spec: Some(spec),
            content: content.into(),
            preview_bytes: 0,
        };
        let mut client = self.artifacts.clone();
        let response = client.create_artifact(request).await?.into_inner();
        Ok(response.artifact.unwrap())
    }

    /// Sends a whole upload: the spec, the content in pieces, the end.
    pub async fn upload(
        &self,
        spec: ArtifactSpec,
        content: impl Into<Bytes>,
    ) -> Result<Artifact, Status> {
        let mut content = content.into();
        let mut messages = vec![Message::Spec(spec)];
        while !content.is_empty() {
            messages.push(Message::Data(
                content.split_to(content.len().min(256 << 10)),
            ));
        }
        messages.push(end());
        self.send(messages).await
    }

    /// Sends these messages and closes the stream.
    pub async fn send(&self, messages: Vec<Message>) -> Result<Artifact, Status> {
        let messages = messages.into_iter().map(|message| UploadArtifactRequest {
            message: Some(message),
        });
        let mut client = self.artifacts.clone();
        let response = client
            .upload_artifact(tokio_stream::iter(messages))
            .await?
            .into_inner();
        Ok(response.artifact.unwrap())
    }

    /// The artifact with this ID.
    pub async fn get(&self, id: &str) -> Result<Artifact, Status> {
        let request = GetArtifactRequest {
            artifact_id: id.to_owned(),
            name: None,
        };
        let response = self.artifacts.clone().get_artifact(request).await?;
        Ok(response.into_inner().artifact.unwrap())
    }

    /// The whole content.
    pub async fn download(&self, id: &str) -> Result<Vec<u8>, Status> {
        self.download_range(id, 0, 0).await
    }

    /// `limit` bytes of the content from `offset` on, or all that follow when `limit` is 0.
    pub async fn download_range(
        &self,
        id: &str,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<u8>, Status> {
        let request = DownloadArtifactRequest {
            artifact_id: id.to_owned(),
            name: None,
            offset,
            limit,
        };
        let mut client = self.artifacts.clone();
        let mut messages = client.download_artifact(request).await?.into_inner();
        let mut content = Vec::new();
        let (mut first, mut end) = (true, None);
        while let Some(message) = messages.message().await? {
            assert!(end.is_none(), "nothing comes after the end");
            match message.message.unwrap() {
                download_artifact_response::Message::Artifact(artifact) => {
                    assert!(first, "the artifact comes first and once");
                    assert_eq!(artifact.artifact_id, id);
                }
                download_artifact_response::Message::Data(piece) => {
                    assert!(!first, "the artifact comes first");
                    assert!(piece.len() <= 256 << 10);
                    content.extend_from_slice(&piece);
                }
                download_artifact_response::Message::End(said) => end = Some(said),
            }
            first = false;
        }
        assert!(!first, "there is always the artifact");
        let end = end.expect("a download says that it ends");
        assert_eq!(end.size_bytes, content.len() as i64);
        if !end.content_hash.is_empty() {
            let hash = cairn_store::ContentHash::of(&content).to_string();
            assert_eq!(end.content_hash, hash);
        }
        Ok(content)
    }

    /// Deletes the artifact with this ID.
    pub async fn delete(&self, id: &str) -> Result<(), Status> {
        let request = cairn_proto::v1::DeleteArtifactRequest {
            artifact_id: id.to_owned(),
            ..Default::default()
        };
        self.artifacts.clone().delete_artifact(request).await?;
        Ok(())
    }

    /// Makes a public link to an artifact.
    pub async fn link(&self, id: &str) -> Result<cairn_proto::v1::Link, Status> {
        let request = cairn_proto::v1::CreateLinkRequest {
            artifact_id: id.to_owned(),
            ..Default::default()
        };
        let response = self.links.clone().create_link(request).await?;
        Ok(response.into_inner().link.unwrap())
    }

    /// Seals a session.
    pub async fn seal(&self, session: &str) -> Result<cairn_proto::v1::Session, Status> {
        let request = cairn_proto::v1::SealSessionRequest {
            session_id: session.to_owned(),
            ..Default::default()
        };
        let response = self.sessions.clone().seal_session(request).await?;
        Ok(response.into_inner().session.unwrap())
    }

    /// Sets or releases the legal hold of a session.
    pub async fn hold_session(
        &self,
        session: &str,
        legal_hold: bool,
    ) -> Result<cairn_proto::v1::Session, Status> {
        let request = cairn_proto::v1::SetSessionLegalHoldRequest {
            session_id: session.to_owned(),
            legal_hold,
            ..Default::default()
        };
        let mut sessions = self.sessions.clone();
        let response = sessions.set_session_legal_hold(request).await?;
        Ok(response.into_inner().session.unwrap())
    }
}

/// The end of an upload of any content.
pub fn end() -> Message {
    Message::End(UploadEnd::default())
}

/// Bytes that do not repeat, and that are the same for the same size.
pub fn content(size: usize) -> Vec<u8> {
    let mut state = size as u32 | 1;
    (0..size)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// The minimal spec.
pub fn spec(filename: &str) -> ArtifactSpec {
    ArtifactSpec {
        filename: filename.to_owned(),
        ..ArtifactSpec::default()
    }
}

/// The minimal spec in a session.
pub fn session_spec(filename: &str, session: &str) -> ArtifactSpec {
    ArtifactSpec {
        session_id: session.to_owned(),
        ..spec(filename)
    }
}

/// An error as a program sees it.
#[derive(Debug)]
pub struct Refusal {
    /// The gRPC code.
    pub code: Code,
    /// The reason, in capitals.
    pub reason: String,
    /// The text for a person.
    pub message: String,
    /// The details for a program.
    pub metadata: HashMap<String, String>,
    /// The fields at fault, in order.
    pub fields: Vec<String>,
    /// How long to wait before a retry.
    pub retry_after: Option<Duration>,
}

/// Decodes an error; every error of Cairn has a reason under Cairn's domain.
pub fn refused<T: std::fmt::Debug>(result: Result<T, Status>) -> Refusal {
    let status = result.expect_err("an error was expected");
    let details = status.get_error_details();
    let info = details
        .error_info()
        .unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "cairn.dev");
    let mut fields: Vec<_> = details
        .bad_request()
        .map(|bad| {
            bad.field_violations
                .iter()
                .map(|v| v.field.clone())
                .collect()
        })
        .unwrap_or_default();
    fields.sort();
    Refusal {
        code: status.code(),
        reason: info.reason.clone(),
        message: status.message().to_owned(),
        metadata: info.metadata.clone(),
        fields,
        retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
    }
}
