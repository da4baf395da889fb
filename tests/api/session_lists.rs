//! Sessions are found by the beginning of their id and by whose files they hold, for what a page costs.

use cairn_proto::v1::{ArtifactSpec, ListSessionsRequest, UpdateSessionRequest};
use cairn_store::{PageSize, RawSessionFilter, SessionFilter, Store};

use harness::{Bytes, Cairn, Client, Setup, refused, session_spec};

fn starting(prefix: &str) -> ListSessionsRequest {
    ListSessionsRequest {
        session_id_prefix: prefix.to_owned(),
        ..ListSessionsRequest::default()
    }
}

fn of(namespace: &str, user_id: &str) -> ListSessionsRequest {
    ListSessionsRequest {
        namespace: namespace.to_owned(),
        user_id: user_id.to_owned(),
        ..ListSessionsRequest::default()
    }
}

/// The ids on all pages, and how many pages there were.
async fn listed(client: &Client, mut request: ListSessionsRequest) -> (Vec<String>, usize) {
    let (mut ids, mut pages) = (Vec::new(), 0);
    loop {
        let answer = client.sessions.clone().list_sessions(request.clone()).await;
        let answer = answer.unwrap().into_inner();
        ids.extend(
            answer
                .sessions
                .into_iter()
                .map(|session| session.session_id),
        );
        pages += 1;
        request.page_token = answer.next_page_token;
        if request.page_token.is_empty() {
            return (ids, pages);
        }
    }
}

async fn ids(client: &Client, request: ListSessionsRequest) -> Vec<String> {
    listed(client, request).await.0
}

async fn push(client: &Client, session: &str, namespace: &str, user_id: &str) {
    let spec = ArtifactSpec {
        namespace: namespace.to_owned(),
        user_id: user_id.to_owned(),
        ..session_spec("file", session)
    };
    client.create(spec, "x").await.unwrap();
}

#[tokio::test]
async fn sessions_are_found_by_the_beginning_of_their_id() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let stranger = cairn.client_of("stranger").await;
    for id in [
        "run-b", "run-%", "run-", "Run-a", "run_x", "run-a", "é-1", "run.", "run-é",
    ] {
        push(client, id, "", "").await;
    }
    push(&stranger, "run-theirs", "", "").await;
    let wanted = ["run-", "run-%", "run-a", "run-b", "run-é"];
    assert_eq!(ids(client, starting("run-")).await, wanted);
    let paged = ListSessionsRequest {
        page_size: 2,
        ..starting("run-")
    };
    assert_eq!(
        listed(client, paged).await,
        (wanted.map(str::to_owned).into(), 3)
    );
    assert_eq!(ids(client, starting("run_")).await, ["run_x"]);
    assert_eq!(ids(client, starting("run-%")).await, ["run-%"]);
    assert_eq!(ids(client, starting("é")).await, ["é-1"]);
    assert!(ids(client, starting("none")).await.is_empty());
    let refusal = client.sessions.clone().list_sessions(starting("a\n")).await;
    assert_eq!(refused(refusal).fields, ["session_id_prefix"]);
}

#[tokio::test]
async fn sessions_are_found_by_whose_files_they_hold() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    for (session, namespace, user) in [
        ("3", "app", "ada"),
        ("1", "app", "bob"),
        ("2", "other", "ada"),
        ("1", "other", "ada"),
        ("4", "", "ada"),
        ("5", "app", ""),
        ("6", "", ""),
    ] {
        push(client, session, namespace, user).await;
    }
    let alone = ArtifactSpec {
        session_id: String::new(),
        namespace: "app".to_owned(),
        user_id: "ada".to_owned(),
        ..session_spec("own", "")
    };
    client.create(alone, "x").await.unwrap();
    assert_eq!(ids(client, of("app", "")).await, ["1", "3", "5"]);
    assert_eq!(ids(client, of("", "ada")).await, ["1", "2", "3", "4"]);
    assert_eq!(ids(client, of("other", "ada")).await, ["1", "2"]);
    assert_eq!(ids(client, of("app", "ada")).await, ["3"]);
    assert!(ids(client, of("ada", "")).await.is_empty());
    let paged = |page_size, namespace, user| ListSessionsRequest {
        page_size,
        ..of(namespace, user)
    };
    assert_eq!(ids(client, paged(1, "", "ada")).await, ["1", "2", "3", "4"]);
    assert_eq!(ids(client, paged(2, "app", "")).await, ["1", "3", "5"]);
    for (session, wanted) in [("3", 1), ("5", 0)] {
        let both = ListSessionsRequest {
            session_id_prefix: session.to_owned(),
            ..of("", "ada")
        };
        assert_eq!(ids(client, both).await.len(), wanted);
    }
}

