//! The steps of a plan that becomes final are todos, once, and live as long as their plan.

use cairn_proto::v1::{
    AddTodoRequest, Artifact, ArtifactKind, ArtifactSpec, ArtifactStage, DeleteSessionRequest,
    ListTodosRequest, RestoreArtifactsRequest, SetLegalHoldRequest, SetStageRequest,
    SetStageResponse, Todo, TodoState, UpdateArtifactRequest, UpdateTodoRequest,
};
use prost_types::FieldMask;
use tonic::{Code, Status};

use harness::{Bytes, Cairn, Client, Rest, Setup, refused, session_spec, spec};
use reqwest::Method;
use serde_json::json;

mod bounds;

use crate::access::{client_of, session};
use cairn_store::Scope;

const PLAN: &str = "# Plan\n\n- [x] Look\n- [ ] Build\n  - the api\n1. Test\n\n## Step 4: Ship\n";
const STEPS: [&str; 5] = ["Look", "Build", "the api", "Test", "Ship"];

fn plan_spec(session: &str) -> ArtifactSpec {
    ArtifactSpec {
        kind: ArtifactKind::Plan.into(),
        labels: vec!["sprint-7".into()],
        ..session_spec("plan.md", session)
    }
}

async fn plan(client: &Client, content: &str) -> Artifact {
    let made = client.create(plan_spec("run"), content.to_owned()).await;
    made.unwrap()
}

async fn move_to(client: &Client, stage: ArtifactStage, ids: &[&str]) -> SetStageResponse {
    let request = SetStageRequest {
        stage: stage.into(),
        artifact_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        ..SetStageRequest::default()
    };
    let staged = client.artifacts.clone().set_stage(request).await;
    staged.unwrap().into_inner()
}

async fn finalize(client: &Client, plan: &Artifact) -> SetStageResponse {
    move_to(client, ArtifactStage::Final, &[&plan.artifact_id]).await
}

async fn list(client: &Client, request: ListTodosRequest) -> Vec<Todo> {
    let listed = client.todos.clone().list_todos(request).await;
    listed.unwrap().into_inner().todos
}

async fn all(client: &Client) -> Vec<Todo> {
    list(client, ListTodosRequest::default()).await
}

fn texts(todos: &[Todo]) -> Vec<&str> {
    todos.iter().map(|todo| &*todo.text).collect()
}

async fn update(client: &Client, todo: &Todo, state: TodoState) -> Result<Todo, Status> {
    let request = UpdateTodoRequest {
        todo_id: todo.todo_id.clone(),
        state: state.into(),
        agent_id: "bob".into(),
        ..UpdateTodoRequest::default()
    };
    let updated = client.todos.clone().update_todo(request).await?;
    Ok(updated.into_inner().todo.unwrap())
}

fn entry(text: &str, plan_id: &str, session_id: &str) -> AddTodoRequest {
    AddTodoRequest {
        text: text.to_owned(),
        plan_id: plan_id.to_owned(),
        session_id: session_id.to_owned(),
        ..AddTodoRequest::default()
    }
}

async fn add(client: &Client, request: AddTodoRequest) -> Result<Todo, Status> {
    let added = client.todos.clone().add_todo(request).await?;
    Ok(added.into_inner().todo.unwrap())
}

#[tokio::test]
async fn steps_of_a_final_plan_are_todos_once() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let plan = plan(client, PLAN).await;
    assert!(all(client).await.is_empty());
    let staged = finalize(client, &plan).await;
    assert_eq!((staged.changed_count, staged.todo_count), (1, 5));
    assert_eq!(staged.todo_hint, "");
    let todos = all(client).await;
    assert_eq!(texts(&todos), STEPS);
    let positions: Vec<_> = todos.iter().map(|todo| todo.position).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5]);
    assert_eq!(todos[0].state(), TodoState::Done);
    assert_eq!(todos[1].state(), TodoState::Open);
    assert_eq!(todos[1].plan_id, plan.artifact_id);
    assert_eq!(
        (&*todos[1].plan_filename, todos[1].plan_version),
        ("plan.md", 1)
    );
    assert_eq!(
        (&*todos[1].session_id, &todos[1].labels),
        ("run", &plan.labels)
    );

    move_to(client, ArtifactStage::Draft, &[&plan.artifact_id]).await;
    let again = finalize(client, &plan).await;
    assert_eq!(again.todo_count, 0);
    assert!(again.todo_hint.contains("has a todo already"));
    assert_eq!(all(client).await, todos);
}

