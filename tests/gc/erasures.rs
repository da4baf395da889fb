//! An erasure leaves nothing of its tenant, takes nothing of others, and releases bytes by the collector's way.

use std::time::Duration;

use cairn_proto::v1::{
    CreateLinkRequest, EraseTenantRequest, Erasure, GetErasureRequest, ListAuditRequest, Scope,
    SetLegalHoldRequest, SetWorkloadRequest,
};
use cairn_store::{
    Error, LinkPolicyUpdate, NewApiKey,
    gc::{Pass, Policy},
};
use futures_util::join;
use tonic::{Code, Status};

use harness::{
    Bytes, Cairn, Client, MANY, Setup, content, eventually, make_many, refused, session_spec, spec,
};

harness::on_s3_and_files!(
    an_erasure_leaves_nothing_of_its_tenant,
    what_lands_after_an_erasure_is_deleted,
);

async fn operator(cairn: &Cairn) -> Client {
    let key = NewApiKey::of_operator();
    let (_, secret) = cairn.store.issue_api_key("operators", &key).await.unwrap();
    Client::connect(&cairn.grpc_url, Some(secret.reveal())).await
}

async fn erase(operator: &Client, name: &str, dry_run: bool) -> Result<Erasure, Status> {
    let request = EraseTenantRequest {
        name: name.to_owned(),
        dry_run,
    };
    let answer = operator.operator.clone().erase_tenant(request).await?;
    Ok(answer.into_inner().erasure.unwrap())
}

async fn report(operator: &Client) -> Erasure {
    let request = GetErasureRequest {
        tenant_name: "acme".to_owned(),
    };
    let answer = operator.operator.clone().get_erasure(request).await;
    answer.unwrap().into_inner().erasure.unwrap()
}

/// Some of everything: content inline and in the blob store, copies, derivations, sessions open and sealed, a link, an open
/// upload, unpublished, deleted and purged artifacts. Returns the URL of the link.
async fn fill(client: &Client) -> String {
    let made = client.create(spec("small"), "x").await.unwrap();
    client
        .upload(spec("large"), content(200_000))
        .await
        .unwrap();
    let derived = cairn_proto::v1::ArtifactSpec {
        inputs: vec![made.artifact_id.clone()],
        labels: vec!["nightly".to_owned()],
        idempotency_key: "once".to_owned(),
        ..session_spec("derived", "sealed")
    };
    client.create(derived, "y").await.unwrap();
    client.seal("sealed").await.unwrap();
    let unpublished = cairn_proto::v1::ArtifactSpec {
        unpublished: true,
        ..session_spec("later", "open")
    };
    client.create(unpublished, "z").await.unwrap();
    client.start_upload(spec("begun")).await.unwrap();
    let deleted = client.create(spec("deleted"), "deleted").await.unwrap();
    client.delete(&deleted.artifact_id).await.unwrap();
    let request = CreateLinkRequest {
        artifact_id: made.artifact_id,
        ..Default::default()
    };
    let link = client.links.clone().create_link(request).await.unwrap();
    link.into_inner().link.unwrap().url
}

const TABLES: &str = "SELECT c.table_name::text FROM information_schema.columns c
    JOIN information_schema.tables t ON t.table_name = c.table_name AND t.table_schema = c.table_schema
    WHERE c.column_name = 'tenant_id' AND t.table_type = 'BASE TABLE' AND c.table_schema = current_schema()
    ORDER BY 1";

/// The tables that have rows of a tenant.
async fn tables_of(cairn: &Cairn, tenant: &str) -> Vec<String> {
    let database = cairn.database().await;
    let mut found = Vec::new();
    for row in database.query(TABLES, &[]).await.unwrap() {
        let table: String = row.get(0);
        let count = format!("SELECT count(*) FROM {table} WHERE tenant_id = '{tenant}'");
        if cairn.count(&count).await > 0 {
            found.push(table);
        }
    }
    found
}

