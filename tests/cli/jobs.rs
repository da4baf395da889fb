//! `cairn job`, and other verbs that start jobs.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Shell, each, start, text};
use harness::{Cairn, Lines, MANY, make_many, program};

const ALL: &str = "--filter=session_id = bulk";

/// A Cairn with more artifacts in the session `bulk` than one call changes.
async fn with_many() -> (Cairn, Shell) {
    let (cairn, shell) = start().await;
    make_many(&cairn).await;
    (cairn, shell)
}

/// The id of a job that deletes all of them, started with --no-wait.
async fn started(shell: &Shell) -> String {
    let removed = shell.json(&["rm", ALL, "--no-wait"]).await;
    text(&removed["job"]["job_id"]).to_owned()
}

/// Runs a command that waits, lets the collector work meanwhile, and returns the command's result.
async fn waited(cairn: &Cairn, shell: &Shell, args: &[&str]) -> program::Done {
    let mut waiting = shell.cairn(args).spawn().unwrap();
    let mut stderr = Lines::of(&mut waiting);
    stderr.until("is under way; waiting for its end").await;
    cairn.collect().await;
    program::end_of(waiting).await
}

/// A large delete is awaited, and prints the same as a small one.
#[tokio::test]
async fn large_delete_is_awaited_and_prints_like_a_small() {
    let (cairn, shell) = with_many().await;
    let would = shell.json(&["rm", ALL, "--dry-run"]).await;
    assert_eq!(would["deleted_count"], MANY);
    let removed = waited(&cairn, &shell, &["rm", ALL]).await.ok().json();
    assert_eq!(removed["deleted"], true);
    assert_eq!(removed["deleted_count"], MANY);
    assert_eq!(removed["size_bytes"], 4 * MANY);
    assert_eq!(removed["job"]["state"], "succeeded");
    assert_eq!(removed["job"]["type"], "delete_artifacts");
    assert_eq!(shell.json(&["ls"]).await["artifacts"], json!([]));
}

#[tokio::test]
async fn large_delete_keeps_and_reports_held_artifacts() {
    let (cairn, shell) = with_many().await;
    let held = shell.push("held.txt", "held", &["--session=bulk"]).await;
    let id = text(&held["artifact_id"]);
    shell.json(&["hold", id]).await;
    let done = waited(&cairn, &shell, &["rm", ALL]).await.with_code(1);
    let job = &done.json()["job"];
    assert_eq!(
        (&job["done_count"], &job["held_count"]),
        (&json!(MANY), &json!(1))
    );
    shell.json(&["inspect", id]).await;
}

/// A large move is awaited, and prints the same as a small one.
#[tokio::test]
async fn large_move_is_awaited_and_prints_like_a_small() {
    let (cairn, shell) = with_many().await;
    let stage = ["stage", "final", ALL, "--agent=reviewer"];
    let moved = waited(&cairn, &shell, &stage).await.ok().json();
    assert_eq!(moved["changed_count"], MANY);
    let job = &moved["job"];
    assert_eq!(
        (&job["type"], &job["stage"]),
        (&json!("set_stage"), &json!("final"))
    );
    assert_eq!(job["agent_id"], "reviewer");
    let count = ["ls", "--stage=final", "--count", "--limit=1"];
    assert_eq!(shell.json(&count).await["total_size"], MANY);
}

#[tokio::test]
async fn who_does_not_wait_gets_the_job_and_can_wait_for_it_later() {
    let (cairn, shell) = with_many().await;
    let removed = shell.json(&["rm", ALL, "--no-wait"]).await;
    assert_eq!(
        (&removed["deleted"], &removed["deleted_count"]),
        (&json!(false), &json!(0))
    );
    let job = &removed["job"];
    assert_eq!(
        (&job["state"], &job["estimated_count"]),
        (&json!("running"), &json!(MANY))
    );
    assert_eq!(job["filter"], "session_id = bulk");
    let id = text(&job["job_id"]);
    assert_eq!(shell.json(&["job", "show", id]).await, *job);
    let ended = waited(&cairn, &shell, &["job", "wait", id]).await.ok();
    let ended = ended.json();
    assert_eq!(
        (&ended["state"], &ended["done_count"]),
        (&json!("succeeded"), &json!(MANY))
    );
    // Nothing is left to wait for.
    let again = shell.run(&["job", "wait", id]).await.ok();
    assert_eq!((again.json(), &*again.stderr), (ended, ""));
    // Small requests start no job.
    let few = shell.json(&["stage", "final", ALL, "--no-wait"]).await;
    assert_eq!(few["changed_count"], 0);
    assert_eq!(few["missing_artifact_ids"], json!([]));
}

