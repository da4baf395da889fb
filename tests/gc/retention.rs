//! Rows past their retention.

use cairn_proto::v1::{ArtifactSpec, ListManifestRequest};
use tonic::Code;

use harness::{Bytes, Cairn, Setup, content, refused, session_spec, spec};

async fn purged(cairn: &Cairn, spec: ArtifactSpec) -> String {
    let made = cairn.client.create(spec, "x").await.unwrap();
    cairn.client.delete(&made.artifact_id).await.unwrap();
    cairn.collect_everything().await;
    made.artifact_id
}

async fn is_there(cairn: &Cairn, id: &str) -> bool {
    let count = format!("SELECT count(*) FROM artifacts WHERE id = '{id}'");
    cairn.count(&count).await == 1
}

const LATER: &str = "UPDATE artifacts SET forget_after = now() WHERE forget_after IS NOT NULL";

/// The row of a purged artifact is deleted after its retention, and its version is not assigned again.
#[tokio::test]
async fn purged_row_goes_and_its_version_is_not_reused() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let id = purged(&cairn, spec("a")).await;
    let kept = cairn.client.create(spec("kept"), "y").await.unwrap();
    let in_time = "SELECT count(*) FROM artifacts
        WHERE forget_after BETWEEN now() + interval '89 days' AND now() + interval '91 days'";
    assert_eq!(cairn.count(in_time).await, 1);
    assert_eq!(cairn.pass("artifact_rows").await.count("artifact_rows"), 0);
    cairn.sql(LATER).await;
    assert_eq!(cairn.pass("artifact_rows").await.count("artifact_rows"), 1);
    assert!(!is_there(&cairn, &id).await);
    assert_eq!(refused(cairn.client.get(&id).await).code, Code::NotFound);
    let again = cairn.client.create(spec("a"), "z").await.unwrap();
    assert_eq!(again.version, 2);
    assert!(is_there(&cairn, &kept.artifact_id).await);
}

#[tokio::test]
async fn a_manifest_outlives_the_rows_of_its_artifacts() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let made = cairn
        .client
        .create(session_spec("a", "run"), "x")
        .await
        .unwrap();
    let sealed = cairn.client.seal("run").await.unwrap();
    cairn.client.delete(&made.artifact_id).await.unwrap();
    cairn.collect_everything().await;
    cairn.sql(LATER).await;
    let report = cairn.pass("artifact_rows").await;
    assert_eq!(report.count("artifact_rows"), 1, "{report:?}");
    let request = ListManifestRequest {
        session_id: "run".into(),
        ..ListManifestRequest::default()
    };
    let listed = cairn.client.sessions.clone().list_manifest(request).await;
    let entries = listed.unwrap().into_inner().entries;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].artifact_id, made.artifact_id);
    let again = cairn.client.seal("run").await.unwrap();
    assert_eq!(again.manifest_hash, sealed.manifest_hash);
}

/// The row of an artifact that is an input stays as long as its output.
#[tokio::test]
async fn row_of_an_input_stays_with_its_output() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let input = cairn
        .client
        .create(spec("input"), "x")
        .await
        .unwrap()
        .artifact_id;
    let made_of_it = ArtifactSpec {
        inputs: vec![input.clone()],
        ..spec("output")
    };
    let output = cairn
        .client
        .create(made_of_it, "y")
        .await
        .unwrap()
        .artifact_id;
    cairn.client.delete(&input).await.unwrap();
    cairn.collect_everything().await;
    cairn.sql(LATER).await;
    assert!(cairn.pass("artifact_rows").await.is_idle());
    assert!(is_there(&cairn, &input).await);
    let tomorrow = "SELECT count(*) FROM artifacts
        WHERE forget_after BETWEEN now() + interval '23 hours' AND now() + interval '25 hours'";
    assert_eq!(cairn.count(tomorrow).await, 1, "it is asked about again");
    cairn.client.delete(&output).await.unwrap();
    cairn.collect_everything().await;
    for gone in [1, 1] {
        cairn.sql(LATER).await;
        assert_eq!(
            cairn.pass("artifact_rows").await.count("artifact_rows"),
            gone
        );
    }
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 0);
}

/// A link is deleted long after its end, and the row that it leads to not before it.
#[tokio::test]
async fn row_of_a_linked_artifact_outlives_its_link() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let other = cairn.client.create(spec("b"), "x").await.unwrap();
    let link = cairn.client.link(&made.artifact_id).await.unwrap();
    let revoked = cairn.client.link(&other.artifact_id).await.unwrap();
    let open = cairn.client.link(&other.artifact_id).await.unwrap();
    cairn.client.delete(&made.artifact_id).await.unwrap();
    cairn.collect_everything().await;
    cairn.sql(LATER).await;
    assert!(cairn.pass("artifact_rows").await.is_idle());
    let ended = |days: u32| {
        format!(
            "UPDATE links SET expires_at = now() - interval '{days} days' WHERE id = '{}';
             UPDATE links SET revoked_at = now() - interval '{days} days' WHERE id = '{}'",
            link.link_id, revoked.link_id
        )
    };
    cairn.sql(&ended(89)).await;
    assert_eq!(cairn.pass("links").await.count("links"), 0);
    cairn.sql(&ended(91)).await;
    assert_eq!(cairn.pass("links").await.count("links"), 2);
    cairn.sql(LATER).await;
    assert_eq!(cairn.pass("artifact_rows").await.count("artifact_rows"), 1);
    assert_eq!(cairn.get(&open.url).await, 200);
    assert_eq!(cairn.get(&link.url).await, 404);
}

#[tokio::test]
async fn the_row_of_an_object_goes_long_after_its_bytes() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let live = cairn
        .client
        .upload(spec("live"), content(100_000))
        .await
        .unwrap();
    purged(&cairn, spec("a")).await;
    for (days, gone) in [(89, 0), (91, 1)] {
        cairn
            .sql(&format!(
                "UPDATE objects SET gone_at = now() - interval '{days} days' WHERE state = 'gone'"
            ))
            .await;
        assert_eq!(cairn.pass("object_rows").await.count("object_rows"), gone);
    }
    assert_eq!(cairn.count("SELECT count(*) FROM objects").await, 1);
    // The artifact's row does not keep it.
    assert!(cairn.client.download(&live.artifact_id).await.unwrap() == content(100_000));
    cairn.sql(LATER).await;
    assert_eq!(cairn.pass("artifact_rows").await.count("artifact_rows"), 1);
}
