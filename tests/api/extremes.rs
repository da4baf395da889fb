//! Whatever is accepted can be read by every read, and whatever cannot be read is refused with a reason.

use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
};

use cairn_proto::v1::{
    Artifact, ArtifactName, ArtifactSpec, CreateLinkRequest, DownloadArtifactRequest,
    FindMissingContentRequest, GetLineageRequest, LineageArtifact, LineageDirection,
    ListArtifactsRequest, ListLinksRequest, ListSessionsRequest, ListVersionsRequest, SessionEvent,
    SetLegalHoldRequest, UpdateArtifactRequest, UpdateSessionRequest, WatchSessionRequest,
    WatchSessionsRequest, artifact_spec::Expiry, download_artifact_response::Message,
    update_artifact_request,
};
use prost_types::{Duration, FieldMask, Timestamp};
use tonic::{Code, Response, Status};

use harness::{Bytes, Cairn, Client, Setup, refused, session_spec, spec};

mod bulk;
mod coverage;
mod drawn;
mod expected;
mod generated;
mod todos;

/// 100 years.
const LONGEST: i64 = 36_525 * 86_400;

async fn started() -> Cairn {
    Setup::on(Bytes::Files).start().await
}

fn ttl(seconds: i64) -> Duration {
    Duration { seconds, nanos: 0 }
}

fn pairs(pairs: impl IntoIterator<Item = (String, String)>) -> HashMap<String, String> {
    pairs.into_iter().collect()
}

/// As long, as many and as far as the limits allow.
fn largest(filename: &str) -> ArtifactSpec {
    ArtifactSpec {
        filename: format!("{filename}/{}", ["é".repeat(127).as_str(); 4].join("/")),
        content_type: format!("text/{}", "x".repeat(250)),
        session_id: "s".repeat(255),
        namespace: "n".repeat(255),
        user_id: "u".repeat(255),
        agent_id: "a".repeat(255),
        metadata: pairs((0..64).map(|i| (format!("k{i:063}"), "v".repeat(64)))),
        expiry: Some(Expiry::Ttl(ttl(LONGEST))),
        title: "\u{1}".repeat(255),
        language: "語".repeat(21),
        change_summary: "\n".repeat(1024),
        labels: (0..16).map(|i| format!("{i:0>255}")).collect(),
        ..ArtifactSpec::default()
    }
}

/// The first events that a watcher of a session receives.
async fn told(client: &Client, session: &str, count: usize) -> Vec<SessionEvent> {
    let mut sessions = client.sessions.clone();
    let watch = sessions.watch_session(WatchSessionRequest {
        session_id: session.into(),
        ..WatchSessionRequest::default()
    });
    let (mut watch, mut events) = (watch.await.unwrap().into_inner(), Vec::new());
    while events.len() < count {
        events.extend(watch.message().await.unwrap().unwrap().events);
    }
    assert_eq!(events.len(), count);
    events
}

