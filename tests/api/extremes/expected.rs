//! What is expected of an artifact, and what finds it.

use cairn_proto::v1::{
    Artifact, ArtifactKind, ArtifactName, ArtifactOutcome, ArtifactSpec, ArtifactStage,
    ListArtifactsRequest, artifact_outcome::Outcome, artifact_spec::Expiry,
};

pub(super) fn only(outcomes: Vec<ArtifactOutcome>) -> Artifact {
    match &outcomes[..] {
        [
            ArtifactOutcome {
                outcome: Some(Outcome::Artifact(made)),
            },
        ] => made.clone(),
        other => panic!("{other:?}"),
    }
}

pub(super) fn name_of(made: &Artifact) -> ArtifactName {
    ArtifactName {
        filename: made.filename.clone(),
        session_id: made.session_id.clone(),
        namespace: made.namespace.clone(),
        user_id: made.user_id.clone(),
        version: made.version,
    }
}

/// Without how it was created, which only the creating call returns.
pub(super) fn assert_same(made: &Artifact, read: &Artifact) {
    let of = |artifact: &Artifact| Artifact {
        deduplicated: false,
        existing: false,
        ..artifact.clone()
    };
    assert_eq!(of(made), of(read));
}

#[track_caller]
pub(super) fn is_as_given(given: &ArtifactSpec, made: &Artifact) {
    let scope =
        |filename, session, namespace, user, agent| [filename, session, namespace, user, agent];
    assert_eq!(
        scope(
            &made.filename,
            &made.session_id,
            &made.namespace,
            &made.user_id,
            &made.agent_id
        ),
        scope(
            &given.filename,
            &given.session_id,
            &given.namespace,
            &given.user_id,
            &given.agent_id
        ),
    );
    if !given.content_type.is_empty() {
        assert_eq!(made.content_type, given.content_type);
    }
    assert_eq!(made.metadata, given.metadata);
    assert_eq!(made.title, given.title);
    assert_eq!(made.language, given.language);
    assert_eq!(made.change_summary, given.change_summary);
    assert_eq!(made.labels, given.labels);
    assert_eq!(made.persistent, given.persistent);
    // A copy also has its source as an input.
    let unknown = given.inputs.iter().find(|id| !made.inputs.contains(id));
    assert_eq!(unknown, None);
    let kind = match given.kind() {
        ArtifactKind::Unspecified => ArtifactKind::Other,
        kind => kind,
    };
    let stage = match given.stage() {
        ArtifactStage::Unspecified => ArtifactStage::Draft,
        stage => stage,
    };
    assert_eq!((made.kind(), made.stage()), (kind, stage));
    let life = made
        .expires_at
        .map(|at| at.seconds - made.created_at.unwrap().seconds);
    match &given.expiry {
        // The tenant allows no expiry.
        Some(Expiry::NeverExpires(_) | Expiry::Longest(_)) => assert_eq!(life, None),
        Some(Expiry::Ttl(ttl)) => assert!((ttl.seconds..=ttl.seconds + 1).contains(&life.unwrap())),
        None => assert_eq!(life.map(|life| life / 86_400), Some(30)),
    }
}

/// Lists that must contain the artifact, each by one of its values.
pub(super) fn lists(made: &Artifact) -> Vec<ListArtifactsRequest> {
    let first = |text: &str| text.chars().take(1).collect();
    let by = |fill: &dyn Fn(&mut ListArtifactsRequest)| {
        let mut request = ListArtifactsRequest {
            page_size: 200,
            ..ListArtifactsRequest::default()
        };
        fill(&mut request);
        request
    };
    let mut lists = vec![
        by(&|list| list.filename.clone_from(&made.filename)),
        by(&|list| list.filename_prefix = first(&made.filename)),
        by(&|list| list.session_id.clone_from(&made.session_id)),
        by(&|list| list.namespace.clone_from(&made.namespace)),
        by(&|list| list.user_id.clone_from(&made.user_id)),
        by(&|list| list.agent_id.clone_from(&made.agent_id)),
        by(&|list| list.content_type.clone_from(&made.content_type)),
        by(&|list| list.kind = made.kind),
        by(&|list| list.stage = made.stage),
        by(&|list| list.labels = made.labels.iter().take(8).cloned().collect()),
        by(&|list| list.metadata_keys = made.metadata.keys().take(8).cloned().collect()),
        by(&|list| list.latest_only = true),
        by(&|list| list.order_by = "filename".into()),
        by(&|list| list.min_size_bytes = Some(made.size_bytes)),
        by(&|list| list.max_size_bytes = Some(made.size_bytes)),
    ];
    // Its value may consist of control characters, which no expression can contain.
    lists.extend(
        made.metadata
            .iter()
            .take(1)
            .map(|(key, value)| by(&|list| drop(list.metadata.insert(key.clone(), value.clone())))),
    );
    lists
}
