//! The files of a folder that `cairn push` and `cairn sidecar` push, which are the same.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
};

use serde_json::Value;

use super::{Shell, artifacts, each, sidecar::Sidecar, start, text};
use harness::program::Done;

/// The output of push and of the sidecar for the folder `out`, of which both must push these files.
async fn both_push(shell: &Shell, flags: &[&str], expected: &[&str]) -> [String; 2] {
    let args = [&["push", "out", "--session=pushed"], flags].concat();
    let done = shell.run(&args).await.ok();
    assert_eq!(names(&done), expected);
    let sidecar = Sidecar::start(shell, &[&["--once"], flags].concat());
    let (mut pushed, words) = sidecar.ended(0).await;
    pushed.sort();
    assert_eq!(pushed, expected);
    [done.stderr, words]
}

fn names(done: &Done) -> Vec<String> {
    let pushed = done.json();
    let names = each(&pushed["artifacts"], "filename");
    names
        .into_iter()
        .map(|name| text(name).to_owned())
        .collect()
}

#[tokio::test]
async fn links_that_stay_in_a_folder_are_what_they_lead_to() {
    let (cairn, shell) = start().await;
    for name in ["out/epoch3.ckpt", "out/runs/7/a.txt", "secret"] {
        shell.write(name, name);
    }
    symlink("epoch3.ckpt", shell.path("out/last.ckpt")).unwrap();
    symlink(shell.path("out/runs/7"), shell.path("out/latest")).unwrap();
    symlink(shell.path("secret"), shell.path("out/secret")).unwrap();
    symlink("missing", shell.path("out/nowhere")).unwrap();
    symlink("..", shell.path("out/runs/up")).unwrap();
    let expected = ["epoch3.ckpt", "last.ckpt", "latest/a.txt", "runs/7/a.txt"];
    for words in both_push(&shell, &[], &expected).await {
        for told in [
            "skipped out/secret: a symbolic link that leads out",
            "skipped out/nowhere: a symbolic link that leads nowhere",
            "skipped out/runs/up: a symbolic link that leads back",
        ] {
            assert_eq!(words.matches(told).count(), 1, "{told:?} in {words}");
        }
    }
    let listed = shell.json(&["ls", "--session=run"]).await;
    for artifact in listed["artifacts"].as_array().unwrap() {
        if artifact["filename"] == "last.ckpt" {
            let id = text(&artifact["artifact_id"]);
            assert_eq!(cairn.client.download(id).await.unwrap(), b"out/epoch3.ckpt");
        }
    }
}

#[tokio::test]
async fn hidden_and_unfinished_files_are_pushed_only_when_asked_for() {
    let (_cairn, shell) = start().await;
    for name in [
        ".env",
        ".git/config",
        "a.tmp",
        "a.part",
        "a.txt~",
        "b/.c",
        "a.txt",
    ] {
        shell.write(&format!("out/{name}"), name);
    }
    for words in both_push(&shell, &[], &["a.txt"]).await {
        assert!(
            words
                .contains("skipped as hidden, which --hidden pushes: out/.env, out/.git, out/b/.c"),
            "{words}"
        );
        assert!(
            words.contains("out/a.part, out/a.tmp, out/a.txt~"),
            "{words}"
        );
    }
    let all = [
        ".env",
        ".git/config",
        "a.part",
        "a.tmp",
        "a.txt",
        "a.txt~",
        "b/.c",
    ];
    for words in both_push(&shell, &["--hidden", "--exclude=nothing"], &all).await {
        assert!(
            words.contains("keys or passwords, which --exclude leaves out: .env, .git/config"),
            "{words}"
        );
    }
}

