//! `cairn sidecar`.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, SeekFrom, Write},
};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{process::Child, task::yield_now};

use super::{Shell, artifacts, each, start};
use harness::{Cairn, Lines, Proxy, eventually, program};

/// A settle time at which no file settles.
const UNSETTLED: &str = "--settle=1h";

/// A sidecar of the folder `out`, with a short interval.
pub(super) struct Sidecar {
    pub(super) child: Child,
    printed: Lines,
    pub(super) said: Lines,
}

impl Sidecar {
    pub(super) fn start(shell: &Shell, flags: &[&str]) -> Self {
        Self::at(shell, "", flags)
    }

    /// For a server at this address.
    pub(super) fn at(shell: &Shell, addr: &str, flags: &[&str]) -> Self {
        fs::create_dir_all(shell.path("out")).unwrap();
        let mut args = vec!["sidecar", "out", "--interval=20ms"];
        if !flags.contains(&UNSETTLED) {
            args.push("--settle=300ms");
        }
        let mut command = shell.cairn(&[&args, flags].concat());
        command.env("CAIRN_SESSION_ID", "run");
        if !addr.is_empty() {
            command.env("CAIRN_ADDR", addr);
        }
        Self::of(command)
    }

    pub(super) fn of(mut command: tokio::process::Command) -> Self {
        let mut child = command.spawn().unwrap();
        Self {
            printed: Lines::printed_by(&mut child),
            said: Lines::of(&mut child),
            child,
        }
    }

    /// Waits until it has started, and handles signals.
    pub(super) async fn watching(mut self) -> Self {
        self.said.until("watching out").await;
        self
    }

    /// The next artifact.
    pub(super) async fn pushed(&mut self) -> Value {
        let line = self.printed.next().await.expect("another artifact");
        serde_json::from_str(&line).unwrap()
    }

    /// The filename and the version of the next artifact.
    pub(super) async fn told(&mut self) -> (String, i64) {
        let pushed = self.pushed().await;
        let name = pushed["filename"].as_str().unwrap();
        (name.to_owned(), pushed["version"].as_i64().unwrap())
    }

    /// Sends SIGTERM, and returns what it still pushed and printed.
    pub(super) async fn ends(self, code: i32) -> (Vec<String>, String) {
        program::signal(&self.child, Signal::TERM);
        self.ended(code).await
    }

    pub(super) async fn ended(mut self, code: i32) -> (Vec<String>, String) {
        let mut names = Vec::new();
        while let Some(line) = self.printed.next().await {
            let pushed: Value = serde_json::from_str(&line).unwrap();
            names.push(pushed["filename"].as_str().unwrap().to_owned());
        }
        let mut words = String::new();
        while let Some(line) = self.said.next().await {
            words += &(line + "\n");
        }
        let done = program::end_of(self.child).await;
        assert_eq!(done.code, Some(code), "{words}");
        names.sort();
        (names, words)
    }
}

/// The filenames of the session, each as often as it has versions.
pub(super) async fn names(shell: &Shell) -> Vec<String> {
    let listing = shell.json(&["ls", "--session=run", "--all"]).await;
    let names = each(&listing["artifacts"], "filename");
    let mut names: Vec<_> = names
        .iter()
        .map(|name| super::text(name).to_owned())
        .collect();
    names.sort();
    names
}

pub(super) async fn proxied() -> (Cairn, Shell, Proxy) {
    let (cairn, shell) = start().await;
    let proxy = Proxy::before_tcp(cairn.grpc_url.strip_prefix("http://").unwrap()).await;
    (cairn, shell, proxy)
}

#[tokio::test]
async fn files_become_artifacts_of_the_session() {
    let (_cairn, shell) = start().await;
    let flags = ["--agent=writer", "--meta=topic=launch", "--ttl=1h"];
    let mut sidecar = Sidecar::start(&shell, &flags);
    shell.write("out/deep/er/b.bin", vec![7; 3 << 20]);
    let pushed = sidecar.pushed().await;
    assert_eq!(pushed["filename"], "deep/er/b.bin");
    assert_eq!(pushed["size_bytes"], 3 << 20);
    assert_eq!(
        (
            &pushed["session_id"],
            &pushed["agent_id"],
            &pushed["metadata"]
        ),
        (&json!("run"), &json!("writer"), &json!({"topic": "launch"}))
    );
    let (pushed, words) = sidecar.ends(0).await;
    assert_eq!(pushed, [""; 0]);
    assert_eq!(words, "watching out for session 'run'\n");
    assert_eq!(names(&shell).await, ["deep/er/b.bin"]);
}

#[tokio::test]
async fn a_file_is_not_pushed_while_it_is_written() {
    let (_cairn, shell) = start().await;
    let mut sidecar = Sidecar::start(&shell, &[]);
    shell.write("out/growing.txt", "");
    shell.write("out/still.txt", "still");
    let mut growing = OpenOptions::new()
        .append(true)
        .open(shell.path("out/growing.txt"))
        .unwrap();
    let mut size = 0;
    let writing = async {
        loop {
            growing.write_all(b"x").unwrap();
            size += 1;
            yield_now().await;
        }
    };
    let first = tokio::select! {
        first = sidecar.told() => first,
        () = writing => unreachable!("it goes on"),
    };
    assert_eq!(first, ("still.txt".to_owned(), 1));
    let grown = sidecar.pushed().await;
    assert_eq!(
        (&grown["version"], &grown["size_bytes"]),
        (&json!(1), &json!(size))
    );
    sidecar.ends(0).await;
}

