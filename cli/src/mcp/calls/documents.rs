//! Titled documents with stages, as agent harnesses have them.

use cairn_client::{ArtifactRef, Content, required, unary};
use cairn_proto::{
    json::{self, Job},
    v1::{
        Artifact, ArtifactSpec, ArtifactStage, DeleteArtifactsRequest, ListArtifactsRequest,
        SetStageRequest, UpdateArtifactRequest,
    },
};
use prost_types::FieldMask;
use serde_json::json;

use super::{
    Answer, Arguments, Mcp, ToolError,
    store::{check_size, upload},
};
use crate::mcp::{
    content::{part, text_of},
    shown::{Artifacts, Brief, NextPage, kind, one_label, stage},
    summary::line,
};

/// How much of a document is shown, in bytes.
const MAX_SHOWN: i64 = 16 << 10;

pub(super) async fn create(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let title = arguments.text("title");
    let filename = match arguments.given("filename") {
        Some(filename) => filename,
        None => filename_of(&title, arguments)?,
    };
    let content = arguments.text("content");
    check_size(content.len())?;
    let spec = ArtifactSpec {
        filename,
        session_id: mcp.session(arguments),
        namespace: mcp.namespace.clone(),
        user_id: mcp.user.clone(),
        agent_id: mcp.agent.clone(),
        title,
        kind: kind(arguments),
        stage: ArtifactStage::Draft.into(),
        language: arguments.text("language"),
        labels: arguments.texts("labels"),
        ..ArtifactSpec::default()
    };
    let made = upload(mcp, spec, Content::bytes(content)).await?;
    Answer::record(&json::Artifact::from(made))
}

/// A filename made of a title: its letters and digits.
fn filename_of(title: &str, arguments: &Arguments) -> Result<String, ToolError> {
    let lower = title.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    let mut name = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    name.truncate(name.floor_char_boundary(100));
    if name.is_empty() {
        return Err(ToolError::new(
            "filename is required: the title has no letter",
        ));
    }
    let ending = match &*arguments.text("kind") {
        "document" | "plan" => ".md",
        _ => ".txt",
    };
    Ok(name + ending)
}

pub(super) async fn update(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let id = arguments.text("artifact_id");
    let current = mcp.client.artifact(ArtifactRef::Id(id)).await?;
    let paths = ["title", "labels"].into_iter();
    let paths: Vec<_> = paths.filter(|path| arguments.has(path)).collect();
    let updated = match (arguments.has("content"), paths.is_empty()) {
        (true, _) => next_version(mcp, arguments, current).await?,
        (false, false) => {
            let request = UpdateArtifactRequest {
                artifact_id: current.artifact_id,
                title: arguments.text("title"),
                labels: arguments.texts("labels"),
                update_mask: Some(FieldMask {
                    paths: paths.into_iter().map(str::to_owned).collect(),
                }),
                agent_id: mcp.agent.clone(),
                ..UpdateArtifactRequest::default()
            };
            let updated = mcp
                .client
                .artifacts
                .clone()
                .update_artifact(unary(request))
                .await?;
            required(updated.into_inner().artifact, "artifact")?
        }
        (false, true) => {
            return Err(ToolError::new(
                "nothing to change: give content, title or labels",
            ));
        }
    };
    Answer::record(&json::Artifact::from(updated))
}

/// Stores new content as the version after this one, as a draft, with what is known of it.
async fn next_version(
    mcp: &Mcp,
    arguments: &Arguments,
    current: Artifact,
) -> Result<Artifact, ToolError> {
    let content = arguments.text("content");
    check_size(content.len())?;
    let labels = match arguments.has("labels") {
        true => arguments.texts("labels"),
        false => current.labels,
    };
    let spec = ArtifactSpec {
        filename: current.filename,
        session_id: current.session_id,
        namespace: current.namespace,
        user_id: current.user_id,
        agent_id: mcp.agent.clone(),
        title: arguments.given("title").unwrap_or(current.title),
        kind: current.kind,
        stage: ArtifactStage::Draft.into(),
        language: current.language,
        metadata: current.metadata,
        labels,
        change_summary: arguments.text("change_summary"),
        if_version: Some(current.version),
        persistent: current.persistent,
        ..ArtifactSpec::default()
    };
    upload(mcp, spec, Content::bytes(content)).await
}

