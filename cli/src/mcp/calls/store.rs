//! Storing files.

use base64::{Engine, prelude::BASE64_STANDARD};
use cairn_client::{Content, UploadOptions};
use cairn_proto::{
    json::Artifact,
    v1::{self, ArtifactSpec},
};
use tokio::{runtime::Handle, task::spawn_blocking};

use super::{Answer, Arguments, Mcp, ToolError};
use crate::mcp::shown::kind;

/// The most content in an argument, in bytes.
pub(super) const MAX_INLINE: usize = 3 << 20;

pub(super) async fn store(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let spec = ArtifactSpec {
        filename: arguments.text("filename"),
        session_id: mcp.session(arguments),
        namespace: mcp.namespace.clone(),
        user_id: mcp.user.clone(),
        agent_id: mcp.agent.clone(),
        content_type: arguments.text("content_type"),
        title: arguments.text("title"),
        kind: kind(arguments),
        labels: arguments.texts("labels"),
        metadata: pairs(arguments)?,
        inputs: arguments.texts("inputs"),
        if_version: arguments.number("if_version"),
        change_summary: arguments.text("change_summary"),
        ..ArtifactSpec::default()
    };
    let content = content(mcp, arguments)?;
    let made = upload(mcp, spec, content).await?;
    Answer::record(&Artifact::from(made))
}

/// Uploads content of any size. On a thread of its own, because a handler's future has to be `Send`, and an upload's is not.
pub(super) async fn upload(
    mcp: &Mcp,
    spec: ArtifactSpec,
    content: Content,
) -> Result<v1::Artifact, ToolError> {
    let (client, runtime) = (mcp.client.clone(), Handle::current());
    let upload = move || {
        let options = UploadOptions::default();
        runtime.block_on(client.upload(spec, content, &options))
    };
    let uploaded = spawn_blocking(upload).await;
    let uploaded = uploaded.map_err(|e| ToolError::new(format!("the upload ended: {e}")))?;
    Ok(uploaded?)
}

/// The content, which is given in one of three ways.
fn content(mcp: &Mcp, arguments: &Arguments) -> Result<Content, ToolError> {
    let ways = ["content", "content_base64", "path"];
    let given: Vec<_> = ways.into_iter().filter(|way| arguments.has(way)).collect();
    let bytes = match given[..] {
        ["content"] => arguments.text("content").into_bytes(),
        ["content_base64"] => {
            let decoded = BASE64_STANDARD.decode(arguments.text("content_base64"));
            decoded.map_err(|e| ToolError::new(format!("content_base64 is not base64: {e}")))?
        }
        ["path"] => return mcp.folders.content(&arguments.text("path")),
        [] => return Err(ToolError::new("content is required; it may be empty")),
        _ => {
            return Err(ToolError::new(format!(
                "give one of {}, not several",
                given.join(" and ")
            )));
        }
    };
    check_size(bytes.len())?;
    Ok(Content::bytes(bytes))
}

/// Refuses content that is too large for an argument.
pub(super) fn check_size(bytes: usize) -> Result<(), ToolError> {
    match bytes > MAX_INLINE {
        true => Err(ToolError::new(format!(
            "the content has {bytes} bytes, and an argument may have {MAX_INLINE}: give a path, or use `cairn push`"
        ))),
        false => Ok(()),
    }
}

/// Metadata from pairs as key=value.
fn pairs(arguments: &Arguments) -> Result<std::collections::HashMap<String, String>, ToolError> {
    let split = |pair: String| match pair.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(ToolError::new(format!(
            "metadata has '{}', which is not key=value",
            pair.chars().take(40).collect::<String>()
        ))),
    };
    arguments.texts("metadata").into_iter().map(split).collect()
}
