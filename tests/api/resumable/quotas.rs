//! An open upload reserves its room in the quota, and gives it back when it ends.

use cairn_store::TenantUpdate;

use super::MIB;
use harness::{Bytes, Cairn, Setup, content, refused, spec};

async fn limited(bytes: u64, artifacts: Option<u64>) -> Cairn {
    let cairn = Setup::on(Bytes::Files).start().await;
    limit(&cairn, bytes, artifacts).await;
    cairn
}

async fn limit(cairn: &Cairn, bytes: u64, artifacts: Option<u64>) {
    let update = TenantUpdate {
        max_stored_bytes: Some(Some(bytes)),
        max_artifacts: Some(artifacts),
        ..TenantUpdate::default()
    };
    assert!(cairn.store.update_tenant("acme", update).await.unwrap());
}

#[tokio::test]
async fn open_upload_reserves_its_room() {
    let cairn = limited(1000, Some(3)).await;
    let client = &cairn.client;
    let mut declared = spec("a");
    declared.size_bytes = Some(600);
    let id = client
        .start_upload(declared.clone())
        .await
        .unwrap()
        .upload_id;
    assert_eq!(
        refused(client.start_upload(declared).await).reason,
        "QUOTA_EXCEEDED"
    );
    assert_eq!(
        refused(client.create(spec("b"), content(401)).await).reason,
        "QUOTA_EXCEEDED"
    );
    client.create(spec("b"), content(400)).await.unwrap();
    client.write_upload(&id, 0, content(600)).await.unwrap();
    client.finish_upload(&id).await.unwrap();
    assert_eq!(
        refused(client.create(spec("c"), content(1)).await).reason,
        "QUOTA_EXCEEDED"
    );
    client.create(spec("c"), vec![]).await.unwrap();
    assert_eq!(
        refused(client.start_upload(spec("d")).await).reason,
        "QUOTA_EXCEEDED"
    );
}

#[tokio::test]
async fn upload_without_a_size_reserves_what_arrives() {
    let cairn = limited(20 * MIB as u64, None).await;
    let client = &cairn.client;
    let id = client.start_upload(spec("a")).await.unwrap().upload_id;
    client
        .write_upload(&id, 0, content(12 * MIB))
        .await
        .unwrap();
    let refusal = refused(client.upload(spec("b"), content(9 * MIB)).await);
    assert_eq!(refusal.reason, "QUOTA_EXCEEDED");
    let more = client
        .write_upload(&id, 12 * MIB as i64, content(9 * MIB))
        .await;
    assert_eq!(refused(more).reason, "QUOTA_EXCEEDED");
    client.abort_upload(&id).await.unwrap();
    client.upload(spec("b"), content(9 * MIB)).await.unwrap();
}

/// A quota that shrinks meanwhile refuses the finish, which can be repeated when there is room again.
#[tokio::test]
async fn quota_that_shrinks_refuses_the_finish_until_there_is_room() {
    let cairn = limited(20 * MIB as u64, None).await;
    let client = &cairn.client;
    let id = client.start_upload(spec("a")).await.unwrap().upload_id;
    client
        .write_upload(&id, 0, content(12 * MIB))
        .await
        .unwrap();
    limit(&cairn, MIB as u64, None).await;
    for _ in 0..2 {
        assert_eq!(
            refused(client.finish_upload(&id).await).reason,
            "QUOTA_EXCEEDED"
        );
    }
    limit(&cairn, 20 * MIB as u64, None).await;
    let artifact = client.finish_upload(&id).await.unwrap();
    assert!(client.download(&artifact.artifact_id).await.unwrap() == content(12 * MIB));
}
