//! Calls that replace several calls, or return less.

use std::collections::HashMap;

use cairn_proto::v1::{
    Artifact, ArtifactFilter, ArtifactName, ArtifactSpec, BatchCreateArtifactsRequest,
    BatchGetArtifactsRequest, CreateArtifactRequest, DeleteArtifactsRequest,
    DownloadArtifactsRequest, GetArtifactRequest, ListArtifactsRequest, ListVersionsRequest,
    UpdateArtifactRequest, artifact_outcome::Outcome, artifact_spec::Expiry,
    download_artifacts_response::Message, update_artifact_request,
};
use prost_types::FieldMask;
use tonic::Status;

use harness::{Bytes, Cairn, Client, Setup, content, refused, session_spec, spec};

async fn started() -> Cairn {
    Setup::on(Bytes::Files).start().await
}

fn mask(paths: &[&str]) -> Option<FieldMask> {
    let paths = paths.iter().map(ToString::to_string).collect();
    Some(FieldMask { paths })
}

fn pairs(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let own = |(k, v): &(&str, &str)| (k.to_string(), v.to_string());
    pairs.iter().map(own).collect()
}

async fn list(client: &Client, list: ListArtifactsRequest) -> Vec<Artifact> {
    let answer = client.artifacts.clone().list_artifacts(list).await;
    answer.unwrap().into_inner().artifacts
}

#[tokio::test]
async fn as_long_as_the_tenant_may_is_never_too_long() {
    let cairn = started().await;
    let longest = |name| ArtifactSpec {
        expiry: Some(Expiry::Longest(true)),
        ..spec(name)
    };
    let made = cairn.client.create(longest("a"), "x").await.unwrap();
    assert!(made.expires_at.is_none(), "this tenant may keep for good");
    cairn
        .sql(
            "UPDATE tenants SET never_expires_allowed = false, default_ttl_ms = 60000,
                 max_ttl_ms = 3600000",
        )
        .await;
    // Another replica sees it at once; this one when it looks the key up again.
    let store = cairn_store::Store::open(&cairn.config).await.unwrap();
    let caller = store.authenticate(&cairn.key).await.unwrap();
    let spec = cairn_store::ArtifactSpec::new(cairn_store::RawSpec {
        filename: "b".to_owned(),
        expiry: cairn_store::Expiry::Longest,
        ..cairn_store::RawSpec::default()
    });
    let made = store.create_artifact(&caller, spec.unwrap(), "x".into());
    let made = made.await.unwrap().artifact;
    let life = made.expires_at.unwrap().duration_since(made.created_at);
    assert_eq!(life.as_secs(), 3600);

    let update = UpdateArtifactRequest {
        artifact_id: made.id.to_string(),
        update_mask: mask(&["expiry"]),
        expiry: Some(update_artifact_request::Expiry::Longest(false)),
        ..UpdateArtifactRequest::default()
    };
    let updated = cairn.client.artifacts.clone().update_artifact(update).await;
    assert!(
        updated
            .unwrap()
            .into_inner()
            .artifact
            .unwrap()
            .expires_at
            .is_some()
    );
}

async fn update(
    client: &Client,
    made: &Artifact,
    paths: &[&str],
    given: &[(&str, &str)],
) -> Result<HashMap<String, String>, Status> {
    let request = UpdateArtifactRequest {
        artifact_id: made.artifact_id.clone(),
        update_mask: mask(paths),
        metadata: pairs(given),
        ..UpdateArtifactRequest::default()
    };
    let answer = client.artifacts.clone().update_artifact(request).await?;
    Ok(answer.into_inner().artifact.unwrap().metadata)
}

#[tokio::test]
async fn one_pair_of_metadata_is_changed_and_the_others_stay() {
    let cairn = started().await;
    let client = &cairn.client;
    let given = ArtifactSpec {
        metadata: pairs(&[("a", "1"), ("dc:title", "t"), ("b.c", "2")]),
        ..spec("f")
    };
    let made = client.create(given, "x").await.unwrap();
    let paths = ["metadata.b.c", "metadata.dc:title", "metadata.new/key"];
    let values = [("b.c", "3"), ("new/key", "4"), ("a", "not in the mask")];
    let changed = update(client, &made, &paths, &values).await.unwrap();
    assert_eq!(
        changed,
        pairs(&[("a", "1"), ("b.c", "3"), ("new/key", "4")])
    );
    for (filter, count) in [
        ("metadata.\"new/key\" = 4", 1),
        ("metadata.b.c = 2", 0),
        ("metadata:\"dc:title\"", 0),
    ] {
        let by = ListArtifactsRequest {
            filter: filter.to_owned(),
            ..ListArtifactsRequest::default()
        };
        assert_eq!(list(client, by).await.len(), count, "{filter}");
    }
    for (paths, field) in [
        (vec!["metadata", "metadata.a"], "update_mask"),
        (vec!["metadata.9"], "metadata[\"9\"]"),
        (vec!["metadat.a"], "update_mask"),
    ] {
        let refusal = refused(update(client, &made, &paths, &[("9", "x"), ("a", "x")]).await);
        assert_eq!(refusal.fields, [field]);
    }
    let kept = client.get(&made.artifact_id).await.unwrap().metadata;
    assert_eq!(kept, changed);
}

