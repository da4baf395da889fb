//! A request of every method, about something that somebody owns.

use std::sync::atomic::{AtomicUsize, Ordering};

use cairn_proto::v1::{self, *};
use cairn_store::Narrowing;
use prost::Message;
use prost_types::FieldMask;

use harness::{Cairn, Client};

mod reads;
mod todos;
mod uploads;

/// Whose the thing is that a request is about. All labels have four characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The caller's: it is within the narrowing.
    Own,
    /// Another's of the same tenant.
    Other,
    /// Another tenant's.
    Foreign,
    /// No record has the id or the name.
    Missing,
}

impl Owner {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Own => "mine",
            Self::Other => "othr",
            Self::Foreign => "frgn",
            Self::Missing => "none",
        }
    }
}

/// What requests are made of: things come into being as they are needed, each for one request.
pub(super) struct Things<'a> {
    pub(super) cairn: &'a Cairn,
    /// A client that may do everything, of the owner's tenant.
    client: Client,
    tenant: &'static str,
    pub(super) owner: Owner,
    /// Makes names that no other request has.
    number: usize,
    /// The narrowing under which the owner's jobs run.
    narrowing: Narrowing,
    /// Where to a copy goes, when it is not in place.
    copied_to: Option<ArtifactSpec>,
    /// The ids that the request has.
    pub(super) ids: Vec<String>,
}

const CONTENT: &str = "content of ";

static NUMBER: AtomicUsize = AtomicUsize::new(100_000);

impl<'a> Things<'a> {
    pub(super) fn of(
        cairn: &'a Cairn,
        owner: Owner,
        clients: &[Client; 2],
        narrowing: Narrowing,
    ) -> Self {
        let [acme, globex] = clients;
        let (tenant, client) = match owner {
            Owner::Foreign => ("globex", globex),
            _ => ("acme", acme),
        };
        Self {
            cairn,
            client: client.clone(),
            tenant,
            owner,
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            narrowing,
            copied_to: None,
            ids: Vec::new(),
        }
    }

    /// The same, and a copy goes there.
    pub(super) fn copied_to(mut self, spec: ArtifactSpec) -> Self {
        self.copied_to = Some(spec);
        self
    }

    /// The same, and its jobs run under this narrowing.
    pub(super) fn under(mut self, narrowing: Narrowing) -> Self {
        self.narrowing = narrowing;
        self
    }

    /// A name of the owner's.
    fn name(&self, what: &str) -> String {
        format!("{what}-{}", self.owner.label())
    }

    /// The session of this request.
    pub(super) fn session(&self) -> String {
        format!("{}-{}", self.name("s"), self.number)
    }

    fn filename(&self) -> String {
        format!("{}/{}.txt", self.name("f"), self.number)
    }

    fn artifact_name(&self) -> ArtifactName {
        ArtifactName {
            filename: self.filename(),
            session_id: self.session(),
            namespace: self.name("n"),
            user_id: self.name("u"),
            version: 0,
        }
    }

    pub(super) fn spec(&self) -> ArtifactSpec {
        ArtifactSpec {
            filename: self.filename(),
            session_id: self.session(),
            namespace: self.name("n"),
            user_id: self.name("u"),
            agent_id: self.name("a"),
            ..ArtifactSpec::default()
        }
    }

    fn is_there(&self) -> bool {
        self.owner != Owner::Missing
    }

    fn noted(&mut self, id: String) -> String {
        self.ids.push(id.clone());
        id
    }

    fn content(&self) -> String {
        format!("{CONTENT}{}-{}", self.owner.label(), self.number)
    }

    /// The id of an artifact.
    async fn artifact(&mut self) -> String {
        let id = match self.is_there() {
            false => "art_0000000000000000".to_owned(),
            true => {
                let made = self.client.create(self.spec(), self.content()).await;
                made.unwrap().artifact_id
            }
        };
        self.noted(id)
    }

    /// The session, with an artifact in it.
    async fn filled(&mut self) -> String {
        self.artifact().await;
        self.session()
    }

    async fn sealed(&mut self) -> String {
        let session = self.filled().await;
        if self.is_there() {
            self.client.seal(&session).await.unwrap();
        }
        session
    }

