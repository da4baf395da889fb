//! `cairn pull`: where it writes.

use std::{fs, os::unix::fs::symlink};

use serde_json::Value;
use tokio::io::AsyncReadExt;

use super::{each, start, text};
use harness::{content, program};

/// A file is written to the given path, and replaces an existing one.
#[tokio::test]
async fn pull_to_a_path_replaces_the_file() {
    let (_cairn, shell) = start().await;
    let content = content(3 << 20);
    let pushed = shell.push("a.bin", &content, &[]).await;
    let id = text(&pushed["artifact_id"]);
    shell.write("there.bin", "old");
    for path in ["new.bin", "there.bin"] {
        let pulled = shell.json(&["pull", id, "-o", path]).await;
        assert_eq!(pulled["artifact_id"], id);
        assert_eq!(pulled["content_hash"], pushed["content_hash"]);
        assert_eq!(pulled["path"], path);
        assert!(shell.read(path) == content, "{path}");
    }
    assert_eq!(shell.entries("."), ["a.bin", "new.bin", "there.bin"]);
}

/// Without a path a file gets its stored name here, and replaces nothing unless forced.
#[tokio::test]
async fn pull_without_a_path_replaces_nothing() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "stored", &["--name=deep/b.txt"]).await;
    let id = text(&pushed["artifact_id"]);
    assert_eq!(shell.json(&["pull", id]).await["path"], "b.txt");
    assert_eq!(shell.read("b.txt"), b"stored");

    shell.write("b.txt", "mine");
    let refused = shell.run(&["pull", id]).await.with_code(1);
    assert_eq!(refused.saying("b.txt: exists already").text(), "");
    assert_eq!(shell.read("b.txt"), b"mine");
    shell.run(&["pull", id, "--force"]).await.ok();
    assert_eq!(shell.read("b.txt"), b"stored");
    assert_eq!(shell.entries("."), ["a.txt", "b.txt"]);
}

#[tokio::test]
async fn into_a_folder_a_file_gets_its_stored_base_name() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "stored", &["--name=deep/b.txt"]).await;
    fs::create_dir(shell.path("into")).unwrap();
    let pull = ["pull", text(&pushed["artifact_id"]), "-o", "into"];
    assert_eq!(shell.json(&pull).await["path"], "into/b.txt");
    assert_eq!(shell.read("into/b.txt"), b"stored");
}

#[tokio::test]
async fn standard_output_gets_the_bytes_and_nothing_else() {
    let (_cairn, shell) = start().await;
    for size in [0, 100, (9 << 20) + 1] {
        let content = content(size);
        let pushed = shell.push("a.bin", &content, &[]).await;
        let pull = ["pull", text(&pushed["artifact_id"]), "-o", "-"];
        let done = shell.run(&pull).await.ok();
        assert!(done.stdout == content, "{size}");
        assert_eq!(done.stderr, "");
    }
    assert_eq!(shell.entries("."), ["a.bin"]);
}

#[tokio::test]
async fn a_reader_that_wants_only_the_beginning_makes_no_failure() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.bin", content(9 << 20), &[]).await;
    let pull = ["pull", text(&pushed["artifact_id"]), "-o", "-"];
    let mut child = shell.cairn(&pull).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).await.unwrap();
    drop(stdout);
    assert_eq!(program::end_of(child).await.ok().stderr, "");
}

/// A session is pulled into a folder, each file in its latest version.
#[tokio::test]
async fn session_pull_writes_latest_versions() {
    let (_cairn, shell) = start().await;
    let session = "--session=run";
    for name in ["report.md", "plots/1.png", "plots/more/2.png"] {
        let name_it = format!("--name={name}");
        for version in ["old", "new"] {
            let content = format!("{version} {name}");
            shell.push("tmp", content, &[session, &name_it]).await;
        }
    }
    shell.push("tmp", "other", &["--session=other"]).await;
    // Pulled again, it is updated.
    for _ in 0..2 {
        let pulled = shell.json(&["pull", session, "-o", "into/here"]).await;
        let artifacts = &pulled["artifacts"];
        let names = ["plots/1.png", "plots/more/2.png", "report.md"];
        assert_eq!(each(artifacts, "filename"), names);
        assert_eq!(each(artifacts, "version"), [2, 2, 2]);
        for (name, path) in names.iter().zip(each(artifacts, "path")) {
            assert_eq!(text(path), format!("into/here/{name}"));
            let expected = format!("new {name}");
            assert_eq!(shell.read(text(path)), expected.as_bytes());
        }
        assert_eq!(shell.entries("into/here"), ["plots", "report.md"]);
        shell.write("into/here/report.md", "changed");
    }
}

#[tokio::test]
async fn a_session_of_more_than_a_page_is_pulled_whole() {
    let (_cairn, shell) = start().await;
    let names: Vec<_> = (0..230).map(|n| format!("{n:03}.txt")).collect();
    for name in &names {
        shell.write(&format!("out/{name}"), name);
    }
    shell.json(&["push", "out", "--session=run"]).await;
    shell.json(&["pull", "--session=run", "-o", "in"]).await;
    assert_eq!(shell.entries("in"), names);
}