#[tokio::test]
async fn those_who_have_a_content_are_found_by_its_hash() {
    let cairn = started().await;
    let client = &cairn.client;
    let made = client.create(session_spec("a", "s"), "same").await.unwrap();
    client.create(session_spec("b", "t"), "same").await.unwrap();
    let other = client
        .create(session_spec("c", "t"), "other")
        .await
        .unwrap();
    let stranger = cairn.client_of("stranger").await;
    stranger.create(spec("d"), "same").await.unwrap();
    let hash = &made.content_hash;
    let by_field = ListArtifactsRequest {
        content_hash: hash.clone(),
        ..ListArtifactsRequest::default()
    };
    let by_filter = |filter: String| ListArtifactsRequest {
        filter,
        ..ListArtifactsRequest::default()
    };
    for (request, expected) in [
        (by_field, vec!["b", "a"]),
        (by_filter(format!("content_hash = {hash}")), vec!["b", "a"]),
        (by_filter(format!("content_hash != \"{hash}\"")), vec!["c"]),
        (
            by_filter(format!("content_hash = {hash} AND session_id = s")),
            vec!["a"],
        ),
    ] {
        let found = list(client, request).await;
        let found: Vec<_> = found.iter().map(|it| &*it.filename).collect();
        assert_eq!(found, expected);
    }
    for (content_hash, filter, field) in [
        ("md5:1", "", "content_hash"),
        ("", "content_hash = sha256:AB", "filter"),
    ] {
        let request = ListArtifactsRequest {
            content_hash: content_hash.to_owned(),
            filter: filter.to_owned(),
            ..ListArtifactsRequest::default()
        };
        let refusal = refused(client.artifacts.clone().list_artifacts(request).await);
        assert_eq!(refusal.fields, [field]);
    }
    let delete = DeleteArtifactsRequest {
        matching: Some(ArtifactFilter {
            content_hash: hash.clone(),
            ..ArtifactFilter::default()
        }),
        ..DeleteArtifactsRequest::default()
    };
    let deleted = client.artifacts.clone().delete_artifacts(delete).await;
    assert_eq!(deleted.unwrap().into_inner().deleted_count, 2);
    client.get(&other.artifact_id).await.unwrap();
}

#[tokio::test]
async fn a_list_sends_the_fields_that_are_asked_for() {
    let cairn = started().await;
    let client = &cairn.client;
    let given = ArtifactSpec {
        metadata: pairs(&[("a", "1")]),
        labels: vec!["l".to_owned()],
        ..session_spec("f", "s")
    };
    let made = client.create(given, "x").await.unwrap();
    let expected = Artifact {
        filename: made.filename.clone(),
        labels: made.labels.clone(),
        ..Artifact::default()
    };
    let read_mask = mask(&["filename", "labels"]);
    let request = ListArtifactsRequest {
        read_mask: read_mask.clone(),
        ..ListArtifactsRequest::default()
    };
    let listed = list(client, request).await;
    assert_eq!(listed, std::slice::from_ref(&expected));
    let versions = ListVersionsRequest {
        name: Some(ArtifactName {
            filename: "f".to_owned(),
            session_id: "s".to_owned(),
            ..ArtifactName::default()
        }),
        read_mask,
        ..ListVersionsRequest::default()
    };
    let versions = client.artifacts.clone().list_versions(versions).await;
    assert_eq!(versions.unwrap().into_inner().artifacts, [expected]);
    let request = ListArtifactsRequest {
        read_mask: mask(&["filename", "content"]),
        ..ListArtifactsRequest::default()
    };
    let refusal = refused(client.artifacts.clone().list_artifacts(request).await);
    assert_eq!(refusal.fields, ["read_mask"]);
}