    async fn link(&mut self) -> String {
        let artifact = self.artifact().await;
        let id = match self.is_there() {
            false => "lnk_00000000000000000000".to_owned(),
            true => self.client.link(&artifact).await.unwrap().link_id,
        };
        self.noted(id)
    }

    async fn upload(&mut self) -> String {
        let id = match self.is_there() {
            false => "upl_00000000000000000000".to_owned(),
            true => {
                self.client
                    .start_upload(self.spec())
                    .await
                    .unwrap()
                    .upload_id
            }
        };
        self.noted(id)
    }

    /// One whose parts can be put to signed URLs.
    async fn presignable(&mut self) -> String {
        let id = match self.is_there() {
            false => "upl_00000000000000000000".to_owned(),
            true => {
                let mut spec = self.spec();
                spec.size_bytes = Some(9 << 20);
                self.client.start_upload(spec).await.unwrap().upload_id
            }
        };
        self.noted(id)
    }

    async fn job(&mut self) -> String {
        let session_id = self.filled().await;
        let id = match self.is_there() {
            false => "job_0000000000000000".to_owned(),
            true => {
                let request = DeleteSessionRequest {
                    session_id,
                    ..Default::default()
                };
                let answer = self.client.sessions.clone().delete_session(request).await;
                answer.unwrap().into_inner().job.unwrap().job_id
            }
        };
        if self.owner == Owner::Own {
            let narrowing = serde_json::to_string(&self.narrowing).unwrap();
            let sql = format!("UPDATE jobs SET narrowing = '{narrowing}' WHERE id = '{id}'");
            self.cairn.sql(&sql).await;
        }
        self.noted(id)
    }

    async fn key(&mut self) -> String {
        let id = match self.is_there() {
            false => "00000000-0000-7000-8000-000000000000".to_owned(),
            true => {
                self.cairn.store.create_api_key(self.tenant).await.unwrap();
                let keys = self.cairn.store.list_api_keys(self.tenant).await.unwrap();
                keys[0].id.to_string()
            }
        };
        self.noted(id)
    }

