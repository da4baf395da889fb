//! `cairn admin audit`.

use cairn_client::unary;
use cairn_proto::{
    json::{AuditLine, OcsfEvent},
    v1::ListAuditRequest,
};

use crate::{
    args::{server::Server, time::Moment},
    error::CliError,
    terminal::{
        output::Output,
        render::{or_dash, shown},
    },
};

/// Print the audit trail, oldest first; as JSON, each line is an OCSF event of the class API Activity. Needs a key with the
/// scope admin, or for other tenants operator
#[derive(clap::Args)]
pub(super) struct Args {
    /// From then on, such as 24h for a day ago, or a time
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Before then
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Of this tenant; of your own when not given
    #[arg(long, value_name = "TENANT", conflicts_with = "all")]
    tenant: Option<String>,
    /// Of all tenants, and of callers that are not known
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let mut request = ListAuditRequest {
        tenant_name: args.tenant.unwrap_or_default(),
        all_tenants: args.all,
        since: args.since.map(Into::into),
        until: args.until.map(Into::into),
        page_size: 1000,
        page_token: String::new(),
    };
    loop {
        let page = client.admin.list_audit(unary(request.clone())).await?;
        let page = page.into_inner();
        for line in page.lines {
            let line = AuditLine::from(line);
            let event = OcsfEvent::from(line.clone());
            output.line(&event, || words(&line))?;
        }
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(());
        }
    }
}

fn words(line: &AuditLine) -> String {
    let who = or_dash(line.actor_name.clone());
    let result = match &*line.result {
        "OK" => String::new(),
        reason => format!("  refused: {reason}"),
    };
    format!(
        "{}  {}  {} {who}  {}  {} {}{result}\n",
        or_dash(shown(line.at)),
        or_dash(line.tenant_name.clone()),
        line.actor_kind,
        or_dash(line.address.clone()),
        line.operation,
        or_dash(line.resource.clone()),
    )
}
