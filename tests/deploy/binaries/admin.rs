//! `cairn admin`, `--only`, and the checks at every start.

use cairn_store::config::BlobConfig;
use serde_json::{Value, json};
use tokio::process::Command;

use super::Deployment;
use harness::{
    Bytes, Cairn, Setup, content,
    program::{self, Done, program},
    s3, spec,
};

/// A program with the settings of a Cairn whose bytes are in files.
async fn command(cairn: &Cairn, name: &str, args: &[&str]) -> Command {
    let BlobConfig::Fs(blobs) = &cairn.config.blobs else {
        panic!("files");
    };
    let mut command = program::command(program(name).await);
    command
        .args(args)
        .env("CAIRN_DATABASE_URL", &cairn.config.database_url)
        .env("CAIRN_BLOB_DIR", blobs)
        .env("CAIRN_GC_WORKER", "night-shift");
    command
}

async fn admin(cairn: &Cairn, args: &[&str]) -> Done {
    let mut command = command(cairn, "cairn", &["admin"]).await;
    program::run(command.args(args)).await
}

async fn worker(cairn: &Cairn, args: &[&str]) -> Value {
    let done = program::run(&mut command(cairn, "cairn-gc-worker", args).await).await;
    done.ok().json()
}

async fn with_due_bytes() -> Cairn {
    let cairn = Setup::on(Bytes::Files).start().await;
    let made = cairn.client.upload(spec("a"), content(100_000)).await;
    cairn
        .client
        .delete(&made.unwrap().artifact_id)
        .await
        .unwrap();
    cairn.let_time_pass().await;
    cairn.collect().await;
    cairn.let_time_pass().await;
    cairn
}

/// gc pause stops the worker until gc resume, and gc report lists what it deleted.
#[tokio::test]
async fn gc_pause_stops_the_worker_until_resume() {
    let cairn = with_due_bytes().await;
    let pause = ["gc", "pause", "--reason=look first", "--by=kim"];
    let paused = admin(&cairn, &pause).await.ok().json();
    assert_eq!(paused["paused"]["reason"], "look first");
    let told = worker(&cairn, &["--once"]).await;
    assert_eq!(
        (&told["paused"]["by"], &told["reclaimed"]),
        (&json!("kim"), &json!(0))
    );
    let dry = worker(&cairn, &["--dry-run", "--only=reclaim"]).await;
    assert_eq!(dry["would"].as_array().unwrap().len(), 1);
    let would = &dry["would"][0];
    assert_eq!(
        (&would["action"], &would["bytes"]),
        (&json!("delete bytes"), &json!(100_000))
    );
    assert!(
        would["why"]
            .as_str()
            .unwrap()
            .contains("no artifact needs it")
    );
    assert_eq!(would["id"], cairn.stored().await[0]);

    let status = admin(&cairn, &["gc", "status"]).await.ok().json();
    assert_eq!(status["waiting"]["condemned"], 1);
    assert_eq!(status["database"], status["blob_store"]);
    let resumed = admin(&cairn, &["gc", "resume"]).await.ok().json();
    assert_eq!(resumed, json!({"paused": null}));
    worker(&cairn, &["--once"]).await;
    let report = admin(&cairn, &["gc", "report"]).await.ok().json();
    let deletions = report["deletions"].as_array().unwrap();
    assert_eq!(deletions.len(), 1);
    assert_eq!(
        (&deletions[0]["worker"], &deletions[0]["key"]),
        (&json!("night-shift"), &would["id"])
    );
    let object = deletions[0]["object"].as_str().unwrap();
    let of_one = admin(&cairn, &["gc", "report", "--object", object])
        .await
        .ok()
        .json();
    assert_eq!(of_one, report);
}

#[tokio::test]
async fn only_runs_the_passes_that_are_named() {
    let cairn = with_due_bytes().await;
    let told = worker(&cairn, &["--only=expire", "--only=purge"]).await;
    assert_eq!((&told["expired"], &told["purged"]), (&json!(0), &json!(0)));
    assert_eq!(told["reclaimed"], json!(null));
    assert_eq!(cairn.stored().await.len(), 1);
    assert_eq!(worker(&cairn, &["--only=reclaim"]).await["reclaimed"], 1);
    let mut unknown = command(&cairn, "cairn-gc-worker", &["--only=everything"]).await;
    program::run(&mut unknown)
        .await
        .with_code(2)
        .saying("reclaim");
}

#[tokio::test]
async fn fsck_prints_a_report_and_exits_with_2_when_bytes_are_gone() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let made = cairn
        .client
        .upload(spec("a"), content(100_000))
        .await
        .unwrap();
    let sound = admin(&cairn, &["fsck", "--hash"]).await.ok().json();
    assert_eq!(
        (&sound["sound"], &sound["objects"]),
        (&json!(true), &json!(1))
    );
    cairn.remove_blob(&cairn.stored().await[0]).await;
    let damaged = admin(&cairn, &["fsck"]).await.with_code(2).json();
    assert_eq!(damaged["sound"], false);
    assert_eq!(damaged["ghosts"][0]["artifacts"], json!([made.artifact_id]));
}

#[tokio::test]
async fn a_worker_that_finds_damage_exits_with_1() {
    let cairn = Setup::on(Bytes::Files).start().await;
    cairn
        .client
        .upload(spec("a"), content(100_000))
        .await
        .unwrap();
    cairn.remove_blob(&cairn.stored().await[0]).await;
    let mut once = command(&cairn, "cairn-gc-worker", &["--once"]).await;
    let told = program::run(&mut once).await.with_code(1).json();
    assert_eq!(
        (&told["ghosts"], &told["failures"][0]["pass"]),
        (&json!(1), &json!("ghosts"))
    );
}

#[tokio::test]
async fn nothing_starts_on_the_blob_store_of_another_deployment() {
    let theirs = Setup::on(Bytes::Files).start().await;
    let ours = Deployment::new().await;
    ours.api(&["migrate"]).await.ok();
    let BlobConfig::Fs(blobs) = &theirs.config.blobs else {
        panic!("files");
    };
    for (name, args) in [
        ("cairn-api", ["serve"]),
        ("cairn-gc-worker", ["--once"]),
        ("cairn-gc-worker", ["--dry-run"]),
    ] {
        let mut command = ours.command(name, &args).await;
        let done = program::run(command.env("CAIRN_BLOB_DIR", blobs)).await;
        done.with_code(1)
            .saying("CAIRN_BLOB_DIR")
            .saying("is of deployment");
    }
}

#[tokio::test]
async fn nothing_starts_on_a_bucket_whose_rules_expire_what_is_kept() {
    let bucket = s3::bucket().await;
    let ours = Deployment::new().await;
    ours.api(&["migrate"]).await.ok();
    bucket.expire("v1/").await;
    for (name, args) in [("cairn-api", ["serve"]), ("cairn-gc-worker", ["--once"])] {
        let mut command = ours.command(name, &args).await;
        command
            .env_remove("CAIRN_BLOB_DIR")
            .envs(s3::environment(&s3::address().await, &bucket));
        let done = program::run(&mut command).await.with_code(1);
        done.saying("CAIRN_S3_BUCKET").saying("expires objects");
    }
    // A rule for another prefix is ignored.
    bucket.expire("logs/").await;
    let mut once = ours.command("cairn-gc-worker", &["--once"]).await;
    once.env_remove("CAIRN_BLOB_DIR")
        .envs(s3::environment(&s3::address().await, &bucket));
    program::run(&mut once).await.ok();
}
