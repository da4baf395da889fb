//! The first key of a deployment: shown once, on standard output, and in no log.

use harness::{
    Bytes, Cairn, Setup,
    program::{self, Done, program},
};

async fn api(cairn: &Cairn, args: &[&str]) -> Done {
    let mut command = program::command(program("cairn-api").await);
    command
        .args(args)
        .env("CAIRN_DATABASE_URL", &cairn.config.database_url)
        .env("CAIRN_BLOB_DIR", "/tmp")
        .env("CAIRN_LOG", "debug");
    program::run(&mut command).await
}

fn text(done: &Done) -> &str {
    std::str::from_utf8(&done.stdout).unwrap().trim()
}

async fn scopes(cairn: &Cairn, key: &str) -> usize {
    let client = harness::Client::connect(&cairn.grpc_url, Some(key)).await;
    let me = client
        .identity
        .clone()
        .who_am_i(cairn_proto::v1::WhoAmIRequest {})
        .await;
    me.unwrap().into_inner().scopes.len()
}

#[tokio::test]
async fn the_first_key_is_printed_once_and_never_logged() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let done = api(&cairn, &["admin", "bootstrap"]).await.ok();
    let key = text(&done);
    assert_eq!(scopes(&cairn, key).await, 8);
    assert!(!done.stderr.contains(key), "{}", done.stderr);
    let again = api(&cairn, &["admin", "bootstrap"]).await;
    again.with_code(1).saying("already");
}

#[tokio::test]
async fn the_first_key_comes_from_a_secret_as_often_as_asked() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let made = api(&cairn, &["admin", "new-secret"]).await.ok();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, &made.stdout).unwrap();
    let key = text(&made);
    let file = file.to_str().unwrap();
    for _ in 0..2 {
        let done = api(&cairn, &["admin", "bootstrap", "--secret-file", file]).await;
        let done = done.ok();
        assert!(done.stdout.is_empty() && !done.stderr.contains(key));
    }
    assert_eq!(scopes(&cairn, key).await, 8);
    std::fs::write(file, "ck_short").unwrap();
    let wrong = api(&cairn, &["admin", "bootstrap", "--secret-file", file]).await;
    wrong.with_code(1).saying("new-secret");
}
