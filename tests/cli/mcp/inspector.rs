//! The protocol's own inspector finds nothing to complain about, in the present and in the earlier era of MCP.

use std::path::Path;

use crate::start;
use harness::{
    Shell,
    program::{self, Done},
};

/// Asks `cairn mcp` by way of the inspector.
async fn inspected(shell: &Shell, era: &str, args: &[&str]) -> Done {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = here.join("../.tools/npm/node_modules");
    let node = ["x64", "arm64"].map(|arch| modules.join(format!("node-linux-{arch}/bin/node")));
    let node = node.iter().find(|path| path.exists());
    let node = node.expect("scripts/bootstrap test installs it");
    let mut command = program::command(node);
    command.arg(modules.join(".bin/mcp-inspector"));
    command.args(["--cli", "--format", "json", "--protocol-era", era]);
    command.args(args);
    let cairn = shell.cairn(&[
        "mcp",
        "--session",
        "run-7",
        "--toolset",
        "core",
        "--toolset",
        "harness",
    ]);
    let cairn = cairn.as_std();
    for (name, value) in cairn.get_envs() {
        if let Some(value) = value {
            let pair = format!("{}={}", name.to_str().unwrap(), value.to_str().unwrap());
            command.args(["-e", &pair]);
        }
    }
    command.arg(cairn.get_program()).args(cairn.get_args());
    program::run(&mut command).await.with_code(0)
}

#[tokio::test]
async fn the_inspector_has_no_complaint_about_the_tools() {
    let (_cairn, shell) = start().await;
    for era in ["modern", "legacy"] {
        let listed = inspected(&shell, era, &["--method", "tools/list", "--strict"]).await;
        let tools = listed.json();
        assert!(tools["result"]["tools"].as_array().unwrap().len() > 10);
        assert_eq!(listed.stderr, "", "{era}");
    }
}

#[tokio::test]
async fn the_inspector_stores_and_reads_in_both_eras() {
    let (_cairn, shell) = start().await;
    for era in ["modern", "legacy"] {
        let stored = inspected(
            &shell,
            era,
            &[
                "--method",
                "tools/call",
                "--tool-name",
                "store_artifact",
                "--tool-args-json",
                r##"{"filename": "a.md", "content": "# Plan"}"##,
            ],
        );
        let stored = stored.await.json();
        assert_ne!(stored["result"]["isError"], true, "{era}: {stored}");
        let listed = inspected(&shell, era, &["--method", "resources/list"]).await;
        let listed = listed.json();
        let resources = listed["result"]["resources"].as_array().unwrap();
        let uri = resources.last().unwrap()["uri"].as_str().unwrap();
        let read = inspected(&shell, era, &["--method", "resources/read", "--uri", uri]).await;
        assert!(read.text().contains("# Plan"), "{era}: {}", read.text());
        let prompts = inspected(&shell, era, &["--method", "prompts/list"]).await;
        assert!(prompts.text().contains("active_artifacts"), "{era}");
    }
}
