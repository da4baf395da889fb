//! A file in its scope has versions, numbered by the store; a caller can say which one it expects.

use cairn_proto::v1::{
    Artifact, ArtifactName, ArtifactSpec, CreateLinkRequest, DeleteArtifactRequest,
    DownloadArtifactRequest, GetArtifactRequest, ListVersionsRequest, OnDuplicate,
    UploadArtifactRequest, download_artifact_response::Message, upload_artifact_request,
};
use futures_util::future::join_all;
use tonic::{Code, Status};

use harness::{Bytes, Cairn, Client, Setup, content, refused, session_spec, spec};

fn name(filename: &str, session: &str, version: i64) -> ArtifactName {
    ArtifactName {
        filename: filename.into(),
        session_id: session.into(),
        version,
        ..ArtifactName::default()
    }
}

async fn get(client: &Client, name: ArtifactName) -> Result<Artifact, Status> {
    let request = GetArtifactRequest {
        name: Some(name),
        ..GetArtifactRequest::default()
    };
    let response = client.artifacts.clone().get_artifact(request).await?;
    Ok(response.into_inner().artifact.unwrap())
}

async fn versions(client: &Client, name: ArtifactName, page_size: i32) -> Vec<i64> {
    let mut request = ListVersionsRequest {
        name: Some(name),
        page_size,
        ..ListVersionsRequest::default()
    };
    let mut versions = Vec::new();
    loop {
        let page = client
            .artifacts
            .clone()
            .list_versions(request.clone())
            .await;
        let page = page.unwrap().into_inner();
        versions.extend(page.artifacts.iter().map(|artifact| artifact.version));
        if page.next_page_token.is_empty() {
            return versions;
        }
        request.page_token = page.next_page_token;
    }
}

/// A name means the latest visible version, and with a version number that version.
#[tokio::test]
async fn name_means_the_latest_visible_version() {
    let cairn = Cairn::start().await;
    let mut made = Vec::new();
    for text in ["one", "two", "three"] {
        made.push(
            cairn
                .client
                .create(session_spec("a.txt", "run"), text)
                .await
                .unwrap(),
        );
    }
    cairn
        .client
        .create(spec("a.txt"), "of no session")
        .await
        .unwrap();
    let client = &cairn.client;
    assert_eq!(get(client, name("a.txt", "run", 0)).await.unwrap(), made[2]);
    assert_eq!(get(client, name("a.txt", "run", 1)).await.unwrap(), made[0]);
    assert_eq!(
        versions(client, name("a.txt", "run", 0), 0).await,
        [3, 2, 1]
    );
    assert_eq!(
        versions(client, name("a.txt", "run", 0), 1).await,
        [3, 2, 1]
    );

    client.delete(&made[2].artifact_id).await.unwrap();
    assert_eq!(get(client, name("a.txt", "run", 0)).await.unwrap(), made[1]);
    let refusal = refused(get(client, name("a.txt", "run", 3)).await);
    assert_eq!(refusal.reason, "ARTIFACT_DELETED");
    assert_eq!(versions(client, name("a.txt", "run", 0), 2).await, [2, 1]);
    let next = client
        .create(session_spec("a.txt", "run"), "four")
        .await
        .unwrap();
    assert_eq!(next.version, 4, "no number is given twice");

    let download = DownloadArtifactRequest {
        name: Some(name("a.txt", "run", 2)),
        ..DownloadArtifactRequest::default()
    };
    let mut messages = client
        .artifacts
        .clone()
        .download_artifact(download)
        .await
        .unwrap()
        .into_inner();
    let mut bytes = Vec::new();
    while let Some(message) = messages.message().await.unwrap() {
        if let Some(Message::Data(piece)) = message.message {
            bytes.extend_from_slice(&piece);
        }
    }
    assert_eq!(bytes, b"two");
    let link = CreateLinkRequest {
        name: Some(name("a.txt", "run", 0)),
        ..CreateLinkRequest::default()
    };
    let link = client
        .links
        .clone()
        .create_link(link)
        .await
        .unwrap()
        .into_inner()
        .link
        .unwrap();
    assert_eq!(link.artifact_id, next.artifact_id);
    let delete = DeleteArtifactRequest {
        name: Some(name("a.txt", "run", 0)),
        ..DeleteArtifactRequest::default()
    };
    client
        .artifacts
        .clone()
        .delete_artifact(delete)
        .await
        .unwrap();
    assert_eq!(get(client, name("a.txt", "run", 0)).await.unwrap(), made[1]);
}

