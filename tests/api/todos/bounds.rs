//! What todos are kept apart from, how many there are, and what becomes of plans that were not read at once.

use cairn_store::RawNarrowing;

use super::*;

async fn restore(client: &Client, plan: &Artifact) {
    let request = RestoreArtifactsRequest {
        artifact_ids: vec![plan.artifact_id.clone()],
        ..RestoreArtifactsRequest::default()
    };
    let mut artifacts = client.artifacts.clone();
    artifacts.restore_artifacts(request).await.unwrap();
}

/// What a key of an agent makes final takes no todos of another agent's version, which that key does not see.
#[tokio::test]
async fn an_agent_takes_over_its_own_todos_alone() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let of = |agent: &str| ArtifactSpec {
        agent_id: agent.to_owned(),
        ..plan_spec("run")
    };
    let ann = client.create(of("ann"), "- one\n").await.unwrap();
    finalize(client, &ann).await;
    let only_bob = RawNarrowing {
        agent_id: "bob".into(),
        ..RawNarrowing::default()
    };
    let narrow = client_of(&cairn, &Scope::EVERY, only_bob).await;
    let bob = narrow.create(of("bob"), "- one\n- two\n").await.unwrap();
    assert_eq!(finalize(&narrow, &bob).await.todo_count, 2);
    assert_eq!(texts(&all(&narrow).await), ["one", "two"]);
    let mut of_ann = all(client).await;
    of_ann.retain(|todo| todo.plan_id == ann.artifact_id);
    assert_eq!(texts(&of_ann), ["one"]);
    let later = narrow.create(of("bob"), "- two\n").await.unwrap();
    assert_eq!(finalize(&narrow, &later).await.todo_count, 0);
    let taken = all(&narrow).await;
    assert_eq!(texts(&taken), ["two", "one"]);
    assert!(taken.iter().all(|todo| todo.plan_id == later.artifact_id));
}

#[tokio::test]
async fn keys_of_prefixes_see_the_todos_within_them() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    for (run, name) in [
        ("run-1", "plan.md"),
        ("run-1", "other.md"),
        ("walk", "plan.md"),
    ] {
        let spec = ArtifactSpec {
            filename: name.to_owned(),
            ..plan_spec(run)
        };
        let made = client.create(spec, format!("- {run} {name}\n")).await;
        finalize(client, &made.unwrap()).await;
        add(client, entry("entry", "", run)).await.unwrap();
    }
    let of_session = RawNarrowing {
        session_prefix: "run-".into(),
        ..RawNarrowing::default()
    };
    let of_file = RawNarrowing {
        filename_prefix: "plan".into(),
        ..RawNarrowing::default()
    };
    let of_both = RawNarrowing {
        filename_prefix: "plan".into(),
        ..session("run-1")
    };
    for (narrowing, expected) in [
        (
            of_session,
            vec!["entry", "entry", "run-1 other.md", "run-1 plan.md"],
        ),
        (of_file, vec!["run-1 plan.md", "walk plan.md"]),
        (of_both, vec!["run-1 plan.md"]),
    ] {
        let narrow = client_of(&cairn, &Scope::EVERY, narrowing).await;
        let todos = all(&narrow).await;
        let mut seen = texts(&todos);
        seen.sort_unstable();
        assert_eq!(seen, expected);
    }
}

/// A plan has at most a thousand todos in all its versions.
#[tokio::test]
async fn all_versions_of_a_plan_share_its_thousand_todos() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    plan(client, "").await;
    cairn
        .sql(
            "INSERT INTO todos (tenant_id, id, plan_id, session_id, position, text, state, extracted)
             SELECT tenant_id, 'todo_' || lpad(n::text, 16, '0'), id, session_id, n, 'x', 'done', false
             FROM artifacts, generate_series(1, 999) n",
        )
        .await;
    let second = plan(client, "- new\n").await;
    let last = add(client, entry("last", &second.artifact_id, "")).await;
    assert_eq!(last.unwrap().position, 1);
    let more = add(client, entry("more", &second.artifact_id, "")).await;
    assert_eq!(refused(more).fields, ["plan_id"]);
    let staged = finalize(client, &second).await;
    assert_eq!(staged.todo_count, 0);
    assert!(
        staged.todo_hint.contains("as many as it may"),
        "{}",
        staged.todo_hint
    );
}

/// One plan that cannot be read delays none of the others, and is tried again within seconds.
#[tokio::test]
async fn a_plan_that_cannot_be_read_delays_no_other() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let large = format!("- large\n\n{}", "words of no step\n".repeat(10_000));
    let large = client.upload(plan_spec("large"), large).await.unwrap();
    cairn.corrupt(b"nothing").await;
    let mut ids = vec![large.artifact_id];
    for number in 0..6 {
        let spec = plan_spec(&format!("run-{number}"));
        let made = client.create(spec, "- step\n").await.unwrap();
        ids.push(made.artifact_id);
    }
    let ids: Vec<_> = ids.iter().map(|id| &**id).collect();
    let staged = move_to(client, ArtifactStage::Final, &ids).await;
    assert_eq!(staged.todo_count, 6);
    assert!(staged.todo_hint.contains("within seconds"));
    let waiting =
        "SELECT count(*) FROM plans_to_read WHERE next_attempt_at < now() + interval '30 s'";
    assert_eq!(cairn.count(waiting).await, 1);
}

/// A plan that was deleted before it was read is read once it is restored, and no plan is read twice because of it.
#[tokio::test]
async fn a_restored_plan_has_todos_once() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    let made = ArtifactSpec {
        stage: ArtifactStage::Final.into(),
        ..plan_spec("run")
    };
    let plan = client.create(made, "- step\n").await.unwrap();
    client.delete(&plan.artifact_id).await.unwrap();
    cairn.pass("plans").await;
    restore(client, &plan).await;
    cairn.pass("plans").await;
    let todos = all(client).await;
    assert_eq!(texts(&todos), ["step"]);
    let request = UpdateTodoRequest {
        todo_id: todos[0].todo_id.clone(),
        text: "better words".into(),
        ..UpdateTodoRequest::default()
    };
    let mut service = client.todos.clone();
    service.update_todo(request).await.unwrap();
    client.delete(&plan.artifact_id).await.unwrap();
    restore(client, &plan).await;
    cairn.pass("plans").await;
    assert_eq!(texts(&all(client).await), ["better words"]);
}