#[tokio::test]
async fn patterns_and_ignore_files_leave_files_out() {
    let (_cairn, shell) = start().await;
    for name in [
        "a.log",
        "b/a.log",
        "b/keep.log",
        "cache/x",
        "c.txt",
        "b/id_rsa",
    ] {
        shell.write(&format!("out/{name}"), name);
    }
    shell.write("out/.cairnignore", "# Not these.\n*.log\n/cache/\n");
    shell.write("out/b/.cairnignore", "!keep.log\n");
    let [pushed, watched] = both_push(&shell, &[], &["b/id_rsa", "b/keep.log", "c.txt"]).await;
    for words in [pushed, watched] {
        assert!(
            words.contains("which --exclude leaves out: b/id_rsa"),
            "{words}"
        );
        assert!(
            words.contains("left out by .cairnignore: out/a.log"),
            "{words}"
        );
    }
    both_push(
        &shell,
        &["--exclude=id_*", "--exclude=*.txt"],
        &["b/keep.log"],
    )
    .await;
    // An invalid pattern must not push files that should be left out.
    fs::write(shell.path("out/b/.cairnignore"), b"caf\xe9").unwrap();
    let done = shell.run(&["push", "out"]).await.with_code(1);
    assert_eq!(names(&done.saying("out/b/.cairnignore")), ["c.txt"]);
}

#[tokio::test]
async fn what_cairn_leaves_in_folders_is_never_pushed() {
    let (cairn, shell) = start().await;
    for name in [
        "out/a.txt",
        "out/.cairn-0123456789abcdef.part",
        "out/cairn-data/dev.env",
        "out/cairn-data/lock",
        "out/cairn-data/postgres/data/x",
        "out/blobs/_deployment_id",
        "out/blobs/v1/x",
    ] {
        shell.write(name, name);
    }
    symlink("cairn-data/dev.env", shell.path("out/link")).unwrap();
    for words in both_push(&shell, &["--hidden", "--exclude=nothing"], &["a.txt"]).await {
        for told in [
            "out/cairn-data: a data folder",
            "out/blobs: a data folder",
            "out/link: a data folder",
        ] {
            assert!(words.contains(told), "{told:?} in {words}");
        }
    }
    let before = artifacts(&cairn).await;
    for folder in ["out/cairn-data", "out/cairn-data/postgres/data"] {
        shell
            .run(&["push", folder])
            .await
            .with_code(1)
            .saying("data folder");
        let done = shell
            .run(&["sidecar", folder, "--once", "--session=run"])
            .await;
        done.with_code(1).saying("data folder");
    }
    let done = shell
        .run(&["push", "out/.cairn-0123456789abcdef.part"])
        .await;
    done.with_code(1).saying("never pushed");
    assert_eq!(artifacts(&cairn).await, before);
}

