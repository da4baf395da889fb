//! Calls about whatever matches, with a filter at the extremes that means one artifact.

use cairn_proto::v1::{
    Artifact, ArtifactFilter, ArtifactStage, DeleteArtifactRequest, DeleteArtifactsRequest,
    RestoreArtifactsRequest, SetLegalHoldRequest, SetStageRequest, UpdateSessionRequest,
};
use prost_types::FieldMask;

use super::{expected::name_of, generated::Life};

/// Everything that a filter can say of an artifact, and so of no other.
fn meaning(made: &Artifact) -> ArtifactFilter {
    ArtifactFilter {
        session_id: made.session_id.clone(),
        agent_id: made.agent_id.clone(),
        namespace: made.namespace.clone(),
        user_id: made.user_id.clone(),
        filename: made.filename.clone(),
        content_type: made.content_type.clone(),
        labels: made.labels.iter().take(8).cloned().collect(),
        metadata_keys: made.metadata.keys().take(8).cloned().collect(),
        content_hash: made.content_hash.clone(),
        min_size_bytes: Some(made.size_bytes),
        max_size_bytes: Some(made.size_bytes),
        persistent: Some(made.persistent),
        ..ArtifactFilter::default()
    }
}

/// The same in an expression: values in quotes have the escapes of JSON.
fn expression(made: &Artifact) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let fields = [
        ("filename", &made.filename),
        ("session_id", &made.session_id),
        ("namespace", &made.namespace),
        ("user_id", &made.user_id),
    ];
    let fields = fields.map(|(field, value)| format!("{field} = {}", quoted(value)));
    fields.join(" AND ")
}

impl Life<'_> {
    /// Creates the session of an artifact before there is one.
    pub(super) async fn session_first(&self, session_id: &str) {
        let request = self.sent.note(UpdateSessionRequest {
            session_id: session_id.to_owned(),
            update_mask: Some(FieldMask {
                paths: vec!["display_name".into()],
            }),
            allow_missing: true,
            ..UpdateSessionRequest::default()
        });
        let updated = self.client.sessions.clone().update_session(request).await;
        let session = updated.unwrap().into_inner().session.unwrap();
        assert_eq!(session.session_id, session_id);
    }

    /// Holds, stages, deletes and restores an artifact, which is the only one that matches.
    pub(super) async fn bulk(&self, made: &Artifact) {
        let mut artifacts = self.client.artifacts.clone();
        let meant = meaning(made);
        for legal_hold in [true, false] {
            let request = self.sent.note(SetLegalHoldRequest {
                matching: Some(meant.clone()),
                legal_hold,
                ..SetLegalHoldRequest::default()
            });
            let held = artifacts.set_legal_hold(request).await.unwrap();
            assert_eq!(held.into_inner().changed_count, 1, "{meant:?}");
        }
        let stage = match made.stage() {
            ArtifactStage::Review => ArtifactStage::Draft,
            _ => ArtifactStage::Review,
        };
        let ways = [
            (Some(meant.clone()), String::new(), stage),
            (None, expression(made), made.stage()),
        ];
        for (matching, filter, stage) in ways {
            let request = self.sent.note(SetStageRequest {
                stage: stage.into(),
                matching: matching.clone(),
                filter: filter.clone(),
                ..SetStageRequest::default()
            });
            let staged = artifacts.set_stage(request).await.unwrap();
            let changed = staged.into_inner().changed_count;
            assert_eq!(changed, 1, "{matching:?} {filter}");
            let request = self.sent.note(DeleteArtifactsRequest {
                matching: matching.clone(),
                filter: filter.clone(),
                ..DeleteArtifactsRequest::default()
            });
            let deleted = artifacts.delete_artifacts(request).await.unwrap();
            let deleted = deleted.into_inner().deleted_count;
            assert_eq!(deleted, 1, "{matching:?} {filter}");
            self.restore(made, &meant).await;
        }
        let request = self.sent.note(DeleteArtifactRequest {
            name: Some(cairn_proto::v1::ArtifactName {
                version: 0,
                ..name_of(made)
            }),
            all_versions: true,
            ..DeleteArtifactRequest::default()
        });
        let deleted = artifacts.delete_artifact(request).await.unwrap();
        assert_eq!(deleted.into_inner().deleted_count, 1);
        self.restore(made, &meant).await;
    }

    /// By what matches in its session, or by its id where it has none.
    async fn restore(&self, made: &Artifact, meant: &ArtifactFilter) {
        let in_session = !made.session_id.is_empty();
        let ids = (!in_session).then(|| made.artifact_id.clone());
        let request = self.sent.note(RestoreArtifactsRequest {
            artifact_ids: ids.into_iter().collect(),
            matching: in_session.then(|| meant.clone()),
            ..RestoreArtifactsRequest::default()
        });
        let restored = self
            .client
            .artifacts
            .clone()
            .restore_artifacts(request)
            .await;
        assert_eq!(restored.unwrap().into_inner().restored_count, 1);
    }
}