/// An interrupt ends the waiting and not the job, and the message says how to find the job.
#[tokio::test]
async fn interrupt_ends_the_waiting_and_not_the_job() {
    let (cairn, shell) = with_many().await;
    let id = started(&shell).await;
    for args in [&["job", "wait", &id][..], &["rm", ALL]] {
        let mut waiting = shell.cairn(args).spawn().unwrap();
        let mut stderr = Lines::of(&mut waiting);
        stderr.until("waiting for its end").await;
        program::signal(&waiting, Signal::INT);
        stderr.until("see it with `cairn job show job_").await;
        assert_eq!(program::end_of(waiting).await.with_code(130).text(), "");
    }
    let running = shell.json(&["job", "ls", "--state=running"]).await;
    assert_eq!(each(&running["jobs"], "state").len(), 2);
    cairn.collect().await;
    let shown = shell.json(&["job", "show", &id]).await;
    assert_eq!(shown["state"], "succeeded");
}

#[tokio::test]
async fn a_job_that_is_cancelled_or_fails_is_a_failure_to_who_waits() {
    let (cairn, shell) = with_many().await;
    let id = started(&shell).await;
    let cancel = ["job", "cancel", &id, "--idempotency-key=k"];
    let cancelled = shell.json(&cancel).await;
    assert_eq!(cancelled["state"], "cancelled");
    assert_eq!(shell.json(&cancel).await, cancelled);
    let done = shell.run(&["job", "wait", &id]).await.with_code(1);
    assert_eq!(done.saying("was cancelled after 0").json(), cancelled);

    let mut waiting = shell.cairn(&["rm", ALL]).spawn().unwrap();
    let mut stderr = Lines::of(&mut waiting);
    stderr.until("waiting for its end").await;
    cairn
        .sql(
            "UPDATE jobs SET state = 'failed', finished_at = now(), last_error = 'no luck'
             WHERE state = 'running'",
        )
        .await;
    let removed = program::end_of(waiting).await.with_code(2).json();
    assert_eq!(removed["job"]["state"], "failed");
    let failed = text(&removed["job"]["job_id"]);
    let done = shell.run(&["job", "wait", failed]).await.with_code(2);
    done.saying("failed after 0, which stay done: no luck");
}

#[tokio::test]
async fn jobs_are_listed_newest_first_by_state_and_in_pages() {
    let (_cairn, shell) = with_many().await;
    let [first, second] = [started(&shell).await, started(&shell).await];
    shell.json(&["job", "cancel", &first]).await;
    let listed = shell.json(&["job", "ls"]).await;
    assert_eq!(each(&listed["jobs"], "job_id"), [&second, &first]);
    let running = shell.json(&["job", "ls", "--state=running"]).await;
    assert_eq!(each(&running["jobs"], "job_id"), [&second]);
    let page = shell.json(&["job", "ls", "--limit=1"]).await;
    assert_eq!(each(&page["jobs"], "job_id"), [&second]);
    let token = text(&page["next_cursor"]);
    let rest = shell.json(&["job", "ls", "--page-token", token]).await;
    assert_eq!(each(&rest["jobs"], "job_id"), [&first]);
    assert_eq!(rest["has_more"], false);
}

#[tokio::test]
async fn the_same_key_leads_to_the_same_job() {
    let (cairn, shell) = with_many().await;
    let rm = ["rm", ALL, "--no-wait", "--idempotency-key=clean up"];
    let first = shell.json(&rm).await;
    assert_eq!(shell.json(&rm).await, first);
    assert_eq!(cairn.count("SELECT count(*) FROM jobs").await, 1);
}

#[tokio::test]
async fn a_job_that_never_was_is_the_callers_mistake() {
    let (_cairn, shell) = start().await;
    for verb in ["show", "wait", "cancel"] {
        let job = ["job", verb, "job_0123456789abcdef", "--json"];
        let done = shell.run(&job).await.with_code(1);
        let error: Value = serde_json::from_str(&done.stderr).unwrap();
        assert_eq!(error["error"]["code"], "job_not_found", "{verb}");
        assert_eq!(error["error"]["status"], 404);
    }
    // Artifacts that are named by id are never left to a job.
    let stage = ["stage", "final", "art_0123456789abcdef", "--no-wait"];
    shell.run(&stage).await.with_code(1).saying("--no-wait");
}