/// A name without a version is not found, and an invalid name is refused.
#[tokio::test]
async fn unknown_name_is_not_found_and_invalid_refused() {
    let cairn = Cairn::start().await;
    let made = cairn
        .client
        .create(session_spec("a", "run"), "")
        .await
        .unwrap();
    let stranger = cairn.client_of("stranger").await;
    for (client, name) in [
        (&cairn.client, name("b", "run", 0)),
        (&cairn.client, name("a", "run", 2)),
        (&cairn.client, name("a", "", 0)),
        (&stranger, name("a", "run", 0)),
    ] {
        let refusal = refused(get(client, name).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::NotFound, "ARTIFACT_NOT_FOUND")
        );
    }
    let refusal = refused(get(&cairn.client, name("../a", "\n", 0)).await);
    assert_eq!(refusal.fields, ["name.filename", "name.session_id"]);
    assert_eq!(
        refused(get(&cairn.client, name("a", "run", -1)).await).fields,
        ["name.version"]
    );
    let both = GetArtifactRequest {
        artifact_id: made.artifact_id,
        name: Some(name("a", "run", 0)),
    };
    let mut artifacts = cairn.client.artifacts.clone();
    assert_eq!(refused(artifacts.get_artifact(both).await).fields, ["name"]);
    let neither = GetArtifactRequest::default();
    assert_eq!(
        refused(artifacts.get_artifact(neither).await).fields,
        ["artifact_id"]
    );
}

/// A hundred writers of one name get a hundred versions, and upload each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hundred_writers_get_a_hundred_versions() {
    let cairn = Setup::on(Bytes::S3).start().await;
    let writes = (0..100).map(|writer| {
        let client = cairn.client.clone();
        tokio::spawn(async move {
            client
                .upload(session_spec("a", "run"), content(40_000 + writer))
                .await
                .unwrap()
        })
    });
    let made = join_all(writes.collect::<Vec<_>>()).await;
    let mut given: Vec<_> = made.into_iter().map(|made| made.unwrap().version).collect();
    given.sort_unstable();
    assert_eq!(given, (1..=100).collect::<Vec<_>>());
    assert_eq!(
        cairn.count("SELECT count(*) FROM objects").await,
        100,
        "at one upload per save"
    );
}

fn expecting(version: i64) -> ArtifactSpec {
    ArtifactSpec {
        if_version: Some(version),
        ..session_spec("a", "run")
    }
}

/// A write that expects another version is refused, and the error names the current one.
#[tokio::test]
async fn if_version_conflict_names_the_current_version() {
    let cairn = Cairn::start().await;
    for size in [10, 40_000] {
        let file = format!("{size}");
        let expecting = |version| ArtifactSpec {
            filename: file.clone(),
            agent_id: "ann".into(),
            ..expecting(version)
        };
        let refusal = refused(cairn.client.upload(expecting(1), content(size)).await);
        assert_eq!(
            (refusal.code, &*refusal.reason),
            (Code::Aborted, "VERSION_CONFLICT")
        );
        assert_eq!(refusal.metadata["current_version"], "0");
        let first = cairn
            .client
            .upload(expecting(0), content(size))
            .await
            .unwrap();
        cairn
            .client
            .upload(expecting(1), content(size))
            .await
            .unwrap();
        let refusal = refused(cairn.client.upload(expecting(0), content(size)).await);
        assert_eq!(refusal.metadata["current_version"], "2");
        assert_eq!(refusal.metadata["agent_id"], "ann");
        assert!(refusal.metadata["artifact_id"].starts_with("art_"));
        assert!(refusal.metadata.contains_key("created_at"));
        assert_ne!(refusal.metadata["artifact_id"], first.artifact_id);
        let negative = cairn.client.upload(expecting(-1), content(size)).await;
        assert_eq!(refused(negative).fields, ["spec.if_version"]);
    }
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 4);
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_that_expect_the_same_version_one_wins() {
    let cairn = Setup::on(Bytes::S3).start().await;
    for (round, size) in [(0, 10), (1, 40_000), (2, 10)] {
        let writes = (0..16).map(|writer| {
            let client = cairn.client.clone();
            tokio::spawn(async move {
                client
                    .upload(expecting(round), content(size + writer))
                    .await
            })
        });
        let results = join_all(writes.collect::<Vec<_>>()).await;
        let mut winners = 0;
        for result in results {
            match result.unwrap() {
                Ok(made) => {
                    winners += 1;
                    assert_eq!(made.version, round + 1);
                }
                Err(status) => {
                    let refusal = refused::<()>(Err(status));
                    assert_eq!(refusal.reason, "VERSION_CONFLICT");
                    assert_eq!(refusal.metadata["current_version"], (round + 1).to_string());
                }
            }
        }
        assert_eq!(winners, 1);
    }
}

/// The same content again creates a version or returns the existing one, as on_duplicate says.
#[tokio::test]
async fn on_duplicate_creates_or_returns_existing() {
    let cairn = Cairn::start().await;
    let existing = ArtifactSpec {
        on_duplicate: OnDuplicate::ReturnExisting.into(),
        ..session_spec("a", "run")
    };
    for size in [10, 40_000] {
        let other_first = cairn
            .client
            .upload(existing.clone(), content(size + 1))
            .await
            .unwrap();
        let first = cairn
            .client
            .upload(existing.clone(), content(size))
            .await
            .unwrap();
        assert!(!first.existing && first.version == other_first.version + 1);
        let again = cairn
            .client
            .upload(existing.clone(), content(size))
            .await
            .unwrap();
        assert!(again.existing);
        assert_eq!(
            Artifact {
                existing: false,
                ..again
            },
            first
        );
        // Not the latest version: superseded content creates a new one.
        let older = cairn
            .client
            .upload(existing.clone(), content(size + 1))
            .await
            .unwrap();
        assert!(!older.existing && older.version == first.version + 1);
        let new = cairn
            .client
            .upload(session_spec("a", "run"), content(size + 1))
            .await
            .unwrap();
        assert!(!new.existing && new.deduplicated && new.version == older.version + 1);
    }
    cairn.collect_everything().await;
    assert_eq!(cairn.stored().await.len(), 2);
}