async fn every_read(client: &Client, made: &Artifact) {
    assert_eq!(client.get(&made.artifact_id).await.unwrap(), *made);
    let mut artifacts = client.artifacts.clone();
    let listed = artifacts.list_artifacts(ListArtifactsRequest {
        session_id: made.session_id.clone(),
        metadata: pairs(made.metadata.clone().into_iter().take(8)),
        labels: made.labels.iter().take(8).cloned().collect(),
        page_size: 200,
        ..ListArtifactsRequest::default()
    });
    let listed = listed.await.unwrap().into_inner().artifacts;
    assert!(listed.contains(made));
    let versions = artifacts.list_versions(ListVersionsRequest {
        name: Some(ArtifactName {
            filename: made.filename.clone(),
            session_id: made.session_id.clone(),
            namespace: made.namespace.clone(),
            user_id: made.user_id.clone(),
            version: 0,
        }),
        ..ListVersionsRequest::default()
    });
    assert_eq!(
        versions.await.unwrap().into_inner().artifacts,
        std::slice::from_ref(made)
    );
    let lineage = artifacts.get_lineage(GetLineageRequest {
        artifact_id: made.artifact_id.clone(),
        direction: LineageDirection::Outputs.into(),
        ..GetLineageRequest::default()
    });
    let known = lineage.await.unwrap().into_inner().artifacts;
    assert!(known.iter().any(|known| is_relative(known, made)));
    let download = artifacts.download_artifact(DownloadArtifactRequest {
        artifact_id: made.artifact_id.clone(),
        ..DownloadArtifactRequest::default()
    });
    let first = download.await.unwrap().into_inner().message().await;
    let first = first.unwrap().and_then(|message| message.message);
    assert_eq!(first, Some(Message::Artifact(made.clone())));
    if !made.session_id.is_empty() {
        let mut sessions = client.sessions.clone();
        let watch = sessions.watch_session(WatchSessionRequest {
            session_id: made.session_id.clone(),
            ..WatchSessionRequest::default()
        });
        let mut watch = watch.await.unwrap().into_inner();
        let told = loop {
            let message = watch.message().await.unwrap().unwrap();
            if let Some(first) = message.events.into_iter().next() {
                break first;
            }
        };
        assert_eq!(told.artifact.as_ref(), Some(made), "as it is now");
        let watch = sessions.watch_sessions(WatchSessionsRequest {
            session_ids: vec![made.session_id.clone()],
            ..WatchSessionsRequest::default()
        });
        let mut watch = watch.await.unwrap().into_inner();
        let told = loop {
            let message = watch.message().await.unwrap().unwrap();
            if let Some(first) = message.events.into_iter().next() {
                break first;
            }
        };
        assert_eq!(told.artifact.as_ref(), Some(made), "as it is now");
        assert_eq!(told.session_id, made.session_id);
    }
}

#[tokio::test]
async fn what_is_written_at_its_extremes_is_read_by_every_read() {
    let cairn = started().await;
    let (client, mut inputs) = (&cairn.client, Vec::new());
    for i in 0..64 {
        inputs.push(client.create(spec(&i.to_string()), "").await.unwrap());
    }
    let given = ArtifactSpec {
        inputs: inputs.into_iter().map(|made| made.artifact_id).collect(),
        idempotency_key: "k".repeat(256),
        ..largest("a")
    };
    let made = client.create(given.clone(), "x").await.unwrap();
    every_read(client, &made).await;
    assert_eq!(
        client.create(given, "x").await.unwrap().artifact_id,
        made.artifact_id,
        "a repeated call reads it too"
    );

    let mut link_client = client.links.clone();
    let link = link_client.create_link(CreateLinkRequest {
        artifact_id: made.artifact_id.clone(),
        expires_in: Some(ttl(365 * 86_400)),
        ..CreateLinkRequest::default()
    });
    let link = link.await.unwrap().into_inner().link.unwrap();
    let mut links_client = client.links.clone();
    let links = links_client.list_links(ListLinksRequest::default());
    assert_eq!(links.await.unwrap().into_inner().links, [link]);

    let mut session_client = client.sessions.clone();
    let session = session_client.update_session(UpdateSessionRequest {
        session_id: made.session_id.clone(),
        update_mask: Some(FieldMask {
            paths: vec!["display_name".into(), "labels".into()],
        }),
        display_name: "\u{1}".repeat(255),
        labels: made.labels.clone(),
        ..UpdateSessionRequest::default()
    });
    let session = session.await.unwrap().into_inner().session.unwrap();
    let mut sessions_client = client.sessions.clone();
    let sessions = sessions_client.list_sessions(ListSessionsRequest::default());
    assert_eq!(sessions.await.unwrap().into_inner().sessions, [session]);

    let sealed = client.seal(&made.session_id).await.unwrap();
    let mut manifest_client = client.sessions.clone();
    let manifest = manifest_client.list_manifest(cairn_proto::v1::ListManifestRequest {
        session_id: sealed.session_id,
        ..Default::default()
    });
    let entries = manifest.await.unwrap().into_inner().entries;
    assert_eq!(entries[0].filename, made.filename);
}

