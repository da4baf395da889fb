//! The collector costs what the garbage costs: every statement finds its rows by an index.

use cairn_store::{
    Store,
    gc::{self, Collector, Policy},
};

use harness::{Bytes, Cairn, Setup, eventually};

/// Tables that grow with what is stored. No statement may read them as a whole.
const LARGE: [&str; 9] = [
    "artifacts",
    "artifact_inputs",
    "artifact_metadata",
    "gc_ledger",
    "gc_queue",
    "idempotency_keys",
    "links",
    "objects",
    "stage_changes",
];

/// The index by which each pass finds due rows, and those by which it looks up related ones.
const INDEXES: [&str; 13] = [
    "artifact_inputs_pkey",
    "artifacts_of_object",
    "artifacts_forgetting",
    "artifacts_to_expire",
    "artifacts_to_purge",
    "gc_ledger_by_age",
    "gc_queue_due",
    "idempotency_keys_expiring",
    "links_ended",
    "links_newest_of_artifact",
    "objects_due",
    "objects_gone",
    "objects_stale",
];

/// 30,000 artifacts of every age, and a few that are due for each pass.
const FILL: &str = "
    INSERT INTO tenants (id, name) SELECT gen_random_uuid(), 'filler';
    INSERT INTO objects (tenant_id, id, state, sha256, size_bytes, inline_data, lease_until, not_before, gone_at)
        SELECT t.id, md5(i::text)::uuid,
            CASE WHEN i % 100 = 0 THEN 'gone' WHEN i % 100 = 1 THEN 'condemned' WHEN i % 100 = 2 THEN 'staging'
                ELSE 'live' END,
            sha256(i::text::bytea), octet_length(i::text), i::text::bytea, now() + (i - 5) * interval '1 min',
            now() + (i - 5) * interval '1 min', now() - interval '91 days' + (i - 500) * interval '1 min'
        FROM tenants t, generate_series(1, 30000) i WHERE t.name = 'filler';
    UPDATE objects SET next_attempt_at = not_before;
    INSERT INTO artifacts (tenant_id, id, namespace, user_id, agent_id, filename, version, content_type, size_bytes,
            sha256, metadata, object_id, object_live, state, expires_at, deleted_at, purge_after, forget_after)
        SELECT t.id, 'art_' || lpad(i::text, 16, '0'), '', '', '', 'f' || i, 1, '', 1, sha256(i::text::bytea), '{}',
            md5(i::text)::uuid, CASE WHEN i % 100 > 3 THEN true END,
            CASE WHEN i % 100 <= 3 THEN 'purged' WHEN i % 100 = 4 THEN 'deleted' ELSE 'live' END,
            now() + (i - 50) * interval '1 min', CASE WHEN i % 100 <= 4 THEN now() END,
            CASE WHEN i % 100 <= 4 THEN now() + (i - 500) * interval '1 min' END,
            CASE WHEN i % 100 <= 3 THEN now() + (i - 500) * interval '1 min' END
        FROM tenants t, generate_series(1, 30000) i WHERE t.name = 'filler';
    INSERT INTO gc_queue SELECT tenant_id, id, now() + (size_bytes - 1) * interval '1 h' FROM objects
        WHERE state = 'live';
    INSERT INTO idempotency_keys (tenant_id, key, request, owner, result, expires_at)
        SELECT t.id, i::text, '{}', t.id, '{}', now() + (i - 5) * interval '1 min'
        FROM tenants t, generate_series(1, 20000) i WHERE t.name = 'filler';
    INSERT INTO links (id, tenant_id, artifact_id, expires_at)
        SELECT 'lnk_' || i, tenant_id, id, now() - interval '90 days' + (i - 10) * interval '1 min'
        FROM (SELECT row_number() OVER () i, tenant_id, id FROM artifacts WHERE state = 'live') a;
    INSERT INTO artifact_inputs
        SELECT tenant_id, lag(id, 1, id) OVER (ORDER BY id), id FROM artifacts WHERE state = 'live';
    INSERT INTO artifact_metadata SELECT tenant_id, 'k', 'v', created_at, id FROM artifacts WHERE state = 'live';
    INSERT INTO stage_changes (tenant_id, artifact_id, from_stage, to_stage, agent_id, key_last_4)
        SELECT tenant_id, id, 'draft', 'final', '', '' FROM artifacts;
    INSERT INTO gc_ledger (deleted_at, worker, reason, tenant_id, object_id)
        SELECT now() - interval '400 days' + (i - 5) * interval '1 min', 'w', 'orphan', t.id, t.id
        FROM tenants t, generate_series(1, 20000) i WHERE t.name = 'filler';
    INSERT INTO orphan_suspects (key, shard, tenant_id, object_id, size_bytes, version)
        SELECT i::text, 0, t.id, gen_random_uuid(), 1, '' FROM tenants t, generate_series(1, 100) i
        WHERE t.name = 'filler';";

