//! The record of an artifact can change, and the history shows who changed its stage; its origin never changes.

use std::collections::HashMap;

use cairn_proto::v1::{
    Artifact, ArtifactName, ArtifactSpec, ArtifactStage, GetLineageRequest, GetLineageResponse,
    LineageDirection, ListArtifactsRequest, ListStageChangesRequest, SetStageRequest,
    SetStageResponse, UpdateArtifactRequest, update_artifact_request::Expiry,
};
use futures_util::future::join_all;
use prost_types::{Duration, FieldMask};
use tonic::{Code, Status};

use harness::{Cairn, Client, refused, session_spec, spec};

fn update(id: &str, paths: &[&str]) -> UpdateArtifactRequest {
    UpdateArtifactRequest {
        artifact_id: id.into(),
        update_mask: Some(FieldMask {
            paths: paths.iter().map(|path| (*path).into()).collect(),
        }),
        ..UpdateArtifactRequest::default()
    }
}

async fn send(client: &Client, request: UpdateArtifactRequest) -> Result<Artifact, Status> {
    let response = client.artifacts.clone().update_artifact(request).await?;
    Ok(response.into_inner().artifact.unwrap())
}

fn pairs(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).into(), (*v).into()))
        .collect()
}

async fn found(client: &Client, filter: &str) -> Vec<String> {
    let request = ListArtifactsRequest {
        filter: filter.into(),
        order_by: "filename".into(),
        ..ListArtifactsRequest::default()
    };
    let response = client
        .artifacts
        .clone()
        .list_artifacts(request)
        .await
        .unwrap();
    let artifacts = response.into_inner().artifacts.into_iter();
    artifacts.map(|artifact| artifact.filename).collect()
}

#[tokio::test]
async fn an_update_changes_what_its_mask_names_and_nothing_else() {
    let cairn = Cairn::start().await;
    let given = ArtifactSpec {
        title: "old".into(),
        metadata: pairs(&[("a", "1"), ("b", "2")]),
        labels: vec!["x".into()],
        ..session_spec("a.txt", "run")
    };
    let made = cairn.client.create(given, "x").await.unwrap();
    cairn.client.seal("run").await.unwrap();
    let id = &made.artifact_id;
    let titled = UpdateArtifactRequest {
        title: "new".into(),
        labels: vec!["ignored".into()],
        ..update(id, &["title"])
    };
    let now = send(&cairn.client, titled).await.unwrap();
    assert_ne!(now.etag, made.etag);
    let expected = Artifact {
        title: "new".into(),
        etag: now.etag.clone(),
        updated_at: now.updated_at,
        ..made.clone()
    };
    assert_eq!(now, expected);
    assert_eq!(cairn.client.get(id).await.unwrap(), now);

    let more = UpdateArtifactRequest {
        metadata: pairs(&[("b", "3")]),
        labels: vec!["z".into(), "y".into()],
        stage: ArtifactStage::Final.into(),
        expiry: Some(Expiry::Ttl(Duration {
            seconds: 60,
            nanos: 0,
        })),
        ..update(id, &["metadata", "labels", "stage", "expiry"])
    };
    let now = send(&cairn.client, more).await.unwrap();
    assert_eq!(now.metadata, pairs(&[("b", "3")]));
    assert_eq!(now.labels, ["y", "z"]);
    assert_eq!(now.stage, i32::from(ArtifactStage::Final));
    assert_eq!(now.title, "new");
    let life = now.expires_at.unwrap().seconds - now.updated_at.unwrap().seconds;
    assert_eq!(life, 60);
    // The lists follow.
    for (filter, is_found) in [
        ("metadata.b = 3", true),
        ("metadata.a = 1", false),
        ("labels:y", true),
        ("labels:x", false),
        ("stage = final AND title = new", true),
    ] {
        assert_eq!(
            !found(&cairn.client, filter).await.is_empty(),
            is_found,
            "{filter}"
        );
    }
    let never = UpdateArtifactRequest {
        expiry: Some(Expiry::NeverExpires(true)),
        ..update(id, &["expiry"])
    };
    assert_eq!(send(&cairn.client, never).await.unwrap().expires_at, None);
    let again = send(&cairn.client, update(id, &["expiry", "metadata"]))
        .await
        .unwrap();
    assert!(again.expires_at.is_some() && again.metadata.is_empty());
}