#[tokio::test]
async fn a_life_of_over_a_hundred_years_is_refused() {
    let cairn = started().await;
    let made = cairn.client.create(spec("a"), "").await.unwrap();
    for seconds in [LONGEST + 1, 252_000_000_000, 315_576_000_000, i64::MAX, -1] {
        let long = ArtifactSpec {
            expiry: Some(Expiry::Ttl(ttl(seconds))),
            ..spec("b")
        };
        let refusal = refused(cairn.client.create(long, "").await);
        assert_eq!(refusal.fields, ["spec.ttl"], "{seconds}");
        let update = UpdateArtifactRequest {
            artifact_id: made.artifact_id.clone(),
            update_mask: Some(FieldMask {
                paths: vec!["expiry".into()],
            }),
            expiry: Some(update_artifact_request::Expiry::Ttl(ttl(seconds))),
            ..UpdateArtifactRequest::default()
        };
        let refusal = refused(cairn.client.artifacts.clone().update_artifact(update).await);
        assert_eq!(refusal.fields, ["ttl"], "{seconds}");
    }
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 1);
}

/// Writes a time into a row that no program can read.
const DAMAGE: &str = "
    ALTER TABLE artifacts DROP CONSTRAINT artifacts_expire_within_reach;
    UPDATE artifacts SET expires_at = '12000-01-01' WHERE filename = 'damaged';";

async fn names(client: &Client, order_by: &str, page_size: i32) -> Vec<String> {
    let mut request = ListArtifactsRequest {
        page_size,
        order_by: order_by.into(),
        ..ListArtifactsRequest::default()
    };
    let mut names = Vec::new();
    loop {
        let mut page_client = client.artifacts.clone();
        let page = page_client.list_artifacts(request.clone());
        let page = page.await.unwrap().into_inner();
        names.extend(page.artifacts.into_iter().map(|artifact| artifact.filename));
        if page.next_page_token.is_empty() {
            return names;
        }
        request.page_token = page.next_page_token;
    }
}

/// A damaged record ends no list, and a read of it names its id.
#[tokio::test]
async fn damaged_record_is_left_out_of_lists() {
    let cairn = started().await;
    let mut ids = HashMap::new();
    for name in ["a", "damaged", "z"] {
        let made = cairn.client.create(session_spec(name, "run"), "").await;
        ids.insert(name, made.unwrap().artifact_id);
    }
    cairn.sql(DAMAGE).await;
    for page_size in [1, 2, 3, 0] {
        let newest = names(&cairn.client, "", page_size).await;
        assert_eq!(newest, ["z", "a"], "{page_size}");
        let by_name = names(&cairn.client, "filename", page_size).await;
        assert_eq!(by_name, ["a", "z"], "{page_size}");
    }
    let refusal = refused(cairn.client.get(&ids["damaged"]).await);
    assert_eq!(refusal.code, Code::DataLoss);
    assert_eq!(refusal.reason, "DATA_CORRUPTED");
    assert_eq!(refusal.metadata["artifact_id"], ids["damaged"]);
    told(&cairn.client, "run", 3).await;
}

#[tokio::test]
async fn the_migration_mends_what_no_program_could_read() {
    let cairn = started().await;
    let made = cairn.client.create(spec("damaged"), "").await.unwrap();
    cairn.sql(DAMAGE).await;
    cairn
        .sql(
            "ALTER TABLE pending_artifacts DROP CONSTRAINT pending_artifacts_within_reach;
             ALTER TABLE links DROP CONSTRAINT links_expire_within_reach;
             ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_within_reach;
             ALTER TABLE tenants DROP CONSTRAINT tenants_keep_within_reach;
             UPDATE tenants SET max_ttl_ms = 9223372036854775807",
        )
        .await;
    for migration in [
        include_str!("../../crates/store/migrations/V0024__times_within_reach.sql"),
        include_str!("../../crates/store/migrations/V0033__artifacts_out_of_reach.sql"),
        include_str!("../../crates/store/migrations/V0034__artifacts_within_reach.sql"),
        include_str!("../../crates/store/migrations/V0035__out_of_reach_is_nothing.sql"),
    ] {
        cairn.sql(migration).await;
    }
    let mended = cairn.client.get(&made.artifact_id).await.unwrap();
    let life = mended.expires_at.unwrap().seconds - mended.created_at.unwrap().seconds;
    assert!((LONGEST..LONGEST + 3600).contains(&life));
    let none = cairn.count("SELECT count(*) FROM tenants WHERE max_ttl_ms > 3155760000000");
    assert_eq!(none.await, 0);
}

