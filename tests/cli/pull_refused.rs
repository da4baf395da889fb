//! `cairn pull` of content that it must not keep.

use rustix::process::Signal;
use tokio::process::Child;

use super::{
    Shell, each,
    impostor::{Claim, Impostor},
    start, text,
};
use harness::{Proxy, content, eventually, program};

/// A shell before a server and a connection that cannot be trusted.
async fn before(claims: Vec<Claim>) -> (Shell, Proxy, Impostor) {
    let impostor = Impostor::who_claims(claims).await;
    let proxy = Proxy::before_tcp(&impostor.address.to_string()).await;
    let shell = Shell::at(&proxy.address.to_string(), "key").await;
    (shell, proxy, impostor)
}

/// Content that was corrupted in the store is the server's fault, and is not kept.
#[tokio::test]
async fn corrupted_content_is_not_kept() {
    let good = content(100 << 10);
    let mut flipped = good.clone();
    flipped[50_000] ^= 1;
    for bad in [&flipped[..], &good[..1000], &[]] {
        let (cairn, shell) = start().await;
        let pushed = shell.push("a.bin", &good, &["--session=run"]).await;
        let id = text(&pushed["artifact_id"]);
        cairn.corrupt(bad).await;

        shell.write("old.bin", "old");
        let pulls: [&[&str]; 3] = [
            &["pull", id, "-o", "b.bin"],
            &["pull", id, "-o", "old.bin"],
            &["pull", "--session=run", "-o", "in"],
        ];
        for pull in pulls {
            shell.run(pull).await.with_code(2).saying(id);
        }
        shell.run(&["pull", id, "-o", "-"]).await.with_code(2);
        assert_eq!(shell.entries("."), ["a.bin", "in", "old.bin"]);
        assert_eq!(shell.entries("in"), [""; 0]);
        assert_eq!(shell.read("old.bin"), b"old");
    }
}

/// Content that differs from its record is not kept, whichever server sends it.
#[tokio::test]
async fn content_unlike_its_record_is_not_kept() {
    let claims = vec![
        Claim {
            sent: b"bad".to_vec(),
            ..Claim::honest("other.txt", b"god")
        },
        Claim {
            sent: b"half of".to_vec(),
            ..Claim::honest("short.txt", b"half of it")
        },
        Claim {
            sent: b"all and more".to_vec(),
            ..Claim::honest("long.txt", b"all")
        },
    ];
    let (shell, _proxy, _impostor) = before(claims).await;
    for id in ["other.txt", "short.txt", "long.txt"] {
        let done = shell.run(&["pull", id]).await.with_code(2);
        assert_eq!(done.saying("is recorded as sha256:").text(), "");
        shell.run(&["pull", id, "-o", "-"]).await.with_code(2);
    }
    assert_eq!(shell.entries("."), [""; 0]);
}

/// Stored filenames that lead outside are refused, whichever server sends them.
#[tokio::test]
async fn filenames_that_lead_outside_are_refused() {
    let names = [
        "../evil",
        "/etc/evil",
        "a/../../evil",
        "..",
        ".",
        "a//b",
        "a\\b",
        "a\nb",
        "",
    ];
    let mut claims: Vec<_> = names.map(|name| Claim::honest(name, b"evil")).into();
    claims.push(Claim::honest("good.txt", b"good"));
    let (shell, _proxy, _impostor) = before(claims).await;
    // One by one, and as a whole session.
    for name in names {
        shell.run(&["pull", name]).await.with_code(1);
    }
    let pull = ["pull", "--session=run", "-o", "in/here"];
    let done = shell.run(&pull).await.with_code(1);
    let pulled = done.saying("no safe path").json();
    assert_eq!(each(&pulled["artifacts"], "filename"), ["good.txt"]);
    assert_eq!(shell.entries("."), ["in"]);
    assert_eq!(shell.entries("in"), ["here"]);
    assert_eq!(shell.entries("in/here"), ["good.txt"]);
    // Under an explicit name it can be pulled.
    shell.run(&["pull", "../evil", "-o", "evil"]).await.ok();
}

#[tokio::test]
async fn of_a_session_what_is_good_is_kept() {
    let claims = vec![
        Claim::honest("a.txt", b"a"),
        Claim {
            sent: b"?".to_vec(),
            ..Claim::honest("b.txt", b"b")
        },
        Claim::honest("c.txt", b"c"),
    ];
    let (shell, _proxy, _impostor) = before(claims).await;
    let done = shell.run(&["pull", "--session=run", "-o", "in"]).await;
    let pulled = done.with_code(2).saying("b.txt: ").json();
    assert_eq!(each(&pulled["artifacts"], "filename"), ["a.txt", "c.txt"]);
    assert_eq!(shell.entries("in"), ["a.txt", "c.txt"]);
}

/// A pull over "old.txt" that has received half of the content and waits for the rest.
async fn half_done() -> (Shell, Proxy, Impostor, Child) {
    let half = Claim {
        recorded: content(6 << 20),
        sent: content(6 << 20)[..3 << 20].to_vec(),
        ends: false,
        filename: "new.txt".to_owned(),
    };
    let (shell, proxy, impostor) = before(vec![half]).await;
    shell.write("old.txt", "old");
    let pull = shell.cairn(&["pull", "new.txt", "-o", "old.txt"]);
    let pull = { pull }.spawn().unwrap();
    eventually("half of it is here", async || {
        let entries = shell.entries(".");
        let hidden = entries.iter().find(|name| name.starts_with('.'));
        hidden.is_some_and(|name| !shell.read(name).is_empty())
    })
    .await;
    // Half of it is never visible under the file's name.
    assert_eq!(shell.read("old.txt"), b"old");
    (shell, proxy, impostor, pull)
}

#[tokio::test]
async fn a_pull_that_a_signal_ends_leaves_what_was_there() {
    for (signal, code) in [
        (Signal::INT, 130),
        (Signal::TERM, 143),
        (Signal::HUP, 129),
        (Signal::QUIT, 131),
        (Signal::USR1, 138),
        (Signal::ALARM, 142),
    ] {
        let (shell, _proxy, _impostor, pull) = half_done().await;
        program::signal(&pull, signal);
        assert_eq!(program::end_of(pull).await.with_code(code).text(), "");
        assert_eq!(shell.entries("."), ["old.txt"]);
        assert_eq!(shell.read("old.txt"), b"old");
    }
}

/// A pull whose connection breaks is the network's fault, and leaves the existing file.
#[tokio::test]
async fn broken_pull_leaves_the_old_file() {
    let (shell, proxy, _impostor, pull) = half_done().await;
    proxy.cut();
    let done = program::end_of(pull).await.with_code(3);
    assert_eq!(done.saying("lost the server").text(), "");
    assert_eq!(shell.entries("."), ["old.txt"]);
    assert_eq!(shell.read("old.txt"), b"old");
}

/// A push that the server recorded as something else is the server's fault.
#[tokio::test]
async fn wrongly_recorded_push_is_the_servers_fault() {
    let (shell, _proxy, _impostor) = before(vec![Claim::honest("a.txt", b"b")]).await;
    shell.write("a.txt", "a");
    let done = shell.run(&["push", "a.txt"]).await.with_code(2);
    assert_eq!(done.saying("a.txt is recorded as sha256:").text(), "");
}
