//! Ids and names of the outside world are stored unchanged.

use std::collections::HashMap;

use cairn_proto::v1::{
    Artifact, ArtifactName, ArtifactSpec, CommitSessionRequest, GetArtifactRequest,
    GetSessionRequest, ListArtifactsRequest, ListSessionsRequest, ListVersionsRequest,
    UpdateSessionRequest,
};
use prost_types::FieldMask;

use harness::{Cairn, Client, content, refused, spec};

/// Ids in the forms of schedulers, identity providers, frameworks and people.
fn ids() -> Vec<String> {
    [
        "scheduled__2024-01-01T00:00:00+00:00",
        "alice+test@example.com",
        "auth0|5f7c8ec7c33c6c004bbafe82",
        "Ünal 語",
        "projects/123/locations/us-central1/reasoningEngines/456",
        "_private",
        r"group\user",
        r#"say "hi""#,
        "x'; DROP TABLE artifacts; --",
        "100%*?[a]{b}",
        "$(id) `id`",
        "gpj.\u{202e}exe",
        "../../etc/passwd",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([incompressible(255, 1)])
    .collect()
}

/// Letters and digits that Postgres cannot compress.
fn incompressible(length: usize, seed: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789__";
    let bytes = content(length + seed).into_iter().skip(seed);
    let letters = bytes.map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
    letters.collect()
}

/// A value of a filter, quoted as JSON quotes it.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

async fn found(client: &Client, list: ListArtifactsRequest) -> Vec<String> {
    let answer = client.artifacts.clone().list_artifacts(list).await;
    let found = answer.unwrap().into_inner().artifacts;
    found.into_iter().map(|found| found.artifact_id).collect()
}

async fn filtered(client: &Client, filter: String) -> Vec<String> {
    let list = ListArtifactsRequest {
        filter,
        ..ListArtifactsRequest::default()
    };
    found(client, list).await
}

#[tokio::test]
async fn ids_of_the_outside_world_are_taken_as_they_are() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    for id in ids() {
        let given = ArtifactSpec {
            session_id: id.clone(),
            namespace: id.clone(),
            user_id: id.clone(),
            agent_id: id.clone(),
            labels: vec![id.clone()],
            ..spec("a.txt")
        };
        let made = client.create(given, content(100_000)).await.unwrap();
        assert_eq!((&made.session_id, &made.agent_id), (&id, &id));
        let expected = [made.artifact_id.clone()];

        let name = ArtifactName {
            filename: "a.txt".to_owned(),
            session_id: id.clone(),
            namespace: id.clone(),
            user_id: id.clone(),
            version: 0,
        };
        let named = GetArtifactRequest {
            name: Some(name),
            ..GetArtifactRequest::default()
        };
        let named = client.artifacts.clone().get_artifact(named).await.unwrap();
        assert_eq!(
            named.into_inner().artifact.unwrap(),
            Artifact {
                deduplicated: false,
                ..made.clone()
            }
        );
        let none = ListArtifactsRequest::default;
        for list in [
            ListArtifactsRequest {
                session_id: id.clone(),
                ..none()
            },
            ListArtifactsRequest {
                namespace: id.clone(),
                ..none()
            },
            ListArtifactsRequest {
                user_id: id.clone(),
                ..none()
            },
            ListArtifactsRequest {
                agent_id: id.clone(),
                ..none()
            },
            ListArtifactsRequest {
                labels: vec![id.clone()],
                ..none()
            },
        ] {
            assert_eq!(found(client, list).await, expected, "{id}");
        }
        for field in [
            "session_id =",
            "namespace =",
            "user_id =",
            "agent_id =",
            "labels:",
        ] {
            let filter = format!("{field} {}", quoted(&id));
            assert_eq!(filtered(client, filter.clone()).await, expected, "{filter}");
        }

        let mut sessions = client.sessions.clone();
        let get = GetSessionRequest {
            session_id: id.clone(),
        };
        let session = sessions
            .get_session(get)
            .await
            .unwrap()
            .into_inner()
            .session;
        assert_eq!(session.unwrap().session_id, id);
        let update = UpdateSessionRequest {
            session_id: id.clone(),
            update_mask: Some(FieldMask {
                paths: vec!["labels".to_owned()],
            }),
            labels: vec![id.clone()],
            ..UpdateSessionRequest::default()
        };
        sessions.update_session(update).await.unwrap();
        let labelled = ListSessionsRequest {
            labels: vec![id.clone()],
            ..ListSessionsRequest::default()
        };
        let listed = sessions.list_sessions(labelled).await.unwrap().into_inner();
        assert_eq!(listed.sessions[0].session_id, id);
        assert_eq!(client.seal(&id).await.unwrap().session_id, id);
    }
    // Keys of the blob store consist of our own ids only.
    let ours = |c: char| c.is_ascii_hexdigit() || "v1/-".contains(c);
    for key in cairn.stored().await {
        assert!(key.chars().all(ours), "{key}");
    }
}