/// Every way of becoming final makes todos, also those of which no call waits for the reading.
#[tokio::test]
async fn every_way_of_becoming_final_makes_todos() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let updated = plan(client, "- by update\n").await;
    let request = UpdateArtifactRequest {
        artifact_id: updated.artifact_id,
        stage: ArtifactStage::Final.into(),
        update_mask: Some(FieldMask {
            paths: vec!["stage".into()],
        }),
        ..UpdateArtifactRequest::default()
    };
    client
        .artifacts
        .clone()
        .update_artifact(request)
        .await
        .unwrap();
    assert_eq!(texts(&all(client).await), ["by update"]);

    let mut created = plan_spec("other");
    created.stage = ArtifactStage::Final.into();
    client.create(created, "- by create\n").await.unwrap();
    let mut ids = Vec::new();
    for number in 0..12 {
        let many = plan_spec(&format!("many-{number}"));
        let made = client.create(many, format!("- of {number}\n")).await;
        ids.push(made.unwrap().artifact_id);
    }
    let ids: Vec<_> = ids.iter().map(|id| &**id).collect();
    let staged = move_to(client, ArtifactStage::Final, &ids).await;
    assert_eq!(staged.todo_count, 10);
    assert!(staged.todo_hint.contains("within seconds"));
    let report = cairn.pass("plans").await;
    assert_eq!(report.count("plans_read"), 3);
    assert_eq!(all(client).await.len(), 14);
    assert_eq!(cairn.count("SELECT count(*) FROM plans_to_read").await, 0);
}

#[tokio::test]
async fn what_is_no_plan_or_has_no_steps_makes_no_todos() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let other = client.create(spec("list.md"), "- item\n").await.unwrap();
    let staged = finalize(client, &other).await;
    assert_eq!((staged.todo_count, &*staged.todo_hint), (0, ""));
    let prose = plan(client, "Only words.\n").await;
    let staged = finalize(client, &prose).await;
    assert_eq!((staged.changed_count, staged.todo_count), (1, 0));
    assert!(staged.todo_hint.contains("the plan has no steps"));
    assert!(all(client).await.is_empty());
}

#[tokio::test]
async fn a_new_final_version_adds_steps_and_keeps_what_is_done() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let first = plan(client, "- keep\n- begun\n- gone\n").await;
    finalize(client, &first).await;
    let todos = all(client).await;
    update(client, &todos[0], TodoState::Done).await.unwrap();
    update(client, &todos[1], TodoState::Doing).await.unwrap();
    let extra = add(client, entry("extra", &first.artifact_id, ""))
        .await
        .unwrap();
    assert_eq!(extra.position, 4);

    let second = plan(client, "- new\n- keep\n").await;
    let staged = finalize(client, &second).await;
    assert_eq!(staged.todo_count, 1);
    let by_plan = |plan: &Artifact| ListTodosRequest {
        plan_id: plan.artifact_id.clone(),
        ..ListTodosRequest::default()
    };
    let now = list(client, by_plan(&first)).await;
    assert_eq!(now, list(client, by_plan(&second)).await);
    let told: Vec<_> = now.iter().map(|todo| (&*todo.text, todo.state())).collect();
    use TodoState::{Doing, Done, Dropped, Open};
    let expected = [
        ("new", Open),
        ("keep", Done),
        ("begun", Doing),
        ("gone", Dropped),
        ("extra", Open),
    ];
    assert_eq!(told, expected);
    assert!(now.iter().all(|todo| todo.plan_version == 2));
    assert_eq!(now[1].todo_id, todos[0].todo_id);

    move_to(client, ArtifactStage::Draft, &[&first.artifact_id]).await;
    let older = finalize(client, &first).await;
    assert!(
        older.todo_hint.contains("a later version"),
        "{}",
        older.todo_hint
    );
    assert_eq!(all(client).await, now);
}

