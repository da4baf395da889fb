//! `cairn session watch`.

use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::process::Child;

use super::{Shell, start, started, text};
use harness::{Bytes, Lines, Proxy, Setup, eventually, program};

/// A command that watches, and what it prints.
struct Watching {
    child: Child,
    printed: Lines,
}

impl Watching {
    fn start(shell: &Shell, flags: &[&str]) -> Self {
        Self::of(shell.cairn(&[&["session", "watch", "run"], flags].concat()))
    }

    fn of(mut command: tokio::process::Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let printed = Lines::printed_by(&mut child);
        Self { child, printed }
    }

    /// The next event.
    async fn told(&mut self) -> Value {
        let line = self.printed.next().await.expect("another event");
        serde_json::from_str(&line).unwrap()
    }

    /// How it ends, when there is no further event.
    async fn ends(mut self) -> program::Done {
        let done = program::end_of(self.child).await;
        assert_eq!(self.printed.next().await, None);
        done
    }
}

/// The type of an event and its filename.
fn what(event: &Value) -> (&str, &Value) {
    (text(&event["type"]), &event["artifact"]["filename"])
}

/// Every event is a line as it happens, until the session is sealed.
#[tokio::test]
async fn watch_prints_a_line_for_each_event() {
    let (_cairn, shell) = start().await;
    // Before the session exists.
    let mut watching = Watching::start(&shell, &["--until-sealed"]);
    let pushed = shell.push("a.txt", "a", &["--session=run"]).await;
    let created = watching.told().await;
    assert_eq!(created["position"], 1);
    assert_eq!(what(&created), ("created", &json!("a.txt")));
    assert_eq!(created["artifact"], super::record(pushed.clone()));
    assert!(text(&created["occurred_at"]).ends_with('Z'));
    let id = text(&pushed["artifact_id"]);
    shell.json(&["stage", "final", id, "--agent=ann"]).await;
    let staged = watching.told().await;
    assert_eq!(what(&staged), ("staged", &json!("a.txt")));
    assert_eq!(
        (&staged["from"], &staged["to"], &staged["agent_id"]),
        (&json!("draft"), &json!("final"), &json!("ann"))
    );
    shell.json(&["rm", id]).await;
    let deleted = watching.told().await;
    assert_eq!(what(&deleted), ("deleted", &json!("a.txt")));
    assert_eq!(deleted["artifact"]["state"], "deleted");
    shell.json(&["restore", id]).await;
    assert_eq!(what(&watching.told().await).0, "restored");
    shell.json(&["session", "seal", "run"]).await;
    let sealed = watching.told().await;
    assert_eq!(what(&sealed), ("sealed", &Value::Null));
    assert_eq!(
        (&sealed["position"], &sealed["artifact"]),
        (&json!(5), &Value::Null)
    );
    let done = watching.ends().await.ok();
    assert_eq!(done.stderr, "");
    // A later watcher gets the same events.
    let done = shell
        .run(&["session", "watch", "run", "--until-sealed"])
        .await;
    assert_eq!(done.ok().text().lines().count(), 5);
}

/// A watch from a position, or of new events only, prints nothing earlier.
#[tokio::test]
async fn watch_after_a_position_prints_only_later_events() {
    let (_cairn, shell) = start().await;
    for name in ["a.txt", "b.txt"] {
        shell.push(name, name, &["--session=run"]).await;
    }
    let mut behind = Watching::start(&shell, &["--after=1"]);
    assert_eq!(behind.told().await["position"], 2);
    for (flags, words) in [
        (["--after=3", "--json"], "0 to 2"),
        (["--after=1", "--new"], "--new"),
        (["--after=-1", "--json"], "--after"),
    ] {
        let watch = [&["session", "watch", "run"], &flags[..]].concat();
        shell.run(&watch).await.with_code(1).saying(words);
    }
    // It may begin late: it must print at least the last of the new events, and no old one.
    let mut new = Watching::start(&shell, &["--new"]);
    let first = async {
        let event = new.told().await;
        assert!(event["position"].as_i64() > Some(2), "{event}");
    };
    let pushing = async {
        for n in 0.. {
            shell.push("c.txt", n.to_string(), &["--session=run"]).await;
        }
    };
    tokio::select! {
        () = first => {}
        () = pushing => unreachable!("it goes on"),
    }
}

#[tokio::test]
async fn one_watch_prints_events_of_several_sessions() {
    let (_cairn, shell) = start().await;
    for (session, label) in [("a", "nightly"), ("b", "nightly"), ("c", "weekly")] {
        let name = format!("{session}.txt");
        shell.push(&name, &name, &["--session", session]).await;
        let label = ["session", "update", session, "--label", label];
        shell.json(&label).await;
    }
    for session in ["a", "b"] {
        shell.json(&["session", "seal", session]).await;
    }
    let done = shell
        .run(&["session", "watch", "a", "b", "--until-sealed", "--json"])
        .await;
    let done = done.ok();
    let events: Vec<Value> = done
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> = events
        .iter()
        .map(|event| (text(&event["session_id"]), text(&event["type"])))
        .collect();
    let (created, sealed) = ("created", "sealed");
    assert_eq!(
        told,
        [("a", created), ("b", created), ("a", sealed), ("b", sealed)]
    );
    for (which, sessions) in [
        ("--label=weekly", vec!["c"]),
        ("--all", vec!["a", "b", "c"]),
    ] {
        let mut watching = Watching::of(shell.cairn(&["session", "watch", which]));
        for session in sessions {
            assert_eq!(watching.told().await["session_id"], session);
        }
    }
    let after = events[1]["position"].to_string();
    let watch = [
        "session",
        "watch",
        "a",
        "b",
        "--until-sealed",
        "--after",
        &after,
    ];
    assert_eq!(shell.run(&watch).await.ok().text().lines().count(), 2);
    for (flags, words) in [
        (&["--until-sealed", "--all"][..], "--until-sealed"),
        (&["a", "--all"], "--all"),
        (&[], "<ID>"),
    ] {
        let watch = [&["session", "watch"], flags].concat();
        shell.run(&watch).await.with_code(1).saying(words);
    }
}

