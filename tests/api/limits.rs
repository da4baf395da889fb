//! Plans and limits: what a tenant's plan and a key's own limits allow, what is refused and how, and what WhoAmI tells.

use cairn_proto::v1::{
    CreateKeyRequest, CreateLinkRequest, DeletePlanRequest, GetTenantRequest, Limit, LimitKind,
    LimitState, ListPlansRequest, ListSessionsRequest, ListTenantsRequest, Scope, SetPlanRequest,
    SetTenantRequest, Tenant, UpdateSessionRequest, WatchSessionRequest, WhoAmIRequest,
    WhoAmIResponse,
};
use cairn_store::NewApiKey;
use futures_util::future::join_all;
use prost_types::FieldMask;
use tonic::{Code, Status};

use harness::{
    Bytes, Cairn, Client, Refusal, Rest, Setup, Wire, content, eventually, postgres, refused,
    session_spec, spec,
};

use crate::watch::replica;

async fn started() -> Cairn {
    Setup::on(Bytes::Files).start().await
}

/// A client that may operate the deployment, of a tenant of its own.
async fn operator(cairn: &Cairn) -> Client {
    let key = NewApiKey::of_operator();
    let (_, secret) = cairn.store.issue_api_key("operators", &key).await.unwrap();
    Client::connect(&cairn.grpc_url, Some(secret.reveal())).await
}

fn limit(kind: LimitKind, max: impl Into<Option<i64>>) -> Limit {
    Limit {
        kind: kind.into(),
        max: max.into(),
    }
}

/// Gives `acme` a plan with one limit.
async fn limited(cairn: &Cairn, kind: LimitKind, max: i64) -> Client {
    let operator = operator(cairn).await;
    plan(&operator, "small", vec![limit(kind, max)])
        .await
        .unwrap();
    let wanted = SetTenantRequest {
        name: "acme".to_owned(),
        plan: Some("small".to_owned()),
        ..Default::default()
    };
    tenant(&operator, wanted).await.unwrap();
    operator
}

async fn plan(operator: &Client, name: &str, limits: Vec<Limit>) -> Result<(), Status> {
    let request = SetPlanRequest {
        name: name.to_owned(),
        limits,
    };
    operator.operator.clone().set_plan(request).await.map(drop)
}

async fn tenant(operator: &Client, request: SetTenantRequest) -> Result<Tenant, Status> {
    let set = operator.operator.clone().set_tenant(request).await?;
    Ok(set.into_inner().tenant.unwrap())
}

async fn try_who(client: &Client) -> Result<WhoAmIResponse, Status> {
    let answer = client.identity.clone().who_am_i(WhoAmIRequest {}).await;
    answer.map(tonic::Response::into_inner)
}

async fn who(client: &Client) -> WhoAmIResponse {
    try_who(client).await.unwrap()
}

fn state(of: &WhoAmIResponse, kind: LimitKind) -> &LimitState {
    let mut limits = of.limits.iter();
    limits.find(|it| it.kind() == kind).expect("the limit")
}

#[track_caller]
fn is_limited(refusal: &Refusal, limit: &str, of: &str) {
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::ResourceExhausted, "RATE_LIMITED")
    );
    assert_eq!(refusal.metadata["limit"], limit);
    assert_eq!(refusal.metadata["of"], of);
    assert!(refusal.retry_after.is_some(), "it says when to come again");
}

async fn try_watch(client: &Client) -> Result<impl Sized + use<>, Status> {
    let request = WatchSessionRequest {
        session_id: "run".to_owned(),
        ..Default::default()
    };
    client.sessions.clone().watch_session(request).await
}

#[tokio::test]
async fn calls_above_the_rate_are_told_when_to_come_again() {
    let cairn = started().await;
    let operator = limited(&cairn, LimitKind::RequestsPerSecond, 1).await;
    let calls = join_all((0..40).map(|_| try_who(&cairn.client))).await;
    let (good, bad): (Vec<_>, Vec<_>) = calls.into_iter().partition(Result::is_ok);
    assert!(good.len() >= 2, "two seconds' worth come at once");
    let refusal = refused(bad.into_iter().next().expect("a refusal"));
    is_limited(&refusal, "requests_per_second", "tenant");
    // Another tenant has its own.
    for _ in 0..10 {
        who(&operator).await;
    }
    let rest = Rest::of(&cairn);
    let mut answer = rest.get("/v1/whoami").await;
    while answer.status != 429 {
        answer = rest.get("/v1/whoami").await;
    }
    let pause = answer.headers["retry-after"].to_str().unwrap();
    assert!(pause.parse::<u64>().unwrap() >= 1);
    assert_eq!(answer.body["error"]["code"], "rate_limited");
    for name in ["ratelimit", "ratelimit-policy"] {
        assert!(answer.headers.contains_key(name), "{name} of a refusal");
    }
}