#[tokio::test]
async fn to_store_nothing_is_no_success() {
    let (cairn, shell) = start().await;
    shell.write("elsewhere", "x");
    fs::create_dir(shell.path("out")).unwrap();
    for way in ["empty", "skipped"] {
        if way == "skipped" {
            symlink(shell.path("elsewhere"), shell.path("out/link")).unwrap();
        }
        for flags in [&[][..], &["--atomic", "--session=x"], &["--dry-run"]] {
            let done = shell.run(&[&["push", "out"], flags].concat()).await;
            assert_eq!(done.with_code(1).saying("nothing was pushed").text(), "");
        }
        let once = Sidecar::start(&shell, &["--once", "--seal"]);
        let (_, words) = once.ended(1).await;
        assert!(words.contains("nothing was pushed"), "{words}");
    }
    // Also with the sidecar: there is something, and nothing of it was stored.
    let watched = Sidecar::start(&shell, &[]).watching().await;
    watched.ends(1).await;
    assert_eq!(artifacts(&cairn).await, 0);
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_pushed_and_pushes_nothing() {
    let (cairn, shell) = start().await;
    for name in ["out/a.txt", "out/deep/b.bin", "out/.hidden"] {
        shell.write(name, name);
    }
    let sidecar = ["sidecar", "out", "--dry-run"];
    for verb in [&["push", "out", "--dry-run"][..], &sidecar] {
        let done = shell.run(verb).await.ok().saying("out/.hidden");
        let files: Value = done.json()["files"].clone();
        assert_eq!(each(&files, "filename"), ["a.txt", "deep/b.bin"]);
        assert_eq!(each(&files, "path"), ["out/a.txt", "out/deep/b.bin"]);
        assert_eq!(each(&files, "size_bytes"), [9, 14]);
    }
    assert_eq!(artifacts(&cairn).await, 0);
}

/// A file and a folder of one name are refused before anything is written.
#[tokio::test]
async fn file_and_folder_of_one_name_are_refused_first() {
    let (cairn, shell) = start().await;
    shell.write("data", "a file");
    shell.write("other/data/x.txt", "in a folder");
    let push = ["push", "data", "other", "--session=run"];
    let done = shell
        .run(&push)
        .await
        .with_code(1)
        .saying("nothing was pushed");
    done.saying("data would be a file, and for data/x.txt a folder")
        .saying("--name");
    assert_eq!(artifacts(&cairn).await, 0);
    // One after the other both can be stored.
    shell.json(&["push", "data", "--session=run"]).await;
    shell.json(&["push", "other", "--session=run"]).await;
    shell.push("b.txt", "b", &["--session=run"]).await;
    let pull = ["pull", "--session=run", "-o", "in"];
    let done = shell
        .run(&pull)
        .await
        .with_code(1)
        .saying("nothing was pulled");
    done.saying("data is a file, and for data/x.txt a folder")
        .saying("--except data");
    assert!(!shell.path("in").exists());
    let pulled = shell.json(&[&pull[..], &["--except=data"]].concat()).await;
    assert_eq!(
        each(&pulled["artifacts"], "filename"),
        ["b.txt", "data/x.txt"]
    );
    shell
        .json(&["pull", "--name=data", "--session=run", "-o", "data-file"])
        .await;
    assert_eq!(shell.read("data-file"), b"a file");
}

fn mode(shell: &Shell, name: &str) -> u32 {
    fs::metadata(shell.path(name)).unwrap().permissions().mode() & 0o777
}

fn set_mode(shell: &Shell, name: &str, mode: u32) {
    fs::set_permissions(shell.path(name), Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn what_may_be_run_may_be_run_when_it_is_pulled() {
    let (_cairn, shell) = start().await;
    for (name, before) in [
        ("run.sh", 0o755),
        ("big.bin", 0o700),
        ("plain.txt", 0o644),
        (".hooks/run", 0o755),
    ] {
        let path = format!("out/{name}");
        shell.write(&path, vec![7; if name == "big.bin" { 3 << 20 } else { 3 }]);
        set_mode(&shell, &path, before);
    }
    let push = ["push", "out", "--session=run", "--hidden"];
    let pushed = shell.json(&push).await;
    for artifact in pushed["artifacts"].as_array().unwrap() {
        let kept = &artifact["metadata"]["cairn.executable"];
        assert_eq!(
            kept.is_null(),
            artifact["filename"] == "plain.txt",
            "{artifact}"
        );
    }
    let pull = ["pull", "--session=run", "-o", "in"];
    // Programs run hooks without asking.
    shell
        .run(&pull)
        .await
        .ok()
        .saying("programs may read them unasked: .hooks/run");
    for (name, runs) in [
        ("run.sh", true),
        ("big.bin", true),
        ("plain.txt", false),
        (".hooks/run", false),
    ] {
        let mode = mode(&shell, &format!("in/{name}"));
        assert_eq!(mode & 0o111 != 0, runs, "{name}: {mode:o}");
    }
    // A file that lost its executable bit gets it back, even if its content is the same.
    set_mode(&shell, "in/run.sh", 0o640);
    shell.json(&pull).await;
    assert_eq!(mode(&shell, "in/run.sh"), 0o750);
}

#[tokio::test]
async fn a_file_that_is_replaced_is_for_no_one_else_than_before() {
    let (_cairn, shell) = start().await;
    let small = shell.push("small", "new", &["--session=run"]).await;
    let large = vec![7; 3 << 20];
    let large = shell.push("large", &large, &["--session=run"]).await;
    for artifact in [small, large] {
        let (id, name) = (text(&artifact["artifact_id"]), text(&artifact["filename"]));
        let in_folder = format!("in/{name}");
        for (path, pull) in [
            (name, &["pull", id, "--force"][..]),
            (name, &["pull", id, "-o", name]),
            (&in_folder, &["pull", "--session=run", "-o", "in"]),
        ] {
            shell.write(path, "old");
            set_mode(&shell, path, 0o600);
            shell.json(pull).await;
            assert_eq!(mode(&shell, path), 0o600, "{pull:?}");
            assert_ne!(shell.read(path), b"old");
        }
    }
}
