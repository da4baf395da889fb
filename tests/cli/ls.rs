//! `cairn ls`.

use serde_json::{Value, json};

use super::{Shell, each, record, start, text};

/// The filenames of a list, in order.
async fn names(shell: &Shell, args: &[&str]) -> Vec<String> {
    let listed = shell.json(&[&["ls"], args].concat()).await;
    let names = each(&listed["artifacts"], "filename");
    names
        .into_iter()
        .map(|name| text(name).to_owned())
        .collect()
}

#[tokio::test]
async fn artifacts_are_listed_newest_first_with_their_records() {
    let (_cairn, shell) = start().await;
    let empty = json!({"artifacts": [], "has_more": false, "next_cursor": null});
    assert_eq!(shell.json(&["ls"]).await, empty);
    let mut pushed = Vec::new();
    for name in ["a", "b", "c"] {
        let artifact = shell.push(name, name, &["--meta=k=v"]).await;
        pushed.insert(0, record(artifact));
    }
    let all = json!({"artifacts": pushed, "has_more": false, "next_cursor": null});
    assert_eq!(shell.json(&["ls"]).await, all);
}

#[tokio::test]
async fn filters_must_all_hold() {
    let (_cairn, shell) = start().await;
    let artifacts: [(&str, &[&str]); 5] = [
        ("a.md", &["--session=s1", "--agent=x", "--meta=k=1"]),
        (
            "b.md",
            &["--session=s1", "--agent=y", "--meta=k=1", "--meta=l=2"],
        ),
        ("c.txt", &["--session=s2", "--agent=x", "--meta=k=2"]),
        ("d.txt", &["--namespace=n", "--user=u"]),
        ("a.md", &["--session=s2", "--user=u"]),
    ];
    for (name, flags) in artifacts {
        shell.push(name, name, flags).await;
    }
    let filters: [(&[&str], &[&str]); 12] = [
        (&["--session=s1"], &["b.md", "a.md"]),
        (&["--agent=x"], &["c.txt", "a.md"]),
        (&["--session=s1", "--agent=x"], &["a.md"]),
        (&["--name=a.md"], &["a.md", "a.md"]),
        (&["--content-type=text/plain"], &["d.txt", "c.txt"]),
        (&["--meta=k=1"], &["b.md", "a.md"]),
        (&["--meta=k=1", "--meta=l=2"], &["b.md"]),
        (&["--meta=k=2", "--meta=l=2"], &[]),
        (&["--namespace=n"], &["d.txt"]),
        (&["--user=u"], &["a.md", "d.txt"]),
        (&["--session=none"], &[]),
        (&["--meta=k=1", "--session=s2"], &[]),
    ];
    for (filter, expected) in filters {
        assert_eq!(names(&shell, filter).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn records_are_filtered_by_what_they_say_and_by_expressions() {
    let (_cairn, shell) = start().await;
    let artifacts: [(&str, &[&str]); 4] = [
        ("src/b.rs", &["--kind=code", "--stage=final", "--label=q3"]),
        ("src/a.rs", &["--kind=code", "--label=q3", "--label=urgent"]),
        (
            "plan.md",
            &["--kind=plan", "--stage=final", "--session=s", "--user=u"],
        ),
        ("own.md", &["--user=u", "--meta=k=v"]),
    ];
    for (name, flags) in artifacts {
        let name_it = format!("--name={name}");
        shell
            .push(name, name, &[flags, &[&*name_it]].concat())
            .await;
    }
    let again = ["--name=src/b.rs", "--kind=code", "--stage=final"];
    shell.push("src/b.rs", "fn b() {}", &again).await;

    let expected: [(&[&str], &[&str]); 15] = [
        (&["--kind=code"], &["src/b.rs", "src/a.rs", "src/b.rs"]),
        (&["--kind=code", "--latest"], &["src/b.rs", "src/a.rs"]),
        (
            &["--kind=code", "--order=name", "--latest"],
            &["src/a.rs", "src/b.rs"],
        ),
        (&["--stage=draft"], &["own.md", "src/a.rs"]),
        (&["--label=q3", "--label=urgent"], &["src/a.rs"]),
        (&["--prefix=src/a"], &["src/a.rs"]),
        (&["--session=s", "--user=u"], &["plan.md"]),
        (
            &["--session=s", "--user=u", "--user-scope"],
            &["own.md", "plan.md"],
        ),
        (
            &["--filter=metadata:k OR kind = plan"],
            &["own.md", "plan.md"],
        ),
        (
            &["--filter=kind = code AND NOT labels:q3", "--stage=final"],
            &["src/b.rs"],
        ),
        (&["--filter=size_bytes > 8", "--kind=code"], &["src/b.rs"]),
        (&["--min-size=9"], &["src/b.rs"]),
        (&["--max-size=6"], &["own.md"]),
        (&["--min-size=7", "--max-size=7"], &["plan.md"]),
        (&["--max-size=0"], &[]),
    ];
    for (filter, expected) in expected {
        assert_eq!(names(&shell, filter).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_count_is_of_all_pages_and_only_there_when_it_is_asked_for() {
    let (_cairn, shell) = start().await;
    for name in ["a", "b", "c"] {
        shell.push(name, name, &[]).await;
    }
    let counted = shell.json(&["ls", "--count", "--limit=1"]).await;
    assert_eq!(counted["total_size"], 3);
    assert_eq!(counted["artifacts"].as_array().unwrap().len(), 1);
    assert_eq!(
        shell.json(&["ls", "--count", "--name=d"]).await["total_size"],
        0
    );
}

/// A time span includes its start, and not its end.
#[tokio::test]
async fn time_span_includes_its_start_and_not_its_end() {
    let (cairn, shell) = start().await;
    for (name, time) in [
        ("old", "10:00:00"),
        ("middle", "11:00:00"),
        ("new", "12:00:00"),
    ] {
        shell.push(name, name, &["--ttl=never"]).await;
        let sql = format!(
            "UPDATE artifacts SET created_at = '2026-03-03T{time}Z' WHERE filename = '{name}'"
        );
        cairn.sql(&sql).await;
    }
    let (from, until) = (
        "--since=2026-03-03T11:00:00Z",
        "--until=2026-03-03T12:00:00Z",
    );
    assert_eq!(names(&shell, &[from]).await, ["new", "middle"]);
    assert_eq!(names(&shell, &[until]).await, ["middle", "old"]);
    assert_eq!(names(&shell, &[from, until]).await, ["middle"]);

    // An age.
    cairn
        .sql("UPDATE artifacts SET created_at = now() - interval '3 hours' WHERE filename = 'old'")
        .await;
    assert_eq!(names(&shell, &["--since=4h", "--name=old"]).await, ["old"]);
    assert_eq!(names(&shell, &["--since=2h", "--name=old"]).await, [""; 0]);
}

#[tokio::test]
async fn a_page_says_whether_there_is_more_and_where() {
    let (_cairn, shell) = start().await;
    for n in 0..7 {
        shell.write(&format!("out/{n}"), n.to_string());
    }
    shell.json(&["push", "out", "--session=run"]).await;
    let all = names(&shell, &["--all"]).await;
    assert_eq!(all.len(), 7);

    let mut walked: Vec<Value> = Vec::new();
    let mut token = String::new();
    loop {
        let page = ["ls", "--limit=3", "--session=run", "--page-token", &token];
        let listed = shell.json(&page).await;
        walked.extend(each(&listed["artifacts"], "filename").into_iter().cloned());
        assert_eq!(listed["has_more"], listed["next_cursor"].is_string());
        match listed["next_cursor"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(walked, all);
}

#[tokio::test]
async fn a_list_longer_than_a_page_of_the_server_is_read_whole() {
    let (_cairn, shell) = start().await;
    for n in 0..230 {
        shell.write(&format!("out/{n}"), n.to_string());
    }
    shell.json(&["push", "out"]).await;
    for (args, expected) in [("--all", 230), ("--limit=215", 215), ("--limit=500", 230)] {
        let listed = shell.json(&["ls", args]).await;
        assert_eq!(listed["artifacts"].as_array().unwrap().len(), expected);
        assert_eq!(listed["has_more"], expected < 230, "{args}");
    }
}

#[tokio::test]
async fn what_cannot_be_listed_is_the_callers_mistake() {
    let (_cairn, shell) = start().await;
    let mistakes: [(&[&str], &str); 16] = [
        (&["--page-token=nonsense"], "page_token"),
        (&["--limit=0"], "--limit"),
        (&["--limit=3", "--all"], "--all"),
        (&["--since=yesterday"], "--since"),
        // Not everything, which a script with an empty variable would otherwise get.
        (&["--session="], "--session"),
        (&["--agent="], "--agent"),
        (&["--name="], "--name"),
        (&["--meta=k"], "key=value"),
        (&["--filter= "], "--filter"),
        (&["--filter=colour = red"], "colour"),
        (&["--prefix="], "--prefix"),
        (&["--kind=poem"], "--kind"),
        (&["--order=size"], "--order"),
        (&["--min-size=1kb"], "32KiB"),
        (&["--label="], "--label"),
        (&["--user-scope", "--user=u"], "--session"),
    ];
    for (args, words) in mistakes {
        let done = shell.run(&[&["ls"], args].concat()).await;
        assert_eq!(done.with_code(1).saying(words).text(), "");
    }
}