#[tokio::test]
async fn what_a_key_is_refused_its_tenant_keeps() {
    let cairn = started().await;
    limited(&cairn, LimitKind::RequestsPerSecond, 20).await;
    let request = CreateKeyRequest {
        scopes: vec![Scope::Read.into()],
        limits: vec![limit(LimitKind::RequestsPerSecond, 1)],
        ..Default::default()
    };
    let made = cairn.client.admin.clone().create_key(request).await;
    let secret = made.unwrap().into_inner().api_key;
    let noisy = Client::connect(&cairn.grpc_url, Some(&secret)).await;
    let calls = join_all((0..200).map(|_| try_who(&noisy))).await;
    let bad = calls.into_iter().find(Result::is_err).expect("a refusal");
    is_limited(&refused(bad), "requests_per_second", "key");
    for _ in 0..10 {
        who(&cairn.client).await;
    }
}

#[tokio::test]
async fn calls_of_a_month_end_with_its_last_second() {
    let cairn = started().await;
    let operator = limited(&cairn, LimitKind::RequestsPerMonth, 3).await;
    for _ in 0..3 {
        who(&cairn.client).await;
    }
    let refusal = refused(try_who(&cairn.client).await);
    is_limited(&refusal, "requests_per_month", "tenant");
    let month = std::time::Duration::from_secs(31 * 86_400);
    assert!(refusal.retry_after.unwrap() <= month);
    let more = SetTenantRequest {
        name: "acme".to_owned(),
        set_limits: vec![limit(LimitKind::RequestsPerMonth, 10)],
        ..Default::default()
    };
    tenant(&operator, more).await.unwrap();
    let me = who(&cairn.client).await;
    assert_eq!((me.requests_today, me.requests_this_month), (5, 5));
    let month = state(&me, LimitKind::RequestsPerMonth);
    assert_eq!((month.max, month.used, month.left), (10, Some(5), Some(5)));
    assert!(month.resets_at.is_some() && !month.of_key);
}

#[tokio::test]
async fn watches_are_limited_and_end_makes_room() {
    let cairn = started().await;
    limited(&cairn, LimitKind::Watches, 1).await;
    let first = try_watch(&cairn.client).await.unwrap();
    let refusal = refused(try_watch(&cairn.client).await.map(drop));
    is_limited(&refusal, "watches", "tenant");
    let me = who(&cairn.client).await;
    let watches = state(&me, LimitKind::Watches);
    assert_eq!((watches.used, watches.left), (Some(1), Some(0)));
    drop(first);
    eventually("a place", async || try_watch(&cairn.client).await.is_ok()).await;
}

#[tokio::test]
async fn calls_under_way_are_limited_for_a_key_of_its_own() {
    let cairn = started().await;
    let request = CreateKeyRequest {
        scopes: vec![Scope::Read.into(), Scope::Write.into()],
        limits: vec![limit(LimitKind::Calls, 1)],
        ..Default::default()
    };
    let made = cairn.client.admin.clone().create_key(request).await;
    let made = made.unwrap().into_inner();
    assert_eq!(made.key.unwrap().limits, [limit(LimitKind::Calls, 1)]);
    let narrow = Client::connect(&cairn.grpc_url, Some(&made.api_key)).await;
    let calls = *state(&who(&narrow).await, LimitKind::Calls);
    assert_eq!(
        (calls.used, calls.left, calls.of_key),
        (Some(1), Some(0), true)
    );
    let running = try_watch(&narrow).await.unwrap();
    let refusal = refused(try_who(&narrow).await);
    is_limited(&refusal, "calls", "key");
    who(&cairn.client).await;
    drop(running);
    eventually("a place", async || try_who(&narrow).await.is_ok()).await;
    let wrong = CreateKeyRequest {
        scopes: vec![Scope::Read.into()],
        limits: vec![limit(LimitKind::Links, 1)],
        ..Default::default()
    };
    let refusal = refused(cairn.client.admin.clone().create_key(wrong).await);
    assert_eq!(refusal.code, Code::InvalidArgument);
}

