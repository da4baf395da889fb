//! Operations on the same artifacts wait for each other and never fail because of it.

use cairn_proto::v1::{
    ArtifactStage, DeleteArtifactsRequest, RestoreArtifactsRequest, SetLegalHoldRequest,
    SetSessionLegalHoldRequest, SetStageRequest, UpdateArtifactRequest,
};
use cairn_store::TenantUpdate;
use futures_util::future::join_all;
use prost_types::FieldMask;
use rand::seq::SliceRandom;
use tonic::Status;

use harness::{Bytes, Client, Setup, refused, session_spec};

/// One operation of a kind on these artifacts.
async fn operate(
    client: &Client,
    kind: usize,
    round: usize,
    ids: Vec<String>,
) -> Result<(), Status> {
    let (mut artifacts, mut sessions) = (client.artifacts.clone(), client.sessions.clone());
    match kind {
        0 => {
            let stage = [ArtifactStage::Draft, ArtifactStage::Review][round % 2];
            let request = SetStageRequest {
                stage: stage.into(),
                artifact_ids: ids,
                ..SetStageRequest::default()
            };
            artifacts.set_stage(request).await.map(drop)
        }
        1 => {
            let request = SetStageRequest {
                stage: ArtifactStage::Final.into(),
                filter: "session_id = run".into(),
                ..SetStageRequest::default()
            };
            artifacts.set_stage(request).await.map(drop)
        }
        2 => {
            let request = SetLegalHoldRequest {
                artifact_ids: ids,
                legal_hold: round.is_multiple_of(2),
                ..Default::default()
            };
            artifacts.set_legal_hold(request).await.map(drop)
        }
        3 => {
            let request = SetSessionLegalHoldRequest {
                session_id: "run".into(),
                legal_hold: round.is_multiple_of(2),
                ..Default::default()
            };
            sessions.set_session_legal_hold(request).await.map(drop)
        }
        4 => {
            let request = DeleteArtifactsRequest {
                artifact_ids: ids,
                ..DeleteArtifactsRequest::default()
            };
            artifacts.delete_artifacts(request).await.map(drop)
        }
        5 => {
            let request = RestoreArtifactsRequest {
                artifact_ids: ids,
                ..Default::default()
            };
            artifacts.restore_artifacts(request).await.map(drop)
        }
        _ => {
            let request = UpdateArtifactRequest {
                artifact_id: ids[0].clone(),
                update_mask: Some(FieldMask {
                    paths: vec!["title".into()],
                }),
                title: format!("{round}"),
                ..UpdateArtifactRequest::default()
            };
            artifacts.update_artifact(request).await.map(drop)
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bulk_operations_on_the_same_artifacts_never_deadlock() {
    let cairn = Setup::on(Bytes::Files)
        .config(|config| config.database_connections = 16)
        .start()
        .await;
    // Restoring waits for the tenant's other writes then.
    let quota = TenantUpdate {
        max_artifacts: Some(Some(1_000_000)),
        ..TenantUpdate::default()
    };
    assert!(cairn.store.update_tenant("acme", quota).await.unwrap());
    let mut ids = Vec::new();
    for i in 0..40 {
        let made = cairn
            .client
            .create(session_spec(&format!("{i}"), "run"), "x")
            .await;
        ids.push(made.unwrap().artifact_id);
    }
    let operators = (0..14).map(|operator| {
        let (client, mut ids) = (cairn.client.clone(), ids.clone());
        tokio::spawn(async move {
            for round in 0..12 {
                // Each names them in its own order.
                ids.shuffle(&mut rand::rng());
                if let Err(status) = operate(&client, operator % 7, round, ids.clone()).await {
                    let reason = refused::<()>(Err(status)).reason;
                    assert_eq!(
                        reason, "ARTIFACT_DELETED",
                        "the only thing to be in the way"
                    );
                }
            }
        })
    });
    let operators: Vec<_> = operators.collect();
    let seal = cairn.client.seal("run");
    let (sealed, done) = futures_util::join!(seal, join_all(operators));
    sealed.unwrap();
    for operator in done {
        operator.unwrap();
    }
}