/// The same content from many writers at once is one version for those who want the existing one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_return_existing_makes_one_version() {
    let cairn = Setup::on(Bytes::S3).start().await;
    // The bytes already exist, so only the name serializes the writers.
    cairn
        .client
        .create(spec("elsewhere"), "same")
        .await
        .unwrap();
    let writes = (0..12).map(|_| {
        let client = cairn.client.clone();
        let spec = ArtifactSpec {
            on_duplicate: OnDuplicate::ReturnExisting.into(),
            ..session_spec("a", "run")
        };
        tokio::spawn(async move { client.create(spec, "same").await.unwrap() })
    });
    let made = join_all(writes.collect::<Vec<_>>()).await;
    let made: Vec<_> = made.into_iter().map(Result::unwrap).collect();
    assert_eq!(made.iter().filter(|made| !made.existing).count(), 1);
    assert!(
        made.iter()
            .all(|other| other.artifact_id == made[0].artifact_id)
    );
}

/// An artifact names its inputs, which must be visible to its writer.
#[tokio::test]
async fn inputs_must_be_visible_to_their_writer() {
    let cairn = Cairn::start().await;
    let a = cairn
        .client
        .create(spec("a"), "a")
        .await
        .unwrap()
        .artifact_id;
    let b = cairn
        .client
        .create(spec("b"), "b")
        .await
        .unwrap()
        .artifact_id;
    let stranger = cairn.client_of("stranger").await;
    let theirs = stranger.create(spec("c"), "c").await.unwrap().artifact_id;
    let from = |inputs: &[&String]| ArtifactSpec {
        inputs: inputs.iter().map(|id| (*id).clone()).collect(),
        ..spec("sum")
    };
    let made = cairn
        .client
        .create(from(&[&b, &a, &b]), "ab")
        .await
        .unwrap();
    assert_eq!(made.inputs, [b.clone(), a.clone()]);
    cairn.client.delete(&a).await.unwrap();
    for missing in [&a, &theirs] {
        for size in [10, 40_000] {
            let refusal = refused(
                cairn
                    .client
                    .upload(from(&[&b, missing]), content(size))
                    .await,
            );
            assert_eq!(refusal.fields, ["spec.inputs"]);
            assert!(refusal.message.contains(missing) && !refusal.message.contains(&b));
        }
    }
    let bad = refused(cairn.client.create(from(&[&"x".to_owned()]), "").await);
    assert_eq!(bad.fields, ["spec.inputs[0]"]);
}

#[tokio::test]
async fn what_an_artifact_is_for_is_kept_with_it_and_checked() {
    let cairn = Cairn::start().await;
    let given = ArtifactSpec {
        title: "A plan".into(),
        kind: cairn_proto::v1::ArtifactKind::Plan.into(),
        language: "C++".into(),
        change_summary: "shorter".into(),
        stage: cairn_proto::v1::ArtifactStage::Review.into(),
        labels: vec!["sprint:2".into(), "project:x".into(), "sprint:2".into()],
        ..spec("plan.md")
    };
    let made = cairn.client.create(given.clone(), "x").await.unwrap();
    assert_eq!(made.labels, ["project:x", "sprint:2"]);
    assert_eq!(
        (made.title, made.language, made.change_summary),
        (given.title, given.language, given.change_summary)
    );
    assert_eq!((made.kind, made.stage), (given.kind, given.stage));
    let bad = ArtifactSpec {
        title: "x".repeat(256),
        kind: 99,
        language: "x".repeat(65),
        change_summary: "\0".into(),
        stage: 99,
        labels: vec!["good".into(), "\n".into()],
        ..spec("a")
    };
    let fields = refused(cairn.client.create(bad, "x").await).fields;
    let expected = [
        "spec.change_summary",
        "spec.kind",
        "spec.labels[1]",
        "spec.language",
        "spec.stage",
        "spec.title",
    ];
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn a_stale_upload_is_refused_before_its_content_is_sent() {
    let cairn = Cairn::start().await;
    cairn
        .client
        .create(session_spec("a", "run"), "1")
        .await
        .unwrap();
    let (messages, receiver) = tokio::sync::mpsc::channel(1);
    let first = UploadArtifactRequest {
        message: Some(upload_artifact_request::Message::Spec(expecting(0))),
    };
    messages.send(first).await.unwrap();
    // The stream stays open: the answer must not wait for it.
    let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let answer = cairn.client.artifacts.clone().upload_artifact(stream).await;
    assert_eq!(refused(answer).metadata["current_version"], "1");
    drop(messages);
}
