use cairn_proto::v1::{
    DiffVersionsRequest, DiffVersionsResponse, EditArtifactRequest, EditArtifactResponse,
    GrepArtifactRequest, GrepArtifactResponse, GrepSessionRequest, GrepSessionResponse,
    PreviewArtifactRequest, PreviewArtifactResponse, ReadBytesRequest, ReadBytesResponse,
    ReadLinesRequest, ReadLinesResponse, read_service_server::ReadService,
};
use cairn_store::{Error, RawFilter};
use tonic::{Request, Response, Status};

use super::{Services, convert, taken};
use crate::error::to_status;

#[tonic::async_trait]
impl ReadService for Services {
    async fn read_lines(
        &self,
        request: Request<ReadLinesRequest>,
    ) -> Result<Response<ReadLinesResponse>, Status> {
        let (caller, request) = taken(request)?;
        let (lines, budget) = convert::reads::lines_wanted(&request).map_err(to_status)?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let read = self
            .store
            .read_lines(&caller, &wanted, lines, &budget, &request.page_token)
            .await
            .map_err(to_status)?;
        Ok(Response::new(convert::reads::lines(read)))
    }

    async fn read_bytes(
        &self,
        request: Request<ReadBytesRequest>,
    ) -> Result<Response<ReadBytesResponse>, Status> {
        let (caller, request) = taken(request)?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let read = self
            .store
            .read_bytes(&caller, &wanted, request.offset, request.limit)
            .await
            .map_err(to_status)?;
        Ok(Response::new(convert::reads::bytes(read)))
    }

    async fn grep_artifact(
        &self,
        request: Request<GrepArtifactRequest>,
    ) -> Result<Response<GrepArtifactResponse>, Status> {
        let (caller, request) = taken(request)?;
        let grep = convert::reads::grep(request.query).map_err(to_status)?;
        let budget = convert::reads::budget(request.max_bytes, request.max_scan_bytes);
        let budget = budget.map_err(to_status)?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let found = self
            .store
            .grep_artifact(&caller, &wanted, grep, &budget, &request.page_token)
            .await
            .map_err(to_status)?;
        Ok(Response::new(convert::reads::found(found)))
    }

    async fn grep_session(
        &self,
        request: Request<GrepSessionRequest>,
    ) -> Result<Response<GrepSessionResponse>, Status> {
        let (caller, request) = taken(request)?;
        let grep = convert::reads::grep(request.query).map_err(to_status)?;
        let budget = convert::reads::budget(request.max_bytes, request.max_scan_bytes);
        let budget = budget.map_err(to_status)?;
        let filter = RawFilter {
            session_id: request.session_id,
            filename_glob: request.filename_glob,
            filename_prefix: request.filename_prefix,
            namespace: request.namespace,
            user_id: request.user_id,
            include_user_scope: request.include_user_scope,
            ..RawFilter::default()
        };
        let found = self
            .store
            .grep_session(&caller, filter, grep, &budget, &request.page_token)
            .await
            .map_err(to_status)?;
        Ok(Response::new(convert::reads::session_found(found)))
    }

    async fn preview_artifact(
        &self,
        request: Request<PreviewArtifactRequest>,
    ) -> Result<Response<PreviewArtifactResponse>, Status> {
        let (caller, request) = taken(request)?;
        let budget = convert::reads::budget(request.max_bytes, 0).map_err(to_status)?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let preview = self
            .store
            .preview_artifact(&caller, &wanted, &budget)
            .await
            .map_err(to_status)?;
        Ok(Response::new(convert::reads::preview(preview)))
    }

    async fn diff_versions(
        &self,
        request: Request<DiffVersionsRequest>,
    ) -> Result<Response<DiffVersionsResponse>, Status> {
        let (caller, request) = taken(request)?;
        let budget = convert::reads::budget(request.max_bytes, 0).map_err(to_status)?;
        let from = convert::reference(&request.from_artifact_id, request.from_name);
        let from = from.map_err(|e| to_status(named(e, "from_")))?;
        let to = convert::reference(&request.to_artifact_id, request.to_name);
        let to = to.map_err(|e| to_status(named(e, "to_")))?;
        let context = request.context.unwrap_or(DIFF_CONTEXT);
        let found = self
            .store
            .diff_versions(&caller, &from, &to, context, &budget)
            .await
            .map_err(to_status)?;
        Ok(Response::new(convert::reads::difference(found)))
    }

    async fn edit_artifact(
        &self,
        request: Request<EditArtifactRequest>,
    ) -> Result<Response<EditArtifactResponse>, Status> {
        let (caller, request) = taken(request)?;
        let wanted = convert::reference(&request.artifact_id, request.name).map_err(to_status)?;
        let edit = convert::reads::edit(
            request.change,
            request.if_version,
            request.agent_id,
            request.change_summary,
            request.idempotency_key,
        );
        let edit = edit.map_err(to_status)?;
        let edited = self.store.edit_artifact(&caller, &wanted, edit).await;
        let edited = edited.map_err(to_status)?;
        Ok(Response::new(EditArtifactResponse {
            artifact: Some(convert::created(edited.created)),
            replacements: convert::size(edited.places),
        }))
    }
}

/// The lines around a change for a caller that did not say.
const DIFF_CONTEXT: i32 = 3;

/// A fault of one of two references.
fn named(error: Error, which: &str) -> Error {
    match error {
        Error::Invalid(mut faults) => {
            for fault in &mut faults {
                fault.field.insert_str(0, which);
            }
            Error::Invalid(faults)
        }
        error => error,
    }
}
