//! Lists find what their filters say, page by page, while others write.

use std::collections::HashMap;

use cairn_proto::v1::{Artifact, ArtifactKind, ArtifactSpec, ArtifactStage, ListArtifactsRequest};
use tonic::Status;

use harness::{Cairn, Client, refused, session_spec, spec};

async fn page(
    client: &Client,
    request: ListArtifactsRequest,
) -> Result<(Vec<Artifact>, String), Status> {
    let response = client
        .artifacts
        .clone()
        .list_artifacts(request)
        .await?
        .into_inner();
    Ok((response.artifacts, response.next_page_token))
}

async fn every_page(client: &Client, mut request: ListArtifactsRequest) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let (artifacts, next) = page(client, request.clone()).await.unwrap();
        let size = if request.page_size == 0 {
            50
        } else {
            request.page_size
        };
        assert!(artifacts.len() <= size as usize);
        names.extend(artifacts.into_iter().map(|artifact| artifact.filename));
        if next.is_empty() {
            return names;
        }
        request.page_token = next;
    }
}

#[tokio::test]
async fn every_page_size_reads_the_same_list_newest_first() {
    let cairn = Cairn::start().await;
    let mut expected = Vec::new();
    for i in 0..23 {
        cairn
            .client
            .create(spec(&format!("{i}")), "")
            .await
            .unwrap();
        expected.insert(0, format!("{i}"));
    }
    // Even when all were made at the same moment, the pages neither overlap nor skip.
    for same_moment in [false, true] {
        if same_moment {
            cairn.sql("UPDATE artifacts SET created_at = now()").await;
        }
        for page_size in [0, 1, 2, 22, 23, 24, 200] {
            let request = ListArtifactsRequest {
                page_size,
                ..ListArtifactsRequest::default()
            };
            let mut names = every_page(&cairn.client, request).await;
            if same_moment {
                names.sort_by_key(|name| std::cmp::Reverse(name.parse::<u32>().unwrap()));
            }
            assert_eq!(names, expected, "{page_size}");
        }
    }
}