#[tokio::test]
async fn a_file_larger_than_the_plan_allows_is_refused() {
    let cairn = started().await;
    limited(&cairn, LimitKind::FileBytes, 1000).await;
    assert_eq!(who(&cairn.client).await.max_upload_bytes, 1000);
    cairn.client.create(spec("a"), content(1000)).await.unwrap();
    for large in [
        cairn.client.create(spec("b"), content(1001)).await,
        cairn.client.upload(spec("c"), content(1001)).await,
    ] {
        let refusal = refused(large);
        assert_eq!(refusal.reason, "FILE_TOO_LARGE");
        assert_eq!(refusal.metadata["limit_bytes"], "1000");
    }
    let open = cairn.client.start_upload(spec("d")).await.unwrap();
    let written = cairn.client.write_upload(&open.upload_id, 0, content(1001));
    assert_eq!(refused(written.await).reason, "FILE_TOO_LARGE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn links_are_limited_however_many_are_made_at_once() {
    let cairn = started().await;
    limited(&cairn, LimitKind::Links, 3).await;
    let artifact = cairn.client.create(spec("a"), "a").await.unwrap();
    let link = || async {
        let request = CreateLinkRequest {
            artifact_id: artifact.artifact_id.clone(),
            ..Default::default()
        };
        cairn.client.links.clone().create_link(request).await
    };
    let made = join_all((0..8).map(|_| link())).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 3);
    let refusal = refused(link().await);
    assert_eq!(refusal.reason, "QUOTA_EXCEEDED");
    assert_eq!(refusal.metadata["limit"], "links");
    let me = who(&cairn.client).await;
    let links = state(&me, LimitKind::Links);
    assert_eq!((links.used, links.left), (Some(3), Some(0)));
}

#[tokio::test]
async fn a_tenant_has_its_plans_limits_and_its_own_instead() {
    let cairn = started().await;
    let operator = limited(&cairn, LimitKind::StoredBytes, 10).await;
    let refusal = refused(cairn.client.create(spec("a"), content(11)).await);
    assert_eq!(refusal.reason, "QUOTA_EXCEEDED");
    let change = |request: SetTenantRequest| {
        let name = "acme".to_owned();
        tenant(&operator, SetTenantRequest { name, ..request })
    };
    // A changed plan changes its tenants.
    plan(&operator, "small", vec![limit(LimitKind::StoredBytes, 11)])
        .await
        .unwrap();
    cairn.client.create(spec("a"), content(11)).await.unwrap();
    let lifted = SetTenantRequest {
        set_limits: vec![limit(LimitKind::StoredBytes, None)],
        ..Default::default()
    };
    let changed = change(lifted).await.unwrap();
    assert_eq!(changed.overrides, [limit(LimitKind::StoredBytes, None)]);
    assert!(changed.limits.is_empty() && changed.stored_bytes == 11);
    cairn.client.create(spec("b"), content(50)).await.unwrap();
    let reset = SetTenantRequest {
        reset_limits: vec![LimitKind::StoredBytes.into()],
        ..Default::default()
    };
    let changed = change(reset).await.unwrap();
    assert_eq!(changed.limits, [limit(LimitKind::StoredBytes, 11)]);
    assert!(cairn.client.create(spec("c"), "c").await.is_err());
    let me = who(&cairn.client).await;
    assert_eq!(me.plan, "small");
    let stored = state(&me, LimitKind::StoredBytes);
    assert_eq!((stored.used, stored.left), (Some(61), Some(0)));
}

#[tokio::test]
async fn a_new_tenant_has_the_default_plan() {
    let cairn = started().await;
    let operator = operator(&cairn).await;
    plan(&operator, "default", vec![limit(LimitKind::Artifacts, 1)])
        .await
        .unwrap();
    let made = SetTenantRequest {
        name: "new".to_owned(),
        ..Default::default()
    };
    let made = tenant(&operator, made).await.unwrap();
    assert_eq!(made.plan, "default");
    assert_eq!(made.limits, [limit(LimitKind::Artifacts, 1)]);
    let key = cairn.store.create_api_key("newer").await.unwrap();
    let newer = Client::connect(&cairn.grpc_url, Some(key.reveal())).await;
    newer.create(spec("a"), "a").await.unwrap();
    assert!(newer.create(spec("b"), "b").await.is_err());
}