/// An erasure deletes the rows of each of these, by itself or with those that they refer to.
const ERASED: [&str; 28] = [
    "api_keys",
    "artifact_inputs",
    "artifact_labels",
    "artifact_metadata",
    "artifacts",
    "filenames",
    "forgotten_events",
    "gc_ghosts",
    "gc_queue",
    "idempotency_keys",
    "jobs",
    "links",
    "manifest_entries",
    "objects",
    "pending_artifacts",
    "plans_to_read",
    "session_events",
    "sessions",
    "stage_changes",
    "tenant_usage",
    "todos",
    "upload_parts",
    "uploads",
    "usage_changes",
    "usage_days",
    "usage_made",
    "usage_requests",
    "workloads",
];
/// These stay, or are about bytes without an object, or only point at where a pass is.
const KEPT: [&str; 4] = ["erasures", "gc_cursors", "gc_ledger", "orphan_suspects"];

/// A new table of tenants fails this until an erasure deletes its rows.
#[tokio::test]
async fn an_erasure_knows_every_table_of_a_tenant() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let tables = cairn.database().await.query(TABLES, &[]).await.unwrap();
    let mut tables: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
    tables.retain(|table| !table.starts_with("audit") && !KEPT.contains(&table.as_str()));
    assert_eq!(tables, ERASED);
}

async fn id_of(cairn: &Cairn, name: &str) -> String {
    let sql = format!("SELECT id::text FROM tenants WHERE name = '{name}'");
    let row = cairn.database().await.query_one(&sql, &[]).await;
    row.unwrap().get(0)
}

/// Steps of three rows each, so that the erasure ends between any two of them and is resumed.
async fn erased(cairn: &Cairn, operator: &Client) -> Erasure {
    let small = Policy {
        batch: 3,
        max_batches: 1,
        ..Policy::default()
    };
    loop {
        cairn.let_time_pass().await;
        let step = cairn.collector.run_passes(small, Pass::named("erasures"));
        assert!(step.await.failures.is_empty());
        let others = ["purge", "condemn", "reclaim"].map(|name| Pass::named(name).unwrap());
        let rest = cairn.collector.run_passes(Policy::default(), others);
        assert!(rest.await.failures.is_empty());
        let report = report(operator).await;
        assert_eq!(report.last_error, "");
        if report.finished_at.is_some() {
            return report;
        }
    }
}

async fn an_erasure_leaves_nothing_of_its_tenant(bytes: Bytes) {
    let cairn = Setup::on(bytes).start().await;
    let operator = operator(&cairn).await;
    let other = cairn.client_of("other").await;
    let link = fill(&cairn.client).await;
    fill(&other).await;
    let kept = cairn.stored().await.len();
    let (tenant, others) = (id_of(&cairn, "acme").await, id_of(&cairn, "other").await);
    let before = tables_of(&cairn, &others).await;
    assert!(before.len() > 14, "{before:?}");
    let begun = erase(&operator, "acme", false).await.unwrap();
    assert!(begun.finished_at.is_none() && begun.remaining_bytes > 200_000);
    assert_eq!(begun.deleted["keys"], 1);
    // A retry returns the same one.
    let again = erase(&operator, "acme", false).await.unwrap();
    assert_eq!(again.erasure_id, begun.erasure_id);
    assert_ne!(cairn.get(&link).await, 200);
    let fresh = Client::connect(&cairn.grpc_url, Some(&cairn.key)).await;
    let made = cairn.store.create_api_key("acme").await;
    assert!(made.is_err(), "a tenant in erasure gets no key");
    let finished = erased(&cairn, &operator).await;
    assert_eq!(
        refused(fresh.get("art_0000000000000000").await).code,
        Code::Unauthenticated
    );
    assert_eq!(
        (finished.remaining_bytes, finished.remaining_objects),
        (0, 0)
    );
    assert!(finished.released_bytes >= 200_000, "{finished:?}");
    assert_eq!(finished.deleted["artifacts"], 4, "{finished:?}");
    assert_eq!(finished.deleted["sessions"], 2, "{finished:?}");
    // What stays: the trail, the ledger, the report.
    let left = tables_of(&cairn, &tenant).await;
    let is_kept = |table: &String| {
        table.starts_with("audit") || ["gc_ledger", "erasures"].contains(&table.as_str())
    };
    assert!(left.iter().all(is_kept), "{left:?}");
    assert_eq!(
        cairn
            .count("SELECT count(*) FROM tenants WHERE name = 'acme'")
            .await,
        0
    );
    let after = tables_of(&cairn, &others).await;
    assert!(
        before.iter().all(|table| after.contains(table)),
        "{after:?}"
    );
    assert_eq!(cairn.stored().await.len() * 2, kept);
    // The name is free.
    let anew = cairn.client_of("acme").await;
    anew.create(spec("small"), "x").await.unwrap();
}