/// Two versions and two calls that become final at once make each step once.
#[tokio::test]
async fn concurrent_moves_make_each_step_once() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let (one, two) = (plan(client, PLAN).await, plan(client, PLAN).await);
    let both = [&*one.artifact_id, &*two.artifact_id];
    let moves = (0..4).map(|_| move_to(client, ArtifactStage::Final, &both));
    let moved = futures_util::future::join_all(moves).await;
    let changed: i64 = moved.iter().map(|moved| moved.changed_count).sum();
    assert_eq!(changed, 2);
    cairn.pass("plans").await;
    assert_eq!(texts(&all(client).await), STEPS);
}

#[tokio::test]
async fn todos_are_seen_as_long_as_their_plan() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let plan = plan(client, PLAN).await;
    finalize(client, &plan).await;
    let todos = all(client).await;
    client.delete(&plan.artifact_id).await.unwrap();
    assert!(all(client).await.is_empty());
    let refusal = refused(update(client, &todos[1], TodoState::Done).await);
    assert_eq!(
        (refusal.code, &*refusal.reason),
        (Code::NotFound, "TODO_NOT_FOUND")
    );
    let restore = RestoreArtifactsRequest {
        artifact_ids: vec![plan.artifact_id.clone()],
        ..RestoreArtifactsRequest::default()
    };
    client
        .artifacts
        .clone()
        .restore_artifacts(restore)
        .await
        .unwrap();
    assert_eq!(all(client).await, todos);

    client.delete(&plan.artifact_id).await.unwrap();
    cairn.collect_everything().await;
    assert_eq!(cairn.count("SELECT count(*) FROM todos").await, 0);
}

#[tokio::test]
async fn a_legal_hold_on_the_plan_keeps_its_todos() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let mut expiring = plan_spec("run");
    expiring.expiry = Some(cairn_proto::v1::artifact_spec::Expiry::Ttl(
        prost_types::Duration {
            seconds: 3600,
            nanos: 0,
        },
    ));
    let held = client.create(expiring, PLAN).await.unwrap();
    finalize(client, &held).await;
    let hold = SetLegalHoldRequest {
        artifact_ids: vec![held.artifact_id.clone()],
        legal_hold: true,
        ..SetLegalHoldRequest::default()
    };
    client.artifacts.clone().set_legal_hold(hold).await.unwrap();
    let todos = all(client).await;
    // A later version takes over no todo that is held, and makes none of them again.
    let later = plan(client, PLAN).await;
    assert_eq!(finalize(client, &later).await.todo_count, 0);
    client.delete(&later.artifact_id).await.unwrap();
    cairn.collect_everything().await;
    assert_eq!(all(client).await, todos);
    assert_eq!(todos.len(), 5);
}

#[tokio::test]
async fn todos_are_added_updated_and_filtered() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let plan = plan(client, "- step\n").await;
    finalize(client, &plan).await;
    let mut request = entry("entry", "", "run");
    request.idempotency_key = "k".into();
    let added = add(client, request.clone()).await.unwrap();
    assert_eq!(add(client, request).await.unwrap(), added);
    assert_eq!((added.position, added.state()), (1, TodoState::Open));
    assert_eq!(texts(&all(client).await), ["entry", "step"]);
    let doing = update(client, &added, TodoState::Doing).await.unwrap();
    assert_eq!((doing.state(), &*doing.agent_id), (TodoState::Doing, "bob"));
    for (request, expected) in [
        (
            ListTodosRequest {
                label: "sprint-7".into(),
                ..Default::default()
            },
            vec!["step"],
        ),
        (
            ListTodosRequest {
                label: "sprint-8".into(),
                ..Default::default()
            },
            vec![],
        ),
        (
            ListTodosRequest {
                state: TodoState::Doing.into(),
                ..Default::default()
            },
            vec!["entry"],
        ),
        (
            ListTodosRequest {
                session_id: "run".into(),
                ..Default::default()
            },
            vec!["entry", "step"],
        ),
        (
            ListTodosRequest {
                session_id: "other".into(),
                ..Default::default()
            },
            vec![],
        ),
        (
            ListTodosRequest {
                plan_id: plan.artifact_id.clone(),
                ..Default::default()
            },
            vec!["step"],
        ),
    ] {
        assert_eq!(texts(&list(client, request).await), expected);
    }
    let stranger = cairn.client_of("globex").await;
    assert!(all(&stranger).await.is_empty());
    assert_eq!(
        refused(update(&stranger, &added, TodoState::Done).await).reason,
        "TODO_NOT_FOUND"
    );
}

