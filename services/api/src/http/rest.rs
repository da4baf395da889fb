//! The JSON API. Each route has an RPC of the same meaning: it decodes the request, makes that one call and encodes its
//! answer, so that a rule, a limit or a permission of the RPC holds here too.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodRouter, delete, get, patch, post},
};
use cairn_process::trace;

use super::failure::Failure;
use crate::{admission::Admission, grpc::Services, observe::names};

mod artifacts;
mod bulk;
mod call;
mod content;
mod events;
mod form_body;
mod identity;
mod jobs;
mod links;
mod matching;
mod query;
mod session_artifacts;
mod sessions;
mod spec;
mod upload;
mod value;

use call::Entered;

pub(super) fn router(services: Services, admission: Arc<Admission>) -> Router {
    let gated = |service, method, route| gated(&admission, service, method, route);
    let artifact = |method, route| gated("ArtifactService", method, route);
    let session = |method, route| gated("SessionService", method, route);
    let link = |method, route| gated("LinkService", method, route);
    let job = |method, route| gated("JobService", method, route);
    let identity = |method, route| gated("IdentityService", method, route);
    Router::new()
        .route("/v1/whoami", identity("WhoAmI", get(identity::who_am_i)))
        .route(
            "/v1/tokens",
            identity("CreateToken", post(identity::create_token)),
        )
        .route(
            "/v1/artifacts",
            artifact("ListArtifacts", get(artifacts::list))
                .merge(artifact("UploadArtifact", post(upload::create))),
        )
        .route(
            "/v1/artifacts/{artifact_id}",
            artifact("GetArtifact", get(artifacts::get))
                .merge(artifact("UpdateArtifact", patch(artifacts::update)))
                .merge(artifact("DeleteArtifact", delete(artifacts::delete))),
        )
        // These two are let in by the ticket in their URL.
        .route(
            "/v1/artifacts/{artifact_id}/content",
            get(content::read)
                .put(content::write)
                .route_layer(Extension(admission.clone())),
        )
        .route(
            "/v1/artifacts/{artifact_id}/download-url",
            artifact("DownloadArtifact", get(content::download_url)),
        )
        .route(
            "/v1/artifacts/upload-url",
            artifact("UploadArtifact", post(content::upload_url)),
        )
        .route(
            "/v1/artifacts/{artifact_id}/complete",
            artifact("GetArtifact", post(content::complete)),
        )
        .route(
            "/v1/artifacts/{artifact_id}/copy",
            artifact("CopyArtifact", post(artifacts::copy)),
        )
        .route(
            "/v1/artifacts/{artifact_id}/lineage",
            artifact("GetLineage", get(artifacts::lineage)),
        )
        .route(
            "/v1/artifacts/{artifact_id}/stages",
            artifact("ListStageChanges", get(artifacts::stages)),
        )
        .route(
            "/v1/artifacts/{artifact_id}/links",
            link("ListLinks", get(links::list_of_artifact))
                .merge(link("CreateLink", post(links::create))),
        )
        .route(
            "/v1/versions",
            artifact("ListVersions", get(artifacts::versions)),
        )
        .route(
            "/v1/artifacts/batch-create",
            artifact("BatchCreateArtifacts", post(bulk::create)),
        )
        .route(
            "/v1/artifacts/batch-get",
            artifact("BatchGetArtifacts", post(bulk::get)),
        )
        .route(
            "/v1/artifacts/missing-content",
            artifact("FindMissingContent", post(bulk::missing_content)),
        )
        .route(
            "/v1/artifacts/delete",
            artifact("DeleteArtifacts", post(bulk::delete)),
        )
        .route(
            "/v1/artifacts/restore",
            artifact("RestoreArtifacts", post(bulk::restore)),
        )
        .route(
            "/v1/artifacts/stage",
            artifact("SetStage", post(bulk::stage)),
        )
        .route(
            "/v1/artifacts/legal-hold",
            artifact("SetLegalHold", post(bulk::hold)),
        )
        .route("/v1/sessions", session("ListSessions", get(sessions::list)))
        .route(
            "/v1/sessions/{session_id}",
            session("GetSession", get(sessions::get))
                .merge(session("UpdateSession", patch(sessions::update)))
                .merge(session("DeleteSession", delete(sessions::delete))),
        )
        .route(
            "/v1/sessions/{session_id}/seal",
            session("SealSession", post(sessions::seal)),
        )
        .route(
            "/v1/sessions/{session_id}/commit",
            session("CommitSession", post(sessions::commit)),
        )
        .route(
            "/v1/sessions/{session_id}/legal-hold",
            session("SetSessionLegalHold", post(sessions::hold)),
        )
        .route(
            "/v1/sessions/{session_id}/manifest",
            session("ListManifest", get(sessions::manifest)),
        )
        .route(
            "/v1/sessions/{session_id}/events",
            session("WatchSession", get(events::watch)),
        )
        .route(
            "/v1/events",
            session("WatchSessions", get(events::watch_many)),
        )
        .route(
            "/api/v1/sessions/{session_id}/artifacts",
            artifact("ListArtifacts", get(session_artifacts::list))
                .merge(artifact("CreateArtifact", post(session_artifacts::create))),
        )
        .route(
            "/api/v1/sessions/{session_id}/artifacts/{artifact_id}",
            artifact("DownloadArtifact", get(session_artifacts::get))
                .merge(artifact("UpdateArtifact", patch(session_artifacts::update)))
                .merge(artifact(
                    "DeleteArtifact",
                    delete(session_artifacts::delete),
                )),
        )
        .route(
            "/api/v1/sessions/{session_id}/artifacts/{artifact_id}/versions",
            artifact("ListVersions", get(session_artifacts::versions)),
        )
        .route("/v1/links", link("ListLinks", get(links::list)))
        .route(
            "/v1/links/{link_id}",
            link("GetLink", get(links::get)).merge(link("RevokeLink", delete(links::revoke))),
        )
        .route("/v1/jobs", job("ListJobs", get(jobs::list)))
        .route("/v1/jobs/{job_id}", job("GetJob", get(jobs::get)))
        .route(
            "/v1/jobs/{job_id}/cancel",
            job("CancelJob", post(jobs::cancel)),
        )
        .with_state(services)
}

/// A route behind the admission of its RPC.
fn gated(
    admission: &Arc<Admission>,
    service: &str,
    method: &str,
    route: MethodRouter<Services>,
) -> MethodRouter<Services> {
    let rpc: Arc<str> = format!("cairn.v1.{service}/{method}").into();
    debug_assert_eq!(names::label(&rpc), &*rpc, "a route without an RPC");
    route.route_layer(from_fn_with_state((admission.clone(), rpc), enter))
}

/// Lets a request in by its credential, before any of its body is read.
async fn enter(
    State((admission, rpc)): State<(Arc<Admission>, Arc<str>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let (caller, taker, admitted) = match admission.admit(request.headers(), &rpc).await {
        Ok(admitted) => admitted,
        Err(e) => return Failure::from(e).into_response(),
    };
    // The trace of a caller that is known is worth going on with.
    trace::continue_from(&tracing::Span::current(), request.headers());
    let held = admitted.held.clone();
    request.extensions_mut().insert(Entered {
        caller,
        taker,
        held,
        admission,
    });
    let answer = next.run(request).await;
    answer.map(|body| admitted.until_sent(body))
}
