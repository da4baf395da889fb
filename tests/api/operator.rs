//! What operators do: usage by day, session and agent, workloads, and files that declare what is to be there.

use cairn_proto::v1::{
    ApplyRequest, ArtifactSpec, EraseTenantRequest, GetTenantRequest, GetTenantUsageRequest,
    GetUsageRequest, GetUsageResponse, ListWorkloadsRequest, RemoveWorkloadRequest, Scope,
    SetWorkloadRequest, UsagePart, UsageRow,
};
use cairn_store::NewApiKey;
use tonic::{Code, Status};

use harness::{Bytes, Cairn, Client, Setup, content, eventually, refused, session_spec};

async fn started() -> (Cairn, Client) {
    let cairn = Setup::on(Bytes::Files).start().await;
    let key = NewApiKey::of_operator();
    let (_, secret) = cairn.store.issue_api_key("operators", &key).await.unwrap();
    let operator = Client::connect(&cairn.grpc_url, Some(secret.reveal())).await;
    (cairn, operator)
}

async fn usage(client: &Client, request: GetUsageRequest) -> GetUsageResponse {
    let answer = client.identity.clone().get_usage(request).await;
    answer.unwrap().into_inner()
}

fn by(part: UsagePart) -> GetUsageRequest {
    GetUsageRequest {
        part: part.into(),
        ..Default::default()
    }
}

fn made(rows: &[UsageRow]) -> Vec<(&str, i64, i64)> {
    let made = rows.iter().map(|row| (&*row.key, row.artifacts, row.bytes));
    made.collect()
}

#[tokio::test]
async fn usage_counts_what_was_made_by_day_session_and_agent() {
    let (cairn, operator) = started().await;
    for (name, session, agent, size) in [
        ("a", "one", "writer", 10),
        ("b", "one", "reader", 20),
        ("c", "two", "writer", 40),
    ] {
        let spec = ArtifactSpec {
            agent_id: agent.to_owned(),
            ..session_spec(name, session)
        };
        let artifact = cairn.client.create(spec, content(size)).await.unwrap();
        if name == "c" {
            cairn.client.delete(&artifact.artifact_id).await.unwrap();
        }
    }
    // The same before and after the collector has added it up.
    for _ in 0..2 {
        let days = usage(&cairn.client, by(UsagePart::Day)).await.rows;
        assert_eq!((days[0].artifacts, days[0].bytes), (3, 70));
        let sessions = usage(&cairn.client, by(UsagePart::Session)).await.rows;
        assert_eq!(made(&sessions), [("one", 2, 30), ("two", 1, 40)]);
        let agents = usage(&cairn.client, by(UsagePart::Agent)).await.rows;
        assert_eq!(made(&agents), [("reader", 1, 20), ("writer", 2, 50)]);
        assert!(cairn.pass("usage_days").await.failures.is_empty());
    }
    assert_eq!(cairn.count("SELECT count(*) FROM usage_made").await, 0);
    let of_tenant = GetTenantUsageRequest {
        tenant_name: "acme".to_owned(),
        usage: Some(by(UsagePart::Session)),
    };
    let told = operator.operator.clone().get_tenant_usage(of_tenant).await;
    let told = told.unwrap().into_inner().usage.unwrap();
    assert_eq!(made(&told.rows), [("one", 2, 30), ("two", 1, 40)]);
}

