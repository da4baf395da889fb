//! The output at a terminal.

use std::{
    fs::File,
    io::{Read, Write},
    process::Stdio,
    sync::{Arc, Mutex},
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Child};

use super::{Shell, artifacts, start, text};
use harness::{eventually, make_many, program};

/// A run of the command at a terminal.
struct Session {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Session {
    /// A terminal for everything, or for all but standard input.
    fn start(shell: &Shell, args: &[&str], piped: bool) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let terminal = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let mut keyboard = File::from(master);
        let mut output = keyboard.try_clone().unwrap();
        let screen = Arc::new(Mutex::new(Vec::new()));
        let seen = screen.clone();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // It fails once the terminal is closed.
            while let Ok(n @ 1..) = output.read(&mut piece) {
                seen.lock().unwrap().extend_from_slice(&piece[..n]);
            }
        });
        let clone = || Stdio::from(terminal.try_clone().unwrap());
        let child = shell
            .cairn(args)
            .env("TERM", "xterm")
            .stdin(if piped { Stdio::piped() } else { clone() })
            .stdout(clone())
            .stderr(clone())
            .spawn()
            .unwrap();
        keyboard.flush().unwrap();
        Self {
            child,
            keyboard,
            screen,
        }
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    async fn shows(&self, words: &str) {
        eventually(&format!("it shows {words:?}"), async || {
            self.screen().contains(words)
        })
        .await;
    }

    fn type_in(&mut self, words: &str) {
        self.keyboard.write_all(words.as_bytes()).unwrap();
    }

    async fn ends_with(&mut self, code: i32) {
        let status = self.child.wait().await.unwrap();
        assert_eq!(status.code(), Some(code), "{}", self.screen());
    }
}

/// Runs a command that succeeds, and returns the screen.
async fn look(shell: &Shell, args: &[&str], last_words: &str) -> String {
    let mut session = Session::start(shell, args, false);
    session.ends_with(0).await;
    session.shows(last_words).await;
    session.screen()
}

#[tokio::test]
async fn a_list_is_a_table_for_a_person_and_json_for_who_asks_for_it() {
    let (_cairn, shell) = start().await;
    let flags = ["--session=run", "--agent=writer"];
    let pushed = shell.push("report.md", "text", &flags).await;
    let table = look(&shell, &["ls"], "report.md").await;
    let lines: Vec<Vec<_>> = table
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    let header = [
        "ID", "VERSION", "SIZE", "SESSION", "AGENT", "AGE", "FILENAME",
    ];
    assert_eq!(lines[0], header);
    assert_eq!(lines[1][0], text(&pushed["artifact_id"]));
    assert_eq!(lines[1][1], "v1");

    let json = look(&shell, &["ls", "--json"], "next_cursor").await;
    eventually("all of it is shown", async || {
        json.trim_end().ends_with('}')
    })
    .await;
    let listed: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(listed["artifacts"][0]["filename"], "report.md");
}

#[tokio::test]
async fn a_record_is_its_fields_that_are_set() {
    let (_cairn, shell) = start().await;
    let input = shell.push("notes.md", "notes", &[]).await;
    let input = text(&input["artifact_id"]);
    let input_it = format!("--input={input}");
    let flags = [
        "--title=The plan",
        "--kind=plan",
        "--stage=review",
        &input_it,
    ];
    let flags = [&flags[..], &["--label=q3", "--change-summary=first"]].concat();
    shell.push("plan.md", "plan", &flags).await;
    let shown = look(&shell, &["inspect", "--name=plan.md"], "input:").await;
    let lines: Vec<Vec<_>> = shown
        .lines()
        .map(|line| line.splitn(2, ' ').map(str::trim).collect())
        .collect();
    for line in [
        ["title:", "The plan"],
        ["change:", "first"],
        ["stage:", "review"],
        ["kind:", "plan"],
        ["label:", "q3"],
        ["input:", input],
    ] {
        assert!(lines.iter().any(|shown| shown[..] == line), "{line:?}");
    }
    let shown = look(&shell, &["inspect", "--name=notes.md"], "expires:").await;
    for unset in ["title:", "kind:", "label:", "state:", "updated:"] {
        assert!(!shown.contains(unset), "{unset} in {shown}");
    }
}

#[tokio::test]
async fn counts_lineage_and_verification_print_words() {
    let (_cairn, shell) = start().await;
    let raw = shell.push("raw.csv", "1", &["--session=run"]).await;
    let input = format!("--input={}", text(&raw["artifact_id"]));
    shell
        .push("total.txt", "1", &["--session=run", &input])
        .await;
    look(&shell, &["ls", "--count", "--limit=1"], "2 in all").await;
    let total = ["lineage", "--name=total.txt", "--session=run"];
    let tree = look(&shell, &total, "raw.csv").await;
    let below = format!("\n  {}", text(&raw["artifact_id"]));
    assert!(tree.contains(&below), "{tree}");
    shell.json(&["session", "seal", "run"]).await;
    let verified = look(&shell, &["session", "verify", "run"], "verified:").await;
    assert!(verified.contains("yes"), "{verified}");
}