#[tokio::test]
async fn a_session_holds_no_file_before_it_is_published() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let unpublished = ArtifactSpec {
        unpublished: true,
        user_id: "ada".to_owned(),
        ..session_spec("file", "run")
    };
    client.create(unpublished, "x").await.unwrap();
    assert!(ids(client, of("", "ada")).await.is_empty());
    let commit = cairn_proto::v1::CommitSessionRequest {
        session_id: "run".to_owned(),
        ..Default::default()
    };
    let committed = client
        .sessions
        .clone()
        .commit_session(commit)
        .await
        .unwrap();
    assert_eq!(ids(client, of("", "ada")).await, ["run"]);
    let id = &committed.into_inner().artifacts[0].artifact_id;
    client.delete(id).await.unwrap();
    assert_eq!(
        ids(client, of("", "ada")).await,
        ["run"],
        "it was published"
    );
}

/// So many sessions with three files each, of one user in one namespace, but for every hundredth, which is of another.
fn fill(sessions: u32) -> String {
    format!(
        "INSERT INTO sessions (tenant_id, id, labels, active_at)
             SELECT t.id, lpad(i::text, 6, '0'), CASE WHEN i % 1500 = 0 THEN ARRAY['rare'] ELSE '{{}}' END,
                 now() - i * interval '1 s'
             FROM tenants t, generate_series(1, {sessions}) i WHERE t.name = 'acme';
         INSERT INTO filenames (tenant_id, namespace, user_id, session_id, filename, last_version)
             SELECT t.id, who, who, lpad(i::text, 6, '0'), 'file-' || n, 1
             FROM tenants t, generate_series(1, {sessions}) i, generate_series(1, 3) n,
                 LATERAL (SELECT CASE WHEN i % 100 = 0 THEN 'rare' ELSE 'common' END AS who) w
             WHERE t.name = 'acme';
         ANALYZE"
    )
}

#[tokio::test]
async fn labels_that_pass_sessions_over_end_no_list() {
    let cairn = Setup::on(Bytes::Files).start().await;
    cairn.sql(&fill(3_100)).await;
    let client = &cairn.client;
    let update = UpdateSessionRequest {
        session_id: "000007".to_owned(),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["labels".into()],
        }),
        labels: vec!["rare".into()],
        ..UpdateSessionRequest::default()
    };
    client
        .sessions
        .clone()
        .update_session(update)
        .await
        .unwrap();
    let request = ListSessionsRequest {
        labels: vec!["rare".into()],
        ..starting("00")
    };
    let (found, pages) = listed(client, request).await;
    assert_eq!(found, ["000007", "001500", "003000"]);
    assert!(pages > 1, "a page looks at a thousand");
}

/// What Postgres has read: rows of tables as a whole, and entries of indexes.
const READ: &str = "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname NOT IN ('tenants', 'api_keys'))
    ::bigint + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::bigint";

/// How many rows are read for two pages.
async fn rows(cairn: &Cairn, filter: RawSessionFilter) -> i64 {
    let filter = SessionFilter::new(filter).unwrap();
    let caller = cairn.store.authenticate(&cairn.key).await.unwrap();
    let before = cairn.counted(READ).await;
    let mut config = cairn.config.clone();
    config.database_connections = 1;
    let store = Store::open(&config).await.unwrap();
    let size = PageSize::new(20).unwrap();
    let mut token = String::new();
    for _ in 0..2 {
        let page = store.list_sessions(&caller, &filter, size, &token);
        let page = page.await.unwrap();
        assert_eq!(page.items.len(), 20, "{filter:?}");
        token = page.next.unwrap();
    }
    drop(store);
    cairn.counted(READ).await - before
}

#[tokio::test]
async fn a_page_of_sessions_reads_no_more_of_many_than_of_few() {
    let (few, many) = (
        Setup::on(Bytes::Files).start().await,
        Setup::on(Bytes::Files).start().await,
    );
    few.sql(&fill(5_000)).await;
    many.sql(&fill(25_000)).await;
    let filter = |prefix: &str, namespace: &str, user_id: &str| RawSessionFilter {
        session_id_prefix: prefix.to_owned(),
        namespace: namespace.to_owned(),
        user_id: user_id.to_owned(),
        ..RawSessionFilter::default()
    };
    for filter in [
        filter("", "", ""),
        filter("00", "", ""),
        filter("0048", "", ""),
        filter("", "common", ""),
        filter("", "rare", ""),
        filter("", "", "common"),
        filter("", "", "rare"),
        filter("", "rare", "rare"),
        filter("004", "common", "common"),
    ] {
        let of_few = rows(&few, filter.clone()).await;
        let of_many = rows(&many, filter.clone()).await;
        println!("{filter:?}: {of_few} and {of_many}");
        assert!(
            of_many <= of_few * 3 / 2 + 50,
            "{filter:?}: {of_few} and {of_many}"
        );
        assert!(of_many <= 1_000, "{filter:?}: {of_many}");
    }
}