#[tokio::test]
async fn pages_are_stable_while_others_write_and_delete() {
    let cairn = Cairn::start().await;
    let mut made = Vec::new();
    for i in 0..10 {
        made.push(
            cairn
                .client
                .create(spec(&format!("{i}")), "")
                .await
                .unwrap(),
        );
    }
    let mut request = ListArtifactsRequest {
        page_size: 3,
        ..ListArtifactsRequest::default()
    };
    let mut names = Vec::new();
    for round in 0.. {
        let (artifacts, next) = page(&cairn.client, request.clone()).await.unwrap();
        names.extend(artifacts.into_iter().map(|artifact| artifact.filename));
        if next.is_empty() {
            break;
        }
        cairn
            .client
            .create(spec(&format!("new {round}")), "")
            .await
            .unwrap();
        // The one at which the page ended.
        let last = names.last().unwrap().parse::<usize>().unwrap();
        cairn.client.delete(&made[last].artifact_id).await.unwrap();
        request.page_token = next;
    }
    let expected: Vec<_> = (0..10).rev().map(|i| i.to_string()).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn all_filters_given_must_hold() {
    let cairn = Cairn::start().await;
    let pairs = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect()
    };
    let specs = [
        ArtifactSpec {
            agent_id: "ann".into(),
            metadata: pairs(&[("kind", "plot"), ("step", "1")]),
            ..session_spec("a.png", "run-1")
        },
        ArtifactSpec {
            agent_id: "bob".into(),
            metadata: pairs(&[("kind", "plot"), ("step", "2")]),
            ..session_spec("b.png", "run-1")
        },
        ArtifactSpec {
            agent_id: "ann".into(),
            namespace: "app".into(),
            user_id: "u1".into(),
            metadata: pairs(&[("kind", "text")]),
            ..session_spec("c.txt", "run-2")
        },
        ArtifactSpec {
            namespace: "app".into(),
            ..spec("d.txt")
        },
    ];
    let mut moments = Vec::new();
    for spec in specs {
        moments.push(
            cairn
                .client
                .create(spec, "")
                .await
                .unwrap()
                .created_at
                .unwrap(),
        );
    }
    let none = ListArtifactsRequest::default();
    let cases = [
        (none.clone(), "dcba"),
        (
            ListArtifactsRequest {
                session_id: "run-1".into(),
                ..none.clone()
            },
            "ba",
        ),
        (
            ListArtifactsRequest {
                agent_id: "ann".into(),
                ..none.clone()
            },
            "ca",
        ),
        (
            ListArtifactsRequest {
                namespace: "app".into(),
                ..none.clone()
            },
            "dc",
        ),
        (
            ListArtifactsRequest {
                user_id: "u1".into(),
                ..none.clone()
            },
            "c",
        ),
        (
            ListArtifactsRequest {
                filename: "b.png".into(),
                ..none.clone()
            },
            "b",
        ),
        (
            ListArtifactsRequest {
                content_type: "image/png".into(),
                ..none.clone()
            },
            "ba",
        ),
        (
            ListArtifactsRequest {
                metadata: pairs(&[("kind", "plot")]),
                ..none.clone()
            },
            "ba",
        ),
        (
            ListArtifactsRequest {
                metadata: pairs(&[("kind", "plot"), ("step", "2")]),
                ..none.clone()
            },
            "b",
        ),
        (
            ListArtifactsRequest {
                metadata: pairs(&[("kind", "2")]),
                ..none.clone()
            },
            "",
        ),
        (
            ListArtifactsRequest {
                session_id: "run-1".into(),
                agent_id: "ann".into(),
                metadata: pairs(&[("kind", "plot")]),
                ..none.clone()
            },
            "a",
        ),
        (
            ListArtifactsRequest {
                created_after: Some(moments[2]),
                ..none.clone()
            },
            "dc",
        ),
        (
            ListArtifactsRequest {
                created_before: Some(moments[2]),
                ..none.clone()
            },
            "ba",
        ),
        (
            ListArtifactsRequest {
                session_id: "never".into(),
                ..none.clone()
            },
            "",
        ),
    ];
    for (request, expected) in cases {
        for page_size in [0, 1] {
            let request = ListArtifactsRequest {
                page_size,
                ..request.clone()
            };
            let names = every_page(&cairn.client, request.clone()).await;
            let found: String = names.iter().map(|name| &name[..1]).collect();
            assert_eq!(found, expected, "{request:?}");
        }
    }
    let stranger = cairn.client_of("stranger").await;
    assert!(every_page(&stranger, none).await.is_empty());
}

#[tokio::test]
async fn what_has_expired_or_was_deleted_is_not_listed() {
    let cairn = Cairn::start().await;
    for name in ["kept", "expired", "deleted"] {
        let made = cairn.client.create(spec(name), "").await.unwrap();
        if name == "deleted" {
            cairn.client.delete(&made.artifact_id).await.unwrap();
        }
    }
    cairn
        .sql("UPDATE artifacts SET expires_at = now() WHERE filename = 'expired'")
        .await;
    let names = every_page(&cairn.client, ListArtifactsRequest::default()).await;
    assert_eq!(names, ["kept"]);
}