#[tokio::test]
async fn a_rehearsed_erasure_counts_and_changes_nothing() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let operator = operator(&cairn).await;
    fill(&cairn.client).await;
    let told = erase(&operator, "acme", true).await.unwrap();
    assert_eq!((told.deleted["artifacts"], told.deleted["links"]), (4, 1));
    assert!(told.erasure_id.is_empty() && told.requested_at.is_some());
    assert_eq!(cairn.count("SELECT count(*) FROM erasures").await, 0);
    cairn.client.create(spec("after"), "x").await.unwrap();
    let refusal = refused(erase(&operator, "operators", false).await);
    assert_eq!(
        (refusal.code, &*refusal.fields[0]),
        (Code::InvalidArgument, "name")
    );
    let refusal = refused(erase(&operator, "missing", false).await);
    assert_eq!(refusal.reason, "TENANT_NOT_FOUND");
}

/// A Cairn that trusts credentials for longer than a test takes, so that a call after the erasure began reaches the database.
async fn trusting() -> Cairn {
    let setup = Setup::on(Bytes::Files);
    let setup = setup.config(|config| config.credential_trust = Duration::from_secs(60));
    setup.start().await
}

/// A refusal because its tenant is being erased.
#[track_caller]
fn refused_in_erasure<T: std::fmt::Debug>(answer: Result<T, Status>) {
    let refusal = refused(answer);
    assert_eq!(
        (refusal.code, &*refusal.fields),
        (Code::InvalidArgument, &["tenant".to_owned()][..])
    );
}

#[tokio::test]
async fn a_tenant_with_a_legal_hold_is_not_erased() {
    let cairn = trusting().await;
    let operator = operator(&cairn).await;
    let made = cairn.client.create(spec("a"), "x").await.unwrap();
    let mut hold = SetLegalHoldRequest {
        artifact_ids: vec![made.artifact_id.clone()],
        legal_hold: true,
        ..Default::default()
    };
    let set = async |hold: &SetLegalHoldRequest| {
        let mut client = cairn.client.artifacts.clone();
        client.set_legal_hold(hold.clone()).await.map(drop)
    };
    set(&hold).await.unwrap();
    let refusal = refused(erase(&operator, "acme", false).await);
    assert_eq!(refusal.reason, "LEGAL_HOLD");
    assert_eq!(refusal.metadata["artifact_id"], made.artifact_id);
    hold.legal_hold = false;
    set(&hold).await.unwrap();
    erase(&operator, "acme", false).await.unwrap();
    hold.legal_hold = true;
    refused_in_erasure(set(&hold).await);
}

#[tokio::test]
async fn a_tenant_with_a_held_session_is_not_erased() {
    let cairn = trusting().await;
    let operator = operator(&cairn).await;
    // A session without artifacts.
    cairn
        .sql("INSERT INTO sessions (tenant_id, id) SELECT id, 'run' FROM tenants WHERE name = 'acme'")
        .await;
    cairn.client.hold_session("run", true).await.unwrap();
    let refusal = refused(erase(&operator, "acme", false).await);
    assert_eq!(
        (refusal.code, &*refusal.fields[0]),
        (Code::InvalidArgument, "name")
    );
    assert!(refusal.message.contains("'run'"), "{}", refusal.message);
    cairn.client.hold_session("run", false).await.unwrap();
    erase(&operator, "acme", false).await.unwrap();
    refused_in_erasure(cairn.client.hold_session("run", true).await);
}

