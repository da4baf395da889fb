//! `cairn stage` and `cairn history`: where artifacts stand, and how they came there.

use cairn_client::unary;
use cairn_proto::{
    json::{StageChange, present},
    v1::{ArtifactStage, ListStageChangesRequest, SetStageRequest},
};
use serde::Serialize;

use crate::{
    args::server::Server,
    args::{expression::parse_expression, key::Key, name::Name, record::Stage},
    error::CliError,
    terminal::{
        failures::Changed,
        output::{Output, table},
        render::{header, key_or_workload, or_dash, shown},
    },
    verbs::job::Wait,
};

/// Move artifacts to a stage
///
/// When more than 1,000 match a filter, the server makes a job of it, which goes on by itself and leaves alone what is made
/// after the call. It is waited for, and may be left alone: see cairn job.
#[derive(clap::Args)]
#[command(override_usage = "cairn stage [OPTIONS] STAGE ID...
       cairn stage [OPTIONS] STAGE --filter EXPR")]
pub(crate) struct Args {
    /// Where they are to be
    stage: Stage,
    /// The artifacts, at most 1,000
    #[arg(
        value_name = "ID",
        required_unless_present = "expression",
        conflicts_with = "expression"
    )]
    artifact_ids: Vec<String>,
    /// All where this holds, such as 'stage = draft AND session_id = run-7'
    #[arg(long = "filter", value_name = "EXPR", value_parser = parse_expression)]
    expression: Option<String>,
    /// Who moves them
    #[arg(long, value_name = "ID", env = "CAIRN_AGENT_ID")]
    agent: Option<String>,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    key: Key,
    #[command(flatten)]
    server: Server,
}

/// Print how an artifact came through its stages, the latest change first
#[derive(clap::Args)]
#[command(override_usage = "cairn history [OPTIONS] ID
       cairn history [OPTIONS] --name FILENAME [--version N] [--session ID] [--namespace NAME] [--user ID]")]
pub(crate) struct HistoryArgs {
    /// The artifact
    #[arg(value_name = "ID")]
    artifact_id: Option<String>,
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let request = SetStageRequest {
        stage: ArtifactStage::from(args.stage).into(),
        artifact_ids: args.artifact_ids,
        filter: args.expression.unwrap_or_default(),
        agent_id: args.agent.unwrap_or_default(),
        idempotency_key: args.key.field(),
        ..SetStageRequest::default()
    };
    let set = async || {
        let mut client = client.artifacts.clone();
        let answer = client.set_stage(unary(request.clone())).await?;
        Ok(answer.into_inner())
    };
    let answer = args.key.call(output, set).await?;
    let job = args.wait.on(&client, answer.job, output).await?;
    let staged = Staged {
        todo_count: answer.todo_count,
        todo_hint: present(answer.todo_hint),
        changed: Changed {
            changed_count: job
                .as_ref()
                .map_or(answer.changed_count, |job| job.done_count),
            missing_artifact_ids: answer.missing_artifact_ids,
            job,
        },
    };
    output.data(&staged, || {
        let mut text = staged.changed.text("moved");
        if staged.todo_count > 0 {
            text += &format!("{} todos made: cairn todo list\n", staged.todo_count);
        }
        text
    })?;
    if let Some(hint) = &staged.todo_hint {
        output.hint(hint);
    }
    staged.changed.outcome(output)
}

/// The answer of a move.
#[derive(Serialize)]
struct Staged {
    #[serde(flatten)]
    changed: Changed,
    /// How many todos were made of the plans that are final now.
    todo_count: i64,
    /// Why none were made.
    todo_hint: Option<String>,
}

#[derive(Serialize)]
struct History {
    changes: Vec<StageChange>,
}

pub(crate) async fn history(args: HistoryArgs, output: Output) -> Result<(), CliError> {
    let (artifact_id, name) = args.name.or_id(args.artifact_id)?.into_fields();
    let mut client = args.server.connect().await?;
    let request = unary(ListStageChangesRequest { artifact_id, name });
    let answer = client.artifacts.list_stage_changes(request).await?;
    let changes = answer.into_inner().changes.into_iter();
    let history = History {
        changes: changes.map(StageChange::from).collect(),
    };
    output.data(&history, || {
        let mut rows = vec![header(["CHANGED", "FROM", "TO", "AGENT", "KEY"])];
        rows.extend(history.changes.iter().map(|change| {
            vec![
                or_dash(shown(change.changed_at)),
                or_dash(change.from.clone()),
                or_dash(change.to.clone()),
                or_dash(change.agent_id.clone()),
                key_or_workload(&change.api_key_last_4, change.workload.as_deref()),
            ]
        }));
        table(&rows)
    })
}