pub(super) async fn get(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let wanted = ArtifactRef::Id(arguments.text("artifact_id"));
    let (artifact, shown) = part(mcp, wanted, 0, MAX_SHOWN).await?;
    let artifact = json::Artifact::from(artifact);
    let stage = artifact.stage.as_deref().unwrap_or("draft");
    let about = format!("{}, {stage}", line(&artifact));
    let size = artifact.size_bytes;
    Ok(Answer::Text(match text_of(&shown, 0, size) {
        None => format!("{about}\nIts {size} bytes are no text. Next: call create_download_link"),
        Some((text, end)) if end == size => format!("{about}\n\n{text}"),
        Some((text, end)) => format!(
            "{about}\n\n{text}\n[{end} of {size} bytes. Next: call read_artifact with offset={end}]"
        ),
    }))
}

pub(super) async fn list(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let request = ListArtifactsRequest {
        page_size: arguments.limit(),
        page_token: arguments.text("cursor"),
        session_id: mcp.session(arguments),
        namespace: mcp.namespace.clone(),
        kind: kind(arguments),
        stage: stage(arguments),
        labels: one_label(arguments),
        latest_only: true,
        ..ListArtifactsRequest::default()
    };
    let listed = mcp
        .client
        .artifacts
        .clone()
        .list_artifacts(unary(request))
        .await?;
    let listed = listed.into_inner();
    Answer::record(&Artifacts {
        artifacts: listed.artifacts.into_iter().map(Brief::from).collect(),
        page: NextPage::before(listed.next_page_token),
    })
}

/// The artifacts of a call about several: by their ids, or by a filter.
fn selected(arguments: &Arguments) -> Result<(Vec<String>, String), ToolError> {
    let (ids, filter) = (arguments.texts("artifact_ids"), arguments.text("filter"));
    match (ids.is_empty(), filter.is_empty()) {
        (true, true) => Err(ToolError::new("artifact_ids is required, or filter")),
        (false, false) => Err(ToolError::new("give artifact_ids or filter, not both")),
        _ => Ok((ids, filter)),
    }
}

pub(super) async fn move_to(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let (artifact_ids, filter) = selected(arguments)?;
    let request = SetStageRequest {
        stage: stage(arguments),
        artifact_ids,
        filter,
        agent_id: mcp.agent.clone(),
        ..SetStageRequest::default()
    };
    let staged = mcp
        .client
        .artifacts
        .clone()
        .set_stage(unary(request))
        .await?;
    let staged = staged.into_inner();
    Answer::record(&json!({
        "changed_count": staged.changed_count,
        "missing_artifact_ids": staged.missing_artifact_ids,
        "todo_count": staged.todo_count,
        "todo_hint": staged.todo_hint,
        "job": staged.job.map(Job::from),
    }))
}

pub(super) async fn delete(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let (artifact_ids, filter) = selected(arguments)?;
    let dry_run = arguments.flag("dry_run");
    let request = DeleteArtifactsRequest {
        artifact_ids,
        filter,
        validate_only: dry_run,
        ..DeleteArtifactsRequest::default()
    };
    let deleted = mcp
        .client
        .artifacts
        .clone()
        .delete_artifacts(unary(request))
        .await?;
    let deleted = deleted.into_inner();
    Answer::record(&json!({
        "dry_run": dry_run,
        "deleted_count": deleted.deleted_count,
        "size_bytes": deleted.size_bytes,
        "not_deleted_artifact_ids": deleted.not_deleted_artifact_ids,
        "more": deleted.more.then_some(true),
        "job": deleted.job.map(Job::from),
    }))
}