/// A watch whose server is down for a moment continues, and prints every event once.
#[tokio::test]
async fn watch_survives_a_short_outage() {
    let (cairn, shell) = start().await;
    let address = cairn.grpc_url.strip_prefix("http://").unwrap();
    let proxy = Proxy::before_tcp(address).await;
    let mut watch = shell.cairn(&["session", "watch", "run", "--until-sealed"]);
    watch.env("CAIRN_ADDR", proxy.address.to_string());
    let mut watching = Watching::of(watch);
    let mut said = Lines::of(&mut watching.child);
    shell.push("a.txt", "a", &["--session=run"]).await;
    assert_eq!(watching.told().await["position"], 1);
    for (name, position) in [("b.txt", 2), ("c.txt", 3)] {
        proxy.cut();
        shell.push(name, name, &["--session=run"]).await;
        said.until("lost the server").await;
        proxy.restore();
        let event = watching.told().await;
        assert_eq!(event["position"], position);
        assert_eq!(what(&event), ("created", &json!(name)));
    }
    shell.json(&["session", "seal", "run"]).await;
    assert_eq!(what(&watching.told().await).0, "sealed");
    watching.ends().await.ok();
}

/// A watch whose server stays down gives up, and the fault is the network's.
#[tokio::test]
async fn watch_gives_up_when_the_server_stays_down() {
    let (cairn, shell) = start().await;
    let address = cairn.grpc_url.strip_prefix("http://").unwrap();
    let proxy = Proxy::before_tcp(address).await;
    let mut watch = shell.cairn(&["session", "watch", "run", "--json"]);
    watch.env("CAIRN_ADDR", proxy.address.to_string());
    let mut watching = Watching::of(watch);
    shell.push("a.txt", "a", &["--session=run"]).await;
    watching.told().await;
    proxy.cut();
    let done = watching.ends().await.with_code(3);
    let error: Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!(error["error"]["code"], "network");
}

#[tokio::test]
async fn an_interrupt_is_a_good_end_unless_the_sealing_was_to_be_seen() {
    let (_cairn, shell) = start().await;
    shell.push("a.txt", "a", &["--session=run"]).await;
    for (flags, code, words) in [
        (&[][..], 0, ""),
        (
            &["--until-sealed"],
            130,
            "to go on: cairn session watch run --after 1 --until-sealed",
        ),
    ] {
        let mut watching = Watching::start(&shell, flags);
        watching.told().await;
        program::signal(&watching.child, Signal::INT);
        watching.ends().await.with_code(code).saying(words);
    }
}

/// A watch whose output is closed ends well, even when nothing happens.
#[tokio::test]
async fn watch_without_a_reader_exits_0() {
    let (_cairn, shell) = start().await;
    shell.push("a.txt", "a", &["--session=run"]).await;
    let mut child = shell.cairn(&["session", "watch", "run"]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut first = [0];
    tokio::io::AsyncReadExt::read_exact(&mut stdout, &mut first)
        .await
        .unwrap();
    drop(stdout);
    assert_eq!(program::end_of(child).await.ok().stderr, "");
}

/// A watch that comes too late for an event says how to continue.
#[tokio::test]
async fn watch_behind_retention_says_how_to_continue() {
    let (cairn, shell) = start().await;
    for name in ["a.txt", "b.txt"] {
        shell.push(name, name, &["--session=run"]).await;
    }
    let mut watching = Watching::start(&shell, &[]);
    watching.told().await;
    watching.told().await;
    cairn
        .sql("UPDATE session_events SET occurred_at = now() - interval '8 days'")
        .await;
    eventually("the events are forgotten", async || {
        cairn.collect().await;
        cairn.count("SELECT count(*) FROM session_events").await == 0
    })
    .await;
    let done = shell.run(&["session", "watch", "run"]).await.with_code(1);
    let done = done.saying("`cairn ls --session run --all`");
    assert_eq!(done.saying("--after 2").text(), "");
    let watch = ["session", "watch", "run", "--json"];
    let done = shell.run(&watch).await.with_code(1);
    let error: Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!(error["error"]["code"], "events_expired");
    assert_eq!(error["error"]["status"], 410);
}

#[tokio::test]
async fn a_watch_rides_over_a_database_that_is_away_for_a_moment() {
    let (cairn, shell) = started(Setup::on(Bytes::Files).proxied()).await;
    shell.push("a.txt", "a", &["--session=run"]).await;
    let mut watching = Watching::start(&shell, &[]);
    let mut said = Lines::of(&mut watching.child);
    watching.told().await;
    cairn.postgres_proxy().cut();
    said.until("trying again").await;
    cairn.postgres_proxy().restore();
    eventually("it works again", async || {
        shell.run(&["ls"]).await.code == Some(0)
    })
    .await;
    shell.push("b.txt", "b", &["--session=run"]).await;
    assert_eq!(watching.told().await["position"], 2);
}
