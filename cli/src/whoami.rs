//! `cairn whoami`.

use cairn_proto::v1::WhoAmIRequest;
use serde::Serialize;

use crate::{
    client::{Server, unary},
    error::CliError,
    output::{self, Output},
    shapes::{key_or_workload, present, size},
    time::span,
};

/// Print for whom this key or token acts, what it may do, and what its tenant stores
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
}

#[derive(Serialize)]
struct Identity {
    tenant_name: String,
    api_key_last_4: String,
    /// Of a token: who it says it is.
    workload: Option<String>,
    /// As `cairn push --ttl` takes it.
    default_ttl: String,
    /// As `cairn push --ttl` takes it; null: no limit.
    max_ttl: Option<String>,
    never_expires_allowed: bool,
    max_create_bytes: i64,
    max_upload_bytes: i64,
    server_version: String,
    stored_artifacts: i64,
    stored_bytes: i64,
    /// null: no limit.
    max_stored_bytes: Option<i64>,
    /// null: no limit.
    max_artifacts: Option<i64>,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let answer = client.identity.who_am_i(unary(WhoAmIRequest {})).await?;
    let answer = answer.into_inner();
    let ttl = |duration: Option<_>| duration.and_then(span).map(|span| span.to_string());
    let identity = Identity {
        tenant_name: answer.tenant_name,
        api_key_last_4: answer.api_key_last_4,
        workload: present(answer.workload),
        default_ttl: ttl(answer.default_ttl).unwrap_or_else(|| "never".to_owned()),
        max_ttl: ttl(answer.max_ttl),
        never_expires_allowed: answer.never_expires_allowed,
        max_create_bytes: answer.max_create_bytes,
        max_upload_bytes: answer.max_upload_bytes,
        server_version: answer.server_version,
        stored_artifacts: answer.stored_artifacts,
        stored_bytes: answer.stored_bytes,
        max_stored_bytes: answer.max_stored_bytes,
        max_artifacts: answer.max_artifacts,
    };
    output.data(&identity, || {
        let never = if identity.never_expires_allowed {
            "yes"
        } else {
            "no"
        };
        let max_ttl = identity.max_ttl.clone();
        output::fields(&[
            ("tenant", Some(identity.tenant_name.clone())),
            (
                "key",
                Some(key_or_workload(
                    &identity.api_key_last_4,
                    identity.workload.as_deref(),
                )),
            ),
            ("default ttl", Some(identity.default_ttl.clone())),
            ("longest ttl", max_ttl.or(Some("no limit".to_owned()))),
            ("may keep for ever", Some(never.to_owned())),
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
            ("server", Some(identity.server_version.clone())),
        ])
    })
}

/// How much there is, of how much there may be.
fn of(used: i64, max: Option<i64>, words: impl Fn(i64) -> String) -> String {
    match max {
        None => words(used),
        Some(max) => format!("{} of {}", words(used), words(max)),
    }
}
