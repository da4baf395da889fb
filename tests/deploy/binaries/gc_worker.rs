//! `cairn-gc-worker`: --once, --dry-run and the loop.

use std::time::Duration;

use cairn_store::{config::BlobConfig, gc::PASSES};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::process::Command;

use harness::{
    Bytes, Cairn, Setup, content, eventually,
    program::{self, program},
    spec,
};

const SIZE: usize = 100 << 10;

/// A Cairn whose deleted artifacts can be collected at once.
async fn start() -> Cairn {
    let setup = Setup::on(Bytes::Files).config(|config| config.delete_window = Duration::ZERO);
    setup.start().await
}

async fn worker(cairn: &Cairn, args: &[&str]) -> Command {
    let BlobConfig::Fs(blobs) = &cairn.config.blobs else {
        panic!("files");
    };
    let mut command = program::command(program("cairn-gc-worker").await);
    command
        .args(args)
        .env("CAIRN_DATABASE_URL", &cairn.config.database_url)
        .env("CAIRN_BLOB_DIR", blobs)
        .env("CAIRN_OPS_ADDR", "127.0.0.1:0")
        .env("CAIRN_DELETE_WINDOW", "0s")
        .env("CAIRN_GC_GRACE", "0s");
    command
}

async fn report(cairn: &Cairn, args: &[&str]) -> Value {
    let done = program::run(&mut worker(cairn, args).await).await;
    done.ok().json()
}

/// An artifact that stays, and one that has been deleted.
async fn with_garbage() -> Cairn {
    let cairn = start().await;
    let client = &cairn.client;
    client.create(spec("kept"), content(SIZE)).await.unwrap();
    let garbage = client.create(spec("garbage"), content(SIZE + 1)).await;
    client.delete(&garbage.unwrap().artifact_id).await.unwrap();
    assert_eq!(cairn.stored().await.len(), 2);
    cairn
}

/// Everything that the collector may change.
async fn state(cairn: &Cairn) -> String {
    let sql = "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
        SELECT a::text FROM artifacts a UNION ALL SELECT o::text FROM objects o
        UNION ALL SELECT q::text FROM gc_queue q UNION ALL SELECT m::text FROM artifact_metadata m
    ) AS lines (line)";
    let row = cairn.database().await.query_one(sql, &[]).await.unwrap();
    row.get(0)
}

#[tokio::test]
async fn once_prints_what_it_did_as_json() {
    let cairn = with_garbage().await;
    let told = report(&cairn, &["--once"]).await;
    for (name, expected) in [
        ("dry_run", json!(false)),
        ("paused", json!(null)),
        ("purged", json!(1)),
        ("condemned", json!(1)),
        ("reclaimed", json!(1)),
        ("bytes", json!(SIZE + 1)),
        ("listed", json!(1)),
        ("looked_at", json!(2)),
        ("failures", json!([])),
    ] {
        assert_eq!(told[name], expected, "{name} in {told}");
    }
    for pass in PASSES {
        for name in pass.counts {
            assert!(told[name].is_u64(), "{name} in {told}");
        }
    }
    assert_eq!(cairn.stored().await.len(), 1);
    let idle = report(&cairn, &["--once"]).await;
    assert_eq!(
        (&idle["purged"], &idle["reclaimed"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn a_dry_run_says_what_is_due_and_changes_nothing() {
    let cairn = with_garbage().await;
    let client = &cairn.client;
    client
        .create(spec("expired"), content(SIZE + 2))
        .await
        .unwrap();
    cairn
        .sql("UPDATE artifacts SET expires_at = now() WHERE filename = 'expired'")
        .await;
    let before = (state(&cairn).await, cairn.stored().await);
    let told = report(&cairn, &["--dry-run"]).await;
    assert_eq!(told["dry_run"], true);
    assert_eq!((&told["expired"], &told["purged"]), (&json!(1), &json!(1)));
    assert_eq!(told["failures"], json!([]));
    assert_eq!((state(&cairn).await, cairn.stored().await), before);
    // And the same again.
    assert_eq!(report(&cairn, &["--dry-run", "--once"]).await, told);
}

#[tokio::test]
async fn worker_loop_collects_until_sigterm() {
    let cairn = start().await;
    let mut command = worker(&cairn, &[]).await;
    command.env("CAIRN_GC_INTERVAL", "50ms");
    for stop in [Signal::TERM, Signal::INT] {
        let running = command.spawn().unwrap();
        // More than once.
        for n in 0..2 {
            let client = &cairn.client;
            let garbage = client.create(spec("garbage"), content(SIZE + n)).await;
            client.delete(&garbage.unwrap().artifact_id).await.unwrap();
            eventually("its bytes are gone", async || {
                cairn.stored().await.is_empty()
            })
            .await;
        }
        program::signal(&running, stop);
        let done = program::end_of(running).await.ok();
        assert_eq!(done.text(), "");
        assert!(done.stderr.contains("reclaimed=1"), "{}", done.stderr);
    }
}

#[tokio::test]
async fn two_loops_at_once_collect_everything_without_a_failure() {
    let cairn = start().await;
    let mut command = worker(&cairn, &[]).await;
    command.env("CAIRN_GC_INTERVAL", "10ms");
    let workers = [command.spawn().unwrap(), command.spawn().unwrap()];
    for n in 0..20 {
        let client = &cairn.client;
        let garbage = client.create(spec("garbage"), content(SIZE + n)).await;
        client.delete(&garbage.unwrap().artifact_id).await.unwrap();
    }
    eventually("everything is collected", async || {
        cairn.stored().await.is_empty()
    })
    .await;
    for worker in workers {
        program::signal(&worker, Signal::TERM);
        let done = program::end_of(worker).await.ok();
        assert!(!done.stderr.contains("ERROR"), "{}", done.stderr);
    }
}

#[tokio::test]
async fn once_without_postgres_reports_the_failures_and_exits_1() {
    let cairn = Setup::on(Bytes::Files).proxied().start().await;
    cairn.postgres_proxy().cut();
    let done = program::run(&mut worker(&cairn, &["--once"]).await).await;
    let report = done.with_code(1).json();
    let failures = report["failures"].as_array().unwrap();
    assert!(!failures.is_empty());
    for failure in failures {
        assert!(failure["pass"].is_string() && failure["error"].is_string());
    }
}

#[tokio::test]
async fn the_loop_outlives_an_outage_of_postgres() {
    let setup = Setup::on(Bytes::Files).proxied();
    let setup = setup.config(|config| config.delete_window = Duration::ZERO);
    let cairn = setup.start().await;
    cairn.postgres_proxy().cut();
    let mut command = worker(&cairn, &[]).await;
    command.env("CAIRN_GC_INTERVAL", "50ms");
    let log = tempfile::NamedTempFile::new().unwrap();
    let running = command.stderr(log.reopen().unwrap()).spawn().unwrap();
    eventually("it has failed", async || {
        std::fs::read_to_string(log.path())
            .unwrap()
            .contains("ERROR")
    })
    .await;
    cairn.postgres_proxy().restore();
    let client = &cairn.client;
    eventually("there is garbage", async || {
        match client.create(spec("garbage"), content(SIZE)).await {
            Ok(garbage) => client.delete(&garbage.artifact_id).await.is_ok(),
            Err(_) => false,
        }
    })
    .await;
    eventually("it is collected", async || cairn.stored().await.is_empty()).await;
    program::signal(&running, Signal::TERM);
    program::end_of(running).await.ok();
}
