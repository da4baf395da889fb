//! What lies within a narrowing, where artifacts touch each other.

use cairn_proto::v1::{
    ArtifactName, ArtifactSpec, CreateLinkRequest, DeleteArtifactsRequest, GetArtifactRequest,
    GetLineageRequest, LineageDirection, ListLinksRequest, ListSessionsRequest,
    ListVersionsRequest, OnDuplicate, WatchSessionsRequest, WhoAmIRequest,
};
use cairn_store::Scope;
use tonic::Code;

use harness::{Bytes, Cairn, Client, Setup, refused, session_spec, spec, within_patience};

use super::{agent, client_of, session};

async fn started() -> (Cairn, Client) {
    let cairn = Setup::on(Bytes::Files).start().await;
    let narrow = client_of(&cairn, &Scope::EVERY, session("run")).await;
    (cairn, narrow)
}

fn of_agent(agent: &str) -> ArtifactSpec {
    ArtifactSpec {
        agent_id: agent.to_owned(),
        ..session_spec("a", "run")
    }
}

#[tokio::test]
async fn nothing_is_made_outside_of_a_narrowing() {
    let (cairn, narrow) = started().await;
    for outside in [session_spec("a", "other"), spec("a")] {
        for refusal in [
            refused(narrow.create(outside.clone(), "x").await),
            refused(narrow.upload(outside, "x").await),
        ] {
            assert_eq!(refusal.code, Code::PermissionDenied);
            assert_eq!(refusal.metadata["reach"], "session_id = \"run\"");
        }
    }
    assert_eq!(cairn.count("SELECT count(*) FROM artifacts").await, 0);
    narrow.create(session_spec("a", "run"), "x").await.unwrap();
}

#[tokio::test]
async fn an_input_beyond_reach_is_refused_as_if_it_were_missing() {
    let (cairn, narrow) = started().await;
    let outside = cairn.client.create(session_spec("a", "other"), "a").await;
    let outside = outside.unwrap().artifact_id;
    let made_of = |input: &str| ArtifactSpec {
        inputs: vec![input.to_owned()],
        ..session_spec("b", "run")
    };
    let nothing = "art_0000000000000000";
    let hidden = refused(narrow.create(made_of(&outside), "b").await);
    let missing = refused(narrow.create(made_of(nothing), "b").await);
    assert_eq!((hidden.code, hidden.fields), (missing.code, missing.fields));
    assert_eq!(hidden.message.replace(&outside, nothing), missing.message);
    cairn.client.create(made_of(&outside), "b").await.unwrap();
}

#[tokio::test]
async fn a_lineage_ends_where_the_reach_ends() {
    let (cairn, narrow) = started().await;
    let source = cairn
        .client
        .create(session_spec("a", "other"), "a")
        .await
        .unwrap();
    let mut made = session_spec("b", "run");
    made.inputs = vec![source.artifact_id.clone()];
    let made = cairn.client.create(made, "b").await.unwrap();
    let mut later = session_spec("c", "other");
    later.inputs = vec![made.artifact_id.clone()];
    cairn.client.create(later, "c").await.unwrap();
    for direction in [LineageDirection::Inputs, LineageDirection::Outputs] {
        let request = GetLineageRequest {
            artifact_id: made.artifact_id.clone(),
            direction: direction.into(),
            ..Default::default()
        };
        let mut everything = cairn.client.artifacts.clone();
        let all = everything.get_lineage(request.clone());
        assert_eq!(all.await.unwrap().into_inner().derivations.len(), 1);
        let some = narrow.artifacts.clone().get_lineage(request).await;
        let some = some.unwrap().into_inner();
        assert_eq!(some.derivations, [], "{direction:?}");
        assert_eq!(some.artifacts.len(), 1);
        assert!(!some.truncated);
    }
}

#[tokio::test]
async fn declared_content_beyond_reach_is_missing() {
    let (cairn, narrow) = started().await;
    let stored = cairn
        .client
        .create(session_spec("a", "other"), "content")
        .await;
    let stored = stored.unwrap();
    let declared = ArtifactSpec {
        content_hash: stored.content_hash,
        size_bytes: Some(stored.size_bytes),
        ..session_spec("b", "run")
    };
    let refusal = refused(narrow.create(declared.clone(), "").await);
    assert_eq!(refusal.reason, "CONTENT_MISSING");
    narrow.create(declared.clone(), "content").await.unwrap();
    narrow.create(declared, "").await.unwrap();
}

