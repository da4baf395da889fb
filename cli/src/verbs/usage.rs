//! `cairn usage`, and `cairn admin usage` of another tenant.

use cairn_client::unary;
use cairn_proto::{
    json::UsageRow,
    v1::{GetTenantUsageRequest, GetUsageRequest, UsagePart},
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
            page_size: 1000,
            page_token: String::new(),
        }
    }
}

#[derive(Serialize)]
struct Listing {
    rows: Vec<UsageRow>,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let mut request = GetUsageRequest::from(args.wanted);
    let mut rows = Vec::new();
    loop {
        let page = client.identity.get_usage(unary(request.clone())).await?;
        let page = page.into_inner();
        rows.extend(page.rows.into_iter().map(UsageRow::from));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return show(rows, output);
        }
    }
}

pub(crate) async fn of_tenant(args: OfTenantArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let mut usage = GetUsageRequest::from(args.wanted);
    let mut rows = Vec::new();
    loop {
        let request = unary(GetTenantUsageRequest {
            tenant_name: args.tenant.clone(),
            usage: Some(usage.clone()),
        });
        let page = client.operator.get_tenant_usage(request).await?;
        let page = page.into_inner().usage.unwrap_or_default();
        rows.extend(page.rows.into_iter().map(UsageRow::from));
        usage.page_token = page.next_page_token;
        if usage.page_token.is_empty() {
            return show(rows, output);
        }
    }
}

fn show(rows: Vec<UsageRow>, output: Output) -> Result<(), CliError> {
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
