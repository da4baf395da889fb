//! `cairn whoami`.

use cairn_client::unary;
use cairn_proto::{
    json::{Identity, LimitState},
    v1::WhoAmIRequest,
};

use crate::{
    args::server::Server,
    error::CliError,
    terminal::{
        keys::reach,
        output::{self, Output},
        render::{key_or_workload, shown, size},
    },
};

/// Print the tenant of this key or token, its limits and its usage
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let answer = client.identity.who_am_i(unary(WhoAmIRequest {})).await?;
    let identity = Identity::from(answer.into_inner());
    output.data(&identity, || {
        let never = if identity.never_expires_allowed {
            "yes"
        } else {
            "no"
        };
        let max_ttl = identity.max_ttl.clone();
        let limits = identity.limits.iter().map(limit).collect::<String>();
        let fields = output::fields(&[
            ("tenant", Some(identity.tenant_name.clone())),
            (
                "key",
                Some(key_or_workload(
                    &identity.api_key_last_4,
                    identity.workload.as_deref(),
                )),
            ),
            ("token", identity.token_id.clone()),
            ("may", Some(identity.scopes.join(","))),
            ("reaches", Some(reach(identity.narrowing.as_ref()))),
            ("expires", shown(identity.expires_at)),
            ("default ttl", Some(identity.default_ttl.clone())),
            ("longest ttl", max_ttl.or(Some("no limit".to_owned()))),
            ("may never expire", Some(never.to_owned())),
            ("largest file", Some(size(identity.max_upload_bytes))),
            (
                "artifacts",
                Some(of(identity.stored_artifacts, identity.max_artifacts, |n| {
                    n.to_string()
                })),
            ),
            (
                "stored",
                Some(of(identity.stored_bytes, identity.max_stored_bytes, size)),
            ),
            ("plan", Some(identity.plan.clone())),
            ("calls today", Some(identity.requests_today.to_string())),
            (
                "calls this month",
                Some(identity.requests_this_month.to_string()),
            ),
            ("server", Some(identity.server_version.clone())),
        ]);
        format!("{fields}{limits}")
    })
}

/// How much there is, of how much there may be.
fn of(used: i64, max: Option<i64>, words: impl Fn(i64) -> String) -> String {
    match max {
        None => words(used),
        Some(max) => format!("{} of {}", words(used), words(max)),
    }
}

/// A limit on a line of its own.
fn limit(limit: &LimitState) -> String {
    let kind = limit.kind.as_deref().unwrap_or("unknown");
    let of = if limit.of_key { " of this key" } else { "" };
    let used = limit
        .used
        .map_or(String::new(), |used| format!("{used} of "));
    let left = limit
        .left
        .map_or(String::new(), |left| format!(", {left} left"));
    let until = shown(limit.resets_at).map_or(String::new(), |at| format!(" until {at}"));
    format!("limit {kind}{of}: {used}{}{left}{until}\n", limit.max)
}
