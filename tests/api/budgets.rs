//! The statements and round trips that a call may cost the database. Times differ from machine to machine, these do
//! not; docs/benchmarks.md has the times.

use std::time::Duration;

use cairn_proto::v1::{
    ArtifactName, ArtifactOutcome, ArtifactSpec, BatchGetArtifactsRequest, CommitSessionRequest,
    CreateLinkRequest, ListArtifactsRequest, WhoAmIRequest, artifact_outcome::Outcome,
};

use harness::{Asked, Bytes, Cairn, Setup, Wire, postgres, session_spec, spec};

/// How often a call is made before it is counted: on every connection, because each has its own prepared statements.
const WARM: usize = 24;
/// And how often then.
const COUNTED: usize = 11;

/// The limits of one call.
struct Budget {
    trips: usize,
    statements: usize,
}

/// A Cairn whose statements are counted. Its credentials are cached, as in a busy one.
async fn heard() -> (Cairn, Wire) {
    let (url, wire) = Wire::before(&postgres::database().await).await;
    let setup = Setup::on(Bytes::S3).database(url);
    let setup = setup.config(|config| {
        config.database_connections = 4;
        config.credential_trust = Duration::from_secs(300);
    });
    (setup.start().await, wire)
}

/// Makes a call until everything is cached, then checks the median call against its budget: what happens only
/// sometimes, such as preparing statements on another connection, does not belong to the call.
async fn hold(wire: &Wire, budget: Budget, mut call: impl AsyncFnMut(usize)) {
    let mut heard = Vec::new();
    for number in 0..WARM + COUNTED {
        wire.take();
        call(number).await;
        heard.push(wire.take());
    }
    let mut counted = heard.split_off(WARM);
    counted.sort_by_key(|asked| (asked.trips, asked.statements.len()));
    let Asked { trips, statements } = counted.swap_remove(COUNTED / 2);
    let said = statements.join(";\n");
    assert!(trips > 0, "nothing was heard");
    assert!(trips <= budget.trips, "{trips} trips:\n{said}");
    let count = statements.len();
    assert!(count <= budget.statements, "{count} statements:\n{said}");
}

fn described(filename: &str) -> ArtifactSpec {
    ArtifactSpec {
        agent_id: "agent".to_owned(),
        metadata: [("stage".to_owned(), "final".to_owned())].into(),
        labels: vec!["nightly".to_owned()],
        ..session_spec(filename, "run")
    }
}