#[tokio::test]
async fn a_tenant_in_erasure_gets_no_workloads_and_no_links() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let operator = operator(&cairn).await;
    erase(&operator, "acme", false).await.unwrap();
    let workload = SetWorkloadRequest {
        tenant_name: "acme".to_owned(),
        issuer: "https://issuer.example".to_owned(),
        subject: "system:runner".to_owned(),
        scopes: vec![Scope::Read.into()],
        ..Default::default()
    };
    refused_in_erasure(operator.operator.clone().set_workload(workload).await);
    let open = LinkPolicyUpdate {
        enabled: Some(true),
        ..Default::default()
    };
    let opened = cairn.store.update_link_policy("acme", open).await;
    let Err(Error::Invalid(fields)) = opened else {
        panic!("{opened:?}")
    };
    assert_eq!(fields[0].field, "tenant");
}

async fn what_lands_after_an_erasure_is_deleted(bytes: Bytes) {
    let setup = Setup::on(bytes).config(|config| {
        config.gc.orphan_age = Duration::ZERO;
        config.gc.orphan_confirm = Duration::ZERO;
        config.gc.orphan_round = Duration::ZERO;
    });
    let cairn = setup.start().await;
    let operator = operator(&cairn).await;
    let large = content(100_000);
    cairn.client.upload(spec("a"), large.clone()).await.unwrap();
    cairn.client.upload(spec("b"), "b").await.unwrap();
    let key = cairn.stored().await.remove(0);
    erase(&operator, "acme", false).await.unwrap();
    erased(&cairn, &operator).await;
    assert!(cairn.stored().await.is_empty());
    cairn.begin_blob(&key, b"late").await;
    let report = cairn.pass("unfinished_uploads").await;
    assert_eq!(report.count("aborted_uploads"), 1, "{report:?}");
    cairn.put_blob(&key, b"late").await;
    for orphans in [0, 1] {
        let report = cairn.pass("orphans").await;
        assert_eq!(report.count("orphans"), orphans, "{report:?}");
    }
    assert!(cairn.stored().await.is_empty());
}

/// How many rows of artifacts were read, by any index or none.
const READ: &str = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables
    WHERE relname = 'artifacts'";

#[tokio::test]
async fn an_erasure_reads_each_artifact_a_few_times() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let operator = operator(&cairn).await;
    make_many(&cairn).await;
    // Another tenant's deleted artifacts are not read.
    let other = cairn.client_of("other").await;
    for name in ["a", "b", "c"] {
        let made = other.create(spec(name), "x").await.unwrap();
        other.delete(&made.artifact_id).await.unwrap();
    }
    cairn.sql("ANALYZE").await;
    erase(&operator, "acme", false).await.unwrap();
    // A step that read all that it leaves would read a hundred for each artifact.
    let small = Policy {
        batch: 5,
        max_batches: 1000,
        ..Policy::default()
    };
    let step = async || {
        let before = cairn.counted(READ).await;
        cairn.sql("UPDATE erasures SET next_at = now()").await;
        let report = cairn.collector.run_passes(small, Pass::named("erasures"));
        let report = report.await;
        assert!(report.failures.is_empty(), "{report:?}");
        (cairn.counted(READ).await - before) / MANY as i64
    };
    let released = step().await;
    cairn.pass("purge").await;
    let deleted = step().await;
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 3);
    assert!(released <= 10 && deleted <= 10, "{released}, {deleted}");
}