#[tokio::test]
async fn a_list_of_todos_comes_in_pages() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    for (name, count) in [("a", 3), ("b", 4)] {
        let steps: String = (0..count).map(|i| format!("- {name}{i}\n")).collect();
        let made = client.create(plan_spec(name), steps).await.unwrap();
        finalize(client, &made).await;
    }
    add(client, entry("entry", "", "a")).await.unwrap();
    let whole = all(client).await;
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListTodosRequest {
            page_size: 2,
            page_token: token,
            ..ListTodosRequest::default()
        };
        let page = client
            .todos
            .clone()
            .list_todos(request)
            .await
            .unwrap()
            .into_inner();
        assert!(page.todos.len() <= 2);
        paged.extend(page.todos);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!((paged.len(), &paged), (8, &whole));
}

#[tokio::test]
async fn todos_of_a_session_die_with_it() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let missing = refused(add(client, entry("entry", "", "run")).await);
    assert_eq!(missing.reason, "SESSION_NOT_FOUND");
    plan(client, "").await;
    add(client, entry("entry", "", "run")).await.unwrap();
    client.seal("run").await.unwrap();
    add(client, entry("late", "", "run")).await.unwrap();
    let request = DeleteSessionRequest {
        session_id: "run".into(),
        ..DeleteSessionRequest::default()
    };
    client
        .sessions
        .clone()
        .delete_session(request)
        .await
        .unwrap();
    assert!(all(client).await.is_empty());
}

#[tokio::test]
async fn a_key_of_a_session_sees_the_todos_of_that_session() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    for run in ["run", "other"] {
        let made = client.create(plan_spec(run), format!("- of {run}\n")).await;
        finalize(client, &made.unwrap()).await;
        add(client, entry("entry", "", run)).await.unwrap();
    }
    let narrow = client_of(&cairn, &Scope::EVERY, session("run")).await;
    let seen = all(&narrow).await;
    assert_eq!(texts(&seen), ["entry", "of run"]);
    assert!(seen.iter().all(|todo| todo.session_id == "run"));
    for todo in all(client).await {
        let updated = update(&narrow, &todo, TodoState::Done).await;
        match &*todo.session_id {
            "run" => assert_eq!(updated.unwrap().state(), TodoState::Done),
            _ => assert_eq!(refused(updated).reason, "TODO_NOT_FOUND"),
        }
    }
    assert_eq!(
        refused(add(&narrow, entry("x", "", "other")).await).reason,
        "SESSION_NOT_FOUND"
    );
}

#[tokio::test]
async fn a_todo_that_breaks_rules_names_its_fields() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let plan = plan(client, "").await;
    let id = &*plan.artifact_id;
    for (request, fields) in [
        (entry("", id, ""), vec!["text"]),
        (entry(&"x".repeat(1001), id, ""), vec!["text"]),
        (entry("two\nlines", id, ""), vec!["text"]),
        (entry("x", "", ""), vec!["plan_id"]),
        (entry("x", id, "run"), vec!["session_id"]),
    ] {
        assert_eq!(refused(add(client, request).await).fields, fields);
    }
    let added = add(client, entry("x", id, "")).await.unwrap();
    let refusal = refused(update(client, &added, TodoState::Unspecified).await);
    assert_eq!(refusal.fields, ["state"]);
}