/// A file that changes while it is pushed is pushed whole, and never torn.
#[tokio::test]
async fn file_that_changes_during_a_push_is_never_torn() {
    let (cairn, shell, proxy) = proxied().await;
    // More than fits into the buffers between the file and the proxy.
    let mut content = vec![7; 64 << 20];
    content[16 << 20..][..9].copy_from_slice(b"HOLD-HERE");
    proxy.hold("HOLD-HERE");
    shell.write("out/big.bin", &content);
    let mut sidecar = Sidecar::at(&shell, &proxy.address.to_string(), &[]);
    eventually("it is under way", async || proxy.holds()).await;
    let mut file = File::options()
        .write(true)
        .open(shell.path("out/big.bin"))
        .unwrap();
    file.seek(SeekFrom::End(-3)).unwrap();
    file.write_all(b"new").unwrap();
    proxy.release();
    assert_eq!(sidecar.told().await, ("big.bin".to_owned(), 1));
    sidecar.ends(0).await;
    shell
        .json(&["pull", "--name=big.bin", "--session=run", "-o", "back"])
        .await;
    assert!(shell.read("back") == shell.read("out/big.bin"));
    assert_eq!(artifacts(&cairn).await, 1);
}

/// A file that changes becomes the next version, and one that is only touched does not.
#[tokio::test]
async fn changed_file_is_a_version_touched_one_is_not() {
    let (cairn, shell) = start().await;
    let mut sidecar = Sidecar::start(&shell, &[]);
    // Earlier content that comes back is a version, too.
    for (content, version) in [("a", 1), ("b", 2), ("a", 3)] {
        shell.write("out/a.txt", content);
        assert_eq!(sidecar.told().await, ("a.txt".to_owned(), version));
    }
    shell.write("out/a.txt", "a");
    let again = sidecar.pushed().await;
    assert_eq!(
        (&again["version"], &again["existing"]),
        (&json!(3), &json!(true))
    );
    assert_eq!(sidecar.ends(0).await.0, [""; 0]);
    assert_eq!(artifacts(&cairn).await, 3);
}

#[tokio::test]
async fn at_its_end_it_pushes_also_what_has_not_settled() {
    let (_cairn, shell) = start().await;
    for signal in [Signal::TERM, Signal::INT] {
        let sidecar = Sidecar::start(&shell, &[UNSETTLED]).watching().await;
        let name = format!("{}.txt", signal.as_raw());
        shell.write(&format!("out/{name}"), "unsettled");
        program::signal(&sidecar.child, signal);
        let (pushed, _) = sidecar.ended(0).await;
        assert!(pushed.contains(&name), "{pushed:?}");
    }
}

#[tokio::test]
async fn started_anew_it_pushes_nothing_twice_and_brings_nothing_back() {
    let (cairn, shell) = start().await;
    shell.write("out/a.txt", "a");
    shell.write("out/big.bin", vec![7; 3 << 20]);
    let mut sidecar = Sidecar::start(&shell, &[]);
    let pushed = [sidecar.pushed().await, sidecar.pushed().await];
    // Like a container that is killed.
    program::signal(&sidecar.child, Signal::KILL);
    sidecar.child.wait().await.unwrap();
    shell
        .json(&["rm", super::text(&pushed[0]["artifact_id"])])
        .await;
    for _ in 0..2 {
        let mut again = Sidecar::start(&shell, &[]);
        let mut ids =
            [again.pushed().await, again.pushed().await].map(|one| one["artifact_id"].clone());
        ids.sort_by_key(|id| *id != pushed[0]["artifact_id"]);
        assert_eq!(
            ids,
            [&pushed[0], &pushed[1]].map(|one| one["artifact_id"].clone())
        );
        again.ends(0).await;
    }
    assert_eq!(artifacts(&cairn).await, 2);
}

/// With --seal the session is sealed once everything is pushed, and having nothing to push is not a failure.
#[tokio::test]
async fn seal_follows_a_complete_push() {
    let (_cairn, shell) = start().await;
    let nothing = Sidecar::start(&shell, &["--seal"]).watching().await;
    let (_, words) = nothing.ends(0).await;
    assert!(words.contains("no session to seal"), "{words}");
    let sidecar = Sidecar::start(&shell, &["--seal", UNSETTLED])
        .watching()
        .await;
    shell.write("out/a.txt", "a");
    let (pushed, words) = sidecar.ends(0).await;
    assert_eq!(pushed, ["a.txt"]);
    assert!(words.contains("session 'run' is sealed"), "{words}");
    let session = shell.json(&["session", "show", "run"]).await;
    assert_eq!(
        (&session["is_sealed"], &session["artifact_count"]),
        (&json!(true), &json!(1))
    );
}