#[tokio::test]
async fn what_another_transaction_has_locked_is_deleted_as_well() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let operator = operator(&cairn).await;
    let tenant = id_of(&cairn, "acme").await;
    cairn
        .sql(&format!(
            "INSERT INTO gc_ghosts (tenant_id, object_id, problem)
             VALUES ('{tenant}', gen_random_uuid(), 'missing')"
        ))
        .await;
    erase(&operator, "acme", false).await.unwrap();
    let mut database = cairn.database().await;
    let other = database.transaction().await.unwrap();
    let lock = "SELECT FROM gc_ghosts FOR UPDATE";
    other.query(lock, &[]).await.unwrap();
    let unlock = async {
        eventually("the erasure waits or ends", async || {
            let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
            let ended = "SELECT count(*) FROM erasures WHERE finished_at IS NOT NULL";
            cairn.count(waiting).await + cairn.count(ended).await > 0
        })
        .await;
        other.rollback().await.unwrap();
    };
    join!(erased(&cairn, &operator), unlock);
    assert_eq!(cairn.count("SELECT count(*) FROM gc_ghosts").await, 0);
}

#[tokio::test]
async fn erasures_are_done_in_turn() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let operator = operator(&cairn).await;
    let other = cairn.client_of("other").await;
    for (client, name) in [(&cairn.client, "acme"), (&other, "other")] {
        fill(client).await;
        erase(&operator, name, false).await.unwrap();
    }
    let one = Policy {
        batch: 1,
        max_batches: 2,
        ..Policy::default()
    };
    let idle = "SELECT count(*) FROM erasures e WHERE NOT EXISTS
        (SELECT FROM idempotency_keys k WHERE k.tenant_id = e.tenant_id)
        AND NOT EXISTS (SELECT FROM objects o WHERE o.tenant_id = e.tenant_id AND o.state = 'staging')";
    assert_eq!(cairn.count(idle).await, 0);
    let steps = "SELECT count(*) FROM erasures WHERE next_at > requested_at";
    let report = cairn.collector.run_passes(one, Pass::named("erasures"));
    assert_eq!(report.await.count("erasure_steps"), 2);
    assert_eq!(cairn.count(steps).await, 2, "each had a step");
}

#[tokio::test]
async fn an_erasure_waits_for_a_key_that_is_rotated() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let operator = operator(&cairn).await;
    let mut database = cairn.database().await;
    // What RotateKey does.
    let rotation = database.transaction().await.unwrap();
    let key = "FROM api_keys k JOIN tenants t ON t.id = k.tenant_id WHERE t.name = 'acme'";
    let lock = format!("SELECT {key} FOR NO KEY UPDATE OF k");
    rotation.query(&lock, &[]).await.unwrap();
    let add = async {
        eventually("the erasure waits", async || {
            let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
            cairn.count(waiting).await > 0
        })
        .await;
        let add = format!(
            "INSERT INTO api_keys (id, tenant_id, secret_sha256, last_4, name, scopes)
             SELECT gen_random_uuid(), k.tenant_id, sha256('new'), 'newk', 'new', k.scopes {key}"
        );
        rotation.execute(&add, &[]).await.unwrap();
        rotation.commit().await.unwrap();
    };
    let (begun, ()) = join!(erase(&operator, "acme", false), add);
    assert_eq!(begun.unwrap().deleted["keys"], 2);
}

#[tokio::test]
async fn the_trail_of_an_erased_tenant_has_its_name() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let operator = operator(&cairn).await;
    cairn.client.create(spec("a"), "x").await.unwrap();
    erase(&operator, "acme", false).await.unwrap();
    erased(&cairn, &operator).await;
    let request = ListAuditRequest {
        tenant_name: "acme".to_owned(),
        ..Default::default()
    };
    let listed = operator.admin.clone().list_audit(request).await.unwrap();
    let lines = listed.into_inner().lines;
    assert!(lines.iter().any(|line| line.operation == "CreateArtifact"));
    assert!(lines.iter().all(|line| line.tenant_name == "acme"));
}
