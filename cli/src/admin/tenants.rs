//! `cairn admin tenants`.

use cairn_client::{pages, required, unary};
use cairn_proto::{
    json::{Limit as Shown, duration, timestamp},
    v1::{
        self, EraseTenantRequest, GetErasureRequest, GetTenantRequest, ListTenantsRequest,
        SetTenantRequest,
    },
};
use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    args::{
        limit::{self, Kind, Limit},
        server::Server,
        time::SpanOrNone,
    },
    error::CliError,
    terminal::{
        keys::limits,
        output::{self, Output},
        render::{header, size},
    },
};

/// Make, change, show and list tenants; needs a key with the scope operator
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Make a tenant, or change one: only what is given
    Set(SetArgs),
    /// Show a tenant, its limits and what it stores
    Show(ShowArgs),
    /// List the tenants by name
    List(ListArgs),
    /// Delete a tenant with everything that it has, for good: the worker does it, and the bytes go after their grace
    Erase(EraseArgs),
    /// Show how far the erasure of a tenant is
    Erasure(ShowArgs),
}

#[derive(clap::Args)]
struct SetArgs {
    /// The tenant's name
    #[arg(value_name = "TENANT")]
    name: String,
    /// Its plan
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    /// A limit of its own, such as calls=100, stored_bytes=10GiB or links=none; may be given several times
    #[arg(long = "limit", value_name = "NAME=MAX")]
    limits: Vec<Limit>,
    /// A limit that is its plan's again, such as calls; may be given several times
    #[arg(long = "reset-limit", value_name = "NAME")]
    reset: Vec<Kind>,
    /// The time to live of an artifact whose creator gives none, such as 30d, or none: it never expires
    #[arg(long, value_name = "TIME")]
    default_ttl: Option<SpanOrNone>,
    /// The longest time to live that a creator may ask for, such as 90d, or none: no limit
    #[arg(long, value_name = "TIME")]
    max_ttl: Option<SpanOrNone>,
    /// Whether its artifacts may be kept without an expiry
    #[arg(long, value_name = "true|false")]
    never_expires: Option<bool>,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct ShowArgs {
    /// The tenant's name
    #[arg(value_name = "TENANT")]
    name: String,
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct ListArgs {
    #[command(flatten)]
    server: Server,
}

#[derive(clap::Args)]
struct EraseArgs {
    /// The tenant's name
    #[arg(value_name = "TENANT")]
    name: String,
    /// Delete nothing, and only count what would be deleted
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    server: Server,
}

/// An erasure as it is printed.
#[derive(Serialize)]
struct Erasure {
    erasure_id: String,
    tenant: String,
    requested_at: Option<String>,
    finished_at: Option<String>,
    deleted: BTreeMap<String, i64>,
    released_bytes: i64,
    remaining_objects: i64,
    remaining_bytes: i64,
    last_error: String,
}

fn text(time: Option<prost_types::Timestamp>) -> Option<String> {
    timestamp(time).map(|time| time.to_string())
}

impl From<v1::Erasure> for Erasure {
    fn from(erasure: v1::Erasure) -> Self {
        Self {
            erasure_id: erasure.erasure_id,
            tenant: erasure.tenant_name,
            requested_at: text(erasure.requested_at),
            finished_at: text(erasure.finished_at),
            deleted: erasure.deleted.into_iter().collect(),
            released_bytes: erasure.released_bytes,
            remaining_objects: erasure.remaining_objects,
            remaining_bytes: erasure.remaining_bytes,
            last_error: erasure.last_error,
        }
    }
}

/// A tenant as it is printed.
#[derive(Serialize)]
struct Tenant {
    name: String,
    plan: String,
    overrides: Vec<Shown>,
    limits: Vec<Shown>,
    default_ttl: Option<String>,
    max_ttl: Option<String>,
    never_expires_allowed: bool,
    stored_artifacts: i64,
    stored_bytes: i64,
    physical_bytes: i64,
}

impl From<v1::Tenant> for Tenant {
    fn from(tenant: v1::Tenant) -> Self {
        Self {
            name: tenant.name,
            plan: tenant.plan,
            overrides: tenant.overrides.into_iter().map(Into::into).collect(),
            limits: tenant.limits.into_iter().map(Into::into).collect(),
            default_ttl: tenant.default_ttl.as_ref().and_then(duration),
            max_ttl: tenant.max_ttl.as_ref().and_then(duration),
            never_expires_allowed: tenant.never_expires_allowed,
            stored_artifacts: tenant.stored_artifacts,
            stored_bytes: tenant.stored_bytes,
            physical_bytes: tenant.physical_bytes,
        }
    }
}

#[derive(Serialize)]
struct Listing {
    tenants: Vec<Tenant>,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), CliError> {
    match args.verb {
        Verb::Set(args) => set(args, output).await,
        Verb::Show(args) => {
            let mut client = args.server.connect().await?;
            let request = unary(GetTenantRequest { name: args.name });
            let answer = client.operator.get_tenant(request).await?.into_inner();
            show(answer.tenant, output)
        }
        Verb::List(args) => list(args, output).await,
        Verb::Erase(args) => {
            let mut client = args.server.connect().await?;
            let request = unary(EraseTenantRequest {
                name: args.name,
                dry_run: args.dry_run,
            });
            let answer = client.operator.erase_tenant(request).await?.into_inner();
            report(answer.erasure, output)
        }
        Verb::Erasure(args) => {
            let mut client = args.server.connect().await?;
            let tenant_name = args.name;
            let request = unary(GetErasureRequest { tenant_name });
            let answer = client.operator.get_erasure(request).await?.into_inner();
            report(answer.erasure, output)
        }
    }
}

async fn set(args: SetArgs, output: Output) -> Result<(), CliError> {
    let mut client = args.server.connect().await?;
    let request = unary(SetTenantRequest {
        name: args.name,
        plan: args.plan,
        set_limits: limit::wire(&args.limits),
        reset_limits: args.reset.iter().map(|kind| kind.number()).collect(),
        default_ttl: args.default_ttl.map(Into::into),
        max_ttl: args.max_ttl.map(Into::into),
        never_expires_allowed: args.never_expires,
    });
    let answer = client.operator.set_tenant(request).await?.into_inner();
    show(answer.tenant, output)
}

fn show(tenant: Option<v1::Tenant>, output: Output) -> Result<(), CliError> {
    let tenant = Tenant::from(required(tenant, "tenant")?);
    let none = || Some("no limit".to_owned());
    output.data(&tenant, || {
        output::fields(&[
            ("tenant", Some(tenant.name.clone())),
            ("plan", Some(tenant.plan.clone())),
            ("own limits", limits(&tenant.overrides)),
            ("limits", limits(&tenant.limits).or_else(none)),
            (
                "default ttl",
                tenant.default_ttl.clone().or(Some("never".to_owned())),
            ),
            ("longest ttl", tenant.max_ttl.clone().or_else(none)),
            (
                "may never expire",
                Some(tenant.never_expires_allowed.to_string()),
            ),
            ("artifacts", Some(tenant.stored_artifacts.to_string())),
            ("stored", Some(size(tenant.stored_bytes))),
            ("physical", Some(size(tenant.physical_bytes))),
        ])
    })
}

fn report(erasure: Option<v1::Erasure>, output: Output) -> Result<(), CliError> {
    let erasure = Erasure::from(required(erasure, "erasure")?);
    let counts = erasure.deleted.iter().filter(|(_, count)| **count > 0);
    let counts: Vec<_> = counts
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    let (counted, state) = match (&*erasure.erasure_id, &erasure.finished_at) {
        ("", _) => ("would delete", "not requested".to_owned()),
        (_, None) => ("deleted", "under way".to_owned()),
        (_, Some(at)) => ("deleted", format!("finished {at}")),
    };
    let left = format!(
        "{} in {} objects",
        size(erasure.remaining_bytes),
        erasure.remaining_objects
    );
    output.data(&erasure, || {
        output::fields(&[
            ("tenant", Some(erasure.tenant.clone())),
            ("erasure", Some(state)),
            (counted, Some(counts.join(", "))),
            ("released", Some(size(erasure.released_bytes))),
            ("remaining", Some(left)),
            (
                "last error",
                Some(erasure.last_error.clone()).filter(|error| !error.is_empty()),
            ),
        ])
    })
}

async fn list(args: ListArgs, output: Output) -> Result<(), CliError> {
    let client = args.server.connect().await?;
    let fetch = async |page_size, page_token| {
        let request = unary(ListTenantsRequest {
            page_size,
            page_token,
        });
        let page = client.operator.clone().list_tenants(request).await?;
        let page = page.into_inner();
        Ok((page.tenants, page.next_page_token))
    };
    let tenants = pages::read_all(fetch).await?;
    let listing = Listing {
        tenants: tenants.into_iter().map(Tenant::from).collect(),
    };
    output.data(&listing, || {
        let mut rows = vec![header(["TENANT", "PLAN", "ARTIFACTS", "STORED"])];
        rows.extend(listing.tenants.iter().map(|tenant| {
            vec![
                tenant.name.clone(),
                tenant.plan.clone(),
                tenant.stored_artifacts.to_string(),
                size(tenant.stored_bytes),
            ]
        }));
        output::table(&rows)
    })
}