/// Every field of the specification, except those that only a create returns.
#[tokio::test]
async fn every_field_of_an_artifact_can_be_asked_for() {
    use prost::Message;
    let cairn = started().await;
    cairn.client.create(spec("f"), "x").await.unwrap();
    let set = prost_types::FileDescriptorSet::decode(cairn_proto::FILE_DESCRIPTOR_SET).unwrap();
    let mut messages = set.file.iter().flat_map(|file| &file.message_type);
    let artifact = messages.find(|message| message.name() == "Artifact");
    for field in &artifact.unwrap().field {
        if ["deduplicated", "existing"].contains(&field.name()) {
            continue;
        }
        let request = ListArtifactsRequest {
            read_mask: mask(&[field.name()]),
            ..ListArtifactsRequest::default()
        };
        assert_eq!(
            list(&cairn.client, request).await.len(),
            1,
            "{}",
            field.name()
        );
    }
}

fn item(spec: ArtifactSpec, content: &str) -> CreateArtifactRequest {
    CreateArtifactRequest {
        spec: Some(spec),
        content: content.to_owned().into(),
        preview_bytes: 0,
    }
}

async fn create_all(
    client: &Client,
    requests: Vec<CreateArtifactRequest>,
) -> Result<Vec<Outcome>, Status> {
    let request = BatchCreateArtifactsRequest { requests };
    let answer = client
        .artifacts
        .clone()
        .batch_create_artifacts(request)
        .await?;
    let outcomes = answer.into_inner().outcomes.into_iter();
    Ok(outcomes.map(|it| it.outcome.unwrap()).collect())
}

fn reason(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Artifact(_) => "",
        Outcome::Error(error) => &error.reason,
    }
}

#[tokio::test]
async fn a_batch_creates_what_it_can_and_says_of_each_what_came_of_it() {
    let cairn = started().await;
    let client = &cairn.client;
    client
        .create(session_spec("x", "sealed"), "x")
        .await
        .unwrap();
    client.seal("sealed").await.unwrap();
    let keyed = ArtifactSpec {
        idempotency_key: "k".to_owned(),
        ..spec("keyed")
    };
    let requests = vec![
        item(spec("a"), "1"),
        item(spec("../b"), "2"),
        item(session_spec("c", "sealed"), "3"),
        item(spec("d"), &"4".repeat(100_000)),
        item(keyed, "5"),
        CreateArtifactRequest::default(),
    ];
    let outcomes = create_all(client, requests.clone()).await.unwrap();
    let reasons: Vec<_> = outcomes.iter().map(reason).collect();
    let invalid = "INVALID_ARGUMENT";
    assert_eq!(reasons, ["", invalid, "SESSION_SEALED", "", "", invalid]);
    let Outcome::Error(error) = &outcomes[1] else {
        unreachable!()
    };
    assert_eq!(
        (error.code, &error.fields[..]),
        (3, &["spec.filename".to_owned()][..])
    );
    let Outcome::Artifact(large) = &outcomes[3] else {
        unreachable!()
    };
    let content = client.download(&large.artifact_id).await.unwrap();
    assert_eq!(content, "4".repeat(100_000).into_bytes());
    // The one with a key is the same artifact, the others are next versions.
    let again = create_all(client, requests).await.unwrap();
    let of = |outcome: &Outcome| match outcome {
        Outcome::Artifact(artifact) => (artifact.artifact_id.clone(), artifact.version),
        Outcome::Error(error) => panic!("{error:?}"),
    };
    assert_eq!(of(&again[4]), of(&outcomes[4]));
    assert_eq!(of(&again[0]).1, 2);
}

#[tokio::test]
async fn a_batch_has_one_to_a_hundred_items() {
    let cairn = started().await;
    let many = |n: usize| (0..n).map(|i| item(spec(&i.to_string()), "x")).collect();
    assert_eq!(
        create_all(&cairn.client, many(100)).await.unwrap().len(),
        100
    );
    for n in [0, 101] {
        let refusal = refused(create_all(&cairn.client, many(n)).await);
        assert_eq!(refusal.fields, ["requests"]);
    }
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 100);
}

