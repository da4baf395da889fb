//! `cairn admin` of an operator: plans, tenants, workloads, usage and files, without access to the database.

use cairn_store::NewApiKey;
use serde_json::{Value, json};

use harness::{Cairn, Shell};

use super::start;

async fn operator(cairn: &Cairn) -> Shell {
    let key = NewApiKey::of_operator();
    let (_, secret) = cairn.store.issue_api_key("operators", &key).await.unwrap();
    Shell::at(&cairn.grpc_url, secret.reveal()).await
}

#[tokio::test]
async fn an_operator_gives_a_tenant_a_plan_and_the_tenant_sees_it() {
    let (cairn, tenant) = start().await;
    let operator = operator(&cairn).await;
    let limit = "--limit=stored_bytes=1KiB";
    let plan = ["admin", "plans", "set", "small", limit];
    let plan = operator.json(&plan).await;
    let limits = json!([{"kind": "stored_bytes", "max": 1024}]);
    assert_eq!(plan["limits"], limits);
    let set = ["admin", "tenants", "set", "acme", "--plan=small"];
    assert_eq!(operator.json(&set).await["limits"], limits);
    let me = tenant.json(&["whoami"]).await;
    assert_eq!(me["plan"], "small");
    assert_eq!(me["limits"][0]["left"], 1024);
    let own = [&set[..4], &["--limit=stored_bytes=none", "--max-ttl=90d"]].concat();
    let changed = operator.json(&own).await;
    assert_eq!(
        (&changed["limits"], &changed["max_ttl"]),
        (&json!([]), &json!("90d"))
    );
    let free = [&set[..4], &["--max-ttl=none"]].concat();
    assert_eq!(operator.json(&free).await["max_ttl"], json!(null));
    let listed = operator.json(&["admin", "tenants", "list"]).await;
    assert_eq!(listed["tenants"][0]["name"], "acme");
    let plans = operator.json(&["admin", "plans", "list"]).await;
    assert_eq!(plans["plans"].as_array().unwrap().len(), 2);
    tenant
        .run(&["admin", "plans", "list"])
        .await
        .with_code(1)
        .saying("'operator'");
}

#[tokio::test]
async fn a_file_is_applied_and_rehearsed() {
    let (cairn, _tenant) = start().await;
    let operator = operator(&cairn).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("admin.yaml");
    std::fs::write(&file, "plans:\n  - name: small\n    limits: {calls: 5}\n").unwrap();
    let file = file.to_str().unwrap();
    let changes = json!(["plan small: new, calls=5"]);
    for (args, expected) in [
        (&["--dry-run"][..], &changes),
        (&[], &changes),
        (&[], &json!([])),
    ] {
        let apply = [&["admin", "apply", "-f", file][..], args].concat();
        assert_eq!(&operator.json(&apply).await["changes"], expected);
    }
}

#[tokio::test]
async fn usage_is_shown_to_the_tenant_and_to_operators() {
    let (cairn, tenant) = start().await;
    let operator = operator(&cairn).await;
    tenant.push("a.txt", "hello", &["--session", "run"]).await;
    let by_session = ["usage", "--by", "session"];
    let own = tenant.json(&by_session).await;
    assert_eq!(own["rows"][0]["key"], "run");
    assert_eq!(own["rows"][0]["bytes"], 5);
    let of_tenant = [&["admin", "usage", "acme"][..], &by_session[1..]].concat();
    assert_eq!(operator.json(&of_tenant).await, own);
}

#[tokio::test]
async fn the_audit_trail_is_exported_as_events_of_ocsf() {
    let (_cairn, tenant) = start().await;
    let pushed = tenant.push("a.txt", "hello", &["--session", "run"]).await;
    let trail = ["admin", "audit", "--since", "1h", "--json"];
    let done = tenant.run(&trail).await.ok();
    let lines = String::from_utf8(done.stdout).unwrap();
    let events: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let made = events
        .iter()
        .find(|event| event["api"]["operation"] == "CreateArtifact");
    let made = made.expect("the push");
    assert_eq!(made["class_uid"], 6003);
    assert_eq!(made["type_uid"], 600_301);
    assert_eq!(made["metadata"]["version"], "1.8.0");
    assert_eq!(made["status"], "Success");
    assert_eq!(made["resources"][0]["uid"], pushed["artifact_id"]);
    assert_eq!(made["actor"]["user"]["type"], "key");
    assert_eq!(made["src_endpoint"]["ip"], "127.0.0.1");
}