#[tokio::test]
async fn a_push_says_what_became_of_it() {
    let (_cairn, shell) = start().await;
    shell.write("a.txt", "a");
    let push = async |flag: &str, remark: &str| {
        let shown = look(&shell, &["push", "a.txt", flag], "a.txt").await;
        let words: Vec<_> = shown.split_whitespace().collect();
        assert_eq!(words.last(), Some(&remark), "{shown}");
    };
    push("--agent=ann", "B").await;
    push("--agent=bob", "deduplicated").await;
    push("--if-changed", "existing").await;
    push("--idempotency-key=k", "deduplicated").await;
    let push_later = ["push", "a.txt", "--unpublished", "--session=run"];
    let shown = look(&shell, &push_later, "cairn session commit run").await;
    assert!(shown.contains("-  a.txt  1 B  unpublished"), "{shown}");
    let all = ["push", "a.txt", "--atomic", "--session=run", "--seal"];
    look(&shell, &all, "sealed at").await;
    shell.json(&["rm", "--name=a.txt"]).await;
    let push = ["push", "a.txt", "--idempotency-key=k"];
    look(&shell, &push, "B  deleted").await;
}

#[tokio::test]
async fn names_of_others_cannot_deceive_who_reads_them() {
    let (_cairn, shell) = start().await;
    let deceiving = "invoice\u{202e}fdp.exe";
    let ids = ["--session", deceiving, "--agent", deceiving];
    shell
        .push("a", "a", &[&["--name", deceiving], &ids[..]].concat())
        .await;
    let shown = look(&shell, &["ls"], "fdp.exe").await;
    assert!(shown.contains(r"invoice\u{202e}fdp.exe"), "{shown}");
    let shown = look(&shell, &["ls", "--json"], "next_cursor").await;
    assert!(shown.contains(r"invoice\u202efdp.exe"), "{shown}");
    assert!(!shown.contains('\u{202e}'));
    for about in [
        vec!["session", "show", deceiving],
        vec!["session", "ls"],
        vec!["inspect", "--name", deceiving, "--session", deceiving],
        vec!["session", "seal", deceiving],
    ] {
        let shown = look(&shell, &about, r"invoice\u{202e}fdp.exe").await;
        assert!(!shown.contains('\u{202e}'), "{shown}");
    }
    // For a program the name stays unchanged.
    let listed = shell.json(&["ls"]).await;
    assert_eq!(listed["artifacts"][0]["filename"], deceiving);
}

#[tokio::test]
async fn a_list_that_goes_on_says_how_to_see_the_rest() {
    let (_cairn, shell) = start().await;
    for name in ["a", "b"] {
        shell.push(name, name, &[]).await;
    }
    look(&shell, &["ls", "--limit=1"], "there is more: --page-token").await;
}

/// Before it deletes it shows what and asks, and only "yes" deletes.
#[tokio::test]
async fn delete_asks_first_and_only_yes_deletes() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("precious.txt", "a", &[]).await;
    let id = text(&pushed["artifact_id"]);
    let by_name = "--name=precious.txt";
    for (what, answer, code, left) in [
        (id, "n\n", 1, 1),
        (by_name, "\n", 1, 1),
        (by_name, "y\n", 0, 0),
    ] {
        let mut session = Session::start(&shell, &["rm", what], false);
        session.shows("delete? [y/N]").await;
        assert!(session.screen().contains("precious.txt"));
        session.type_in(answer);
        session.ends_with(code).await;
        let listed = shell.json(&["ls"]).await;
        let listed = listed["artifacts"].as_array().unwrap();
        assert_eq!(listed.len(), left, "{answer:?}");
    }
}

/// An unpublished artifact can be discarded though it cannot be shown.
#[tokio::test]
async fn unpublished_can_be_discarded_unseen() {
    let (cairn, shell) = start().await;
    let flags = ["--unpublished", "--session=run"];
    let pushed = shell.push("a.txt", "a", &flags).await;
    let id = text(&pushed["artifact_id"]);
    for (answer, code, left) in [("n\n", 1, 1), ("y\n", 0, 0), ("y\n", 1, 0)] {
        let mut session = Session::start(&shell, &["rm", id], false);
        session.shows("delete? [y/N]").await;
        assert!(
            session
                .screen()
                .contains("not visible; if it is unpublished")
        );
        session.type_in(answer);
        session.ends_with(code).await;
        let waiting = cairn.count("SELECT count(*) FROM pending_artifacts").await;
        assert_eq!(waiting, left, "{answer:?}");
    }
}

