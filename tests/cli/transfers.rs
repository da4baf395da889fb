//! Interrupted transfers of large files, and transfers of files that already exist.

use std::{fs, os::unix::fs::MetadataExt};

use rustix::process::Signal;

use super::{Shell, artifacts, each, start, text};
use harness::{Cairn, Lines, Proxy, content, eventually, program};

/// A shell whose connection to the server can fail.
async fn proxied() -> (Cairn, Shell, Proxy) {
    let (cairn, _) = start().await;
    let proxy = Proxy::before_tcp(cairn.grpc_url.strip_prefix("http://").unwrap()).await;
    let shell = Shell::at(&proxy.address.to_string(), &cairn.key).await;
    (cairn, shell, proxy)
}

#[tokio::test]
async fn a_pull_that_breaks_off_goes_on_where_it_was() {
    let (_cairn, shell, proxy) = proxied().await;
    let size = 40 << 20;
    let content = content(size);
    let pushed = shell.push("a.bin", &content, &["--session=run"]).await;
    let id = text(&pushed["artifact_id"]);
    let pulls: [&[&str]; 3] = [
        &["pull", id, "-o", "b.bin"],
        &["pull", "--session=run", "-o", "in"],
        &["pull", id, "-o", "-"],
    ];
    for (pull, path) in pulls.into_iter().zip(["b.bin", "in/a.bin", ""]) {
        let before = proxy.passed();
        proxy.break_after(size / 2);
        let done = shell.run(pull).await.ok().saying("lost the server");
        assert!(proxy.has_broken());
        let pulled = if path.is_empty() {
            done.stdout
        } else {
            shell.read(path)
        };
        assert!(pulled == content, "{pull:?}");
        // Only the part that was in transit is sent again.
        let passed = proxy.passed() - before;
        assert!(passed < (size + (18 << 20)) as u64, "{pull:?}: {passed}");
    }
}

#[tokio::test]
async fn a_pull_goes_on_as_long_as_it_gets_on() {
    let (_cairn, shell, proxy) = proxied().await;
    let content = content(14 << 20);
    let pushed = shell.push("a.bin", &content, &[]).await;
    let pull = ["pull", text(&pushed["artifact_id"]), "-o", "b.bin"];
    let breaks = async {
        // More often than a call without progress is retried.
        for _ in 0..7 {
            proxy.break_after(3 << 19);
            eventually("it breaks", async || proxy.has_broken()).await;
        }
    };
    let (done, ()) = tokio::join!(shell.run(&pull), breaks);
    done.ok();
    assert!(shell.read("b.bin") == content);
}

#[tokio::test]
async fn small_files_are_asked_for_again_when_they_are_lost() {
    let (_cairn, shell, proxy) = proxied().await;
    for n in 0..40 {
        shell.write(&format!("out/{n}"), content(10_000 + n));
    }
    shell.json(&["push", "out", "--session=run"]).await;
    proxy.break_after(200_000);
    let pull = ["pull", "--session=run", "-o", "in"];
    shell.run(&pull).await.ok().saying("trying again");
    for n in 0..40 {
        assert!(shell.read(&format!("in/{n}")) == content(10_000 + n), "{n}");
    }
}

#[tokio::test]
async fn what_is_there_with_the_right_content_is_not_fetched_again() {
    let (_cairn, shell, proxy) = proxied().await;
    for (name, size) in [
        ("small", 900 << 10),
        ("large", 8 << 20),
        ("changed", 900 << 10),
    ] {
        shell.write(&format!("out/{name}"), content(size));
    }
    shell.json(&["push", "out", "--session=run"]).await;
    let pull = ["pull", "--session=run", "-o", "in"];
    let pulled = shell.json(&pull).await;
    assert_eq!(
        each(&pulled["artifacts"], "unchanged"),
        [false, false, false]
    );
    let inode = |name: &str| fs::metadata(shell.path(name)).unwrap().ino();
    let before = ["in/large", "in/small"].map(inode);
    // Other content of the same length.
    let mut other = content(900 << 10);
    other[7] ^= 1;
    shell.write("in/changed", other);
    let passed = proxy.passed();
    let pulled = shell.json(&pull).await;
    assert_eq!(each(&pulled["artifacts"], "unchanged"), [false, true, true]);
    assert!(proxy.passed() - passed < 1 << 20);
    assert_eq!(["in/large", "in/small"].map(inode), before);
    assert!(shell.read("in/changed") == content(900 << 10));
    // Also under its stored name, where no other file is replaced.
    let id = shell.json(&["push", "out/small"]).await;
    let pull = ["pull", text(&id["artifact_id"])];
    assert_eq!(shell.json(&pull).await["unchanged"], false);
    assert_eq!(shell.json(&pull).await["unchanged"], true);
}

#[tokio::test]
async fn interrupted_push_prints_what_is_stored() {
    let (cairn, shell) = start().await;
    for name in ["a.txt", "b.txt"] {
        shell.write(name, name);
    }
    // A pipe without a writer.
    let mut mkfifo = std::process::Command::new("mkfifo");
    assert!(mkfifo.arg(shell.path("pipe")).status().unwrap().success());
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let push = ["push", "a.txt", "pipe", "b.txt", "--no-idempotency-key"];
        let before = artifacts(&cairn).await;
        let push = shell.cairn(&push).spawn().unwrap();
        eventually("the others are stored", async || {
            artifacts(&cairn).await == before + 2
        })
        .await;
        program::signal(&push, signal);
        let done = program::end_of(push).await.with_code(code);
        let told = done.saying("of 3 were pushed").json();
        // An answer may still have been in transit.
        let told = each(&told["artifacts"], "filename").len();
        assert!(told <= 2, "{told}");
    }
}

#[tokio::test]
async fn interrupted_pull_prints_what_was_written() {
    let (_cairn, shell, proxy) = proxied().await;
    for name in ["a.txt", "b.txt"] {
        shell.write(&format!("out/{name}"), name);
    }
    shell.write("out/z.bin", content(64 << 20));
    shell.json(&["push", "out", "--session=run"]).await;
    proxy.cut_after(32 << 20);
    let pull = ["pull", "--session=run", "-o", "in"];
    let mut pull = shell.cairn(&pull).spawn().unwrap();
    let mut said = Lines::of(&mut pull);
    said.until("trying again").await;
    program::signal(&pull, Signal::TERM);
    said.until("interrupted: 2 of 3 were pulled").await;
    let done = program::end_of(pull).await.with_code(143);
    let pulled = done.json();
    assert_eq!(each(&pulled["artifacts"], "filename"), ["a.txt", "b.txt"]);
    assert_eq!(shell.entries("in"), ["a.txt", "b.txt"]);
}