/// How often each was read: tables as a whole, indexes at all.
async fn reads(cairn: &Cairn) -> Vec<(String, i64)> {
    let sql = "SELECT relname, seq_scan FROM pg_stat_user_tables
        UNION ALL SELECT indexrelname, idx_scan FROM pg_stat_user_indexes";
    let rows = cairn.database().await.query(sql, &[]).await.unwrap();
    let read = |row: &tokio_postgres::Row| (row.get::<_, &str>(0).to_owned(), row.get(1));
    rows.iter().map(read).collect()
}

/// A run on its own store; Postgres counts a connection's statements when the connection ends.
async fn run(cairn: &Cairn) -> gc::Report {
    let mut config = cairn.config.clone();
    config.database_connections = 4;
    config.database_url.push_str(" application_name=plans");
    let store = Store::open(&config).await.unwrap();
    let collector = Collector::new(store, config.gc);
    let report = collector.run(Policy::default()).await;
    drop(collector);
    let open = "SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'plans' AND datname = current_database()";
    eventually("its connections are closed", async || {
        cairn.count(open).await == 0
    })
    .await;
    report
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let cairn = Setup::on(Bytes::Files).start().await;
    cairn.sql(FILL).await;
    cairn.sql("ANALYZE").await;
    let before = reads(&cairn).await;
    let report = run(&cairn).await;
    assert!(report.failures.is_empty(), "{report:?}");
    for count in [
        "expired",
        "purged",
        "stale_uploads",
        "condemned",
        "reclaimed",
        "idempotency_keys",
        "links",
        "artifact_rows",
        "object_rows",
        "ledger_entries",
        "looked_at",
        "rehashed",
    ] {
        assert!(report.count(count) > 0, "{count} in {report:?}");
    }
    let after = reads(&cairn).await;
    let grown = |name: &str| {
        let of = |reads: &[(String, i64)]| reads.iter().find(|(of, _)| of == name).unwrap().1;
        of(&after) - of(&before)
    };
    for table in LARGE {
        assert_eq!(grown(table), 0, "{table} was read as a whole");
    }
    for index in INDEXES {
        assert!(grown(index) > 0, "{index} was not used");
    }
}

/// As many held artifacts, which would have expired long ago.
const HELD: &str = "
    INSERT INTO artifacts (tenant_id, id, namespace, user_id, agent_id, filename, version, content_type, size_bytes,
            sha256, metadata, object_id, state, held, expires_at, deleted_at, purge_after)
        SELECT t.id, 'art_h' || i, '', '', '', 'h' || i, 1, '', 1, sha256(i::text::bytea), '{}', md5('5')::uuid,
            CASE WHEN i % 2 = 0 THEN 'live' ELSE 'deleted' END, true, now() - interval '1 day',
            CASE WHEN i % 2 = 1 THEN now() END, CASE WHEN i % 2 = 1 THEN now() - interval '1 day' END
        FROM tenants t, generate_series(1, 30000) i WHERE t.name = 'filler';";

#[tokio::test]
async fn held_artifacts_are_not_read_to_find_those_due() {
    let cairn = Setup::on(Bytes::Files).start().await;
    cairn.sql(FILL).await;
    cairn.sql(HELD).await;
    cairn.sql("ANALYZE").await;
    let read = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes JOIN pg_index USING (indexrelid)
        WHERE pg_get_indexdef(indexrelid) ~ 'artifacts USING btree \\((expires_at|purge_after)\\)'";
    let before = cairn.count(read).await;
    let report = run(&cairn).await;
    assert!(report.failures.is_empty(), "{report:?}");
    assert!(report.count("expired") > 0 && report.count("purged") > 0);
    let rows = cairn.count(read).await - before;
    assert!((1..3000).contains(&rows), "{rows} rows were read");
}
