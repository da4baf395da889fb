//! `cairn sidecar` with faults: of the server, the key, the session or the files.

use std::{fs, os::unix::ffi::OsStrExt, path::Path};

use cairn_api::TokenSettings;
use rustix::process::Signal;

use super::{
    Shell, artifacts,
    sidecar::{Sidecar, names, proxied},
    start, started,
};
use harness::{Bytes, Issuer, Setup, program};

/// While the server is down the sidecar retries, and continues when the server is back.
#[tokio::test]
async fn sidecar_retries_until_the_server_is_back() {
    let (cairn, shell, proxy) = proxied().await;
    // From the start.
    proxy.cut();
    let mut sidecar = Sidecar::at(&shell, &proxy.address.to_string(), &[]);
    for name in ["a.txt", "b.txt"] {
        shell.write(&format!("out/{name}"), name);
        let words = sidecar.said.until("trying again in").await;
        assert!(
            words.starts_with(&format!("{name}: lost the server")),
            "{words}"
        );
        proxy.restore();
        assert_eq!(sidecar.told().await, (name.to_owned(), 1));
        proxy.cut();
    }
    // And without an end.
    shell.write("out/c.txt", "c");
    for pause in ["500ms", "1s", "2s"] {
        sidecar
            .said
            .until(&format!("trying again in {pause}"))
            .await;
    }
    proxy.restore();
    assert_eq!(sidecar.ends(0).await.0, ["c.txt"]);
    assert_eq!(artifacts(&cairn).await, 3);
}

/// A sealed session is reported once, and by the exit code.
#[tokio::test]
async fn sealed_session_is_reported_once_and_exits_1() {
    let (_cairn, shell) = start().await;
    let mut sidecar = Sidecar::start(&shell, &[]);
    shell.write("out/a.txt", "a");
    sidecar.told().await;
    shell.json(&["session", "seal", "run"]).await;
    shell.write("out/b.txt", "b");
    sidecar.said.until("b.txt: Session 'run' is sealed").await;
    shell.write("out/c.txt", "c");
    let (pushed, words) = sidecar.ends(1).await;
    assert!(pushed.is_empty() && !words.contains("sealed"), "{words}");
    assert_eq!(names(&shell).await, ["a.txt"]);
}

/// A file that cannot be an artifact is reported by name, and the rest is pushed.
#[tokio::test]
async fn impossible_file_is_named_and_the_rest_pushed() {
    let setup = Setup::on(Bytes::Files).config(|config| config.upload_max_bytes = 1 << 20);
    let (_cairn, shell) = started(setup).await;
    shell.write("out/large.bin", vec![7; (1 << 20) + 1]);
    shell.write("out/back\\slash", "");
    let latin: &Path = std::ffi::OsStr::from_bytes(b"out/caf\xe9").as_ref();
    fs::write(shell.path("").join(latin), "").unwrap();
    shell.write("out/good.txt", "good");
    let mut sidecar = Sidecar::start(&shell, &["--seal"]);
    assert_eq!(sidecar.told().await.0, "good.txt");
    let (pushed, words) = sidecar.ends(1).await;
    assert!(pushed.is_empty());
    for told in ["large.bin: ", "back\\slash: spec", "its name is not UTF-8"] {
        assert_eq!(words.matches(told).count(), 1, "{told:?} in {words}");
    }
    assert!(
        words.ends_with("session 'run' is not sealed, for not everything was pushed\n"),
        "{words}"
    );
    // A corrected file is pushed after all.
    fs::remove_file(shell.path("out").join("back\\slash")).unwrap();
    fs::remove_file(shell.path("").join(latin)).unwrap();
    shell.write("out/large.bin", "smaller");
    let again = Sidecar::start(&shell, &["--once", "--seal"]);
    assert_eq!(again.ended(0).await.0, ["good.txt", "large.bin"]);
    let session = shell.json(&["session", "show", "run"]).await;
    assert_eq!(session["is_sealed"], true);
}

/// A sidecar whose key is in the file `key`.
fn with_key_in_file(shell: &Shell) -> Sidecar {
    fs::create_dir_all(shell.path("out")).unwrap();
    let mut command = shell.cairn(&["sidecar", "out", "--interval=20ms", "--settle=300ms"]);
    command
        .env("CAIRN_SESSION_ID", "run")
        .env_remove("CAIRN_API_KEY")
        .env("CAIRN_API_KEY_FILE", "key");
    Sidecar::of(command)
}