#[tokio::test]
async fn before_it_deletes_what_matches_it_shows_all_of_it_and_asks() {
    let (_cairn, shell) = start().await;
    for name in ["one.txt", "two.txt"] {
        shell.push(name, name, &["--session=run"]).await;
    }
    shell.push("other.txt", "other", &[]).await;
    for (answer, code, left) in [("n\n", 1, 3), ("y\n", 0, 1)] {
        let rm = ["rm", "--filter=session_id = run"];
        let mut session = Session::start(&shell, &rm, false);
        session.shows("delete? [y/N]").await;
        let screen = session.screen();
        assert!(screen.contains("one.txt") && screen.contains("two.txt"));
        assert!(!screen.contains("other.txt"));
        session.type_in(answer);
        session.ends_with(code).await;
        let listed = shell.json(&["ls"]).await;
        assert_eq!(listed["artifacts"].as_array().unwrap().len(), left);
    }
}

/// When there are too many artifacts to show, it prints how many and asks.
#[tokio::test]
async fn delete_of_too_many_shows_a_count_and_asks() {
    let (cairn, shell) = start().await;
    make_many(&cairn).await;
    for (answer, code, jobs) in [("n\n", 1, 0), ("y\n", 0, 1)] {
        let rm = ["rm", "--filter=session_id = bulk", "--no-wait"];
        let mut session = Session::start(&shell, &rm, false);
        session.shows("delete? [y/N]").await;
        assert!(session.screen().contains("1001 artifacts, 3.91 KiB"));
        session.type_in(answer);
        session.ends_with(code).await;
        assert_eq!(cairn.count("SELECT count(*) FROM jobs").await, jobs);
    }
}

#[tokio::test]
async fn who_waits_for_a_job_sees_how_far_it_is() {
    let (cairn, shell) = start().await;
    make_many(&cairn).await;
    let rm = ["rm", "--yes", "--filter=session_id = bulk"];
    let mut session = Session::start(&shell, &rm, false);
    session.shows("0 of 1,001").await;
    cairn.collect().await;
    session.ends_with(0).await;
    session.shows("1001 deleted, 3.91 KiB").await;
}

#[tokio::test]
async fn who_watches_sees_a_line_for_each_event_and_how_to_go_on() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "a", &["--session=run"]).await;
    let id = text(&pushed["artifact_id"]);
    shell.json(&["stage", "final", id, "--agent=ann"]).await;
    let mut session = Session::start(&shell, &["session", "watch", "run"], false);
    session.shows(&format!("created   {id}  v1  a.txt")).await;
    session.shows("a.txt  draft to final  by ann").await;
    program::signal(&session.child, rustix::process::Signal::INT);
    session.ends_with(0).await;
    session.shows("cairn session watch run --after 2").await;
}

#[tokio::test]
async fn a_session_is_listed_with_what_is_said_of_it() {
    let (_cairn, shell) = start().await;
    let flags = [
        "--create",
        "--display-name=The run",
        "--label=a",
        "--label=b",
    ];
    let update = [&["session", "update", "run"], &flags[..]].concat();
    shell.json(&update).await;
    let list = look(&shell, &["session", "ls"], "a,b").await;
    assert!(
        list.contains("LABELS") && list.contains("The run"),
        "{list}"
    );
    let shown = look(&shell, &["session", "show", "run"], "label:").await;
    assert!(
        shown.contains("The run") && !shown.contains("unpublished"),
        "{shown}"
    );
}

#[tokio::test]
async fn who_says_yes_beforehand_is_not_asked() {
    let (_cairn, shell) = start().await;
    let pushed = shell.push("a.txt", "a", &[]).await;
    let id = text(&pushed["artifact_id"]);
    let shown = look(&shell, &["rm", "--yes", id], "deleted").await;
    assert!(!shown.contains("delete?"), "{shown}");
    assert_eq!(shell.json(&["ls"]).await["artifacts"], json!([]));
}

/// A push shows its progress, and Ctrl-C at the terminal ends it.
#[tokio::test]
async fn push_shows_progress_and_ctrl_c_ends_it() {
    let (cairn, shell) = start().await;
    let push = ["push", "-", "--name=big.bin"];
    let mut session = Session::start(&shell, &push, true);
    let mut stdin = session.child.stdin.take().unwrap();
    stdin.write_all(&vec![7; 3 << 20]).await.unwrap();
    // How much of which file has been sent.
    session.shows("MiB").await;
    session.shows("big.bin").await;
    program::signal(&session.child, rustix::process::Signal::INT);
    session.ends_with(130).await;
    assert_eq!(artifacts(&cairn).await, 0);
}
