//! A page costs what the page costs: ten times the artifacts do not mean ten times the rows read.

use cairn_store::{ArtifactList, Caller, Entry, PageSize, RawFilter, RawOrder, Store, Violations};

use harness::{Bytes, Cairn, Setup, eventually};

const FEW: u32 = 6_000;
const MANY: u32 = 30_000;
/// Versions of one file, which are the newest artifacts of their session.
const VERSIONS: u32 = 1_000;

/// Artifacts of which one name, one agent, one user, one pair, one label and one session have most; 20 of each other
/// one, the oldest; and one file with many versions.
fn fill(artifacts: u32) -> String {
    format!(
        "CREATE TEMP TABLE made AS
         SELECT i, t.id AS tenant_id, 'art_' || lpad(i::text, 16, '0') AS id,
             CASE WHEN i > {artifacts} THEN 'versions' WHEN i % 10 = 0 THEN 'large' ELSE 's' || i END AS session_id,
             CASE WHEN i > {artifacts} THEN 'log.txt' WHEN i % 10 = 0 THEN 'dir/' || i || '.txt'
                 WHEN i <= 200 AND i % 10 = 1 THEN 'rare/' || i || '.txt' ELSE 'output.json' END AS filename,
             CASE WHEN i > {artifacts} THEN i - {artifacts} ELSE 1 END AS version,
             CASE WHEN i <= 20 THEN 'rare' ELSE 'common' END AS who,
             CASE WHEN i BETWEEN 11 AND 30 THEN 'rare' ELSE 'common' END AS what,
             now() - ({artifacts} + 5000 - i) * interval '1 s' AS created_at
         FROM tenants t, generate_series(1, {artifacts} + {VERSIONS}) i WHERE t.name = 'acme';
         INSERT INTO made SELECT i, tenant_id, 'art_own' || lpad(i::text, 13, '0'), NULL, 'own/' || i, 1, who, what, created_at
             FROM made WHERE i <= 20;
         INSERT INTO objects (tenant_id, id, state, sha256, size_bytes, inline_data)
             SELECT t.id, md5('x')::uuid, 'live', sha256('x'), 1, 'x' FROM tenants t WHERE t.name = 'acme';
         INSERT INTO sessions (tenant_id, id) SELECT DISTINCT tenant_id, session_id FROM made WHERE session_id <> '';
         INSERT INTO filenames (tenant_id, namespace, user_id, session_id, filename, last_version)
             SELECT tenant_id, who, who, coalesce(session_id, ''), filename, max(version) FROM made GROUP BY 1, 2, 3, 4, 5;
         INSERT INTO artifacts (tenant_id, id, session_id, namespace, user_id, agent_id, filename, version, content_type,
                 size_bytes, sha256, metadata, object_id, created_at, labels, kind, stage, held, persistent)
             SELECT tenant_id, id, session_id, who, who, who, filename, version, 'text/plain', 1, sha256('x'),
                 jsonb_build_object('what', what) || CASE WHEN who = 'rare' THEN jsonb_build_object('age', 'old') ELSE '{{}}' END,
                 md5('x')::uuid, created_at, ARRAY[what],
                 CASE WHEN who = 'rare' THEN 'plan' ELSE 'code' END, CASE WHEN who = 'rare' THEN 'final' ELSE 'draft' END,
                 who = 'rare', who = 'rare' FROM made;
         INSERT INTO artifact_metadata SELECT tenant_id, 'what', what, created_at, id FROM made;
         INSERT INTO artifact_metadata SELECT tenant_id, 'age', 'old', created_at, id FROM made WHERE who = 'rare';
         INSERT INTO artifact_labels SELECT tenant_id, what, created_at, id FROM made;
         ANALYZE;"
    )
}

/// A request and its name.
struct Case {
    name: &'static str,
    filter: RawFilter,
    order: RawOrder<'static>,
}

fn case(name: &'static str, filter: RawFilter) -> Case {
    let order = RawOrder::default();
    Case {
        name,
        filter,
        order,
    }
}

fn named(name: &'static str, filter: RawFilter, delimiter: &'static str) -> Case {
    let order = RawOrder {
        order_by: "filename",
        latest_only: false,
        delimiter,
    };
    Case {
        name,
        filter,
        order,
    }
}

fn latest(mut case: Case) -> Case {
    case.order.latest_only = true;
    case
}

fn of(session: &str, agent: &str, user: &str) -> RawFilter {
    RawFilter {
        session_id: session.to_owned(),
        agent_id: agent.to_owned(),
        user_id: user.to_owned(),
        ..RawFilter::default()
    }
}

fn with(pair: &str, agent: &str) -> RawFilter {
    RawFilter {
        metadata: vec![("what".to_owned(), pair.to_owned())],
        ..of("", agent, "")
    }
}

fn labelled(label: &str) -> RawFilter {
    RawFilter {
        labels: vec![label.to_owned()],
        ..RawFilter::default()
    }
}

fn of_kind(kind: &str) -> RawFilter {
    RawFilter {
        kind: kind.to_owned(),
        ..RawFilter::default()
    }
}

fn expression(filter: &str) -> RawFilter {
    RawFilter {
        filter: filter.to_owned(),
        ..RawFilter::default()
    }
}

fn starting(prefix: &str) -> RawFilter {
    RawFilter {
        filename_prefix: prefix.to_owned(),
        ..RawFilter::default()
    }
}

fn own_too(session: &str) -> RawFilter {
    RawFilter {
        include_user_scope: true,
        ..of(session, "", "rare")
    }
}