#[tokio::test]
async fn a_plan_that_tenants_have_stays() {
    let cairn = started().await;
    let operator = limited(&cairn, LimitKind::Calls, 9).await;
    let delete = async |name: &str| {
        let name = name.to_owned();
        let mut client = operator.operator.clone();
        client.delete_plan(DeletePlanRequest { name }).await
    };
    for name in ["small", "default", "unknown"] {
        let refusal = refused(delete(name).await);
        assert_eq!(refusal.code, Code::InvalidArgument, "{name}");
    }
    let moved = SetTenantRequest {
        name: "acme".to_owned(),
        plan: Some("default".to_owned()),
        ..Default::default()
    };
    tenant(&operator, moved).await.unwrap();
    delete("small").await.unwrap();
    let mut client = operator.operator.clone();
    let plans = client.list_plans(ListPlansRequest::default()).await;
    let plans = plans.unwrap().into_inner().plans;
    assert_eq!(plans.len(), 1);
    let unknown = SetTenantRequest {
        name: "acme".to_owned(),
        plan: Some("small".to_owned()),
        ..Default::default()
    };
    assert_eq!(
        refused(tenant(&operator, unknown).await).code,
        Code::InvalidArgument
    );
}

#[tokio::test]
async fn tenants_are_listed_a_page_at_a_time() {
    let cairn = started().await;
    let operator = operator(&cairn).await;
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListTenantsRequest {
            page_size: 1,
            page_token,
        };
        let page = operator.operator.clone().list_tenants(request).await;
        let page = page.unwrap().into_inner();
        names.extend(page.tenants.into_iter().map(|tenant| tenant.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["acme", "operators"]);
    let unknown = GetTenantRequest {
        name: "nowhere".to_owned(),
    };
    let refusal = refused(operator.operator.clone().get_tenant(unknown).await);
    assert_eq!(refusal.reason, "TENANT_NOT_FOUND");
}

#[tokio::test]
async fn a_replica_allows_its_share() {
    let cairn = started().await;
    limited(&cairn, LimitKind::Watches, 2).await;
    let client = replica(&cairn).await;
    eventually("two replicas share", async || {
        let one = try_watch(&client).await;
        one.is_ok() && try_watch(&client).await.is_err()
    })
    .await;
}

/// A write into a session that exists is none the worse; a batch of small writes is refused one by one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_are_limited_however_many_are_made_at_once() {
    let cairn = started().await;
    limited(&cairn, LimitKind::Sessions, 3).await;
    let name = |number: usize| format!("{number}");
    let specs = (0..8).map(|number| session_spec("f", &name(number)));
    let made = join_all(specs.map(|spec| cairn.client.create(spec, "x"))).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 3);
    let refusals = made.into_iter().filter_map(Result::err);
    for refusal in refusals.map(|status| refused(Err::<(), _>(status))) {
        assert_eq!(refusal.reason, "QUOTA_EXCEEDED");
        assert_eq!(refusal.metadata["limit"], "sessions");
        assert_eq!(refusal.metadata["max"], "3");
    }
    let request = ListSessionsRequest::default();
    let listed = cairn.client.sessions.clone().list_sessions(request).await;
    let listed = listed.unwrap().into_inner().sessions;
    assert_eq!(listed.len(), 3);
    let known = session_spec("g", &listed[0].session_id);
    cairn.client.create(known, "x").await.unwrap();
    let update = UpdateSessionRequest {
        session_id: "new".to_owned(),
        update_mask: Some(FieldMask {
            paths: vec!["display_name".to_owned()],
        }),
        display_name: "new".to_owned(),
        allow_missing: true,
        ..Default::default()
    };
    let updated = cairn.client.sessions.clone().update_session(update).await;
    assert_eq!(refused(updated).reason, "QUOTA_EXCEEDED");
    let me = who(&cairn.client).await;
    let sessions = state(&me, LimitKind::Sessions);
    assert_eq!((sessions.used, sessions.left), (Some(3), Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn open_uploads_are_limited_however_many_are_opened() {
    let cairn = started().await;
    limited(&cairn, LimitKind::OpenUploads, 2).await;
    let opened = join_all((0..6).map(|_| cairn.client.start_upload(spec("a")))).await;
    let open: Vec<_> = opened.into_iter().filter_map(Result::ok).collect();
    assert_eq!(open.len(), 2);
    let refusal = refused(cairn.client.start_upload(spec("a")).await);
    assert_eq!(refusal.reason, "QUOTA_EXCEEDED");
    assert_eq!(refusal.metadata["limit"], "open_uploads");
    let me = who(&cairn.client).await;
    let uploads = state(&me, LimitKind::OpenUploads);
    assert_eq!((uploads.used, uploads.left), (Some(2), Some(0)));
    cairn.client.abort_upload(&open[0].upload_id).await.unwrap();
    cairn.client.start_upload(spec("a")).await.unwrap();
}

#[tokio::test]
async fn limits_that_cost_a_count_have_a_most() {
    let cairn = started().await;
    let operator = operator(&cairn).await;
    for (kind, max) in [
        (LimitKind::Sessions, 100_001),
        (LimitKind::OpenUploads, 10_001),
    ] {
        let wanted = vec![limit(kind, max)];
        let refusal = refused(plan(&operator, "large", wanted).await);
        assert_eq!(refusal.code, Code::InvalidArgument, "{max}");
    }
}

/// Nothing of a request is left out silently.
#[tokio::test]
async fn more_limits_than_there_can_be_are_refused() {
    let cairn = started().await;
    let operator = operator(&cairn).await;
    let many = vec![LimitKind::Links.into(); 65];
    let reset = SetTenantRequest {
        name: "acme".to_owned(),
        reset_limits: many.clone(),
        ..Default::default()
    };
    let refusal = refused(tenant(&operator, reset).await);
    assert_eq!(refusal.fields, ["reset_limits"]);
    let many = many.into_iter().map(|kind| Limit { kind, max: Some(1) });
    let refusal = refused(plan(&operator, "small", many.collect()).await);
    assert_eq!(refusal.fields, ["limits"]);
}

/// WhoAmI counts as far as the limit goes, and once.
#[tokio::test]
async fn whoami_counts_links_to_their_limit_and_once() {
    let (url, wire) = Wire::before(&postgres::database().await).await;
    let cairn = Setup::on(Bytes::Files).database(url).start().await;
    limited(&cairn, LimitKind::Links, 20_000).await;
    let artifact = cairn.client.create(spec("a"), "a").await.unwrap();
    cairn
        .sql(&format!(
            "INSERT INTO links (id, tenant_id, artifact_id, expires_at)
             SELECT 'lnk_' || lpad(i::text, 20, '0'), a.tenant_id, a.id, now() + interval '1 day'
             FROM artifacts a, generate_series(1, 10050) i WHERE a.id = '{}'",
            artifact.artifact_id
        ))
        .await;
    wire.take();
    let told = Rest::of(&cairn).get("/v1/whoami").await.ok();
    assert_eq!(told["active_links"], 10_050);
    let asked = wire.take().statements;
    let counts = asked.iter().filter(|sql| sql.contains("FROM links"));
    assert_eq!(counts.count(), 1, "{asked:?}");
    let me = who(&cairn.client).await;
    let links = state(&me, LimitKind::Links);
    assert_eq!((links.used, links.left), (Some(10_050), Some(9_950)));
}

/// Both wait for the tenant's row, in either order, and both succeed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_plan_and_its_tenant_can_be_set_at_once() {
    let cairn = started().await;
    let operator = limited(&cairn, LimitKind::Calls, 100).await;
    let database = cairn.database().await;
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let wanted = SetTenantRequest {
        name: "acme".to_owned(),
        plan: Some("small".to_owned()),
        never_expires_allowed: Some(false),
        ..Default::default()
    };
    for tenant_first in [true, false] {
        let lock = "BEGIN; SELECT FROM tenants WHERE name = 'acme' FOR NO KEY UPDATE";
        database.batch_execute(lock).await.unwrap();
        let set_tenant = async {
            tenant(&operator, wanted.clone()).await.unwrap();
        };
        let set_plan = async {
            let limits = vec![limit(LimitKind::Calls, 200)];
            plan(&operator, "small", limits).await.unwrap();
        };
        let waits = async |count| {
            eventually("the waiting calls", async || {
                cairn.count(waiting).await == count
            })
            .await;
        };
        let release = async {
            waits(2).await;
            database.batch_execute("COMMIT").await.unwrap();
        };
        if tenant_first {
            let second = async {
                waits(1).await;
                set_plan.await;
            };
            futures_util::join!(set_tenant, second, release);
        } else {
            let second = async {
                waits(1).await;
                set_tenant.await;
            };
            futures_util::join!(set_plan, second, release);
        }
    }
}