#[tokio::test]
async fn several_records_and_contents_come_in_one_call() {
    let cairn = started().await;
    let client = &cairn.client;
    let small = client
        .create(session_spec("a", "s"), "small")
        .await
        .unwrap();
    let bytes = content(600_000);
    let large = client.upload(spec("b"), bytes.clone()).await.unwrap();
    let gone = client.create(spec("c"), "gone").await.unwrap();
    client.delete(&gone.artifact_id).await.unwrap();
    let ids = vec![
        small.artifact_id.clone(),
        gone.artifact_id.clone(),
        "nonsense".to_owned(),
        large.artifact_id.clone(),
    ];
    let get = BatchGetArtifactsRequest {
        artifact_ids: ids.clone(),
        names: vec![ArtifactName {
            filename: "a".to_owned(),
            session_id: "s".to_owned(),
            ..ArtifactName::default()
        }],
    };
    let answer = client.artifacts.clone().batch_get_artifacts(get).await;
    let outcomes = answer.unwrap().into_inner().outcomes;
    let outcomes: Vec<_> = outcomes.into_iter().map(|it| it.outcome.unwrap()).collect();
    let reasons: Vec<_> = outcomes.iter().map(reason).collect();
    let expected = ["", "ARTIFACT_DELETED", "ARTIFACT_NOT_FOUND", "", ""];
    assert_eq!(reasons, expected);
    assert_eq!(outcomes[0], outcomes[4]);

    let request = DownloadArtifactsRequest { artifact_ids: ids };
    let stream = client.artifacts.clone().download_artifacts(request).await;
    let mut stream = stream.unwrap().into_inner();
    let (mut told, mut ended) = (Vec::new(), 0);
    while let Some(message) = stream.message().await.unwrap() {
        match message.message.unwrap() {
            Message::Artifact(artifact) => told.push((artifact.filename, Vec::new())),
            Message::Data(piece) => told.last_mut().unwrap().1.extend_from_slice(&piece),
            Message::Error(error) => told.push((error.reason, Vec::new())),
            Message::End(end) => {
                let (_, bytes) = told.last().unwrap();
                assert_eq!(end.size_bytes, bytes.len() as i64);
                let hash = cairn_store::ContentHash::of(bytes).to_string();
                assert_eq!(end.content_hash, hash);
                ended += 1;
            }
        }
    }
    assert_eq!(ended, 2);
    let expected = [
        ("a".to_owned(), b"small".to_vec()),
        ("ARTIFACT_DELETED".to_owned(), vec![]),
        ("ARTIFACT_NOT_FOUND".to_owned(), vec![]),
        ("b".to_owned(), bytes),
    ];
    assert!(told == expected);
}

#[tokio::test]
async fn a_batch_of_records_means_names_as_a_single_get_does() {
    let cairn = started().await;
    let client = &cairn.client;
    for content in ["one", "two", "three"] {
        client
            .create(session_spec("a", "s"), content)
            .await
            .unwrap();
    }
    client.create(spec("b"), "b").await.unwrap();
    let name = |filename: &str, session: &str, version| ArtifactName {
        filename: filename.to_owned(),
        session_id: session.to_owned(),
        version,
        ..ArtifactName::default()
    };
    let get = |name: ArtifactName| GetArtifactRequest {
        name: Some(name),
        ..GetArtifactRequest::default()
    };
    // The latest version is deleted, so the one before it is the latest.
    let third = client
        .artifacts
        .clone()
        .get_artifact(get(name("a", "s", 3)))
        .await;
    let third = third.unwrap().into_inner().artifact.unwrap();
    client.delete(&third.artifact_id).await.unwrap();
    let expiring = ArtifactSpec {
        expiry: Some(Expiry::Ttl(prost_types::Duration {
            seconds: 60,
            nanos: 0,
        })),
        ..spec("expiring")
    };
    client.create(expiring, "x").await.unwrap();
    let expire =
        "UPDATE artifacts SET expires_at = now() - interval '1 s' WHERE filename = 'expiring'";
    cairn.sql(expire).await;
    let stranger = cairn.client_of("stranger").await;
    stranger.create(spec("theirs"), "x").await.unwrap();

    let names = vec![
        name("a", "s", 0),
        name("a", "s", 1),
        name("a", "s", 3),
        name("a", "s", 4),
        name("a", "", 0),
        name("b", "", 0),
        name("expiring", "", 0),
        name("expiring", "", 1),
        name("theirs", "", 0),
        name("b", "", -1),
        name("", "", 0),
        name("a", "s", 0),
    ];
    let batch = BatchGetArtifactsRequest {
        names: names.clone(),
        artifact_ids: vec![third.artifact_id],
    };
    let answer = client.artifacts.clone().batch_get_artifacts(batch).await;
    let outcomes = answer.unwrap().into_inner().outcomes;
    assert_eq!(outcomes.len(), names.len() + 1);
    assert_eq!(
        reason(outcomes[0].outcome.as_ref().unwrap()),
        "ARTIFACT_DELETED"
    );
    for (name, outcome) in names.into_iter().zip(&outcomes[1..]) {
        let alone = client
            .artifacts
            .clone()
            .get_artifact(get(name.clone()))
            .await;
        match (alone, outcome.outcome.clone().unwrap()) {
            (Ok(alone), Outcome::Artifact(artifact)) => {
                assert_eq!(alone.into_inner().artifact, Some(artifact));
            }
            (Err(status), Outcome::Error(error)) => {
                assert_eq!(refused::<()>(Err(status)).reason, error.reason, "{name:?}");
            }
            (alone, outcome) => panic!("{name:?}: {alone:?} alone, {outcome:?} in a batch"),
        }
    }
}
