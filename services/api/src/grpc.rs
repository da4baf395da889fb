//! The gRPC face.

use std::sync::Arc;

use cairn_proto::v1::{
    artifact_service_server::ArtifactServiceServer, identity_service_server::IdentityServiceServer,
    job_service_server::JobServiceServer, link_service_server::LinkServiceServer,
    session_service_server::SessionServiceServer,
};
use cairn_store::{Caller, Error, Store};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, metadata::MetadataMap, service::Routes};

use crate::{auth::Authenticator, error::to_status};

mod artifacts;
mod cancel;
mod convert;
mod decoding;
mod identity;
mod jobs;
mod links;
mod records;
mod sessions;
mod upload;
mod watch;

pub(crate) use cancel::fail_if_cancelled;
pub(crate) use decoding::explain as explain_undecodable;

/// The largest message that is taken, in bytes.
pub(crate) const MAX_MESSAGE: usize = 4 << 20;

/// The most sessions that are watched through this process at once: each watcher asks the database every second.
const MAX_WATCHERS: usize = 1000;

/// All services: each call is one of its methods.
#[derive(Clone)]
pub(crate) struct Services {
    store: Store,
    authenticator: Authenticator,
    /// Without a slash at the end.
    public_url: Arc<str>,
    /// Cancelled when the server stops, so that no stream without end keeps it.
    stopping: CancellationToken,
    watchers: Arc<Semaphore>,
}

impl Services {
    pub(crate) fn new(
        store: Store,
        authenticator: Authenticator,
        public_url: &str,
        stopping: CancellationToken,
    ) -> Self {
        Self {
            store,
            authenticator,
            public_url: public_url.trim_end_matches('/').into(),
            stopping,
            watchers: Arc::new(Semaphore::new(MAX_WATCHERS)),
        }
    }

    pub(crate) fn routes(&self) -> Routes {
        Routes::new(ArtifactServiceServer::new(self.clone()).max_decoding_message_size(MAX_MESSAGE))
            .add_service(SessionServiceServer::new(self.clone()))
            .add_service(LinkServiceServer::new(self.clone()))
            .add_service(JobServiceServer::new(self.clone()))
            .add_service(IdentityServiceServer::new(self.clone()))
    }

    /// Takes a request apart: who makes it, and what it says. Every method starts here, so none can forget to ask.
    async fn authenticate<T>(&self, request: Request<T>) -> Result<(Caller, T), Status> {
        let secret = bearer(request.metadata())?;
        let caller = self.authenticator.caller(secret).await;
        let caller = caller.map_err(to_status)?;
        tracing::Span::current().record("tenant", &*caller.tenant.name);
        Ok((caller, request.into_inner()))
    }
}

fn bearer(metadata: &MetadataMap) -> Result<&str, Status> {
    metadata
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, secret)| secret.trim())
        .ok_or_else(|| to_status(Error::Unauthenticated))
}