#[tokio::test]
async fn an_update_that_makes_no_sense_is_refused_with_every_reason() {
    let cairn = Cairn::start().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let id = &made.artifact_id;
    for request in [
        update(id, &[]),
        update(id, &["filename"]),
        update(id, &["title", "size"]),
    ] {
        assert_eq!(
            refused(send(&cairn.client, request).await).fields,
            ["update_mask"]
        );
    }
    let bad = UpdateArtifactRequest {
        title: "x".repeat(256),
        metadata: pairs(&[("9", "")]),
        labels: vec!["\n".into()],
        stage: 99,
        expiry: Some(Expiry::Ttl(Duration {
            seconds: 0,
            nanos: 0,
        })),
        agent_id: "\n".into(),
        ..update(id, &["title", "metadata", "labels", "stage", "expiry"])
    };
    let fields = refused(send(&cairn.client, bad).await).fields;
    let expected = [
        "agent_id",
        "labels[0]",
        "metadata[\"9\"]",
        "stage",
        "title",
        "ttl",
    ];
    assert_eq!(fields, expected);
    assert_eq!(cairn.client.get(id).await.unwrap(), made);
    let stranger = cairn.client_of("stranger").await;
    let refusal = refused(send(&stranger, update(id, &["title"])).await);
    assert_eq!(refusal.reason, "ARTIFACT_NOT_FOUND");
    cairn.client.delete(id).await.unwrap();
    let refusal = refused(send(&cairn.client, update(id, &["title"])).await);
    assert_eq!(refusal.reason, "ARTIFACT_DELETED");
}

#[tokio::test]
async fn of_many_updates_with_one_etag_one_wins() {
    let cairn = Cairn::start().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let updates = (0..8).map(|i| {
        let request = UpdateArtifactRequest {
            title: format!("{i}"),
            etag: made.etag.clone(),
            ..update(&made.artifact_id, &["title"])
        };
        send(&cairn.client, request)
    });
    let results = join_all(updates).await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    let current = cairn.client.get(&made.artifact_id).await.unwrap();
    assert_eq!(won.into_iter().next().unwrap().unwrap(), current);
    for result in lost {
        let refusal = refused(result);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::Aborted, "VERSION_CONFLICT")
        );
        assert_eq!(refusal.metadata["etag"], current.etag);
    }
}

#[tokio::test]
async fn an_update_under_a_key_happens_once() {
    let cairn = Cairn::start().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let request = UpdateArtifactRequest {
        title: "new".into(),
        idempotency_key: "k".into(),
        ..update(&made.artifact_id, &["title"])
    };
    let first = send(&cairn.client, request.clone()).await.unwrap();
    assert_eq!(send(&cairn.client, request.clone()).await.unwrap(), first);
    let other = UpdateArtifactRequest {
        title: "newer".into(),
        ..request
    };
    assert_eq!(
        refused(send(&cairn.client, other).await).reason,
        "IDEMPOTENCY_KEY_REUSED"
    );
}

async fn set_stage(client: &Client, request: SetStageRequest) -> Result<SetStageResponse, Status> {
    let response = client.artifacts.clone().set_stage(request).await?;
    Ok(response.into_inner())
}

#[tokio::test]
async fn stages_move_by_ids_or_by_filter_and_their_history_is_kept() {
    let cairn = Cairn::start().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        let made = cairn
            .client
            .create(session_spec(name, "run"), "x")
            .await
            .unwrap();
        ids.push(made.artifact_id);
    }
    cairn.client.delete(&ids[2]).await.unwrap();
    let review = SetStageRequest {
        stage: ArtifactStage::Review.into(),
        artifact_ids: ids.clone(),
        agent_id: "ann".into(),
        ..SetStageRequest::default()
    };
    let staged = set_stage(&cairn.client, review.clone()).await.unwrap();
    assert_eq!(staged.changed_count, 2);
    assert_eq!(staged.missing_artifact_ids, ids[2..]);
    assert_eq!(
        set_stage(&cairn.client, review)
            .await
            .unwrap()
            .changed_count,
        0
    );
    let by_filter = SetStageRequest {
        stage: ArtifactStage::Final.into(),
        filter: "session_id = run AND filename = a".into(),
        ..SetStageRequest::default()
    };
    assert_eq!(
        set_stage(&cairn.client, by_filter)
            .await
            .unwrap()
            .changed_count,
        1
    );
    assert_eq!(found(&cairn.client, "stage = final").await, ["a"]);
    let changes = ListStageChangesRequest {
        name: Some(ArtifactName {
            filename: "a".into(),
            session_id: "run".into(),
            ..ArtifactName::default()
        }),
        ..ListStageChangesRequest::default()
    };
    let changes = cairn
        .client
        .artifacts
        .clone()
        .list_stage_changes(changes)
        .await;
    let changes = changes.unwrap().into_inner().changes;
    let history: Vec<_> = changes
        .iter()
        .map(|c| (c.from_stage(), c.to_stage(), &*c.agent_id))
        .collect();
    assert_eq!(
        history,
        [
            (ArtifactStage::Review, ArtifactStage::Final, ""),
            (ArtifactStage::Draft, ArtifactStage::Review, "ann")
        ]
    );
    assert!(
        changes
            .iter()
            .all(|change| cairn.key.ends_with(&change.api_key_last_4))
    );

    let stranger = cairn.client_of("stranger").await;
    let theirs = SetStageRequest {
        stage: ArtifactStage::Draft.into(),
        artifact_ids: ids[..1].to_vec(),
        ..SetStageRequest::default()
    };
    let staged = set_stage(&stranger, theirs).await.unwrap();
    assert_eq!(
        (staged.changed_count, staged.missing_artifact_ids.len()),
        (0, 1)
    );
}

