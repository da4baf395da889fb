//! The statements of a call, one by one: where to look when a ratio misses its target.

use cairn_proto::v1::ListArtifactsRequest;

use crate::{
    creates::{creates, spec},
    services::{Client, Postgres, connect},
    world::{Plan, World, fresh, random},
};

/// How many calls are made before the counting, and during it.
const WARM: u64 = 50;
const CALLS: u64 = 500;
const SIZE: usize = 4 << 10;
const CLIENTS: usize = 16;

/// A statement of a trigger or a foreign key also counts in the statement that caused it.
const STATEMENTS: &str = "
    SELECT calls::float8 / $1, total_exec_time / $1, (shared_blks_hit + shared_blks_read)::float8 / $1,
        wal_records::float8 / $1, wal_bytes::float8 / $1,
        CASE WHEN toplevel THEN '' ELSE '↳ ' END || left(regexp_replace(query, '\\s+', ' ', 'g'), 100), toplevel
    FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND query NOT LIKE '%pg_stat_statements%'
    ORDER BY toplevel DESC, total_exec_time DESC";

pub(crate) async fn run(plan: &Plan) {
    let world = World::on(Postgres::counting(), plan).await;
    let database = connect(&world.now.database_url).await;
    let client = world.now.client().await;
    let content = random(SIZE);

    let create = async |client: &Client, number| {
        let made = client
            .create(spec(0, 0, number, SIZE), fresh(&content))
            .await;
        made.expect("an artifact").artifact_id
    };
    for number in 0..WARM {
        create(&client, number).await;
    }
    reset(&database).await;
    let mut id = String::new();
    for number in WARM..WARM + CALLS {
        id = create(&client, number).await;
    }
    print(&database, "a create of 4 KiB, one client", CALLS).await;

    let clients = world.now.clients(CLIENTS).await;
    let callers: Vec<_> = clients.into_iter().enumerate().collect();
    creates(&callers, 1, &content, plan.scale.turn).await;
    reset(&database).await;
    let load = creates(&callers, 2, &content, plan.scale.turn).await;
    let title = format!("a create of 4 KiB, {CLIENTS} clients");
    print(&database, &title, load.calls as u64).await;

    reset(&database).await;
    for _ in 0..CALLS {
        client.get(&id).await.expect("a record");
    }
    print(&database, "a get of a record", CALLS).await;

    reset(&database).await;
    for _ in 0..CALLS {
        client.download(&id).await.expect("a content");
    }
    print(&database, "a download of 4 KiB", CALLS).await;

    reset(&database).await;
    for _ in 0..CALLS {
        let list = ListArtifactsRequest {
            session_id: spec(0, 0, 0, SIZE).session_id,
            ..Default::default()
        };
        client.list(list).await.expect("a page");
    }
    print(&database, "a list of a session", CALLS).await;
}

async fn reset(database: &tokio_postgres::Client) {
    let reset = "SELECT pg_stat_statements_reset()";
    database.query(reset, &[]).await.expect("a reset");
}

async fn print(database: &tokio_postgres::Client, title: &str, calls: u64) {
    println!(
        "\n### Statements of {title}\n\n| for each call | ms | pages | WAL records | WAL bytes | statement |\n|---|---|---|---|---|---|"
    );
    let rows = database.query(STATEMENTS, &[&(calls as f64)]).await;
    let mut sums = [0.0; 5];
    for row in rows.expect("counts") {
        let figures: [f64; 5] = std::array::from_fn(|i| row.get(i));
        let (statement, is_toplevel): (String, bool) = (row.get(5), row.get(6));
        if is_toplevel {
            sums.iter_mut().zip(figures).for_each(|(sum, n)| *sum += n);
        }
        line(figures, &format!("`{}`", statement.replace('|', "\\|")));
    }
    line(sums, "all that were sent");
}

fn line([calls, ms, pages, records, bytes]: [f64; 5], statement: &str) {
    println!("| {calls:.2} | {ms:.3} | {pages:.1} | {records:.1} | {bytes:.0} | {statement} |");
}