#[track_caller]
fn is_the_callers<T: Debug>(answer: Result<Response<T>, Status>) {
    if let Err(status) = answer {
        let refusal = refused::<()>(Err(status));
        assert_eq!(refusal.code, Code::InvalidArgument, "{refusal:?}");
    }
}

#[tokio::test]
async fn no_value_of_a_filter_is_a_fault_of_the_server() {
    let cairn = started().await;
    let mut artifacts = cairn.client.artifacts.clone();
    let odd = [
        "\0", "a\0b", "\u{1}", "\u{feff}", "%", "_", "\\", "'", "é", " ", "*", "a'; --",
    ];
    for odd in odd.map(str::to_owned) {
        let default = ListArtifactsRequest::default;
        let pair = |key: &str, value: &str| pairs([(key.to_owned(), value.to_owned())]);
        for request in [
            ListArtifactsRequest {
                session_id: odd.clone(),
                ..default()
            },
            ListArtifactsRequest {
                agent_id: odd.clone(),
                ..default()
            },
            ListArtifactsRequest {
                filename: odd.clone(),
                ..default()
            },
            ListArtifactsRequest {
                filename_prefix: odd.clone(),
                ..default()
            },
            ListArtifactsRequest {
                content_type: odd.clone(),
                ..default()
            },
            ListArtifactsRequest {
                labels: vec![odd.clone()],
                ..default()
            },
            ListArtifactsRequest {
                metadata_keys: vec![odd.clone()],
                ..default()
            },
            ListArtifactsRequest {
                metadata: pair(&odd, "v"),
                ..default()
            },
            ListArtifactsRequest {
                metadata: pair("k", &odd),
                ..default()
            },
            ListArtifactsRequest {
                filter: odd.clone(),
                ..default()
            },
            ListArtifactsRequest {
                filter: format!("title = \"{odd}\""),
                ..default()
            },
            ListArtifactsRequest {
                page_token: odd.clone(),
                ..default()
            },
            ListArtifactsRequest {
                order_by: odd.clone(),
                ..default()
            },
        ] {
            is_the_callers(artifacts.list_artifacts(request).await);
        }
        let labels = ListSessionsRequest {
            labels: vec![odd],
            ..ListSessionsRequest::default()
        };
        is_the_callers(cairn.client.sessions.clone().list_sessions(labels).await);
    }
    let times = [
        i64::MIN,
        -377_705_023_201,
        -210_898_425_600,
        -1,
        253_402_300_799,
        i64::MAX,
    ];
    for seconds in times {
        let at = Some(Timestamp { seconds, nanos: 0 });
        for (created_after, created_before) in [(at, None), (None, at), (at, at)] {
            is_the_callers(
                artifacts
                    .list_artifacts(ListArtifactsRequest {
                        created_after,
                        created_before,
                        ..ListArtifactsRequest::default()
                    })
                    .await,
            );
            let sessions = ListSessionsRequest {
                created_after,
                created_before,
                ..ListSessionsRequest::default()
            };
            is_the_callers(cairn.client.sessions.clone().list_sessions(sessions).await);
        }
    }
    for year in ["0000", "0001", "9999"] {
        is_the_callers(
            artifacts
                .list_artifacts(ListArtifactsRequest {
                    filter: format!("create_time > {year}-01-01T00:00:00Z"),
                    ..ListArtifactsRequest::default()
                })
                .await,
        );
    }
}

#[tokio::test]
async fn a_page_token_goes_on_whatever_the_order_of_the_pairs() {
    let cairn = started().await;
    let metadata = || pairs((0..8).map(|i| (format!("k{i}"), format!("v{i}"))));
    for i in 0..20 {
        let given = ArtifactSpec {
            metadata: metadata(),
            ..spec(&i.to_string())
        };
        cairn.client.create(given, "").await.unwrap();
    }
    let (mut seen, mut page_token) = (0, String::new());
    loop {
        let request = ListArtifactsRequest {
            page_size: 1,
            metadata: metadata(),
            page_token,
            ..ListArtifactsRequest::default()
        };
        let mut page_client = cairn.client.artifacts.clone();
        let page = page_client.list_artifacts(request).await;
        let page = page.unwrap().into_inner();
        seen += page.artifacts.len();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
        let mut changed = page_token.clone().into_bytes();
        if let Some(last) = changed.last_mut() {
            *last ^= 1;
        }
        let edited = ListArtifactsRequest {
            metadata: metadata(),
            page_token: String::from_utf8(changed).unwrap(),
            ..ListArtifactsRequest::default()
        };
        let refusal = refused(cairn.client.artifacts.clone().list_artifacts(edited).await);
        assert_eq!(refusal.fields, ["page_token"]);
    }
    assert_eq!(seen, 20);
}

