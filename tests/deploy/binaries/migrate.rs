//! `cairn-api migrate` beside long transactions.

use tokio_postgres::Client;

use super::Deployment;
use harness::{eventually, postgres, program};

/// Longer than a migration waits for a lock, and shorter than the tests' timeouts.
const PATIENT: &str = "SET statement_timeout = '20s'";

async fn count(database: &Client, sql: &str) -> i64 {
    database.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_migration_that_waits_for_a_dump_lets_readers_pass() {
    let deployment = Deployment::new().await;
    deployment.api(&["migrate"]).await.ok();
    let database = postgres::connect(&deployment.database_url).await;
    let before_quotas =
        "ALTER TABLE tenants DROP COLUMN max_stored_bytes, DROP COLUMN max_artifacts;
        DELETE FROM refinery_schema_history WHERE version = 13";
    database.batch_execute(before_quotas).await.unwrap();
    let dump = postgres::connect(&deployment.database_url).await;
    dump.batch_execute("BEGIN; SELECT FROM tenants")
        .await
        .unwrap();

    let mut migrate = deployment.command("cairn-api", &["migrate"]).await;
    let migrate = migrate.spawn().unwrap();
    let waits =
        "SELECT count(*) FROM pg_locks WHERE relation = 'tenants'::regclass AND NOT granted";
    eventually("the migration waits for the dump", async || {
        count(&database, waits).await > 0
    })
    .await;
    database.batch_execute(PATIENT).await.unwrap();
    assert_eq!(count(&database, "SELECT count(*) FROM tenants").await, 0);

    dump.batch_execute("COMMIT").await.unwrap();
    let done = program::end_of(migrate).await.ok();
    assert_eq!(done.text(), "applied V13__quotas\n");
}

#[tokio::test]
async fn an_index_is_built_anew_after_its_build_was_cut_off() {
    let deployment = Deployment::new().await;
    deployment.api(&["migrate"]).await.ok();
    let database = postgres::connect(&deployment.database_url).await;
    let before_index =
        "DROP INDEX artifacts_to_purge; DELETE FROM refinery_schema_history WHERE version = 21";
    database.batch_execute(before_index).await.unwrap();
    let dump = postgres::connect(&deployment.database_url).await;
    dump.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM artifacts")
        .await
        .unwrap();

    let mut cut_off = deployment.command("cairn-api", &["migrate"]).await;
    let cut_off = cut_off.spawn().unwrap();
    let building =
        "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND query LIKE 'CREATE INDEX CONCURRENTLY%artifacts_to_purge%'";
    let count_building = format!("SELECT count(*) {building}");
    eventually("the build waits for the dump", async || {
        count(&database, &count_building).await > 0
    })
    .await;
    database.batch_execute(PATIENT).await.unwrap();
    let write = "INSERT INTO tenants (id, name) VALUES (gen_random_uuid(), 'a');
        UPDATE artifacts SET held = held";
    database.batch_execute(write).await.unwrap();
    let cut = format!("SELECT pg_terminate_backend(pid) {building}");
    database.query_one(&cut, &[]).await.unwrap();
    program::end_of(cut_off).await.with_code(1);
    let unfinished = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
    assert_eq!(count(&database, unfinished).await, 1);

    // Both at once: the build must not wait for the one that waits for the other.
    let mut running = Vec::new();
    for _ in 0..2 {
        let mut migrate = deployment.command("cairn-api", &["migrate"]).await;
        running.push(migrate.spawn().unwrap());
    }
    dump.batch_execute("COMMIT").await.unwrap();
    let mut said = String::new();
    for migrate in running {
        said.push_str(program::end_of(migrate).await.ok().text());
    }
    assert_eq!(said, "applied V21__collector_indexes\n");
    assert_eq!(count(&database, unfinished).await, 0);
}

#[tokio::test]
async fn a_released_migration_that_was_edited_is_refused() {
    let deployment = Deployment::new().await;
    deployment.api(&["migrate"]).await.ok();
    let database = postgres::connect(&deployment.database_url).await;
    let edited = "UPDATE refinery_schema_history SET checksum = '1' WHERE version = 13";
    database.batch_execute(edited).await.unwrap();
    let done = deployment.api(&["migrate"]).await;
    done.with_code(1).saying("must not be edited");
}