#[tokio::test]
async fn an_id_is_compared_by_its_bytes_and_has_255_at_the_most() {
    let cairn = Cairn::start().await;
    for session in ["a", "A", "é", "e\u{301}", "a "] {
        let given = ArtifactSpec {
            session_id: session.to_owned(),
            ..spec("f")
        };
        assert_eq!(cairn.client.create(given, "").await.unwrap().version, 1);
    }
    let long = "x".repeat(256);
    for bad in ["a\nb", "\u{7f}", "\u{9b}31m", long.as_str()] {
        let given = ArtifactSpec {
            session_id: bad.to_owned(),
            namespace: bad.to_owned(),
            user_id: bad.to_owned(),
            agent_id: bad.to_owned(),
            ..spec("f")
        };
        let refusal = refused(cairn.client.create(given, "").await);
        let at = |field: &str| format!("spec.{field}");
        let fields = ["agent_id", "namespace", "session_id", "user_id"].map(at);
        assert_eq!(refusal.fields, fields);
    }
}

/// A filename of 1,024 bytes with this beginning.
fn long_name(beginning: &str, seed: usize) -> String {
    let segments = [250, 255, 255, 255].iter().enumerate();
    let segments = segments.map(|(i, length)| incompressible(*length, seed + i));
    let name = format!("{beginning}{}", segments.collect::<Vec<_>>().join("/"));
    name[..1024.min(name.len())].to_owned()
}

/// An index row has a maximum size, which names, ids and metadata together must not exceed.
#[tokio::test]
async fn the_longest_names_ids_and_keys_go_through_every_list() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let key = format!("_{}", incompressible(127, 9));
    let value = incompressible(1024, 10);
    let given = |filename: &str| ArtifactSpec {
        filename: filename.to_owned(),
        session_id: incompressible(255, 1),
        namespace: incompressible(255, 2),
        user_id: incompressible(255, 3),
        agent_id: incompressible(255, 4),
        labels: vec![incompressible(255, 5)],
        metadata: HashMap::from([(key.clone(), value.clone())]),
        ..ArtifactSpec::default()
    };
    let names: Vec<_> = (0..3).map(|i| long_name(&format!("{i}"), 20 + i)).collect();
    assert!(names.iter().all(|name| name.len() > 1000));
    for name in &names {
        for version in 1..=2 {
            let made = client.create(given(name), "x").await.unwrap();
            assert_eq!(made.version, version);
        }
    }
    let last = ArtifactSpec {
        unpublished: true,
        ..given(&long_name("3", 30))
    };
    client.create(last, "x").await.unwrap();
    let commit = CommitSessionRequest {
        session_id: incompressible(255, 1),
        ..CommitSessionRequest::default()
    };
    let committed = client.sessions.clone().commit_session(commit).await;
    assert_eq!(committed.unwrap().into_inner().artifacts[0].version, 1);

    for (order_by, delimiter) in [("create_time desc", ""), ("filename", ""), ("", "/")] {
        let mut list = ListArtifactsRequest {
            page_size: 1,
            order_by: order_by.to_owned(),
            delimiter: delimiter.to_owned(),
            session_id: incompressible(255, 1),
            metadata: HashMap::from([(key.clone(), value.clone())]),
            ..ListArtifactsRequest::default()
        };
        let mut entries = 0;
        loop {
            let answer = client.artifacts.clone().list_artifacts(list.clone()).await;
            let page = answer.unwrap().into_inner();
            entries += page.artifacts.len() + page.prefixes.len();
            if page.next_page_token.is_empty() {
                break;
            }
            list.page_token = page.next_page_token;
        }
        assert_eq!(entries, if delimiter.is_empty() { 7 } else { 4 });
    }
    let versions = ListVersionsRequest {
        name: Some(ArtifactName {
            filename: names[0].clone(),
            session_id: incompressible(255, 1),
            namespace: incompressible(255, 2),
            user_id: incompressible(255, 3),
            version: 0,
        }),
        ..ListVersionsRequest::default()
    };
    let versions = client.artifacts.clone().list_versions(versions).await;
    let versions = versions.unwrap().into_inner().artifacts;
    assert_eq!(versions.len(), 2);
    client.delete(&versions[0].artifact_id).await.unwrap();
    cairn.collect_everything().await;
}

#[tokio::test]
async fn a_name_has_1024_bytes_and_each_segment_255_at_the_most() {
    let cairn = Cairn::start().await;
    let long = ["é".repeat(127).as_str(); 4].join("/");
    for good in [format!("{long}/xxxx"), "x".repeat(255)] {
        assert!(cairn.client.create(spec(&good), "").await.is_ok());
    }
    for bad in [format!("{long}/xxxxx"), "x".repeat(256)] {
        let refusal = refused(cairn.client.create(spec(&bad), "").await);
        assert_eq!(refusal.fields, ["spec.filename"]);
    }
}

#[tokio::test]
async fn metadata_keys_may_be_qualified_and_a_filter_finds_them() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    for key in ["_source", "app.kubernetes.io/name", "dc:title", "a-b.c_d"] {
        let given = ArtifactSpec {
            metadata: HashMap::from([(key.to_owned(), "v:1/2".to_owned())]),
            ..spec("f")
        };
        let made = client.create(given, "").await.unwrap();
        let expected = [made.artifact_id];
        let mut filters = vec![
            format!("metadata.{} = \"v:1/2\"", quoted(key)),
            format!("metadata:{}", quoted(key)),
            format!("metadata.{}:*", quoted(key)),
        ];
        if !key.contains(':') {
            filters.push(format!("metadata.{key} = v:1/2"));
        }
        for filter in filters {
            assert_eq!(filtered(client, filter.clone()).await, expected, "{filter}");
        }
        let by_key = ListArtifactsRequest {
            metadata_keys: vec![key.to_owned()],
            ..ListArtifactsRequest::default()
        };
        assert_eq!(found(client, by_key).await, expected);
    }
}
