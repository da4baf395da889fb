//! The gRPC API.

use std::{sync::Arc, time::Duration};

use cairn_proto::v1::{
    admin_service_server::AdminServiceServer, artifact_service_server::ArtifactServiceServer,
    identity_service_server::IdentityServiceServer, job_service_server::JobServiceServer,
    link_service_server::LinkServiceServer, operator_service_server::OperatorServiceServer,
    read_service_server::ReadServiceServer, session_service_server::SessionServiceServer,
    todo_service_server::TodoServiceServer, upload_service_server::UploadServiceServer,
};
use cairn_store::{Caller, Error, Store};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, codec::CompressionEncoding, service::Routes};

use crate::{auth::Authenticator, error::to_status, limits::Limiter, shares::Shares};

mod admin;
mod artifacts;
mod audit;
pub(crate) mod batch;
pub(crate) mod convert;
#[cfg(test)]
mod fuzzed;
mod gate;
pub(crate) mod grants;
mod identity;
mod jobs;
mod limits;
mod links;
mod mask;
mod message_overhead;
mod operator;
mod plan_limits;
mod previewed;
mod reads;
mod request_body;
mod responses;
mod sessions;
mod todos;
mod upload;
pub(crate) mod uploads;
pub(crate) mod urls;
mod usage;
mod watch;

pub(crate) use gate::{Gate, enter};
pub(crate) use limits::{MAX_MESSAGE, STREAM_WINDOW};
pub(crate) use responses::finish;

/// The maximum number of sessions watched through this process: each watcher queries the database every second.
const MAX_WATCHERS: usize = 1000;

/// All services: each call is one of its methods.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) store: Store,
    authenticator: Authenticator,
    /// Without a slash at the end.
    pub(crate) public_url: Arc<str>,
    /// Cancelled when the server stops, so that endless streams do not keep it running.
    stopping: CancellationToken,
    watchers: Shares,
    pub(crate) limiter: Arc<Limiter>,
    /// After how long a watcher's credential is checked again.
    trust: Duration,
}

impl Services {
    pub(crate) fn new(
        store: Store,
        authenticator: Authenticator,
        public_url: &str,
        limiter: Arc<Limiter>,
        trust: Duration,
        stopping: CancellationToken,
    ) -> Self {
        Self {
            store,
            authenticator,
            public_url: public_url.trim_end_matches('/').into(),
            stopping,
            watchers: Shares::new(MAX_WATCHERS),
            limiter,
            trust,
        }
    }

    /// Every service, without the gate, which the server puts before them.
    pub(crate) fn routes(&self) -> Routes {
        let gzip = CompressionEncoding::Gzip;
        Routes::new(
            ArtifactServiceServer::new(self.clone())
                .max_decoding_message_size(MAX_MESSAGE)
                .accept_compressed(gzip),
        )
        .add_service(SessionServiceServer::new(self.clone()).accept_compressed(gzip))
        .add_service(
            UploadServiceServer::new(self.clone())
                .max_decoding_message_size(MAX_MESSAGE)
                .accept_compressed(gzip),
        )
        .add_service(ReadServiceServer::new(self.clone()).accept_compressed(gzip))
        .add_service(LinkServiceServer::new(self.clone()).accept_compressed(gzip))
        .add_service(JobServiceServer::new(self.clone()).accept_compressed(gzip))
        .add_service(TodoServiceServer::new(self.clone()).accept_compressed(gzip))
        .add_service(AdminServiceServer::new(self.clone()).accept_compressed(gzip))
        .add_service(IdentityServiceServer::new(self.clone()).accept_compressed(gzip))
    }

    /// The service of operators, which may have a port of its own.
    pub(crate) fn operator_routes(&self) -> Routes {
        self.with_operators(Routes::default())
    }

    /// The same beside other services.
    pub(crate) fn with_operators(&self, routes: Routes) -> Routes {
        let gzip = CompressionEncoding::Gzip;
        routes.add_service(OperatorServiceServer::new(self.clone()).accept_compressed(gzip))
    }
}

/// Splits a request into its caller, whom the gate has authenticated, and its message.
///
/// # Errors
/// `Unauthenticated`, for a call that bypassed the gate.
fn taken<T>(mut request: Request<T>) -> Result<(Caller, T), Status> {
    let caller = request.extensions_mut().remove::<Caller>();
    let caller = caller.ok_or_else(|| to_status(Error::Unauthenticated))?;
    Ok((caller, request.into_inner()))
}
