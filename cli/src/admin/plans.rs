//! `cairn admin plans`.

use cairn_client::{pages, required, unary};
use cairn_proto::{
    json::{Limit as Shown, timestamp},
    v1::{self, DeletePlanRequest, ListPlansRequest, SetPlanRequest},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    args::{
        limit::{self, Limit},
        server::Server,
    },
    error::CliError,
    terminal::{
        keys::limits,
        output::{self, Output},
        render::{header, or_dash},
    },
};

/// Set, list and delete plans, the named limits of tenants; needs a key with the scope operator
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Make a plan, or replace the limits of one and of its tenants
    Set(SetArgs),
    /// List the plans by name
    List(ListArgs),
    /// Delete a plan that no tenant has
    Delete(DeleteArgs),
}

#[derive(clap::Args)]
struct SetArgs {
    /// The plan's name
    #[arg(value_name = "PLAN")]
    name: String,
    /// A limit, such as calls=100 or stored_bytes=10GiB; may be given several times
    #[arg(long = "limit", value_name = "NAME=MAX")]
    limits: Vec<Limit>,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct ListArgs {
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct DeleteArgs {
    /// The plan's name
    #[arg(value_name = "PLAN")]
    name: String,
    #[command(flatten)]
    server: Server,
}

/// A plan as it is printed.
#[derive(Serialize)]
struct Plan {
    name: String,
    limits: Vec<Shown>,
    tenant_count: i64,
    created_at: Option<Timestamp>,
}

impl From<v1::Plan> for Plan {
    fn from(plan: v1::Plan) -> Self {
        Self {
            name: plan.name,
            limits: plan.limits.into_iter().map(Into::into).collect(),
            tenant_count: plan.tenant_count,
            created_at: timestamp(plan.created_at),
        }
    }
}

#[derive(Serialize)]
struct Listing {
    plans: Vec<Plan>,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    match args.verb {
        Verb::Set(args) => set(args, output).await,
        Verb::List(args) => list(args, output).await,
        Verb::Delete(args) => {
            let mut client = args.server.connect().await?;
            let request = unary(DeletePlanRequest { name: args.name });
            client.operator.delete_plan(request).await?;
            Ok(())
        }
    }
}

async fn set(args: SetArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let request = unary(SetPlanRequest {
        name: args.name,
        limits: limit::wire(&args.limits),
    });
    let answer = client.operator.set_plan(request).await?.into_inner();
    let plan = Plan::from(required(answer.plan, "plan")?);
    output.data(&plan, || table(std::slice::from_ref(&plan)))
}

async fn list(args: ListArgs, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let fetch = async |page_size, page_token| {
        let request = unary(ListPlansRequest {
            page_size,
            page_token,
        });
        let page = client.operator.clone().list_plans(request).await?;
        let page = page.into_inner();
        Ok((page.plans, page.next_page_token))
    };
    let plans = pages::read_all(fetch).await?;
    let listing = Listing {
        plans: plans.into_iter().map(Plan::from).collect(),
    };
    output.data(&listing, || table(&listing.plans))
}

fn table(plans: &[Plan]) -> String {
    let mut rows = vec![header(["PLAN", "TENANTS", "LIMITS"])];
    rows.extend(plans.iter().map(|plan| {
        vec![
            plan.name.clone(),
            plan.tenant_count.to_string(),
            or_dash(limits(&plan.limits)),
        ]
    }));
    output::table(&rows)
}
