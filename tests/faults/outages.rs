//! Postgres and S3 fail. Callers get an error, lose nothing, and everything works again without help.

use cairn_proto::v1::{ListArtifactsRequest, WhoAmIRequest};
use tonic::Code;

use harness::{Bytes, Cairn, Refusal, Setup, content, eventually, refused, session_spec, spec};

fn is_unavailable(refusal: &Refusal, dependency: &str) {
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::Unavailable, "UNAVAILABLE")
    );
    assert_eq!(refusal.metadata["dependency"], dependency);
    assert!(refusal.retry_after.is_some());
    for word in ["postgres", "tcp", "refused", "sql"] {
        let message = refusal.message.to_lowercase();
        assert!(!message.contains(word), "{message}: causes are for the log");
    }
}

async fn is_ready(cairn: &Cairn, ready: bool) {
    let expected = if ready { 200 } else { 503 };
    eventually("readiness follows the services", async || {
        cairn.get(&format!("{}/readyz", cairn.ops_url)).await == expected
    })
    .await;
    assert_eq!(cairn.get(&format!("{}/livez", cairn.ops_url)).await, 200);
}

/// Without Postgres every call is UNAVAILABLE, and works again without a restart.
#[tokio::test]
async fn calls_without_postgres_are_unavailable() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    let made = cairn
        .client
        .create(session_spec("a", "run"), "x")
        .await
        .unwrap();
    let link = cairn.client.link(&made.artifact_id).await.unwrap();
    cairn.postgres_proxy().cut();
    let client = cairn.client.clone();
    for refusal in [
        refused(client.create(spec("a"), "x").await),
        refused(client.upload(spec("a"), content(100_000)).await),
        refused(client.get(&made.artifact_id).await),
        refused(client.download(&made.artifact_id).await),
        refused(client.delete(&made.artifact_id).await),
        refused(client.seal("run").await),
        refused(client.link(&made.artifact_id).await),
        refused(
            client
                .artifacts
                .clone()
                .list_artifacts(ListArtifactsRequest::default())
                .await,
        ),
        refused(client.identity.clone().who_am_i(WhoAmIRequest {}).await),
    ] {
        is_unavailable(&refusal, "database");
    }
    let response = reqwest::get(&link.url).await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    is_ready(&cairn, false).await;

    cairn.postgres_proxy().restore();
    is_ready(&cairn, true).await;
    assert_eq!(client.download(&made.artifact_id).await.unwrap(), b"x");
    client.upload(spec("a"), content(100_000)).await.unwrap();
}

#[tokio::test]
async fn without_s3_small_files_go_on_and_large_ones_are_unavailable() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    let large = cairn
        .client
        .upload(spec("a"), content(9 << 20))
        .await
        .unwrap();
    cairn.s3_proxy().cut();
    let small = cairn.client.create(spec("small"), "x").await.unwrap();
    assert_eq!(
        cairn.client.download(&small.artifact_id).await.unwrap(),
        b"x"
    );
    for size in [100_000, 9 << 20] {
        is_unavailable(
            &refused(cairn.client.upload(spec("b"), content(size)).await),
            "blob store",
        );
    }
    is_unavailable(
        &refused(cairn.client.download(&large.artifact_id).await),
        "blob store",
    );
    is_ready(&cairn, false).await;

    cairn.s3_proxy().restore();
    is_ready(&cairn, true).await;
    assert!(cairn.client.download(&large.artifact_id).await.unwrap() == content(9 << 20));
    cairn
        .client
        .upload(spec("b"), content(100_000))
        .await
        .unwrap();
    cairn.collect_everything().await;
    assert_eq!(
        cairn.stored().await.len(),
        2,
        "what had failed left nothing"
    );
}

#[tokio::test]
async fn an_upload_survives_connections_to_s3_that_break() {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    // Every open connection breaks; the store opens new ones and sends the parts again.
    let large = content(40 << 20);
    let upload = cairn.client.upload(spec("a"), large.clone());
    let breaks = async {
        for _ in 0..3 {
            let (proxy, database) = (cairn.s3_proxy(), cairn.database().await);
            let parts = "SELECT count(*) FROM objects WHERE multipart_id IS NOT NULL";
            eventually("parts are on their way", async || {
                database
                    .query_one(parts, &[])
                    .await
                    .unwrap()
                    .get::<_, i64>(0)
                    == 1
            })
            .await;
            proxy.cut();
            proxy.restore();
        }
    };
    let (made, ()) = futures_util::join!(upload, breaks);
    let made = made.unwrap();
    assert!(cairn.client.download(&made.artifact_id).await.unwrap() == large);
}

async fn a_lost_answer_to_the_commit_is_no_second_artifact(size: usize) {
    let cairn = Setup::on(Bytes::S3).proxied().start().await;
    cairn.postgres_proxy().lose_answer_to(b"COMMIT\0");
    let made = cairn
        .client
        .upload(session_spec("a", "run"), content(size))
        .await
        .unwrap();
    assert!(cairn.postgres_proxy().has_lost_it());
    assert_eq!(made.version, 1);
    assert!(!made.deduplicated);
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 1);
    cairn.collect_everything().await;
    assert!(cairn.client.download(&made.artifact_id).await.unwrap() == content(size));
}

/// A lost answer to the commit of a small file creates no second artifact.
#[tokio::test]
async fn lost_commit_answer_of_a_create_adds_nothing() {
    a_lost_answer_to_the_commit_is_no_second_artifact(10).await;
}

/// A lost answer to the commit of an upload creates no second artifact.
#[tokio::test]
async fn lost_commit_answer_of_an_upload_adds_nothing() {
    a_lost_answer_to_the_commit_is_no_second_artifact(100_000).await;
}

#[tokio::test]
async fn a_failed_write_of_the_record_leaves_no_bytes_and_no_name() {
    let cairn = Cairn::start().await;
    cairn
        .sql("ALTER TABLE artifacts ADD CONSTRAINT broken CHECK (false) NOT VALID")
        .await;
    for size in [10, 100_000, 9 << 20] {
        let refusal = refused(
            cairn
                .client
                .upload(session_spec("a", "run"), content(size))
                .await,
        );
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::Internal, "INTERNAL")
        );
        assert!(
            !refusal.message.contains("broken"),
            "causes are for the log"
        );
    }
    cairn
        .sql("ALTER TABLE artifacts DROP CONSTRAINT broken")
        .await;
    assert_eq!(cairn.count("SELECT count(*) FROM sessions").await, 0);
    cairn.collect_everything().await;
    assert!(cairn.stored().await.is_empty());
    assert_eq!(
        cairn
            .client
            .create(session_spec("a", "run"), "")
            .await
            .unwrap()
            .version,
        1
    );
}
