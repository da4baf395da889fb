//! A `cairn-api` as it is deployed, in its own process, and its clients.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use bytes::Bytes;
use cairn_proto::v1::{
    Artifact, ArtifactSpec, CreateArtifactRequest, DownloadArtifactRequest, GetArtifactRequest,
    ListArtifactsRequest, UploadArtifactRequest, UploadEnd,
    artifact_service_client::ArtifactServiceClient, download_artifact_response,
    upload_artifact_request::Message,
};
use futures_util::stream;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use super::{Bucket, HttpClient, free_address, process::Process};

/// The largest message of an upload.
pub(crate) const PIECE: usize = 256 << 10;
/// No call of a benchmark waits longer for its end.
const PATIENCE: Duration = Duration::from_secs(900);

/// A running server with its own database and its own bucket, and a tenant in it.
pub(crate) struct Api {
    pub(crate) database_url: String,
    pub(crate) process: Process,
    url: String,
    http_url: String,
    program: PathBuf,
    bucket: Bucket,
    key: String,
}

impl Api {
    /// Migrates an empty database, creates a tenant and serves it.
    pub(crate) async fn start(program: &Path, database_url: &str, bucket: &Bucket) -> Self {
        run(program, database_url, bucket, &["migrate"]);
        let key = new_key(program, database_url, bucket, "bench");
        let [grpc, http, ops] = [(); 3].map(|()| free_address());
        let mut process = Process::start(
            command(program, database_url, bucket)
                .arg("serve")
                .env("CAIRN_GRPC_ADDR", &grpc)
                .env("CAIRN_HTTP_ADDR", &http)
                .env("CAIRN_OPS_ADDR", &ops)
                .env("CAIRN_LOG", "error"),
        );
        let ready = format!("http://{ops}/readyz");
        for _ in 0..300 {
            if reqwest::get(&ready)
                .await
                .is_ok_and(|ready| ready.status().is_success())
            {
                break;
            }
            process.check();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Self {
            database_url: database_url.to_owned(),
            process,
            url: format!("http://{grpc}"),
            http_url: format!("http://{http}"),
            program: program.to_owned(),
            bucket: bucket.clone(),
            key,
        }
    }

    /// The environment of the command line.
    pub(crate) fn environment(&self) -> [(&'static str, &str); 2] {
        [("CAIRN_ADDR", &self.url), ("CAIRN_API_KEY", &self.key)]
    }

    /// A client of the tenant, on its own connection.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.url, &self.key).await
    }

    /// A client of the tenant that calls over HTTP.
    pub(crate) fn http_client(&self) -> HttpClient {
        HttpClient::new(&self.http_url, &self.key)
    }

    /// As many clients.
    pub(crate) async fn clients(&self, count: usize) -> Vec<Client> {
        let mut clients = Vec::new();
        for _ in 0..count {
            clients.push(self.client().await);
        }
        clients
    }

    /// As many clients of another tenant.
    pub(crate) async fn clients_of(&self, tenant: &str, count: usize) -> Vec<Client> {
        let key = new_key(&self.program, &self.database_url, &self.bucket, tenant);
        let mut clients = Vec::new();
        for _ in 0..count {
            clients.push(Client::connect(&self.url, &key).await);
        }
        clients
    }
}

fn new_key(program: &Path, database_url: &str, bucket: &Bucket, tenant: &str) -> String {
    let arguments = ["keys", "create", "--tenant", tenant];
    run(program, database_url, bucket, &arguments)
        .trim()
        .to_owned()
}

fn command(program: &Path, database_url: &str, bucket: &Bucket) -> Command {
    let mut command = Command::new(program);
    command.envs(bucket.environment());
    command.env("CAIRN_DATABASE_URL", database_url);
    command
}

/// Runs a verb of the program to its end; returns its output.
fn run(program: &Path, database_url: &str, bucket: &Bucket, arguments: &[&str]) -> String {
    let mut command = command(program, database_url, bucket);
    let done = command.args(arguments).output();
    let done = done.unwrap_or_else(|e| panic!("{} runs: {e}", program.display()));
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(done.stdout).expect("text")
}

/// A connection with a key.
#[derive(Clone)]
pub(crate) struct Client(ArtifactServiceClient<InterceptedService<Channel, Bearer>>);

#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Client {
    /// With the same windows as the command line.
    async fn connect(url: &str, key: &str) -> Self {
        let endpoint = Endpoint::from_shared(url.to_owned())
            .expect("a URL")
            .tcp_nodelay(true)
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .timeout(PATIENCE);
        let channel = endpoint.connect().await.expect("a connection");
        let bearer = Bearer(format!("Bearer {key}").parse().expect("a key"));
        let client = ArtifactServiceClient::with_interceptor(channel, bearer);
        Self(client.max_decoding_message_size(16 << 20))
    }

    pub(crate) async fn create(
        &self,
        spec: ArtifactSpec,
        content: Bytes,
    ) -> Result<Artifact, Status> {
        let request = CreateArtifactRequest {
            spec: Some(spec),
            content,
            preview_bytes: 0,
        };
        let answer = self.0.clone().create_artifact(request).await?;
        Ok(answer.into_inner().artifact.expect("an artifact"))
    }

    /// Sends a piece again and again.
    pub(crate) async fn upload(
        &self,
        spec: ArtifactSpec,
        piece: Bytes,
        pieces: u64,
    ) -> Result<Artifact, Status> {
        let mut spec = Some(spec);
        let messages = (0..=pieces)
            .map(move |_| match spec.take() {
                Some(spec) => Message::Spec(spec),
                None => Message::Data(piece.clone()),
            })
            .chain([Message::End(UploadEnd::default())])
            .map(|message| UploadArtifactRequest {
                message: Some(message),
            });
        let answer = self
            .0
            .clone()
            .upload_artifact(stream::iter(messages))
            .await?;
        Ok(answer.into_inner().artifact.expect("an artifact"))
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Artifact, Status> {
        let request = GetArtifactRequest {
            artifact_id: id.to_owned(),
            name: None,
        };
        let answer = self.0.clone().get_artifact(request).await?;
        Ok(answer.into_inner().artifact.expect("an artifact"))
    }

    /// Reads a content to its end; returns its size.
    pub(crate) async fn download(&self, id: &str) -> Result<u64, Status> {
        let request = DownloadArtifactRequest {
            artifact_id: id.to_owned(),
            ..Default::default()
        };
        let mut messages = self
            .0
            .clone()
            .download_artifact(request)
            .await?
            .into_inner();
        let mut size = 0;
        while let Some(message) = messages.message().await? {
            if let Some(download_artifact_response::Message::Data(piece)) = message.message {
                size += piece.len() as u64;
            }
        }
        Ok(size)
    }

    /// The number of artifacts on the first page.
    pub(crate) async fn list(&self, request: ListArtifactsRequest) -> Result<usize, Status> {
        let answer = self.0.clone().list_artifacts(request).await?;
        Ok(answer.into_inner().artifacts.len())
    }
}
