//! `cairn admin workloads`.

use cairn_client::{required, unary};
use cairn_proto::{
    json::Workload,
    v1::{ListWorkloadsRequest, RemoveWorkloadRequest, SetWorkloadRequest},
};
use serde::Serialize;

use crate::{
    args::{grant::GrantArgs, server::Server},
    error::CliError,
    terminal::{
        keys::reach,
        output::{self, Output},
        render::{header, or_dash, shown},
    },
};

/// Set, list and remove workloads, which act with tokens in place of keys; needs a key with the scope operator
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Let a workload act for a tenant, or change what it may do
    Set(Box<SetArgs>),
    /// List a tenant's workloads, newest first
    List(ListArgs),
    /// Remove a workload: its tokens are refused
    Remove(RemoveArgs),
}

#[derive(clap::Args)]
struct SetArgs {
    /// The tenant's name
    #[arg(long, value_name = "TENANT")]
    tenant: String,
    /// The tokens' `iss`
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The tokens' `sub`; with ":*" at its end, every subject that goes on after the colon
    #[arg(long, value_name = "SUBJECT")]
    subject: String,
    #[command(flatten)]
    grant: GrantArgs,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct ListArgs {
    /// The tenant's name
    #[arg(long, value_name = "TENANT")]
    tenant: String,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct RemoveArgs {
    /// The workload's id, as `list` shows it
    #[arg(value_name = "WORKLOAD")]
    workload_id: String,
    #[command(flatten)]
    server: Server,
}

#[derive(Serialize)]
struct Listing {
    workloads: Vec<Workload>,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    match args.verb {
        Verb::Set(args) => set(*args, output).await,
        Verb::List(args) => {
            let mut client = args.server.connect().await?;
            let request = unary(ListWorkloadsRequest {
                tenant_name: args.tenant,
            });
            let answer = client.operator.list_workloads(request).await?.into_inner();
            show(
                answer.workloads.into_iter().map(Into::into).collect(),
                output,
            )
        }
        Verb::Remove(args) => {
            let mut client = args.server.connect().await?;
            let request = unary(RemoveWorkloadRequest {
                workload_id: args.workload_id.clone(),
            });
            let answer = client.operator.remove_workload(request).await?.into_inner();
            match answer.removed {
                true => Ok(()),
                false => Err(CliError::Usage(format!(
                    "there is no workload {}; `cairn admin workloads list` shows a tenant's",
                    args.workload_id
                ))),
            }
        }
    }
}

async fn set(args: SetArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let request = unary(SetWorkloadRequest {
        tenant_name: args.tenant,
        issuer: args.issuer,
        subject: args.subject,
        scopes: args.grant.scopes(),
        narrowing: args.grant.narrowing(),
    });
    let answer = client.operator.set_workload(request).await?.into_inner();
    show(vec![required(answer.workload, "workload")?.into()], output)
}

fn show(workloads: Vec<Workload>, output: Output) -> Result<(), CliError> {
    let listing = Listing { workloads };
    output.data(&listing, || {
        let mut rows = vec![header([
            "ID", "SUBJECT", "ISSUER", "SCOPES", "REACHES", "ADDED",
        ])];
        rows.extend(listing.workloads.iter().map(|workload| {
            vec![
                workload.workload_id.clone(),
                workload.subject.clone(),
                workload.issuer.clone(),
                workload.scopes.join(","),
                reach(workload.narrowing.as_ref()),
                or_dash(shown(workload.created_at)),
            ]
        }));
        output::table(&rows)
    })
}
