//! `cairn usage`, and `cairn admin usage` of another tenant.

use cairn_client::{pages, unary};
use cairn_proto::{
    json::UsageRow,
    v1::{self, GetTenantUsageRequest, GetUsageRequest, UsagePart},
};
use clap::ValueEnum;
use serde::Serialize;

use crate::{
    args::server::Server,
    error::CliError,
    terminal::{
        output::{self, Output},
        render::{header, size},
    },
};

/// Print what the tenant made and called, by day, session or agent
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    server: Server,
}

/// Print what a tenant made and called; needs a key with the scope operator
#[derive(clap::Args)]
pub(crate) struct OfTenantArgs {
    /// The tenant's name
    #[arg(value_name = "TENANT")]
    tenant: String,
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct Wanted {
    /// Of what: each day, session or agent
    #[arg(long, value_enum, default_value = "day")]
    by: Part,
    /// The first day in UTC, such as 2026-11-01; 29 days before the last when not given
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// The last day; today when not given
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Part {
    Day,
    Session,
    Agent,
}

impl From<Wanted> for GetUsageRequest {
    fn from(wanted: Wanted) -> Self {
        let part = match wanted.by {
            Part::Day => UsagePart::Day,
            Part::Session => UsagePart::Session,
            Part::Agent => UsagePart::Agent,
        };
        Self {
            part: part.into(),
            from_day: wanted.from.unwrap_or_default(),
            until_day: wanted.until.unwrap_or_default(),
            ..Self::default()
        }
    }
}

#[derive(Serialize)]
struct Listing {
    rows: Vec<UsageRow>,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let usage = GetUsageRequest::from(args.wanted);
    let fetch = async |page_size, page_token| {
        let request = unary(GetUsageRequest {
            page_size,
            page_token,
            ..usage.clone()
        });
        let page = client.identity.clone().get_usage(request).await?;
        let page = page.into_inner();
        Ok((page.rows, page.next_page_token))
    };
    show(pages::read_all(fetch).await?, output)
}

pub(crate) async fn of_tenant(args: OfTenantArgs, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let usage = GetUsageRequest::from(args.wanted);
    let fetch = async |page_size, page_token| {
        let request = unary(GetTenantUsageRequest {
            tenant_name: args.tenant.clone(),
            usage: Some(GetUsageRequest {
                page_size,
                page_token,
                ..usage.clone()
            }),
        });
        let page = client.operator.clone().get_tenant_usage(request).await?;
        let page = page.into_inner().usage.unwrap_or_default();
        Ok((page.rows, page.next_page_token))
    };
    show(pages::read_all(fetch).await?, output)
}

fn show(rows: Vec<v1::UsageRow>, output: Output) -> Result<(), CliError> {
    let rows = rows.into_iter().map(UsageRow::from).collect();
    let listing = Listing { rows };
    output.data(&listing, || {
        let names = [
            "OF",
            "ARTIFACTS",
            "BYTES",
            "CALLS",
            "REFUSED",
            "RECEIVED",
            "SENT",
        ];
        let mut rows = vec![header(names)];
        rows.extend(listing.rows.iter().map(|row| {
            vec![
                row.key.clone(),
                row.artifacts.to_string(),
                size(row.bytes),
                row.requests.to_string(),
                row.refused.to_string(),
                size(row.received_bytes),
                size(row.sent_bytes),
            ]
        }));
        output::table(&rows)
    })
}
