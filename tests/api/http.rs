//! The JSON API.

use std::time::Duration;

use cairn_store::TenantUpdate;
use harness::Cairn;
use serde_json::Value;

mod artifacta;
mod artifacts;
mod bulk;
mod cuts;
mod events;
mod fields;
mod frame;
mod manners;
mod narrowing;
mod openapi;
mod presigned;
mod resumable;
mod session_artifacts;
mod sessions;
mod uploads;
mod urls;
mod usage;

/// Makes "never" a time to live that `acme` may not ask for.
async fn forbid_never(cairn: &Cairn) {
    let update = TenantUpdate {
        default_ttl: Some(Some(Duration::from_secs(86_400))),
        never_expires_allowed: Some(false),
        ..TenantUpdate::default()
    };
    assert!(cairn.store.update_tenant("acme", update).await.unwrap());
}

/// The names of what a list has.
fn names(list: &Value) -> Vec<&str> {
    let artifacts = list["artifacts"].as_array().unwrap();
    let names = artifacts.iter().map(|it| it["filename"].as_str().unwrap());
    names.collect()
}