#[tokio::test]
async fn a_list_that_makes_no_sense_is_refused_with_every_reason() {
    let cairn = Cairn::start().await;
    for i in 0..3 {
        cairn
            .client
            .create(spec(&format!("{i}")), "")
            .await
            .unwrap();
    }
    let one = ListArtifactsRequest {
        page_size: 1,
        ..ListArtifactsRequest::default()
    };
    let (_, token) = page(&cairn.client, one.clone()).await.unwrap();
    let cases = [
        (
            ListArtifactsRequest {
                page_size: -1,
                ..one.clone()
            },
            vec!["page_size"],
        ),
        (
            ListArtifactsRequest {
                page_size: 201,
                ..one.clone()
            },
            vec!["page_size"],
        ),
        (
            ListArtifactsRequest {
                page_token: "nonsense".into(),
                ..one.clone()
            },
            vec!["page_token"],
        ),
        (
            ListArtifactsRequest {
                page_token: token.clone(),
                agent_id: "x".into(),
                ..one.clone()
            },
            vec!["page_token"],
        ),
        (
            ListArtifactsRequest {
                page_size: 500,
                session_id: "\0".into(),
                agent_id: "\0".into(),
                metadata: (0..9).map(|i| (format!("k{i}"), "v".into())).collect(),
                ..one.clone()
            },
            vec!["agent_id", "metadata", "page_size", "session_id"],
        ),
    ];
    for (request, fields) in cases {
        assert_eq!(refused(page(&cairn.client, request).await).fields, fields);
    }
    let stranger = cairn.client_of("stranger").await;
    let of_another = ListArtifactsRequest {
        page_token: token,
        ..one
    };
    assert_eq!(
        refused(page(&stranger, of_another).await).fields,
        ["page_token"]
    );
}

#[tokio::test]
async fn a_filter_expression_finds_what_it_says() {
    let cairn = Cairn::start().await;
    let specs = [
        ArtifactSpec {
            kind: ArtifactKind::Plan.into(),
            labels: vec!["urgent".into()],
            metadata: HashMap::from([("step".into(), "1".into())]),
            ..session_spec("a.md", "run-1")
        },
        ArtifactSpec {
            stage: ArtifactStage::Final.into(),
            content_type: "image/png".into(),
            ..session_spec("b.png", "run-1")
        },
        ArtifactSpec {
            agent_id: "ann".into(),
            content_type: "image/png".into(),
            ..spec("50%_c.png")
        },
        ArtifactSpec {
            agent_id: "bob".into(),
            ..spec("d.json")
        },
    ];
    let mut moments = Vec::new();
    for (i, spec) in specs.into_iter().enumerate() {
        let made = cairn
            .client
            .create(spec, "x".repeat(i * 100))
            .await
            .unwrap();
        let at = made.created_at.unwrap();
        moments.push(jiff::Timestamp::new(at.seconds, at.nanos).unwrap());
    }
    let since = format!("create_time >= {}", moments[2]);
    let cases = [
        ("", "a5bd"),
        ("kind = plan", "a"),
        ("kind != plan", "5bd"),
        ("stage = final OR labels:urgent", "ab"),
        ("NOT (stage = final OR labels:urgent)", "5d"),
        ("session_id = run-1 AND size_bytes > 50", "b"),
        ("session_id != run-1", "5d"),
        ("session_id = ''", "5d"),
        ("filename:\"50%_*\"", "5"),
        ("filename = \"5_%*\"", ""),
        ("content_type:image/*", "5b"),
        ("metadata.step = 1", "a"),
        ("metadata:step", "a"),
        ("NOT metadata.step = 1", "5bd"),
        ("size_bytes <= 100 size_bytes >= 100", "b"),
        ("agent_id:a* OR agent_id:b*", "5d"),
        ("version = 1 AND -agent_id = ann", "abd"),
        (&*since, "5d"),
    ];
    for (filter, expected) in cases {
        let request = ListArtifactsRequest {
            filter: filter.into(),
            order_by: "filename".into(),
            page_size: 2,
            count_total: true,
            ..ListArtifactsRequest::default()
        };
        let first = cairn
            .client
            .artifacts
            .clone()
            .list_artifacts(request.clone())
            .await;
        let total = first.unwrap().into_inner().total_size;
        let names = every_page(&cairn.client, request).await;
        let mut found: Vec<_> = names.iter().map(|name| &name[..1]).collect();
        found.sort_by_key(|name| "a5bd".find(name));
        assert_eq!(found.concat(), expected, "{filter}");
        assert_eq!(total, expected.len() as i64, "{filter}");
    }
    let request = ListArtifactsRequest {
        filter: "kind = plan AND".into(),
        ..Default::default()
    };
    let refusal = refused(page(&cairn.client, request).await);
    assert_eq!(refusal.fields, ["filter"]);
    assert!(refusal.message.contains("position"), "{}", refusal.message);
}

