//! Artifacts as resources: `cairn://artifacts/ID`, and the summary `cairn://active`.

use base64::{Engine, prelude::BASE64_STANDARD};
use cairn_client::unary;
use cairn_proto::v1::ListArtifactsRequest;
use rmcp::{
    ErrorData,
    model::{
        ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
        ResourceContents, ResourceTemplate,
    },
};

use super::{Mcp, answer::ToolError, calls::whole_or_part, summary};

const ARTIFACTS: &str = "cairn://artifacts/";
const ACTIVE: &str = "cairn://active";

/// The largest artifact that is read as a resource, in bytes: what ReadBytes returns at most.
const MAX_BYTES: i64 = 256 << 10;

fn failed(error: ToolError) -> ErrorData {
    ErrorData::internal_error(error.into_words(), None)
}

/// The latest versions of the session's files, and the summary before them.
pub(super) async fn list(mcp: &Mcp, cursor: String) -> Result<ListResourcesResult, ErrorData> {
    let first = cursor.is_empty();
    let request = ListArtifactsRequest {
        page_token: cursor,
        ..mcp.listing(mcp.session.clone())
    };
    let mut client = mcp.client.artifacts.clone();
    let listed = client.list_artifacts(unary(request)).await;
    let listed = listed.map_err(|e| failed(e.into()))?.into_inner();
    let mut resources = Vec::new();
    if first && !mcp.session.is_empty() {
        let about = "What is active in the session, by stage";
        let active = Resource::new(ACTIVE, summary::NAME).with_description(about);
        resources.push(active.with_mime_type("text/plain"));
    }
    resources.extend(listed.artifacts.into_iter().map(|artifact| {
        let uri = format!("{ARTIFACTS}{}", artifact.artifact_id);
        let size = u64::try_from(artifact.size_bytes).unwrap_or_default();
        let resource = Resource::new(uri, artifact.filename)
            .with_mime_type(artifact.content_type)
            .with_size(size);
        match artifact.title.is_empty() {
            true => resource,
            false => resource.with_title(artifact.title),
        }
    }));
    let mut result = ListResourcesResult::with_all_items(resources);
    result.next_cursor = Some(listed.next_page_token).filter(|token| !token.is_empty());
    Ok(result)
}

pub(super) fn templates() -> ListResourceTemplatesResult {
    let template = ResourceTemplate::new(format!("{ARTIFACTS}{{artifact_id}}"), "artifact");
    let about = "The content of an artifact of at most 256 KiB";
    ListResourceTemplatesResult::with_all_items(vec![template.with_description(about)])
}

pub(super) async fn read(mcp: &Mcp, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    if uri == ACTIVE {
        let text = summary::text(mcp, &mcp.session).await;
        let text = text.map_err(failed)?;
        return Ok(ReadResourceResult::new(vec![ResourceContents::text(
            text, uri,
        )]));
    }
    let Some(id) = uri.strip_prefix(ARTIFACTS) else {
        let words = format!("a resource is {ACTIVE} or {ARTIFACTS}ID");
        return Err(ErrorData::resource_not_found(words, None));
    };
    let content = content(mcp, id).await.map_err(|e| match e.is_missing() {
        true => ErrorData::resource_not_found(e.into_words(), None),
        false => failed(e),
    })?;
    let (artifact_type, bytes) = content;
    let contents = match String::from_utf8(bytes) {
        Ok(text) => ResourceContents::text(text, uri),
        Err(other) => ResourceContents::blob(BASE64_STANDARD.encode(other.as_bytes()), uri),
    };
    Ok(ReadResourceResult::new(vec![
        contents.with_mime_type(artifact_type),
    ]))
}

/// The type and the content of an artifact that is small enough.
async fn content(mcp: &Mcp, id: &str) -> Result<(String, Vec<u8>), ToolError> {
    let (artifact, read) = whole_or_part(mcp, id, MAX_BYTES).await?;
    if read.next_offset.is_some() {
        let size = artifact.size_bytes;
        return Err(ToolError::new(format!(
            "{id} has {size} bytes, more than a resource shows. Next: call get_artifact_download_url, or read_artifact for \
             its parts"
        )));
    }
    Ok((artifact.content_type, read.data.into()))
}
