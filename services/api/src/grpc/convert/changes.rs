//! Conversions of changes to artifacts, and of lineage.

use cairn_proto::v1;
use cairn_store::{
    ArtifactUpdate, Bulk, BulkDeleted, Direction, Error, Expiry, HoldsSet, Lineage, RawUpdate,
    Restored, Result, Stage, StageChange, Staged,
};
use prost_types::FieldMask;

use crate::grpc::{
    convert::{self, duration, stage_name, timestamp},
    jobs,
};

/// The paths that an update mask may have.
const PATHS: &str = "must be title, metadata, metadata.KEY, labels, stage, expiry or persistent";

/// More than any message has, and as many pairs as an artifact may have.
const MAX_PATHS: usize = 80;

pub(in crate::grpc) fn update(request: v1::UpdateArtifactRequest) -> Result<ArtifactUpdate> {
    let mut update = RawUpdate {
        etag: request.etag,
        agent_id: request.agent_id,
        ..RawUpdate::default()
    };
    let (mut title, mut labels) = (Some(request.title), Some(request.labels));
    let mut metadata = Some(request.metadata);
    for path in paths(request.update_mask)? {
        match path.as_str() {
            "title" => update.title = title.take().or(update.title),
            "metadata" => {
                let all = metadata.take().map(|all| all.into_iter().collect());
                update.metadata = all.or(update.metadata);
            }
            "labels" => update.labels = labels.take().or(update.labels),
            "persistent" => update.persistent = Some(request.persistent),
            "stage" => update.stage = Some(stage_or_draft(request.stage)),
            "expiry" => {
                use v1::update_artifact_request::Expiry as Given;
                update.expiry = Some(match request.expiry {
                    Some(Given::Ttl(ttl)) => Expiry::After(duration(ttl)),
                    Some(Given::NeverExpires(true)) => Expiry::Never,
                    Some(Given::Longest(true)) => Expiry::Longest,
                    Some(Given::NeverExpires(false) | Given::Longest(false)) | None => {
                        Expiry::Default
                    }
                });
            }
            path => match path.strip_prefix("metadata.") {
                Some(key) => {
                    let value = metadata.as_ref().and_then(|all| all.get(key));
                    update.pairs.push((key.to_owned(), value.cloned()));
                }
                None => return Err(unknown_path(path, PATHS)),
            },
        }
    }
    if !update.pairs.is_empty() && update.metadata.is_some() {
        let rule = "must not have metadata beside metadata.KEY";
        return Err(Error::invalid("update_mask", rule));
    }
    ArtifactUpdate::new(update)
}

/// The fields that an update mask names.
pub(in crate::grpc) fn paths(mask: Option<FieldMask>) -> Result<Vec<String>> {
    let paths = mask.unwrap_or_default().paths;
    if paths.len() > MAX_PATHS {
        let rule = format!("must name at most {MAX_PATHS} fields");
        return Err(Error::invalid("update_mask", rule));
    }
    Ok(paths)
}

pub(in crate::grpc) fn unknown_path(path: &str, rule: &str) -> Error {
    let path: String = path.chars().take(64).collect();
    Error::invalid("update_mask", format!("'{path}' {rule}"))
}

fn stage_or_draft(stage: i32) -> String {
    let name = stage_name(stage);
    if name.is_empty() {
        Stage::default().as_str().to_owned()
    } else {
        name
    }
}

pub(in crate::grpc) fn required_stage(stage: i32) -> Result<Stage> {
    let name = stage_name(stage);
    name.parse().map_err(|rule| Error::invalid("stage", rule))
}

pub(in crate::grpc) fn staged(staged: Bulk<Staged>) -> v1::SetStageResponse {
    match staged {
        Bulk::Done(staged) => v1::SetStageResponse {
            changed_count: convert::size(staged.changed),
            missing_artifact_ids: staged.missing,
            job: None,
            todo_count: convert::size(staged.plans.todos),
            todo_hint: staged.plans.hint.to_owned(),
        },
        Bulk::Started(job) => v1::SetStageResponse {
            job: Some(jobs::job(*job)),
            ..v1::SetStageResponse::default()
        },
    }
}

