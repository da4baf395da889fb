//! Fills a database, bypassing the store: skewed like real ones, and without garbage.

use crate::services::connect;

/// `$count` artifacts of one tenant, numbered by age. Most have one agent, one user, one content type, one stage and
/// one pair of metadata; a third is in one session and half has one filename; and one file has 5,000 versions. The rare
/// values are spread over all ages, except those called `old`, which only the oldest thousandth has.
const ROWS: &str = "
    INSERT INTO sessions (tenant_id, id, active_at)
        SELECT $tenant, 'run-' || i, now() - interval '1 day' FROM generate_series(0, $count / 100) i
        UNION ALL SELECT $tenant, 'big', now() - interval '1 day';
    INSERT INTO objects (tenant_id, id, state, sha256, size_bytes, inline_data)
        SELECT $tenant, lpad(to_hex(i), 32, '0')::uuid, 'live', sha256(int4send(i)), 4, int4send(i)
        FROM generate_series(1, $count) i;
    CREATE TEMPORARY TABLE made AS
        SELECT i, 'art_' || lpad(i::text, 16, '0') AS id, lpad(to_hex(i), 32, '0')::uuid AS object_id,
            now() - interval '12 hours' + i * interval '1 ms' AS created_at,
            CASE WHEN many THEN NULL WHEN i % 10 < 3 THEN 'big' WHEN i % 10 < 9 THEN 'run-' || i / 100 END AS session_id,
            CASE WHEN i % 50 = 1 THEN 'app-2' ELSE '' END AS namespace,
            CASE WHEN many THEN '' WHEN i % 10 = 8 THEN 'user-' || i % 1000 ELSE 'user-0' END AS user_id,
            CASE WHEN old THEN 'agent-old' WHEN i % 1000 = 7 THEN 'agent-rare' WHEN i % 10 = 7 THEN 'agent-' || i % 97
                ELSE 'agent-0' END AS agent_id,
            CASE WHEN many THEN 'versions.txt' WHEN i % 10 < 3 THEN 'out/part-' || lpad(i::text, 9, '0')
                WHEN i % 10 < 8 THEN 'report.md' WHEN i % 10 = 8 THEN 'src/module-' || lpad(i::text, 9, '0') || '.rs'
                ELSE 'notes/' || lpad(i::text, 9, '0') || '.md' END AS filename,
            CASE WHEN i % 200 = 3 THEN 'image/png' ELSE 'text/plain' END AS content_type,
            CASE WHEN i % 500 = 9 THEN 'plan' ELSE 'document' END AS kind,
            CASE WHEN old THEN 'review' WHEN i % 100 = 5 THEN 'final' ELSE 'draft' END AS stage,
            CASE WHEN i % 1000 = 11 THEN ARRAY['nightly', 'urgent'] WHEN i % 2 = 0 THEN ARRAY['nightly'] ELSE '{}' END
                AS labels,
            jsonb_build_object('team', CASE WHEN i % 100 = 13 THEN 'two' ELSE 'one' END, 'ticket', 'T-' || i)
                || CASE WHEN old THEN '{\"age\": \"old\"}' ELSE '{}' END::jsonb AS metadata,
            CASE WHEN i % 1000 = 17 THEN 1000000 ELSE 4 END AS size_bytes
        FROM generate_series(1, $count) i,
            LATERAL (SELECT greatest($count / 5000 + 1, 3) AS step) s,
            LATERAL (SELECT i % step = 0 AND i / step <= 5000 AS many, i <= $count / 1000 AS old) l;
    INSERT INTO filenames (tenant_id, namespace, user_id, session_id, filename, last_version)
        SELECT $tenant, namespace, user_id, coalesce(session_id, ''), filename, max(i) FROM made
        GROUP BY namespace, user_id, session_id, filename;
    INSERT INTO artifacts (tenant_id, id, session_id, namespace, user_id, agent_id, filename, version, content_type,
            size_bytes, sha256, metadata, object_id, created_at, updated_at, expires_at, kind, stage, labels)
        SELECT $tenant, id, session_id, namespace, user_id, agent_id, filename, i, content_type,
            size_bytes, sha256(int4send(i)), metadata, object_id, created_at, created_at,
            now() + interval '30 days', kind, stage, labels
        FROM made ORDER BY i;
    INSERT INTO artifact_metadata (tenant_id, key, value, created_at, artifact_id)
        SELECT $tenant, key, value, created_at, id FROM made, jsonb_each_text(metadata);
    INSERT INTO artifact_labels (tenant_id, label, created_at, artifact_id)
        SELECT $tenant, label, created_at, id FROM made, unnest(labels) label;
    DROP TABLE made";

/// Disables the checks of foreign keys, one lookup for each row; the rows are consistent.
const WITHOUT_CHECKS: &str = "
    DO $$
    DECLARE t record;
    BEGIN
        FOR t IN SELECT tgrelid::regclass AS of_table, tgname FROM pg_trigger
                JOIN pg_constraint c ON c.oid = tgconstraint WHERE c.contype = 'f' LOOP
            EXECUTE format('ALTER TABLE %s $what TRIGGER %I', t.of_table, t.tgname);
        END LOOP;
    END $$";

/// Which triggers run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Triggers {
    /// The schema's own, so that the rows that they write exist as well.
    Own,
    /// None: events and usage would be work for the collector.
    None,
}

/// Fills the database of the tenant `bench`.
pub(crate) async fn fill(database_url: &str, count: u32, triggers: Triggers) {
    let database = connect(database_url).await;
    let execute = async |sql: &str| {
        let done = database.batch_execute(sql).await;
        done.unwrap_or_else(|e| panic!("{e:?} by {sql}"));
    };
    let tenant = database
        .query_one(
            "SELECT quote_literal(id) || '::uuid' FROM tenants WHERE name = 'bench'",
            &[],
        )
        .await
        .expect("the tenant")
        .get::<_, String>(0);
    execute("SET synchronous_commit = off").await;
    match triggers {
        Triggers::Own => execute(&WITHOUT_CHECKS.replace("$what", "DISABLE")).await,
        Triggers::None => execute("SET session_replication_role = replica").await,
    }
    for statement in ROWS.split(";\n") {
        let sql = statement
            .replace("$count", &count.to_string())
            .replace("$tenant", &tenant);
        execute(&sql).await;
    }
    if triggers == Triggers::Own {
        execute(&WITHOUT_CHECKS.replace("$what", "ENABLE")).await;
    }
    execute("VACUUM ANALYZE").await;
    execute("CHECKPOINT").await;
}
