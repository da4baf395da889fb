//! Titled documents with stages, as agent harnesses have them.

use cairn_client::{ArtifactRef, Content, required, unary};
use cairn_proto::{
    json::{self, BytesRead, Job, Staged},
    v1::{
        Artifact, ArtifactFilter, ArtifactSpec, ArtifactStage, DeleteArtifactsRequest,
        ListArtifactsRequest, SetStageRequest, UpdateArtifactRequest,
    },
};
use prost_types::FieldMask;
use serde_json::json;

use super::{
    Answer, Arguments, Mcp, ToolError,
    read::whole_or_part,
    store::{check_size, upload},
};
use crate::mcp::{
    answer::NO_TEXT,
    shown::{Artifacts, kind, one_label, stage},
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
        if_version: Some(0),
        ..ArtifactSpec::default()
    };
    let filename = spec.filename.clone();
    let made = upload(mcp, spec, Content::bytes(content)).await;
    let made = made.map_err(|error| match error.is_conflict() {
        true => ToolError::new(format!(
            "{filename} is there already. Next: call artifact_list for its artifact_id and artifact_update to change it, \
             or give another filename"
        )),
        false => error,
    })?;
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
    let artifact_id = arguments.text("artifact_id");
    let paths = ["title", "labels"].into_iter();
    let paths: Vec<_> = paths.filter(|path| arguments.has(path)).collect();
    let updated = match (arguments.has("content"), paths.is_empty()) {
        (true, _) => {
            let current = mcp.client.artifact(ArtifactRef::Id(artifact_id)).await?;
            next_version(mcp, arguments, current).await?
        }
        (false, _) if arguments.has("change_summary") => {
            return Err(ToolError::new(
                "change_summary says what new content changes: give content",
            ));
        }
        (false, false) => {
            let request = UpdateArtifactRequest {
                artifact_id,
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
        content_type: current.content_type,
        inputs: vec![current.artifact_id],
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
    let (artifact, bytes) = whole_or_part(mcp, &arguments.text("artifact_id"), MAX_SHOWN).await?;
    let artifact = json::Artifact::from(artifact);
    let stage = artifact.stage.as_deref().unwrap_or("draft");
    let about = format!("{}, {stage}", line(&artifact));
    let size = artifact.size_bytes;
    let read = BytesRead::from(bytes);
    Ok(Answer::Text(match (read.text, read.next_offset) {
        (None, _) => format!("{about}\nIts {size} bytes are no text. Next: {NO_TEXT}"),
        (Some(text), None) => format!("{about}\n\n{text}"),
        (Some(text), Some(next)) => format!(
            "{about}\n\n{text}\n[{next} of {size} bytes. Next: call read_artifact with offset={next}]"
        ),
    }))
}

pub(super) async fn list(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let request = ListArtifactsRequest {
        page_size: arguments.limit(),
        page_token: arguments.text("cursor"),
        kind: kind(arguments),
        stage: stage(arguments),
        labels: one_label(arguments),
        ..mcp.listing(mcp.session(arguments))
    };
    let mut client = mcp.client.artifacts.clone();
    let listed = client.list_artifacts(unary(request)).await?;
    Answer::record(&Artifacts::from(listed.into_inner()))
}

/// The artifacts of a call about several: by their ids, or by a filter among the files that lists have.
fn selected(
    mcp: &Mcp,
    arguments: &Arguments,
) -> Result<(Vec<String>, Option<ArtifactFilter>), ToolError> {
    let (ids, filter) = (arguments.texts("artifact_ids"), arguments.text("filter"));
    match (ids.is_empty(), filter.is_empty()) {
        (true, true) => Err(ToolError::new("artifact_ids is required, or filter")),
        (false, false) => Err(ToolError::new("give artifact_ids or filter, not both")),
        (false, true) => Ok((ids, None)),
        (true, false) => Ok((ids, Some(mcp.matching(mcp.session(arguments), filter)))),
    }
}

pub(super) async fn move_to(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let (artifact_ids, matching) = selected(mcp, arguments)?;
    let request = SetStageRequest {
        stage: stage(arguments),
        artifact_ids,
        matching,
        agent_id: mcp.agent.clone(),
        ..SetStageRequest::default()
    };
    let staged = mcp
        .client
        .artifacts
        .clone()
        .set_stage(unary(request))
        .await?;
    Answer::record(&Staged::from(staged.into_inner()))
}

pub(super) async fn delete(mcp: &Mcp, arguments: &Arguments) -> Result<Answer, ToolError> {
    let (artifact_ids, matching) = selected(mcp, arguments)?;
    let dry_run = arguments.flag("dry_run");
    let request = DeleteArtifactsRequest {
        artifact_ids,
        matching,
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