/// Files of one name that belong to several users never overwrite each other.
#[tokio::test]
async fn same_names_of_several_users_never_overwrite() {
    let (_cairn, shell) = start().await;
    let mut ids = Vec::new();
    for scope in ["--user=ada", "--user=bob", "--namespace=app", "--agent=x"] {
        let pushed = shell.push("a.txt", scope, &["--session=run", scope]).await;
        ids.push(text(&pushed["artifact_id"]).to_owned());
    }
    shell
        .push("b.txt", "b", &["--session=run", "--user=ada"])
        .await;
    let pull = ["pull", "--session=run", "-o", "in"];
    let done = shell.run(&pull).await.with_code(1);
    let mut done = done.saying("narrow it down with --user or --namespace");
    for (id, of) in ids
        .iter()
        .zip(["user ada", "user bob", "namespace app", "no user"])
    {
        done = done.saying(&format!("{id} of {of}"));
    }
    assert!(!done.stderr.contains("b.txt"), "{}", done.stderr);
    assert_eq!(done.text(), "");
    assert!(!shell.path("in").exists());
    for (narrowed, names) in [
        ("--user=ada", &["a.txt", "b.txt"][..]),
        ("--namespace=app", &["a.txt"]),
    ] {
        let pulled = shell.json(&[&pull[..], &[narrowed]].concat()).await;
        assert_eq!(each(&pulled["artifacts"], "filename"), names);
        assert_eq!(shell.read("in/a.txt"), narrowed.as_bytes());
    }
}

#[tokio::test]
async fn no_link_in_the_target_leads_outside() {
    let (_cairn, shell) = start().await;
    for name in ["dir/a.txt", "deep/dir/a.txt", "file.txt", "plain.txt"] {
        let name_it = format!("--name={name}");
        shell.push("tmp", "new", &["--session=run", &name_it]).await;
    }
    shell.write("outside/file.txt", "precious");
    fs::create_dir_all(shell.path("in/deep")).unwrap();
    symlink(shell.path("outside"), shell.path("in/dir")).unwrap();
    symlink("../../outside", shell.path("in/deep/dir")).unwrap();
    symlink("../outside/file.txt", shell.path("in/file.txt")).unwrap();

    let done = shell.run(&["pull", "--session=run", "-o", "in"]).await;
    let done = done.with_code(1);
    let done = done.saying("in/dir: leads through a symbolic link");
    let pulled = done.json();
    let names = ["file.txt", "plain.txt"];
    assert_eq!(each(&pulled["artifacts"], "filename"), names);
    // The link itself is replaced, and not its target.
    assert!(!shell.path("in/file.txt").is_symlink());
    assert_eq!(shell.read("in/file.txt"), b"new");
    assert_eq!(shell.entries("outside"), ["file.txt"]);
    assert_eq!(shell.read("outside/file.txt"), b"precious");
    assert_eq!(shell.entries("in/deep"), ["dir"]);
}

/// Pulling a missing artifact is the caller's mistake, and writes nothing.
#[tokio::test]
async fn missing_artifact_is_the_callers_mistake() {
    let (_cairn, shell) = start().await;
    let mistakes: [(&[&str], &str); 12] = [
        (&["--name=a.txt"], "a.txt"),
        (&["art_0123456789abcdef", "--name=a.txt"], "not both"),
        (&["--session=none", "--user=u", "-o", "x"], "none"),
        (&["--user=u", "-o", "x"], "--name"),
        (&["art_0123456789abcdef", "--version=1"], "--name"),
        (&["art_0123456789abcdef", "-o", "x"], "art_0123456789abcdef"),
        (&["--session=none", "-o", "x"], "none"),
        (&["--session=none"], "--output"),
        // Not everything, which a script with an empty variable would otherwise get.
        (&["--session=", "-o", "x"], "--session"),
        (
            &["--session=none", "-o", "-"],
            "a session is pulled into a directory",
        ),
        (
            &["art_0123456789abcdef", "--session=none", "-o", "x"],
            "--session",
        ),
        (&[], "ID"),
    ];
    for (args, words) in mistakes {
        let done = shell.run(&[&["pull"], args].concat()).await;
        assert_eq!(done.with_code(1).saying(words).text(), "");
        assert_eq!(shell.entries("."), [""; 0], "{args:?}");
    }
}

#[tokio::test]
async fn where_it_cannot_write_it_says_so() {
    let (_cairn, shell) = start().await;
    let pushed: Value = shell.push("a.txt", "a", &[]).await;
    let id = text(&pushed["artifact_id"]);
    for path in ["missing/b.txt", "a.txt/b.txt", "/dev/null"] {
        let done = shell.run(&["pull", id, "-o", path]).await.with_code(1);
        done.saying(path.trim_end_matches("/b.txt"));
    }
    assert_eq!(shell.entries("."), ["a.txt"]);
}