pub(in crate::grpc) fn holds(set: Bulk<HoldsSet>) -> v1::SetLegalHoldResponse {
    match set {
        Bulk::Done(set) => v1::SetLegalHoldResponse {
            changed_count: convert::size(set.changed),
            missing_artifact_ids: set.missing,
            job: None,
        },
        Bulk::Started(job) => v1::SetLegalHoldResponse {
            job: Some(jobs::job(*job)),
            ..v1::SetLegalHoldResponse::default()
        },
    }
}

pub(in crate::grpc) fn deleted_file(deleted: Bulk<BulkDeleted>) -> v1::DeleteArtifactResponse {
    match deleted {
        Bulk::Done(deleted) => v1::DeleteArtifactResponse {
            deleted_count: convert::size(deleted.count),
            size_bytes: convert::size(deleted.bytes),
            not_deleted_artifact_ids: deleted.not_deleted,
            ..v1::DeleteArtifactResponse::default()
        },
        Bulk::Started(job) => v1::DeleteArtifactResponse {
            job: Some(jobs::job(*job)),
            ..v1::DeleteArtifactResponse::default()
        },
    }
}

pub(in crate::grpc) fn deleted(deleted: Bulk<BulkDeleted>) -> v1::DeleteArtifactsResponse {
    match deleted {
        Bulk::Done(deleted) => v1::DeleteArtifactsResponse {
            deleted_count: convert::size(deleted.count),
            size_bytes: convert::size(deleted.bytes),
            not_deleted_artifact_ids: deleted.not_deleted,
            more: deleted.more,
            job: None,
        },
        Bulk::Started(job) => v1::DeleteArtifactsResponse {
            job: Some(jobs::job(*job)),
            ..v1::DeleteArtifactsResponse::default()
        },
    }
}

pub(in crate::grpc) fn restored(restored: Restored) -> v1::RestoreArtifactsResponse {
    v1::RestoreArtifactsResponse {
        restored_count: convert::size(restored.restored),
        not_restored_artifact_ids: restored.not_restored,
        more: restored.more,
    }
}

pub(in crate::grpc) fn stage_change(change: StageChange) -> v1::StageChange {
    v1::StageChange {
        changed_at: Some(timestamp(change.changed_at)),
        from_stage: convert::stage(change.from).into(),
        to_stage: convert::stage(change.to).into(),
        agent_id: change.agent_id,
        api_key_last_4: change.credential.key_last_4().to_owned(),
        workload: change.credential.workload().to_owned(),
    }
}

pub(in crate::grpc) fn direction(direction: i32) -> Result<Direction> {
    use v1::LineageDirection::{Inputs, Outputs, Unspecified};
    match v1::LineageDirection::try_from(direction) {
        Ok(Unspecified | Inputs) => Ok(Direction::Inputs),
        Ok(Outputs) => Ok(Direction::Outputs),
        Err(_) => Err(Error::invalid("direction", "must be INPUTS or OUTPUTS")),
    }
}

pub(in crate::grpc) fn lineage(lineage: Lineage) -> v1::GetLineageResponse {
    let derivations = lineage.derivations.items.into_iter();
    let artifacts = lineage.artifacts.into_iter();
    v1::GetLineageResponse {
        derivations: derivations
            .map(|step| v1::Derivation {
                artifact_id: step.artifact_id,
                input_id: step.input_id,
            })
            .collect(),
        artifacts: artifacts
            .map(|artifact| v1::LineageArtifact {
                artifact_id: artifact.artifact_id,
                filename: artifact.filename,
                version: artifact.version,
                agent_id: artifact.agent_id,
            })
            .collect(),
        truncated: lineage.truncated,
        next_page_token: lineage.derivations.next.unwrap_or_default(),
    }
}
