//! `cairn mcp`, as a host speaks to it: JSON-RPC on its standard input and output.

mod inspector;

use std::process::Stdio;

use cairn_store::{Grant, Narrowing, NewApiKey, Scope};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
};

use super::start;
use harness::{Cairn, Shell, within_patience};

/// A host that is connected.
struct Host {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    number: u64,
}

impl Host {
    async fn started(shell: &Shell, args: &[&str]) -> Self {
        let args = [&["mcp", "--session", "run-7", "--agent", "ann"], args].concat();
        let mut command = shell.cairn(&args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut host = Self {
            stdin: child.stdin.take().unwrap(),
            stdout: BufReader::new(stdout).lines(),
            child,
            number: 0,
        };
        let client = json!({"name": "test", "version": "1"});
        let hello = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client
        });
        let answer = host.request("initialize", hello).await;
        assert_eq!(answer["result"]["serverInfo"]["name"], "cairn");
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        host.send(&ready).await;
        host
    }

    async fn send(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.stdin.write_all(line.as_bytes()).await.unwrap();
    }

    /// The whole answer to a request.
    async fn request(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let id = self.number;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await;
        loop {
            let line = within_patience("an answer", self.stdout.next_line()).await;
            let answer: Value = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
            if answer["id"] == id {
                return answer;
            }
        }
    }

    /// The result of a tool.
    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let params = json!({"name": tool, "arguments": arguments});
        let answer = self.request("tools/call", params).await;
        answer["result"].clone()
    }

    /// The record that a tool answers, which is also its text.
    async fn record(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], false, "{result}");
        let record = &result["structuredContent"];
        let text = result["content"][0]["text"].as_str().unwrap();
        assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), record);
        record.clone()
    }

    /// The text of an error.
    async fn refused(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        assert_eq!(result.get("structuredContent"), None);
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }

    async fn tools(&mut self) -> Vec<String> {
        let answer = self.request("tools/list", json!({})).await;
        let tools = answer["result"]["tools"].as_array().unwrap();
        let name = |tool: &Value| tool["name"].as_str().unwrap().to_owned();
        tools.iter().map(name).collect()
    }

    /// Closes the connection, after which the server ends by itself.
    async fn bye(mut self) {
        drop(self.stdin);
        let end = within_patience("the end", self.child.wait()).await;
        assert!(end.unwrap().success());
    }
}

/// A shell with a key of these scopes.
async fn with_scopes(cairn: &Cairn, scopes: &[Scope]) -> Shell {
    let scopes = scopes.iter().copied().collect();
    let grant = Grant::new(scopes, Narrowing::none(), None);
    let new = NewApiKey::new("test".to_owned(), grant, None).unwrap();
    let (_, secret) = cairn.store.issue_api_key("acme", &new).await.unwrap();
    Shell::at(&cairn.grpc_url, secret.reveal()).await
}

#[tokio::test]
async fn the_transcript_of_the_page_happens_as_written() {
    let (_cairn, shell) = start().await;
    let mut host = Host::started(&shell, &["--toolset", "all"]).await;
    let page = include_str!("../../docs/agents.md");
    let (mut calls, mut parts, mut answer) = (0, 0, String::new());
    for line in page.lines() {
        if let Some(call) = line.strip_prefix("> ") {
            let (tool, arguments) = call.split_once(' ').unwrap();
            let arguments = serde_json::from_str(arguments).unwrap();
            let result = host.call(tool, arguments).await;
            answer = result["content"][0]["text"].as_str().unwrap().to_owned();
            calls += 1;
        } else if let Some(part) = line.strip_prefix("< ") {
            assert!(answer.contains(part), "{part} is not in {answer}");
            parts += 1;
        }
    }
    assert!(calls > 5 && parts > calls, "{calls} calls, {parts} parts");
    host.bye().await;
}