#[tokio::test]
async fn a_session_has_at_most_a_thousand_todos() {
    let cairn = Setup::on(Bytes::Files).start().await;
    let client = &cairn.client;
    plan(client, "").await;
    cairn
        .sql(
            "INSERT INTO todos (tenant_id, id, session_id, position, text, state, extracted)
             SELECT tenant_id, 'todo_' || lpad(n::text, 16, '0'), id, n, 'x', 'done', false
             FROM sessions, generate_series(1, 999) n",
        )
        .await;
    let last = add(client, entry("last", "", "run")).await.unwrap();
    assert_eq!(last.position, 1000);
    let refusal = refused(add(client, entry("more", "", "run")).await);
    assert_eq!(refusal.fields, ["session_id"]);
}

/// A plan whose bytes cannot be read is final all the same, and is given up after some attempts.
#[tokio::test]
async fn a_plan_that_cannot_be_read_is_final_all_the_same() {
    let cairn = Setup::on(Bytes::Files)
        .config(|config| config.inline_max_bytes = 0)
        .start()
        .await;
    let client = &cairn.client;
    let plan = plan(client, PLAN).await;
    cairn.corrupt(b"nothing").await;
    let staged = finalize(client, &plan).await;
    assert_eq!((staged.changed_count, staged.todo_count), (1, 0));
    assert!(staged.todo_hint.contains("within seconds"));
    for _ in 0..8 {
        cairn
            .sql("UPDATE plans_to_read SET next_attempt_at = now()")
            .await;
        cairn.pass("plans").await;
    }
    assert_eq!(cairn.count("SELECT count(*) FROM plans_to_read").await, 0);
    assert!(all(client).await.is_empty());
}

/// A large plan is read in its beginning.
#[tokio::test]
async fn a_large_plan_is_read_in_its_beginning() {
    let cairn = Cairn::start().await;
    let client = &cairn.client;
    let large = format!(
        "- first\n\n{}- last\n",
        "words of no step\n".repeat(100_000)
    );
    let made = client.upload(plan_spec("run"), large).await.unwrap();
    let staged = finalize(client, &made).await;
    assert_eq!(staged.todo_count, 1);
    assert_eq!(texts(&all(client).await), ["first"]);
}

#[tokio::test]
async fn todos_have_routes_of_their_own() {
    let cairn = Cairn::start().await;
    let rest = Rest::of(&cairn);
    let plan = plan(&cairn.client, PLAN).await;
    let stage = json!({"stage": "final", "artifact_ids": [plan.artifact_id]});
    let staged = rest.post("/v1/artifacts/stage", stage).await.ok();
    assert_eq!(
        (&staged["todo_count"], &staged["todo_hint"]),
        (&json!(5), &json!(null))
    );
    let open = rest.get("/v1/todos?state=open&limit=1").await.ok();
    assert_eq!(open["todos"][0]["text"], "Build");
    assert_eq!(open["has_more"], true);
    let id = open["todos"][0]["todo_id"].as_str().unwrap();
    let done = json!({"state": "done", "agent_id": "bob"});
    let done = rest
        .send(Method::PATCH, &format!("/v1/todos/{id}"), done)
        .await;
    assert_eq!(done.ok()["state"], "done");
    let added = json!({"text": "entry", "session_id": "run"});
    let added = rest.post("/v1/todos", added).await.ok();
    assert_eq!(
        (&added["state"], &added["plan_id"]),
        (&json!("open"), &json!(null))
    );
    let missing = rest
        .send(Method::PATCH, "/v1/todos/todo_x", json!({"state": "done"}))
        .await;
    assert_eq!(missing.refused(), (404, "todo_not_found"));
}

/// The audit trail has every change.
#[tokio::test]
async fn changes_of_todos_are_in_the_audit_trail() {
    let cairn = Cairn::start().await;
    let plan = plan(&cairn.client, "").await;
    let added = add(&cairn.client, entry("x", &plan.artifact_id, ""))
        .await
        .unwrap();
    update(&cairn.client, &added, TodoState::Done)
        .await
        .unwrap();
    let sql = format!(
        "SELECT count(*) FROM audit WHERE resource = '{}'",
        added.todo_id
    );
    assert_eq!(cairn.count(&sql).await, 2);
}
