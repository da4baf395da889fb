//! What the collector costs when there is nothing to collect: it must be the cost of the garbage, not of the table.

use std::time::{Duration, Instant};

use cairn_store::{
    Store,
    config::{BlobConfig, StoreConfig},
    gc::{self, PASSES, Pass, Policy},
};

use super::{
    median,
    services::{Postgres, connect},
};

/// How often each pass is run on each side.
const RUNS: usize = 31;

/// Artifacts that nobody wants collected, each with an object, a name and some metadata; a tenth of them has a session of
/// a hundred, and every one a time to live that is far away. Without the triggers and the checks of foreign keys, which
/// would take most of the time and leave the same rows.
const FILL: &str = "
    SET session_replication_role = replica;
    SET synchronous_commit = off;
    INSERT INTO tenants (id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'bench');
    INSERT INTO sessions (tenant_id, id)
        SELECT '00000000-0000-4000-8000-000000000001', 'run-' || i FROM generate_series(0, {count} / 1000) i;
    INSERT INTO objects (tenant_id, id, state, sha256, size_bytes, inline_data)
        SELECT '00000000-0000-4000-8000-000000000001', lpad(to_hex(i), 32, '0')::uuid, 'live',
            sha256(int4send(i)), 4, int4send(i)
        FROM generate_series(1, {count}) i;
    INSERT INTO filenames (tenant_id, namespace, user_id, session_id, filename, last_version)
        SELECT '00000000-0000-4000-8000-000000000001', '', '',
            CASE WHEN i % 10 = 0 THEN 'run-' || i / 1000 ELSE '' END, 'file-' || lpad(i::text, 9, '0'), 1
        FROM generate_series(1, {count}) i;
    INSERT INTO artifacts (tenant_id, id, session_id, namespace, user_id, agent_id, filename, version, content_type,
            size_bytes, sha256, metadata, object_id, created_at, expires_at)
        SELECT '00000000-0000-4000-8000-000000000001', 'art_' || lpad(i::text, 16, '0'),
            CASE WHEN i % 10 = 0 THEN 'run-' || i / 1000 END, '', '', 'agent-' || i % 7,
            'file-' || lpad(i::text, 9, '0'), 1, 'text/plain', 4, sha256(int4send(i)), '{}',
            lpad(to_hex(i), 32, '0')::uuid, now() - interval '1 hour' + i * interval '1 us', now() + interval '30 days'
        FROM generate_series(1, {count}) i;
    VACUUM ANALYZE";

struct Side {
    artifacts: u32,
    store: Store,
}

pub(crate) async fn run(few: u32, many: u32) {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut sides = Vec::new();
    for (name, artifacts) in [("few", few), ("many", many)] {
        let blobs = BlobConfig::Fs(folder.path().join(name));
        let (store, config) = postgres.database(name, blobs).await;
        let began = Instant::now();
        fill(&config, artifacts).await;
        eprintln!("{artifacts} artifacts in {:.0?}", began.elapsed());
        sides.push(Side { artifacts, store });
    }
    println!(
        "collector passes with nothing to do, medians of {RUNS} runs over {few} and {many} live artifacts\n\n\
         | pass | {few} | {many} | ratio |\n|---|---|---|---|"
    );
    let mut worst: f64 = 0.0;
    for pass in PASSES.iter().filter(|pass| !pass.walks()) {
        let [one, other] = measure(&sides, pass).await;
        let ratio = other.as_secs_f64() / one.as_secs_f64();
        worst = worst.max(ratio);
        println!("| {} | {one:.2?} | {other:.2?} | {ratio:.2} |", pass.name);
    }
    println!("\nworst ratio: {worst:.2}, to be at most 2");
}

async fn fill(config: &StoreConfig, count: u32) {
    let database = connect(&config.database_url).await;
    for statement in FILL.split(';') {
        let sql = statement.replace("{count}", &count.to_string());
        database.batch_execute(&sql).await.expect("rows");
    }
}

/// Both sides in turn, so that whatever the machine does besides, it does to both.
async fn measure(sides: &[Side], pass: &'static Pass) -> [Duration; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for (side, times) in sides.iter().zip(&mut times) {
            let began = Instant::now();
            let report = gc::run_passes(&side.store, Policy::default(), [pass]).await;
            times.push(began.elapsed());
            let (name, artifacts) = (pass.name, side.artifacts);
            assert!(
                report.is_idle(),
                "{name} over {artifacts} has something to do: {report:?}"
            );
        }
    }
    times.map(median)
}