#[tokio::test]
async fn an_agent_stores_finds_stages_and_deletes() {
    let (_cairn, shell) = start().await;
    let mut host = Host::started(&shell, &["--toolset", "all", "--allow-delete"]).await;
    let me = host.record("whoami", json!({})).await;
    assert_eq!(
        (&me["tenant"], &me["session_id"]),
        (&json!("acme"), &json!("run-7"))
    );
    let stored = json!({"filename": "a.bin", "content_base64": "AP8C"});
    let stored = host.record("store_artifact", stored).await;
    assert_eq!(
        (&stored["size_bytes"], &stored["agent_id"]),
        (&json!(3), &json!("ann"))
    );
    let plan = json!({"title": "Plan", "kind": "plan", "content": "- one\n- two\n"});
    let plan = host.record("artifact_create", plan).await;
    let id = plan["artifact_id"].clone();
    let staged = json!({"stage": "final", "artifact_ids": [id]});
    let staged = host.record("artifact_stage", staged).await;
    assert_eq!(staged["todo_count"], 2);
    let todos = host.record("todo_list", json!({"plan_id": id})).await;
    let done = json!({"todo_id": todos["todos"][0]["todo_id"], "state": "done"});
    assert_eq!(host.record("todo_update", done).await["state"], "done");
    let added = json!({"text": "three", "plan_id": id});
    host.record("todo_add", added).await;

    let prompt = json!({"name": "active_artifacts"});
    let prompt = host.request("prompts/get", prompt).await;
    let text = &prompt["result"]["messages"][0]["content"]["text"];
    let text = text.as_str().unwrap();
    assert!(text.contains("final:\n- plan.md v1 (plan,"), "{text}");
    assert!(text.contains("1/3 todos done"), "{text}");

    let changed = json!({"artifact_id": id, "content": "- one\n", "change_summary": "less"});
    let changed = host.record("artifact_update", changed).await;
    assert_eq!(
        (&changed["version"], &changed["stage"]),
        (&json!(2), &json!("draft"))
    );
    let conflict = json!({"filename": "plan.md", "content": "x", "if_version": 1});
    let words = host.refused("store_artifact", conflict).await;
    assert!(words.contains("Next: call get_artifact"), "{words}");
    let shown = host.call("artifact_get", json!({"artifact_id": id})).await;
    assert_eq!(shown.get("structuredContent"), None, "text alone");
    let shown = shown["content"][0]["text"].as_str().unwrap();
    assert!(shown.ends_with("- one\n- two\n"), "{shown}");

    let long = json!({"filename": "long", "content": "é".repeat(10_000)});
    host.record("store_artifact", long).await;
    let mut offset = 0;
    let mut read = String::new();
    loop {
        let page = json!({"filename": "long", "offset": offset, "max_bytes": 6001});
        let page = host.call("read_artifact", page).await;
        let page = page["content"][0]["text"].as_str().unwrap().to_owned();
        let (text, foot) = page.rsplit_once('\n').unwrap();
        read += text;
        match foot.rsplit_once("offset=") {
            Some((_, next)) => offset = next.trim_end_matches(']').parse().unwrap(),
            None => break,
        }
    }
    assert!(read == "é".repeat(10_000), "{} bytes", read.len());
    let bytes = host
        .refused("read_artifact", json!({"filename": "a.bin"}))
        .await;
    assert!(bytes.contains("Next: call preview_artifact"), "{bytes}");

    let dry = json!({"filter": "session_id = run-7", "dry_run": true});
    assert_eq!(
        host.record("artifact_delete", dry).await["deleted_count"],
        4
    );
    let file = json!({"filename": "plan.md", "all_versions": true});
    assert_eq!(
        host.record("delete_artifact", file).await["deleted_count"],
        2
    );
    let left = host.record("list_artifacts", json!({})).await;
    assert_eq!(left["artifacts"].as_array().unwrap().len(), 2);
    let sealed = host
        .record("seal_session", json!({"session_id": "run-7"}))
        .await;
    assert_eq!(sealed["is_sealed"], true);
    let late = json!({"filename": "late", "content": ""});
    let words = host.refused("store_artifact", late).await;
    assert!(
        words.contains("Next: store into another session_id"),
        "{words}"
    );
    host.bye().await;
}

/// A filter selects among the files of the session that the host set, and of no other session.
#[tokio::test]
async fn a_filter_reaches_the_files_of_the_session_alone() {
    let (_cairn, shell) = start().await;
    let mut host = Host::started(&shell, &["--toolset", "all", "--allow-delete"]).await;
    for session in ["run-7", "run-8"] {
        let file = json!({"filename": "plan.md", "content": "x", "session_id": session});
        host.record("store_artifact", file).await;
    }
    let every = "filename = 'plan.md'";
    let staged = json!({"stage": "review", "filter": every});
    let staged = host.record("artifact_stage", staged).await;
    assert_eq!(staged["changed_count"], 1);
    let deleted = host
        .record("artifact_delete", json!({"filter": every}))
        .await;
    assert_eq!(deleted["deleted_count"], 1);
    let kept = json!({"filename": "plan.md", "session_id": "run-8"});
    let kept = host.record("get_artifact", kept).await;
    assert_eq!(
        kept.get("stage").map_or("draft", |s| s.as_str().unwrap()),
        "draft"
    );
    host.bye().await;
}