#[tokio::test]
async fn an_idempotent_answer_is_for_the_same_narrowing_alone() {
    let (cairn, narrow) = started().await;
    let artifact = cairn
        .client
        .create(session_spec("a", "run"), "a")
        .await
        .unwrap();
    let request = DeleteArtifactsRequest {
        artifact_ids: vec![artifact.artifact_id],
        idempotency_key: "key".to_owned(),
        ..Default::default()
    };
    let delete = async |client: &Client| {
        let mut client = client.artifacts.clone();
        client.delete_artifacts(request.clone()).await
    };
    delete(&cairn.client).await.unwrap();
    let refusal = refused(delete(&narrow).await);
    assert_eq!(refusal.reason, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(refusal.metadata["fields"], "narrowing");
    let again = delete(&cairn.client).await.unwrap().into_inner();
    assert_eq!(again.deleted_count, 1);
}

#[tokio::test]
async fn lists_of_links_and_sessions_have_what_is_within_reach() {
    let (cairn, narrow) = started().await;
    for run in ["run", "other"] {
        let artifact = cairn.client.create(session_spec("a", run), "a").await;
        let request = CreateLinkRequest {
            artifact_id: artifact.unwrap().artifact_id,
            ..Default::default()
        };
        cairn
            .client
            .links
            .clone()
            .create_link(request)
            .await
            .unwrap();
    }
    for (client, count) in [(&cairn.client, 2), (&narrow, 1)] {
        let mut links = client.links.clone();
        let links = links.list_links(ListLinksRequest::default()).await;
        assert_eq!(links.unwrap().into_inner().links.len(), count);
        let mut sessions = client.sessions.clone();
        let sessions = sessions.list_sessions(ListSessionsRequest::default()).await;
        assert_eq!(sessions.unwrap().into_inner().sessions.len(), count);
    }
}

#[tokio::test]
async fn a_key_of_an_agent_finds_the_versions_of_that_agent() {
    let (cairn, _) = started().await;
    let mine = client_of(&cairn, &Scope::EVERY, agent("mine")).await;
    mine.create(of_agent("mine"), "1").await.unwrap();
    let theirs = cairn.client.create(of_agent("theirs"), "2").await.unwrap();
    let name = ArtifactName {
        filename: "a".to_owned(),
        session_id: "run".to_owned(),
        ..Default::default()
    };
    let get = GetArtifactRequest {
        name: Some(name.clone()),
        ..Default::default()
    };
    let latest = mine.artifacts.clone().get_artifact(get).await.unwrap();
    assert_eq!(latest.into_inner().artifact.unwrap().version, 1);
    let versions = ListVersionsRequest {
        name: Some(name),
        ..Default::default()
    };
    let versions = mine
        .artifacts
        .clone()
        .list_versions(versions)
        .await
        .unwrap();
    assert_eq!(versions.into_inner().artifacts.len(), 1);

    let mut conditional = of_agent("mine");
    conditional.if_version = Some(1);
    let refusal = refused(mine.upload(conditional, "3").await);
    assert_eq!(refusal.reason, "VERSION_CONFLICT");
    assert_eq!(refusal.metadata["current_version"], "2");
    assert!(
        !format!("{refusal:?}").contains(&theirs.artifact_id),
        "{refusal:?}"
    );
    let mut duplicate = of_agent("mine");
    duplicate.on_duplicate = OnDuplicate::ReturnExisting.into();
    let refusal = refused(mine.create(duplicate, "2").await);
    assert_eq!(refusal.code, Code::PermissionDenied);
}

#[tokio::test]
async fn whoami_shows_what_a_credential_reaches() {
    let (cairn, narrow) = started().await;
    cairn
        .client
        .create(session_spec("a", "other"), "a")
        .await
        .unwrap();
    let me = narrow.identity.clone().who_am_i(WhoAmIRequest {}).await;
    let me = me.unwrap().into_inner();
    assert_eq!(me.narrowing.unwrap().session_ids, ["run"]);
    assert_eq!((me.scopes.len(), me.stored_artifacts), (6, 0));
}

#[tokio::test]
async fn a_watch_hears_of_the_sessions_in_reach_alone() {
    let (cairn, narrow) = started().await;
    let all = WatchSessionsRequest {
        after_position: 0,
        ..WatchSessionsRequest::default()
    };
    for session in ["other", "run"] {
        let made = cairn.client.create(session_spec("a", session), "x").await;
        made.unwrap();
    }
    let mut heard = Vec::new();
    let watching = narrow.sessions.clone().watch_sessions(all).await;
    let mut watching = watching.unwrap().into_inner();
    while !heard.iter().any(|session| session == "run") {
        let message = within_patience("an event", watching.message()).await;
        let events = message.unwrap().unwrap().events;
        heard.extend(events.into_iter().map(|event| event.session_id));
    }
    assert_eq!(heard, ["run"]);
}