#[tokio::test]
async fn a_request_full_of_faults_has_a_short_answer() {
    let cairn = started().await;
    let many = |count| vec!["x".repeat(100); count];
    let mut artifacts = cairn.client.artifacts.clone();
    let hold = SetLegalHoldRequest {
        artifact_ids: many(1001),
        ..SetLegalHoldRequest::default()
    };
    let refusal = refused(artifacts.set_legal_hold(hold).await);
    assert_eq!(refusal.fields, ["artifact_ids"], "by its length");
    let contents = FindMissingContentRequest {
        contents: vec![cairn_proto::v1::Content::default(); 1000],
    };
    let refusal = refused(artifacts.find_missing_content(contents).await);
    assert_eq!(refusal.fields.len(), 16);
    let given = ArtifactSpec {
        labels: many(17),
        inputs: many(65),
        metadata: pairs((0..65).map(|i| (format!("k k{i}"), String::new()))),
        ..spec("a")
    };
    let refusal = refused(cairn.client.create(given, "").await);
    assert_eq!(
        refusal.fields,
        ["spec.inputs", "spec.labels", "spec.metadata"]
    );
    let bad_pairs = ArtifactSpec {
        metadata: pairs((0..64).map(|i| (format!("k k{i}"), String::new()))),
        ..spec("a")
    };
    let refusal = refused(cairn.client.create(bad_pairs, "").await);
    assert_eq!(refusal.fields.len(), 16);
    let refusal = refused(cairn.client.get(&"x".repeat(6000)).await);
    assert!(refusal.message.len() < 200, "{}", refusal.message.len());
}

#[tokio::test]
async fn every_page_of_a_wide_lineage_fits_an_answer() {
    let cairn = started().await;
    let root = cairn.client.create(spec("root"), "").await.unwrap();
    let mut expected = HashSet::new();
    for i in 0..300 {
        let given = ArtifactSpec {
            inputs: vec![root.artifact_id.clone()],
            ..largest(&i.to_string())
        };
        let made = cairn.client.create(given, "").await.unwrap();
        expected.insert(made.artifact_id);
    }
    let mut request = GetLineageRequest {
        artifact_id: root.artifact_id.clone(),
        direction: LineageDirection::Outputs.into(),
        page_size: 200,
        ..GetLineageRequest::default()
    };
    let mut client = cairn.client.artifacts.clone();
    let first = client.get_lineage(request.clone()).await.unwrap();
    let first = first.into_inner();
    assert!(prost::Message::encoded_len(&first) < 400 << 10);
    request.page_token = first.next_page_token;
    let second = client.get_lineage(request.clone()).await.unwrap();
    let second = second.into_inner();
    assert_eq!(
        (first.derivations.len(), second.derivations.len()),
        (200, 100)
    );
    assert_eq!(second.next_page_token, "");
    assert!(!first.truncated && !second.truncated);
    let steps = first.derivations.iter().chain(&second.derivations);
    let found: HashSet<_> = steps.map(|step| step.artifact_id.clone()).collect();
    assert_eq!(found, expected);
    for page in [&first.artifacts, &second.artifacts] {
        assert!(page.iter().any(|artifact| artifact.filename == "root"));
    }
    request.max_depth = 1;
    let refusal = refused(client.get_lineage(request).await);
    assert_eq!(refusal.fields, ["page_token"]);
}

/// Whether lineage shows an artifact like its record.
fn is_relative(known: &LineageArtifact, made: &Artifact) -> bool {
    let LineageArtifact {
        artifact_id,
        filename,
        version,
        agent_id,
    } = known;
    (artifact_id, filename, agent_id) == (&made.artifact_id, &made.filename, &made.agent_id)
        && *version == made.version
}
