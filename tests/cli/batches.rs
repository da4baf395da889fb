//! Many small files, which share calls.

use serde_json::Value;

use super::{Shell, each, impostor::Impostor, start, text};
use harness::content;

/// Writes files whose contents differ, the first of them empty.
fn write_files(shell: &Shell, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|n| format!("{n:03}.txt")).collect();
    for (n, name) in names.iter().enumerate() {
        shell.write(&format!("out/{name}"), "x".repeat(n));
    }
    names
}

/// The values of this field of what was pushed.
fn values(pushed: &Value, field: &str) -> Vec<String> {
    let values = each(&pushed["artifacts"], field);
    values
        .into_iter()
        .map(|value| text(value).to_owned())
        .collect()
}

#[tokio::test]
async fn small_files_of_a_folder_share_calls() {
    let impostor = Impostor::who_takes_anything().await;
    let shell = Shell::at(&impostor.address.to_string(), "key").await;
    let names = write_files(&shell, 300);
    let pushed = shell.json(&["push", "out", "--session=run"]).await;
    assert_eq!(values(&pushed, "filename"), names);
    let calls = impostor.calls.lock().unwrap();
    assert_eq!(calls.iter().sum::<usize>(), 300);
    assert!(calls.iter().all(|items| *items <= 100), "{calls:?}");
    assert!(calls.len() < 300, "{calls:?}");
}

#[tokio::test]
async fn a_refused_file_leaves_the_others_of_its_call_pushed() {
    let (_cairn, shell) = start().await;
    let names = write_files(&shell, 40);
    shell.write("out/a\\b", "a name that the server refuses");
    let push = ["push", "out", "--session=run"];
    let done = shell.run(&push).await.with_code(1);
    let done = done.saying("a\\b: spec.filename");
    let first = done.json();
    assert_eq!(values(&first, "filename"), names);
    // Every file has a key of its own, so that the same push finds what is there.
    let again = shell.run(&push).await.with_code(1).json();
    assert_eq!(values(&first, "artifact_id"), values(&again, "artifact_id"));
}

#[tokio::test]
async fn a_damaged_file_leaves_the_others_of_its_call_pulled() {
    let (cairn, shell) = start().await;
    let mut names = write_files(&shell, 40);
    let large = content(100 << 10);
    shell.write("out/020.bin", &large);
    shell.run(&["push", "out", "--session=run"]).await.ok();
    let pull = ["pull", "--session=run", "-o", "in"];
    let pulled = shell.json(&pull).await;
    assert_eq!(pulled["artifacts"].as_array().unwrap().len(), 41);
    assert_eq!(shell.read("in/020.bin"), large);
    std::fs::remove_dir_all(shell.path("in")).unwrap();

    let mut flipped = large;
    flipped[50_000] ^= 1;
    cairn.corrupt(&flipped).await;
    shell.run(&pull).await.with_code(2).saying("020.bin");
    names.sort();
    assert_eq!(shell.entries("in"), names);
    assert_eq!(shell.read("in/000.txt"), b"");
    assert_eq!(shell.read("in/039.txt"), "x".repeat(39).as_bytes());
}
