//! Lists find what their filters say, page by page, while others write.

use std::collections::HashMap;

use cairn_proto::v1::{Artifact, ArtifactSpec, ListArtifactsRequest};
use tonic::Status;

use crate::harness::{Cairn, Client, refused, session_spec, spec};

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
                session_id: "\0".into(),
                agent_id: "\0".into(),
                metadata: (0..9).map(|i| (format!("k{i}"), "v".into())).collect(),
                ..one.clone()
            },
            vec!["agent_id", "metadata", "session_id"],
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