/// Every filter that has an index, alone and in the usual pairs, in both orders.
fn cases() -> Vec<Case> {
    let glob = |glob: &str| RawFilter {
        filename_glob: glob.to_owned(),
        ..RawFilter::default()
    };
    let name = |filename: &str| RawFilter {
        filename: filename.to_owned(),
        ..RawFilter::default()
    };
    let namespace = |namespace: &str| RawFilter {
        namespace: namespace.to_owned(),
        ..RawFilter::default()
    };
    vec![
        case("all", RawFilter::default()),
        case("a large session", of("large", "", "")),
        case("a common agent", of("", "common", "")),
        case("a rare agent", of("", "rare", "")),
        case("a common user", of("", "", "common")),
        case("a rare user", of("", "", "rare")),
        case("a common namespace", namespace("common")),
        case("a rare namespace", namespace("rare")),
        case("a common pair", with("common", "")),
        case("a rare pair", with("rare", "")),
        case("a common agent and a rare pair", with("rare", "common")),
        case("a rare agent and a common pair", with("common", "rare")),
        case("a rare agent in a large session", of("large", "rare", "")),
        case("a common label", labelled("common")),
        case("a rare label", labelled("rare")),
        case("a common kind", of_kind("code")),
        case("a rare kind", of_kind("plan")),
        case("a common stage", expression("stage = draft")),
        case("a rare stage", expression("stage = final")),
        case("the held", expression("legal_hold = true")),
        case("the persistent", expression("persistent = true")),
        case("a common key", expression("metadata:what")),
        case("a rare key", expression("metadata:age")),
        case("a common prefix", starting("out")),
        case("a rare prefix", starting("rare/")),
        case("a rare pattern", glob("rare/*.{txt,md}")),
        case("a common name", name("output.json")),
        case("a rare name", name("rare/1.txt")),
        case("a user's own files too", own_too("s1")),
        latest(case("the latest of a session", of("large", "", ""))),
        latest(case("the latest of many versions", of("versions", "", ""))),
        latest(case("the latest of a user's own", own_too("s1"))),
        named("all by name", RawFilter::default(), ""),
        named("a large session by name", of("large", "", ""), ""),
        named("a common user by name", of("", "", "common"), ""),
        named("a rare user by name", of("", "", "rare"), ""),
        named("a rare agent by name", of("", "rare", ""), ""),
        named("a common pair by name", with("common", ""), ""),
        named("a prefix by name", starting("dir/"), ""),
        named("a pattern by name", glob("dir/?*.txt"), ""),
        named("a user's own files too, by name", own_too("s1"), ""),
        latest(named("the latest by name", RawFilter::default(), "")),
        latest(named("a session's latest by name", of("large", "", ""), "")),
        latest(named("many versions by name", of("versions", "", ""), "")),
        named("the first level", RawFilter::default(), "/"),
        named("a level of a session", of("large", "", ""), "/"),
        named("a level of a user", of("", "", "common"), "/"),
        latest(named("a level of the latest", starting("d"), "/")),
        named("a folder's level", starting("dir/"), "/"),
    ]
}

/// What Postgres has read: rows of whole tables, and entries of indexes.
const READ: &str = "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname NOT IN ('tenants', 'api_keys'))
    ::bigint + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::bigint";

struct Reader {
    cairn: Cairn,
    caller: Caller,
}

impl Reader {
    async fn of(artifacts: u32) -> Self {
        let cairn = Setup::on(Bytes::Files).start().await;
        cairn.sql(&fill(artifacts)).await;
        let caller = cairn.store.authenticate(&cairn.key).await.unwrap();
        Self { cairn, caller }
    }

    /// How many rows are read for two pages, by a separate store; Postgres counts a connection's reads when the
    /// connection ends.
    async fn rows(&self, case: &Case) -> i64 {
        let before = self.cairn.count(READ).await;
        let mut config = self.cairn.config.clone();
        config.database_connections = 1;
        config.database_url.push_str(" application_name=costs");
        let store = Store::open(&config).await.unwrap();
        let mut faults = Violations::new();
        let list = ArtifactList::new(case.filter.clone(), case.order, &mut faults).unwrap();
        let size = PageSize::new(50).unwrap();
        let page = store.list_artifacts(&self.caller, &list, size, "").await;
        let page = page.unwrap();
        assert!(!page.items.is_empty(), "{} finds something", case.name);
        let folders = page.items.iter().filter(|e| matches!(e, Entry::Folder(_)));
        assert!(folders.count() == 0 || list.has_levels());
        if let Some(next) = page.next {
            let page = store.list_artifacts(&self.caller, &list, size, &next).await;
            assert!(!page.unwrap().items.is_empty());
        }
        drop(store);
        let open = "SELECT count(*) FROM pg_stat_activity
            WHERE application_name = 'costs' AND datname = current_database()";
        eventually("its connections are closed", async || {
            self.cairn.count(open).await == 0
        })
        .await;
        self.cairn.count(READ).await - before
    }
}

#[tokio::test]
async fn a_page_reads_as_many_rows_of_many_artifacts_as_of_few() {
    let (few, many) = (Reader::of(FEW).await, Reader::of(MANY).await);
    let mut dear = Vec::new();
    for case in cases() {
        let (of_few, of_many) = (few.rows(&case).await, many.rows(&case).await);
        println!("{}: {of_few} and {of_many}", case.name);
        if of_many > of_few * 3 / 2 + 100 || of_many > 5_000 {
            dear.push((case.name, of_few, of_many));
        }
    }
    assert!(dear.is_empty(), "{dear:?}");
}