#[tokio::test]
async fn the_fields_of_a_list_find_what_they_say() {
    let cairn = Cairn::start().await;
    let user = |filename: &str, session: &str| ArtifactSpec {
        user_id: "ann".into(),
        namespace: "app".into(),
        ..session_spec(filename, session)
    };
    for spec in [
        user("a", "s1"),
        user("a", "s1"),
        user("b", "s2"),
        user("user:c", ""),
        spec("d"),
    ] {
        cairn.client.create(spec, "").await.unwrap();
    }
    let labelled = ArtifactSpec {
        labels: vec!["x".into(), "y".into()],
        metadata: HashMap::from([("k".into(), "v".into())]),
        kind: ArtifactKind::Data.into(),
        stage: ArtifactStage::Review.into(),
        ..spec("e.csv")
    };
    cairn.client.create(labelled, "12345").await.unwrap();
    let none = ListArtifactsRequest {
        order_by: "filename".into(),
        ..Default::default()
    };
    let framework = ListArtifactsRequest {
        namespace: "app".into(),
        user_id: "ann".into(),
        session_id: "s1".into(),
        ..none.clone()
    };
    let cases = [
        (framework.clone(), "a a"),
        (
            ListArtifactsRequest {
                latest_only: true,
                ..framework.clone()
            },
            "a",
        ),
        (
            ListArtifactsRequest {
                latest_only: true,
                include_user_scope: true,
                ..framework
            },
            "a user:c",
        ),
        (
            ListArtifactsRequest {
                filename_prefix: "user:".into(),
                ..none.clone()
            },
            "user:c",
        ),
        (
            ListArtifactsRequest {
                content_type: "text/*".into(),
                ..none.clone()
            },
            "e.csv",
        ),
        (
            ListArtifactsRequest {
                labels: vec!["y".into(), "x".into()],
                ..none.clone()
            },
            "e.csv",
        ),
        (
            ListArtifactsRequest {
                labels: vec!["y".into(), "z".into()],
                ..none.clone()
            },
            "",
        ),
        (
            ListArtifactsRequest {
                metadata_keys: vec!["k".into()],
                ..none.clone()
            },
            "e.csv",
        ),
        (
            ListArtifactsRequest {
                kind: ArtifactKind::Data.into(),
                ..none.clone()
            },
            "e.csv",
        ),
        (
            ListArtifactsRequest {
                stage: ArtifactStage::Review.into(),
                ..none.clone()
            },
            "e.csv",
        ),
        (
            ListArtifactsRequest {
                min_size_bytes: Some(5),
                ..none.clone()
            },
            "e.csv",
        ),
        (
            ListArtifactsRequest {
                max_size_bytes: Some(4),
                latest_only: true,
                ..none.clone()
            },
            "a b d user:c",
        ),
    ];
    for (request, expected) in cases {
        for page_size in [0, 1] {
            let request = ListArtifactsRequest {
                page_size,
                ..request.clone()
            };
            let names = every_page(&cairn.client, request.clone()).await;
            assert_eq!(names.join(" "), expected, "{request:?}");
        }
    }
    for (request, field) in [
        (
            ListArtifactsRequest {
                include_user_scope: true,
                ..none.clone()
            },
            "include_user_scope",
        ),
        (
            ListArtifactsRequest {
                order_by: "size".into(),
                ..none.clone()
            },
            "order_by",
        ),
        (ListArtifactsRequest { kind: 99, ..none }, "kind"),
    ] {
        assert_eq!(refused(page(&cairn.client, request).await).fields, [field]);
    }
}
