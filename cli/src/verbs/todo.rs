//! `cairn todo`: the steps of plans, and what else is to be done.

use cairn_client::{required, unary};
use cairn_proto::{
    json::{Page, Todo},
    v1::{AddTodoRequest, ListTodosRequest, TodoState, UpdateTodoRequest},
};
use clap::{Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use serde::Serialize;

use crate::{
    args::{
        key::Key,
        page::{PageArgs, hint_more},
        server::Server,
    },
    error::CliError,
    terminal::{
        output::{self, Output},
        render::{header, or_dash, shown},
    },
};

/// List, add and update todos, which the server makes of the steps of plans that become final
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List todos, plan by plan
    List(ListArgs),
    /// Add a todo to a plan or to a session
    Add(AddArgs),
    /// Change the state or the text of a todo
    Update(UpdateArgs),
}

#[derive(clap::Args)]
struct ListArgs {
    /// Only those of this plan, in all its versions
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    plan: Option<String>,
    /// Only those in this session
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    session: Option<String>,
    /// Only those whose plan or session has this label
    #[arg(long, value_name = "LABEL", value_parser = NonEmptyStringValueParser::new())]
    label: Option<String>,
    /// Only in this state
    #[arg(long)]
    state: Option<State>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct AddArgs {
    /// What is to be done
    text: String,
    /// The plan that it belongs to
    #[arg(long, value_name = "ID", conflicts_with = "session", value_parser = NonEmptyStringValueParser::new())]
    plan: Option<String>,
    /// The session that it belongs to
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    session: Option<String>,
    // As the variable of --session itself it would contradict --plan.
    #[arg(long, env = "CAIRN_SESSION_ID", hide = true)]
    session_of_environment: Option<String>,
    /// How far it is
    #[arg(long, default_value = "open")]
    state: State,
    #[command(flatten)]
    who: Who,
}

#[derive(clap::Args)]
struct UpdateArgs {
    /// The todo
    #[arg(value_name = "TODO")]
    todo_id: String,
    /// How far it is now
    #[arg(long, required_unless_present = "text")]
    state: Option<State>,
    /// What is to be done instead
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    #[command(flatten)]
    who: Who,
}

#[derive(clap::Args)]
struct Who {
    /// Who makes the change
    #[arg(long, value_name = "ID", env = "CAIRN_AGENT_ID")]
    agent: Option<String>,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    server: Server,
}

/// How far a todo is.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Open,
    Doing,
    Done,
    Dropped,
}

impl From<State> for TodoState {
    fn from(state: State) -> Self {
        match state {
            State::Open => Self::Open,
            State::Doing => Self::Doing,
            State::Done => Self::Done,
            State::Dropped => Self::Dropped,
        }
    }
}

fn number(state: Option<State>) -> i32 {
    state.map_or(0, |state| TodoState::from(state).into())
}

#[derive(Serialize)]
struct Listing {
    todos: Vec<Todo>,
    #[serde(flatten)]
    more: Page,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    match args.verb {
        Verb::List(args) => list(args, output).await,
        Verb::Add(args) => add(args, output).await,
        Verb::Update(args) => update(args, output).await,
    }
}

async fn list(args: ListArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let asked = ListTodosRequest {
        plan_id: args.plan.unwrap_or_default(),
        session_id: args.session.unwrap_or_default(),
        label: args.label.unwrap_or_default(),
        state: number(args.state),
        ..ListTodosRequest::default()
    };
    let fetch = async |page_size, page_token| {
        let request = ListTodosRequest {
            page_size,
            page_token,
            ..asked.clone()
        };
        let answer = client.todos.list_todos(unary(request)).await?.into_inner();
        Ok((answer.todos, answer.next_page_token))
    };
    let (todos, more) = args.page.read(fetch).await?;
    let listing = Listing {
        todos: todos.into_iter().map(Todo::from).collect(),
        more,
    };
    output.data(&listing, || table(&listing.todos))?;
    hint_more(&listing.more, output);
    Ok(())
}

async fn add(args: AddArgs, output: Output) -> Result<(), CliError> {
    let session = match args.plan {
        Some(_) => None,
        None => args.session.or(args.session_of_environment),
    };
    let request = AddTodoRequest {
        text: args.text,
        plan_id: args.plan.unwrap_or_default(),
        session_id: session.unwrap_or_default(),
        state: TodoState::from(args.state).into(),
        agent_id: args.who.agent.unwrap_or_default(),
        idempotency_key: args.who.key.field(),
    };
    let client = args.who.server.connect().await?;
    let add = async || {
        let mut client = client.todos.clone();
        let answer = client.add_todo(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = args.who.key.call(output, add).await?;
    let todo = Todo::from(required(answer.todo, "todo")?);
    output.data(&todo, || fields(&todo))
}

async fn update(args: UpdateArgs, output: Output) -> Result<(), CliError> {
    let request = UpdateTodoRequest {
        todo_id: args.todo_id,
        state: number(args.state),
        text: args.text.unwrap_or_default(),
        agent_id: args.who.agent.unwrap_or_default(),
        idempotency_key: args.who.key.field(),
    };
    let client = args.who.server.connect().await?;
    let update = async || {
        let mut client = client.todos.clone();
        let answer = client.update_todo(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = args.who.key.call(output, update).await?;
    let todo = Todo::from(required(answer.todo, "todo")?);
    output.data(&todo, || fields(&todo))
}

/// The plan as `FILE@VERSION`.
fn plan(todo: &Todo) -> Option<String> {
    let file = todo.plan_filename.as_ref()?;
    Some(match todo.plan_version {
        Some(version) => format!("{file}@{version}"),
        None => file.clone(),
    })
}

/// Every field on its line.
fn fields(todo: &Todo) -> String {
    output::fields(&[
        ("todo", Some(todo.todo_id.clone())),
        ("text", Some(todo.text.clone())),
        ("state", todo.state.clone()),
        ("plan", plan(todo)),
        ("plan id", todo.plan_id.clone()),
        ("session", todo.session_id.clone()),
        ("labels", labels(todo)),
        ("agent", todo.agent_id.clone()),
        ("created", shown(todo.created_at)),
        ("updated", shown(todo.updated_at)),
    ])
}

fn labels(todo: &Todo) -> Option<String> {
    (!todo.labels.is_empty()).then(|| todo.labels.join(", "))
}

/// Todos, one to a line.
fn table(todos: &[Todo]) -> String {
    let mut rows = vec![header(["ID", "STATE", "PLAN", "SESSION", "TEXT"])];
    rows.extend(todos.iter().map(|todo| {
        vec![
            todo.todo_id.clone(),
            or_dash(todo.state.clone()),
            or_dash(plan(todo)),
            or_dash(todo.session_id.clone()),
            todo.text.clone(),
        ]
    }));
    output::table(&rows)
}