#[tokio::test]
async fn a_small_create_keeps_to_its_statements() {
    let (cairn, wire) = heard().await;
    let budget = Budget {
        trips: 2,
        statements: 12,
    };
    hold(&wire, budget, async |number| {
        let name = format!("{number}");
        let made = cairn.client.create(described(&name), name.clone()).await;
        made.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_commit_of_conditional_artifacts_asks_once_for_all() {
    let (cairn, wire) = heard().await;
    let mut asked = Vec::new();
    for files in [1, 40] {
        let mut number = 0;
        let mut trips = Vec::new();
        while trips.len() < WARM {
            let session = format!("{files}-{number}");
            number += 1;
            for file in 0..files {
                let unpublished = ArtifactSpec {
                    unpublished: true,
                    if_version: Some(0),
                    ..session_spec(&format!("{file}"), &session)
                };
                cairn.client.create(unpublished, "x").await.unwrap();
            }
            wire.take();
            let request = CommitSessionRequest {
                session_id: session,
                ..Default::default()
            };
            let committed = cairn.client.sessions.clone().commit_session(request).await;
            let published = committed.unwrap().into_inner().artifacts.len();
            assert_eq!(published, files);
            trips.push(wire.take().trips);
        }
        asked.extend(trips.into_iter().min());
    }
    assert_eq!(asked[0], asked[1], "trips for 1 and for 40");
}

#[tokio::test]
async fn a_get_keeps_to_its_statements() {
    let (cairn, wire) = heard().await;
    let made = cairn.client.create(spec("f"), "x").await.unwrap();
    let budget = Budget {
        trips: 1,
        statements: 1,
    };
    hold(&wire, budget, async |_| {
        cairn.client.get(&made.artifact_id).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn who_am_i_counts_everything_in_one_go() {
    let (cairn, wire) = heard().await;
    let budget = Budget {
        trips: 2,
        statements: 3,
    };
    hold(&wire, budget, async |_| {
        let mut client = cairn.client.identity.clone();
        client.who_am_i(WhoAmIRequest {}).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_get_of_a_hundred_keeps_to_one_statement() {
    let (cairn, wire) = heard().await;
    let mut ids = Vec::new();
    for number in 0..10 {
        let name = format!("{number}");
        let made = cairn.client.create(session_spec(&name, "run"), name).await;
        ids.push(made.unwrap().artifact_id);
    }
    let name = |number: usize| ArtifactName {
        filename: format!("{}", number % 10),
        session_id: "run".to_owned(),
        version: number as i64 % 2,
        ..ArtifactName::default()
    };
    let request = BatchGetArtifactsRequest {
        artifact_ids: ids.iter().cycle().take(50).cloned().collect(),
        names: (0..50).map(name).collect(),
    };
    let budget = Budget {
        trips: 1,
        statements: 1,
    };
    hold(&wire, budget, async |_| {
        let get = cairn
            .client
            .artifacts
            .clone()
            .batch_get_artifacts(request.clone())
            .await;
        let outcomes = get.unwrap().into_inner().outcomes;
        let found = |one: &ArtifactOutcome| matches!(one.outcome, Some(Outcome::Artifact(_)));
        assert!(outcomes.len() == 100 && outcomes.iter().all(found));
    })
    .await;
}

#[tokio::test]
async fn a_small_download_keeps_to_its_statements() {
    let (cairn, wire) = heard().await;
    let made = cairn.client.create(spec("f"), "x").await.unwrap();
    let budget = Budget {
        trips: 1,
        statements: 1,
    };
    hold(&wire, budget, async |_| {
        cairn.client.download(&made.artifact_id).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_list_keeps_to_its_statements() {
    let (cairn, wire) = heard().await;
    for name in ["a", "b", "c"] {
        cairn.client.create(described(name), name).await.unwrap();
    }
    let budget = Budget {
        trips: 1,
        // A transaction with the settings of a list, in one flight.
        statements: 3,
    };
    hold(&wire, budget, async |_| {
        let request = ListArtifactsRequest {
            session_id: "run".to_owned(),
            metadata: [("stage".to_owned(), "final".to_owned())].into(),
            ..Default::default()
        };
        let list = cairn.client.artifacts.clone().list_artifacts(request).await;
        assert_eq!(list.unwrap().into_inner().artifacts.len(), 3);
    })
    .await;
}

/// How many rows and entries of indexes were read.
const READ: &str = "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)::bigint
    + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::bigint";

#[tokio::test]
async fn no_plan_made_while_a_table_was_empty_reads_all_of_it() {
    const CREATES: i64 = 600;
    let cairn = Setup::on(Bytes::Files)
        .config(|config| {
            config.database_connections = 1;
            config.credential_trust = Duration::from_secs(300);
        })
        .start()
        .await;
    let before = cairn.counted(READ).await;
    for number in 0..CREATES {
        let name = format!("{number}");
        let made = cairn.client.create(described(&name), name.clone()).await;
        made.unwrap();
    }
    let each = (cairn.counted(READ).await - before) / CREATES;
    assert!(each <= 40, "{each} rows were read for each create");
}

#[tokio::test]
async fn an_archive_asks_for_many_small_files_at_once() {
    let (cairn, wire) = heard().await;
    for number in 0..200 {
        let name = format!("{number}");
        let made = cairn.client.create(described(&name), name.clone()).await;
        made.unwrap();
    }
    let request = CreateLinkRequest {
        session_id: "run".to_owned(),
        ..CreateLinkRequest::default()
    };
    let link = cairn.client.links.clone().create_link(request).await;
    let url = format!("{}?download", link.unwrap().into_inner().link.unwrap().url);
    // The link, the plan in a transaction of its own, and the contents.
    let budget = Budget {
        trips: 3,
        statements: 6,
    };
    hold(&wire, budget, async |_| {
        let archive = reqwest::get(&url).await.unwrap();
        assert_eq!(archive.status(), 200);
        archive.bytes().await.unwrap();
    })
    .await;
}