#[tokio::test]
async fn a_key_in_a_file_may_be_exchanged_under_a_sidecar_that_runs() {
    let (cairn, shell) = start().await;
    shell.write("key", format!("{}\n", cairn.key));
    let mut sidecar = with_key_in_file(&shell);
    shell.write("out/a.txt", "a");
    assert_eq!(sidecar.told().await.0, "a.txt");
    cairn.sql("UPDATE api_keys SET revoked_at = now()").await;
    shell.write("out/b.txt", "b");
    let words = sidecar.said.until("trying again").await;
    assert!(
        words.starts_with("b.txt: ") && words.contains("key"),
        "{words}"
    );
    // A file that is missing for a moment is not an error.
    fs::remove_file(shell.path("key")).unwrap();
    sidecar
        .said
        .until("b.txt: key: No such file or directory")
        .await;
    let second = cairn.store.create_api_key("acme").await.unwrap();
    shell.write("key", second.reveal());
    assert_eq!(sidecar.told().await.0, "b.txt");
    sidecar.ends(0).await;
}

#[tokio::test]
async fn a_workload_shows_its_token_until_cairn_knows_whose_it_is() {
    const RUNNER: &str = "system:serviceaccount:agents:runner";
    let issuer = Issuer::start().await;
    let tokens = TokenSettings::new(issuer.url.clone());
    let (cairn, shell) = started(Setup::on(Bytes::Files).tokens(tokens)).await;
    shell.write("key", issuer.token(RUNNER));
    let mut sidecar = with_key_in_file(&shell);
    shell.write("out/a.txt", "a");
    let words = sidecar.said.until("trying again").await;
    assert!(words.contains(RUNNER), "{words}");
    let added = cairn
        .store
        .add_workload("acme", &issuer.url, RUNNER, &cairn_store::Grant::all())
        .await;
    added.unwrap();
    assert_eq!(sidecar.told().await.0, "a.txt");
    sidecar.ends(0).await;
}

/// Files that cannot be pushed within the grace are listed, and the fault is the network's.
#[tokio::test]
async fn files_left_after_the_grace_are_listed() {
    let (_cairn, shell, proxy) = proxied().await;
    // A server that accepts connections and never answers.
    proxy.hold("PRI * HTTP/2.0");
    shell.write("out/a.txt", "a");
    shell.write("out/deep/b.txt", "b");
    for stop in [&["--grace=300ms"][..], &["--grace=1h"]] {
        let sidecar = Sidecar::at(
            &shell,
            &proxy.address.to_string(),
            &[stop, &["--seal"]].concat(),
        );
        let mut sidecar = sidecar.watching().await;
        program::signal(&sidecar.child, Signal::TERM);
        sidecar.said.until("left to push at the end: 2").await;
        if stop == ["--grace=1h"] {
            // A second signal ends the waiting.
            program::signal(&sidecar.child, Signal::INT);
        }
        let (_, words) = sidecar.ended(3).await;
        for name in ["a.txt", "deep/b.txt"] {
            assert!(
                words.contains(&format!("cairn: {name}: not pushed in time\n")),
                "{words}"
            );
        }
        assert!(words.contains("is not sealed"), "{words}");
    }
}

#[tokio::test]
async fn where_the_server_is_to_blame_so_says_the_exit_code() {
    let (cairn, shell) = started(Setup::on(Bytes::Files).proxied()).await;
    cairn.postgres_proxy().cut();
    shell.write("out/a.txt", "a");
    let mut sidecar = Sidecar::start(&shell, &["--once", "--grace=30s"]);
    sidecar.said.until("a.txt: ").await;
    let (_, words) = sidecar.ends(2).await;
    assert!(
        words.contains("cairn: a.txt: not pushed in time"),
        "{words}"
    );
}

#[tokio::test]
async fn without_a_folder_or_a_session_it_does_not_begin() {
    let (_cairn, shell) = start().await;
    let sidecar = ["sidecar", "--session=run"];
    let done = shell.run(&[&sidecar[..], &["nowhere"]].concat()).await;
    done.with_code(1)
        .saying("nowhere: No such file or directory");
    shell.write("file", "");
    let done = shell.run(&[&sidecar[..], &["file"]].concat()).await;
    done.with_code(1).saying("file: ");
    let done = shell.run(&["sidecar", "."]).await;
    done.with_code(1).saying("CAIRN_SESSION_ID");
    let done = shell
        .run(&[&sidecar[..], &[".", "--interval=0s"]].concat())
        .await;
    done.with_code(1).saying("--interval");
}