#[tokio::test]
async fn an_update_keeps_what_it_does_not_change() {
    let (_cairn, shell) = start().await;
    let mut host = Host::started(&shell, &["--toolset", "all"]).await;
    let document = |content: &str| json!({"title": "Pump", "kind": "document", "content": content, "filename": "pump"});
    host.record("artifact_create", document("<p>")).await;
    // The same call again would have the same answer.
    let words = host.refused("artifact_create", document("<i>")).await;
    assert!(words.contains("Next: call artifact_list"), "{words}");
    let typed = json!({"filename": "pump", "content": "<p>", "content_type": "text/html"});
    let typed = host.record("store_artifact", typed).await;
    let alone = json!({"artifact_id": typed["artifact_id"], "change_summary": "why"});
    let words = host.refused("artifact_update", alone).await;
    assert!(words.contains("give content"), "{words}");
    let changed = json!({"artifact_id": typed["artifact_id"], "content": "<b>"});
    let changed = host.record("artifact_update", changed).await;
    assert_eq!(
        (&changed["version"], &changed["content_type"]),
        (&json!(3), &json!("text/html"))
    );
    host.bye().await;
}

#[tokio::test]
async fn the_key_decides_which_tools_are_listed() {
    let (cairn, _) = start().await;
    let reader = with_scopes(&cairn, &[Scope::Read]).await;
    let mut host = Host::started(&reader, &["--toolset", "all", "--allow-delete"]).await;
    let tools = host.tools().await;
    assert!(tools.contains(&"todo_list".to_owned()));
    assert!(!tools.contains(&"store_artifact".to_owned()), "{tools:?}");
    let words = host.refused("store_artifact", json!({})).await;
    assert!(
        words.contains("there is no tool store_artifact for this key"),
        "{words}"
    );
    host.bye().await;
    let all = with_scopes(&cairn, &Scope::EVERY).await;
    let mut host = Host::started(&all, &[]).await;
    let tools = host.tools().await;
    assert!(tools.contains(&"store_artifact".to_owned()));
    for absent in ["delete_artifact", "todo_list"] {
        assert!(!tools.contains(&absent.to_owned()), "{tools:?}");
    }
    host.bye().await;
}

#[tokio::test]
async fn a_file_is_stored_by_its_path_from_a_root_alone() {
    let (_cairn, shell) = start().await;
    shell.write("outputs/a.txt", "a");
    shell.write("outputs/.env", "KEY=1");
    shell.write("other.txt", "b");
    std::os::unix::fs::symlink(shell.path("other.txt"), shell.path("outputs/link")).unwrap();
    let mut host = Host::started(&shell, &["--root", "outputs"]).await;
    let stored = json!({"filename": "a.txt", "path": "a.txt"});
    assert_eq!(host.record("store_artifact", stored).await["size_bytes"], 1);
    for (path, why) in [
        ("link", "is no file that can be read in the allowed folders"),
        (
            "../other.txt",
            "is no file that can be read in the allowed folders",
        ),
        (".env", "never stored"),
    ] {
        let file = json!({"filename": "x", "path": path});
        let words = host.refused("store_artifact", file).await;
        assert!(words.contains(why), "{words}");
    }
    host.bye().await;
    let mut host = Host::started(&shell, &[]).await;
    let file = json!({"filename": "x", "path": "/etc/hostname"});
    let words = host.refused("store_artifact", file).await;
    assert!(words.contains("path is not an argument"), "{words}");
    host.bye().await;
}

#[tokio::test]
async fn artifacts_are_resources() {
    let (_cairn, shell) = start().await;
    let mut host = Host::started(&shell, &[]).await;
    let file = json!({"filename": "a.md", "content": "# A\n", "title": "The A"});
    let stored = host.record("store_artifact", file).await;
    let listed = host.request("resources/list", json!({})).await;
    let resources = &listed["result"]["resources"];
    assert_eq!(resources[0]["uri"], "cairn://active");
    let uri = format!(
        "cairn://artifacts/{}",
        stored["artifact_id"].as_str().unwrap()
    );
    assert_eq!(resources[1]["uri"], uri);
    let read = host.request("resources/read", json!({"uri": uri})).await;
    assert_eq!(read["result"]["contents"][0]["text"], "# A\n");
    let active = json!({"uri": "cairn://active"});
    let active = host.request("resources/read", active).await;
    let text = active["result"]["contents"][0]["text"].as_str().unwrap();
    assert!(text.contains("draft:\n- a.md v1"), "{text}");
    let missing = json!({"uri": "cairn://artifacts/art_0000000000000000"});
    let missing = host.request("resources/read", missing).await;
    assert!(missing["error"]["code"].is_i64(), "{missing}");
    host.bye().await;
}
