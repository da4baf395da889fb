//! The JSON API. Each route has an RPC of the same meaning: it decodes the request, makes that one call and encodes its
//! answer, so that a rule, a limit or a permission of the RPC holds here too.

use std::sync::Arc;

use axum::{Router, http::Method, routing::options};

use crate::{admission::Admission, grpc::Services};

mod answer;
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
mod openapi;
mod presigned;
mod query;
mod reads;
mod routes;
mod session_artifacts;
mod sessions;
mod spec;
mod todos;
mod upload;
mod uploads;
mod usage;
mod value;

use routes::Routes;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
const HEAD: Method = Method::HEAD;

/// One route a line: each of them makes one RPC.
#[rustfmt::skip]
pub(super) fn router(services: Services, admission: Arc<Admission>) -> Router {
    let routes = Routes::new(admission)
        .add(GET, "/v1/whoami", "IdentityService/WhoAmI", identity::who_am_i)
        .add(GET, "/v1/usage", "IdentityService/GetUsage", usage::get)
        .add(POST, "/v1/tokens", "IdentityService/CreateToken", identity::create_token)
        .add(GET, "/v1/artifacts", "ArtifactService/ListArtifacts", artifacts::list)
        .add(POST, "/v1/artifacts", "ArtifactService/UploadArtifact", upload::create)
        .add(GET, "/v1/artifacts/{artifact_id}", "ArtifactService/GetArtifact", artifacts::get)
        .add(PATCH, "/v1/artifacts/{artifact_id}", "ArtifactService/UpdateArtifact", artifacts::update)
        .add(DELETE, "/v1/artifacts/{artifact_id}", "ArtifactService/DeleteArtifact", artifacts::delete)
        .add_with_ticket(GET, "/v1/artifacts/{artifact_id}/content", "ArtifactService/DownloadArtifact", content::read)
        .add_with_ticket(PUT, "/v1/artifacts/{artifact_id}/content", "ArtifactService/UploadArtifact", content::write)
        .add(GET, "/v1/artifacts/{artifact_id}/download-url", "ArtifactService/CreateDownloadUrl", content::download_url)
        .add(POST, "/v1/artifacts/upload-url", "ArtifactService/UploadArtifact", content::upload_url)
        .add(POST, "/v1/artifacts/{artifact_id}/complete", "ArtifactService/GetArtifact", content::complete)
        .add(POST, "/v1/artifacts/{artifact_id}/copy", "ArtifactService/CopyArtifact", artifacts::copy)
        .add(GET, "/v1/artifacts/{artifact_id}/lineage", "ArtifactService/GetLineage", artifacts::lineage)
        .add(GET, "/v1/artifacts/{artifact_id}/stages", "ArtifactService/ListStageChanges", artifacts::stages)
        .add(GET, "/v1/artifacts/{artifact_id}/lines", "ReadService/ReadLines", reads::lines)
        .add(GET, "/v1/artifacts/{artifact_id}/bytes", "ReadService/ReadBytes", reads::bytes)
        .add(GET, "/v1/artifacts/{artifact_id}/grep", "ReadService/GrepArtifact", reads::grep)
        .add(GET, "/v1/artifacts/{artifact_id}/preview", "ReadService/PreviewArtifact", reads::preview)
        .add(GET, "/v1/artifacts/{artifact_id}/diff", "ReadService/DiffVersions", reads::diff)
        .add(POST, "/v1/artifacts/{artifact_id}/edit", "ReadService/EditArtifact", reads::edit)
        .add(GET, "/v1/artifacts/{artifact_id}/links", "LinkService/ListLinks", links::list_of_artifact)
        .add(POST, "/v1/artifacts/{artifact_id}/links", "LinkService/CreateLink", links::create)
        .add(GET, "/v1/uploads", "UploadService/ListUploads", uploads::list)
        .add(POST, "/v1/uploads", "UploadService/StartUpload", uploads::start)
        .add(HEAD, "/v1/uploads/{upload_id}", "UploadService/GetUpload", uploads::offset)
        .add(GET, "/v1/uploads/{upload_id}", "UploadService/GetUpload", uploads::get)
        .add(PATCH, "/v1/uploads/{upload_id}", "UploadService/WriteUpload", uploads::append)
        .add(DELETE, "/v1/uploads/{upload_id}", "UploadService/AbortUpload", uploads::abort)
        .add(POST, "/v1/uploads/{upload_id}/parts", "UploadService/PresignUploadParts", presigned::parts)
        .add(POST, "/v1/uploads/{upload_id}/finish", "UploadService/FinishUpload", presigned::finish)
        .add(GET, "/v1/versions", "ArtifactService/ListVersions", artifacts::versions)
        .add(POST, "/v1/artifacts/batch-create", "ArtifactService/BatchCreateArtifacts", bulk::create)
        .add(POST, "/v1/artifacts/batch-get", "ArtifactService/BatchGetArtifacts", bulk::get)
        .add(POST, "/v1/artifacts/missing-content", "ArtifactService/FindMissingContent", bulk::missing_content)
        .add(POST, "/v1/artifacts/delete", "ArtifactService/DeleteArtifacts", bulk::delete)
        .add(POST, "/v1/artifacts/restore", "ArtifactService/RestoreArtifacts", bulk::restore)
        .add(POST, "/v1/artifacts/stage", "ArtifactService/SetStage", bulk::stage)
        .add(POST, "/v1/artifacts/legal-hold", "ArtifactService/SetLegalHold", bulk::hold)
        .add(GET, "/v1/sessions", "SessionService/ListSessions", sessions::list)
        .add(GET, "/v1/sessions/{session_id}", "SessionService/GetSession", sessions::get)
        .add(PATCH, "/v1/sessions/{session_id}", "SessionService/UpdateSession", sessions::update)
        .add(DELETE, "/v1/sessions/{session_id}", "SessionService/DeleteSession", sessions::delete)
        .add(POST, "/v1/sessions/{session_id}/seal", "SessionService/SealSession", sessions::seal)
        .add(POST, "/v1/sessions/{session_id}/commit", "SessionService/CommitSession", sessions::commit)
        .add(POST, "/v1/sessions/{session_id}/legal-hold", "SessionService/SetSessionLegalHold", sessions::hold)
        .add(GET, "/v1/sessions/{session_id}/grep", "ReadService/GrepSession", reads::grep_session)
        .add(GET, "/v1/sessions/{session_id}/links", "LinkService/ListLinks", links::list_of_session)
        .add(POST, "/v1/sessions/{session_id}/links", "LinkService/CreateLink", links::create_of_session)
        .add(GET, "/v1/sessions/{session_id}/manifest", "SessionService/ListManifest", sessions::manifest)
        .add(GET, "/v1/sessions/{session_id}/events", "SessionService/WatchSession", events::watch)
        .add(GET, "/v1/events", "SessionService/WatchSessions", events::watch_many)
        .add(GET, "/api/v1/sessions/{session_id}/artifacts", "ArtifactService/ListArtifacts", session_artifacts::list)
        .add(POST, "/api/v1/sessions/{session_id}/artifacts", "ArtifactService/CreateArtifact", session_artifacts::create)
        .add(GET, "/api/v1/sessions/{session_id}/artifacts/{artifact_id}", "ArtifactService/DownloadArtifact", session_artifacts::get)
        .add(PATCH, "/api/v1/sessions/{session_id}/artifacts/{artifact_id}", "ArtifactService/UpdateArtifact", session_artifacts::update)
        .add(DELETE, "/api/v1/sessions/{session_id}/artifacts/{artifact_id}", "ArtifactService/DeleteArtifact", session_artifacts::delete)
        .add(GET, "/api/v1/sessions/{session_id}/artifacts/{artifact_id}/versions", "ArtifactService/ListVersions", session_artifacts::versions)
        .add(GET, "/v1/links", "LinkService/ListLinks", links::list)
        .add(GET, "/v1/links/{link_id}", "LinkService/GetLink", links::get)
        .add(DELETE, "/v1/links/{link_id}", "LinkService/RevokeLink", links::revoke)
        .add(GET, "/v1/jobs", "JobService/ListJobs", jobs::list)
        .add(GET, "/v1/jobs/{job_id}", "JobService/GetJob", jobs::get)
        .add(POST, "/v1/jobs/{job_id}/cancel", "JobService/CancelJob", jobs::cancel)
        .add(GET, "/v1/todos", "TodoService/ListTodos", todos::list)
        .add(POST, "/v1/todos", "TodoService/AddTodo", todos::add)
        .add(PATCH, "/v1/todos/{todo_id}", "TodoService/UpdateTodo", todos::update);
    let router = routes.finish().route("/v1/uploads", options(uploads::limits));
    router.with_state(services)
}