#[tokio::test]
async fn a_bulk_request_needs_ids_or_a_filter_that_can_be_read() {
    let cairn = Cairn::start().await;
    let request = SetStageRequest {
        stage: ArtifactStage::Final.into(),
        ..SetStageRequest::default()
    };
    let cases = [
        (
            SetStageRequest {
                stage: 0,
                filter: "kind = plan".into(),
                ..request.clone()
            },
            "stage",
        ),
        (request.clone(), "artifact_ids"),
        (
            SetStageRequest {
                artifact_ids: vec!["x".into()],
                ..request.clone()
            },
            "artifact_ids[0]",
        ),
        (
            SetStageRequest {
                artifact_ids: vec!["art_0000000000000000".into()],
                filter: "kind = plan".into(),
                ..request.clone()
            },
            "filter",
        ),
        (
            SetStageRequest {
                filter: "kind ! plan".into(),
                ..request
            },
            "filter",
        ),
    ];
    for (request, field) in cases {
        assert_eq!(
            refused(set_stage(&cairn.client, request).await).fields,
            [field]
        );
    }
}

async fn lineage(
    client: &Client,
    id: &str,
    direction: LineageDirection,
    max_depth: i32,
) -> GetLineageResponse {
    let request = GetLineageRequest {
        artifact_id: id.into(),
        direction: direction.into(),
        max_depth,
        ..GetLineageRequest::default()
    };
    client
        .artifacts
        .clone()
        .get_lineage(request)
        .await
        .unwrap()
        .into_inner()
}

#[tokio::test]
async fn lineage_is_followed_both_ways_and_within_bounds() {
    let cairn = Cairn::start().await;
    // 0 → 1 → 2 → … → 6, and 0 → 2 as well.
    let mut ids: Vec<String> = Vec::new();
    for i in 0..7 {
        let mut inputs: Vec<_> = ids.last().cloned().into_iter().collect();
        if i == 2 {
            inputs.push(ids[0].clone());
        }
        let spec = ArtifactSpec {
            inputs,
            ..spec(&format!("{i}"))
        };
        ids.push(cairn.client.create(spec, "x").await.unwrap().artifact_id);
    }
    let inputs = lineage(&cairn.client, &ids[2], LineageDirection::Inputs, 0).await;
    let mut steps: Vec<_> = inputs
        .derivations
        .iter()
        .map(|step| (&*step.artifact_id, &*step.input_id))
        .collect();
    steps.sort_unstable();
    let mut expected = vec![
        (&*ids[2], &*ids[1]),
        (&*ids[2], &*ids[0]),
        (&*ids[1], &*ids[0]),
    ];
    expected.sort_unstable();
    assert_eq!(steps, expected);
    assert_eq!(inputs.artifacts.len(), 3);
    assert!(!inputs.truncated);
    for (depth, steps, truncated) in [(1, 1, true), (0, 4, true), (6, 7, false), (16, 7, false)] {
        let up = lineage(&cairn.client, &ids[6], LineageDirection::Inputs, depth).await;
        assert_eq!(
            (up.derivations.len(), up.truncated),
            (steps, truncated),
            "{depth}"
        );
    }
    let outputs = lineage(&cairn.client, &ids[0], LineageDirection::Outputs, 1).await;
    assert_eq!(outputs.derivations.len(), 2);

    cairn.client.delete(&ids[1]).await.unwrap();
    let inputs = lineage(&cairn.client, &ids[2], LineageDirection::Inputs, 0).await;
    assert_eq!(
        inputs.derivations.len(),
        3,
        "a step through what is gone is still known"
    );
    assert!(
        inputs
            .artifacts
            .iter()
            .all(|artifact| artifact.artifact_id != ids[1])
    );
    cairn.collect_everything().await;
    let inputs = lineage(&cairn.client, &ids[2], LineageDirection::Inputs, 0).await;
    assert_eq!(inputs.derivations.len(), 3);

    let too_deep = GetLineageRequest {
        artifact_id: ids[0].clone(),
        max_depth: 17,
        ..GetLineageRequest::default()
    };
    let refusal = refused(cairn.client.artifacts.clone().get_lineage(too_deep).await);
    assert_eq!(refusal.fields, ["max_depth"]);
}