    /// The messages that call a method.
    pub(super) async fn request(&mut self, method: &str) -> Vec<Vec<u8>> {
        let (_, method) = method.rsplit_once('/').unwrap();
        let name = || Some(self.artifact_name());
        let one = match method {
            "CreateArtifact" => CreateArtifactRequest {
                spec: Some(self.spec()),
                content: "x".into(),
                preview_bytes: 0,
            }
            .encode_to_vec(),
            "BatchCreateArtifacts" => BatchCreateArtifactsRequest {
                requests: vec![CreateArtifactRequest {
                    spec: Some(self.spec()),
                    content: "x".into(),
                    preview_bytes: 0,
                }],
            }
            .encode_to_vec(),
            "UploadArtifact" => {
                use upload_artifact_request::Message::{End, Spec};
                let messages = [Spec(self.spec()), End(UploadEnd::default())];
                let messages = messages.map(|message| UploadArtifactRequest {
                    message: Some(message),
                });
                return messages.iter().map(Message::encode_to_vec).collect();
            }
            "CopyArtifact" => {
                let to = self.copied_to.clone().unwrap_or_else(|| self.spec());
                CopyArtifactRequest {
                    artifact_id: self.artifact().await,
                    name: None,
                    spec: Some(to),
                }
                .encode_to_vec()
            }
            "FindMissingContent" => {
                self.artifact().await;
                let content = self.content();
                let hash = cairn_store::ContentHash::of(content.as_bytes()).to_string();
                FindMissingContentRequest {
                    contents: vec![Content {
                        content_hash: self.noted(hash),
                        size_bytes: content.len() as i64,
                    }],
                }
                .encode_to_vec()
            }
            "CreateDownloadUrl" => CreateDownloadUrlRequest {
                artifact_id: self.artifact().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "DownloadArtifact" => DownloadArtifactRequest {
                artifact_id: self.artifact().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "GetArtifact" => GetArtifactRequest {
                artifact_id: self.artifact().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "BatchGetArtifacts" => BatchGetArtifactsRequest {
                names: vec![self.artifact_name()],
                artifact_ids: vec![self.artifact().await],
            }
            .encode_to_vec(),
            "DownloadArtifacts" => DownloadArtifactsRequest {
                artifact_ids: vec![self.artifact().await],
            }
            .encode_to_vec(),
            "ListArtifacts" => {
                self.artifact().await;
                ListArtifactsRequest {
                    user_id: self.name("u"),
                    filename_prefix: self.filename(),
                    count_total: true,
                    ..Default::default()
                }
                .encode_to_vec()
            }
            "ListVersions" => {
                let name = name();
                self.artifact().await;
                ListVersionsRequest {
                    name,
                    ..Default::default()
                }
                .encode_to_vec()
            }
            "DeleteArtifact" => {
                let name = name();
                self.artifact().await;
                DeleteArtifactRequest {
                    name,
                    ..Default::default()
                }
                .encode_to_vec()
            }
            "DeleteArtifacts" => DeleteArtifactsRequest {
                artifact_ids: vec![self.artifact().await],
                ..Default::default()
            }
            .encode_to_vec(),
            "RestoreArtifacts" => {
                let id = self.artifact().await;
                if self.is_there() {
                    self.client.delete(&id).await.unwrap();
                }
                RestoreArtifactsRequest {
                    artifact_ids: vec![id],
                    ..Default::default()
                }
                .encode_to_vec()
            }
            "UpdateArtifact" => UpdateArtifactRequest {
                artifact_id: self.artifact().await,
                title: "changed".to_owned(),
                update_mask: mask("title"),
                ..Default::default()
            }
            .encode_to_vec(),
            "SetLegalHold" => SetLegalHoldRequest {
                artifact_ids: vec![self.artifact().await],
                legal_hold: true,
                ..Default::default()
            }
            .encode_to_vec(),
            "SetStage" => {
                self.artifact().await;
                SetStageRequest {
                    stage: ArtifactStage::Final.into(),
                    matching: Some(ArtifactFilter {
                        user_id: self.name("u"),
                        filename: self.filename(),
                        ..Default::default()
                    }),
                    ..Default::default()
                }
                .encode_to_vec()
            }
            "ListStageChanges" => ListStageChangesRequest {
                artifact_id: self.artifact().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "GetLineage" => GetLineageRequest {
                artifact_id: self.artifact().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "GetSession" => GetSessionRequest {
                session_id: self.filled().await,
            }
            .encode_to_vec(),
            "ListSessions" => {
                self.filled().await;
                ListSessionsRequest::default().encode_to_vec()
            }
            "UpdateSession" => UpdateSessionRequest {
                session_id: self.filled().await,
                display_name: "changed".to_owned(),
                update_mask: mask("display_name"),
                ..Default::default()
            }
            .encode_to_vec(),
            "CommitSession" => CommitSessionRequest {
                session_id: self.filled().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "WatchSession" => WatchSessionRequest {
                session_id: self.sealed().await,
                until_sealed: true,
                ..Default::default()
            }
            .encode_to_vec(),
            "WatchSessions" => WatchSessionsRequest {
                session_ids: vec![self.sealed().await],
                until_sealed: true,
                ..Default::default()
            }
            .encode_to_vec(),
            "SealSession" => SealSessionRequest {
                session_id: self.filled().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "SetSessionLegalHold" => SetSessionLegalHoldRequest {
                session_id: self.filled().await,
                legal_hold: true,
                ..Default::default()
            }
            .encode_to_vec(),
            "DeleteSession" => DeleteSessionRequest {
                session_id: self.filled().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "ListManifest" => ListManifestRequest {
                session_id: self.sealed().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "CreateLink" => CreateLinkRequest {
                artifact_id: self.artifact().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "GetLink" => GetLinkRequest {
                link_id: self.link().await,
            }
            .encode_to_vec(),
            "ListLinks" => {
                self.link().await;
                ListLinksRequest {
                    artifact_id: self.ids[0].clone(),
                    ..Default::default()
                }
                .encode_to_vec()
            }
            "RevokeLink" => RevokeLinkRequest {
                link_id: self.link().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "GetJob" => GetJobRequest {
                job_id: self.job().await,
            }
            .encode_to_vec(),
            "ListJobs" => {
                self.job().await;
                ListJobsRequest::default().encode_to_vec()
            }
            "CancelJob" => CancelJobRequest {
                job_id: self.job().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "WriteUpload" => {
                use write_upload_request::Message::{Data, Position};
                let position = UploadPosition {
                    upload_id: self.upload().await,
                    offset: 0,
                };
                let messages = [Position(position), Data(vec![1].into())];
                let messages = messages.map(|message| WriteUploadRequest {
                    message: Some(message),
                });
                return messages.iter().map(Message::encode_to_vec).collect();
            }
            "StartUpload" | "PresignUploadParts" | "GetUpload" | "ListUploads" | "FinishUpload"
            | "AbortUpload" => self.upload_request(method).await,
            "WhoAmI" => WhoAmIRequest::default().encode_to_vec(),
            "CreateToken" => CreateTokenRequest {
                narrowing: Some(v1::Narrowing {
                    session_ids: vec![self.session()],
                    session_prefix: String::new(),
                    namespace: self.name("n"),
                    user_id: self.name("u"),
                    agent_id: self.name("a"),
                    filename_prefix: self.name("f"),
                }),
                ..Default::default()
            }
            .encode_to_vec(),
            "ListTodos" | "AddTodo" | "UpdateTodo" => self.todo_request(method).await,
            "CreateKey" => CreateKeyRequest {
                name: self.name("k"),
                scopes: vec![Scope::Read.into()],
                ..Default::default()
            }
            .encode_to_vec(),
            "ListKeys" => ListKeysRequest::default().encode_to_vec(),
            "RotateKey" => RotateKeyRequest {
                key_id: self.key().await,
                ..Default::default()
            }
            .encode_to_vec(),
            "RevokeKey" => RevokeKeyRequest {
                key_id: self.key().await,
            }
            .encode_to_vec(),
            "SetPlan" => SetPlanRequest {
                name: self.name("p"),
                ..Default::default()
            }
            .encode_to_vec(),
            "ListPlans" => ListPlansRequest::default().encode_to_vec(),
            "DeletePlan" => DeletePlanRequest {
                name: self.name("p"),
            }
            .encode_to_vec(),
            "SetTenant" => SetTenantRequest {
                name: self.tenant.to_owned(),
                ..Default::default()
            }
            .encode_to_vec(),
            "GetTenant" => GetTenantRequest {
                name: self.tenant.to_owned(),
            }
            .encode_to_vec(),
            // A rehearsal, because the other requests need the tenant.
            "EraseTenant" => EraseTenantRequest {
                name: self.tenant.to_owned(),
                dry_run: true,
            }
            .encode_to_vec(),
            "GetErasure" => GetErasureRequest {
                tenant_name: self.tenant.to_owned(),
            }
            .encode_to_vec(),
            "ListTenants" => ListTenantsRequest::default().encode_to_vec(),
            "GetUsage" => GetUsageRequest::default().encode_to_vec(),
            "GetTenantUsage" => GetTenantUsageRequest {
                tenant_name: self.tenant.to_owned(),
                ..Default::default()
            }
            .encode_to_vec(),
            "SetWorkload" => SetWorkloadRequest {
                tenant_name: self.tenant.to_owned(),
                issuer: "https://issuer.example".to_owned(),
                subject: self.name("w"),
                scopes: vec![Scope::Read.into()],
                ..Default::default()
            }
            .encode_to_vec(),
            "ListWorkloads" => ListWorkloadsRequest {
                tenant_name: self.tenant.to_owned(),
            }
            .encode_to_vec(),
            "RemoveWorkload" => RemoveWorkloadRequest {
                workload_id: self.name("w"),
            }
            .encode_to_vec(),
            "Apply" => ApplyRequest {
                document: "plans: []".to_owned(),
                ..Default::default()
            }
            .encode_to_vec(),
            "ListAudit" => ListAuditRequest::default().encode_to_vec(),
            read => self.read(read).await,
        };
        vec![one]
    }
}

fn mask(path: &str) -> Option<FieldMask> {
    Some(FieldMask {
        paths: vec![path.to_owned()],
    })
}