#[tokio::test]
async fn usage_comes_in_pages() {
    let (cairn, _operator) = started().await;
    for session in ["a", "b", "c"] {
        let spec = session_spec("f", session);
        cairn.client.create(spec, session).await.unwrap();
    }
    let mut keys = Vec::new();
    let mut request = GetUsageRequest {
        page_size: 2,
        ..by(UsagePart::Session)
    };
    loop {
        let page = usage(&cairn.client, request.clone()).await;
        keys.extend(page.rows.into_iter().map(|row| row.key));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(keys, ["a", "b", "c"]);
    let wrong = GetUsageRequest {
        from_day: "yesterday".to_owned(),
        page_size: -1,
        ..Default::default()
    };
    let refusal = refused(cairn.client.identity.clone().get_usage(wrong).await);
    assert_eq!(refusal.code, Code::InvalidArgument);
}

#[tokio::test]
async fn calls_and_bytes_are_counted_by_the_day() {
    let (cairn, _operator) = started().await;
    let spec = session_spec("a", "run");
    cairn.client.upload(spec, content(300_000)).await.unwrap();
    eventually("the replica saves its calls", async || {
        let days = usage(&cairn.client, by(UsagePart::Day)).await.rows;
        days[0].requests > 0 && days[0].received_bytes >= 300_000 && days[0].sent_bytes > 0
    })
    .await;
}

async fn apply(operator: &Client, document: &str, dry_run: bool) -> Result<Vec<String>, Status> {
    let request = ApplyRequest {
        document: document.to_owned(),
        dry_run,
    };
    let applied = operator.operator.clone().apply(request).await?;
    Ok(applied.into_inner().changes)
}

const FILE: &str = "
plans:
  - name: small
    limits: {requests_per_second: 50, stored_bytes: 1KiB}
tenants:
  - name: fresh
    plan: small
    limits: {stored_bytes: none, links: 7}
    default_ttl: 30d
    max_ttl: 90d
    workloads:
      - issuer: https://issuer.example
        subject: system:runner
        scopes: [read]
        namespace: app
";

#[tokio::test]
async fn a_tenant_in_erasure_is_left_out_of_a_file() {
    let (cairn, operator) = started().await;
    let erase = EraseTenantRequest {
        name: "acme".to_owned(),
        dry_run: false,
    };
    operator.operator.clone().erase_tenant(erase).await.unwrap();
    let file = FILE.to_owned()
        + "
  - name: acme
    default_ttl: 30d
    workloads:
      - issuer: https://issuer.example
        subject: system:other
        scopes: [read]
";
    let changes = apply(&operator, &file, false).await.unwrap();
    let left_out = "tenant acme: is being erased, left out";
    assert_eq!((changes.len(), &*changes[3]), (4, left_out), "{changes:?}");
    assert_eq!(apply(&operator, &file, false).await.unwrap(), [left_out]);
    let noted = "SELECT count(*) FROM audit WHERE operation = 'Apply'";
    assert_eq!(cairn.count(noted).await, 3);
}

#[tokio::test]
async fn a_file_is_applied_once_and_changes_nothing_again() {
    let (_cairn, operator) = started().await;
    let rehearsed = apply(&operator, FILE, true).await.unwrap();
    assert_eq!(rehearsed.len(), 3, "{rehearsed:?}");
    let name = "fresh".to_owned();
    let get = GetTenantRequest { name };
    let mut client = operator.operator.clone();
    let missing = refused(client.get_tenant(get.clone()).await);
    assert_eq!(
        missing.reason, "TENANT_NOT_FOUND",
        "a dry run changes nothing"
    );

    assert_eq!(apply(&operator, FILE, false).await.unwrap(), rehearsed);
    assert_eq!(apply(&operator, FILE, false).await.unwrap(), [""; 0]);
    let tenant = client.get_tenant(get).await.unwrap().into_inner().tenant;
    let tenant = tenant.unwrap();
    assert_eq!((&*tenant.plan, tenant.limits.len()), ("small", 2));
    let as_json = r#"{"plans": [{"name": "small", "limits": {"calls": "none"}}]}"#;
    let changes = apply(&operator, as_json, false).await.unwrap();
    assert!(changes[0].starts_with("plan small:"), "{changes:?}");
}

#[tokio::test]
async fn a_file_with_a_fault_changes_nothing() {
    let (_cairn, operator) = started().await;
    for wrong in [
        "plans: [{name: good}, {name: '!'}]",
        "plans: [{name: good}]\ntenants: [{name: t, plan: missing}]",
        "plans: [{name: good, limits: {nothing: 1}}]",
        "plan: []",
        "{",
    ] {
        let refusal = refused(apply(&operator, wrong, false).await);
        assert_eq!(refusal.code, Code::InvalidArgument, "{wrong}");
    }
    let changes = apply(&operator, "plans: [{name: good}]", false).await;
    assert_eq!(changes.unwrap(), ["plan good: new, no limits"]);
}

#[tokio::test]
async fn workloads_are_set_listed_and_removed() {
    let (_cairn, operator) = started().await;
    let mut client = operator.operator.clone();
    let set = |tenant: &str, scope: Scope| SetWorkloadRequest {
        tenant_name: tenant.to_owned(),
        issuer: "https://issuer.example".to_owned(),
        subject: "system:runner".to_owned(),
        scopes: vec![scope.into()],
        ..Default::default()
    };
    client.set_workload(set("acme", Scope::Read)).await.unwrap();
    client
        .set_workload(set("acme", Scope::Write))
        .await
        .unwrap();
    let foreign = refused(client.set_workload(set("other", Scope::Read)).await);
    assert_eq!(foreign.code, Code::InvalidArgument);
    let tenant_name = "acme".to_owned();
    let list = ListWorkloadsRequest { tenant_name };
    let workloads = client.list_workloads(list).await.unwrap().into_inner();
    let [workload] = &workloads.workloads[..] else {
        panic!("{workloads:?}");
    };
    assert_eq!(workload.scopes, [i32::from(Scope::Write)]);
    for removed in [true, false] {
        let workload_id = workload.workload_id.clone();
        let answer = client.remove_workload(RemoveWorkloadRequest { workload_id });
        assert_eq!(answer.await.unwrap().into_inner().removed, removed);
    }
}
