//! The `cairn` command: its output, its exit codes, and the files that it leaves.
#![cfg(test)]

use serde_json::Value;

use harness::{Bytes, Cairn, Setup, Shell, each, text};

mod admin_keys;
mod admin_operator;
mod again;
mod batches;
mod changes;
mod concepts;
mod dev;
mod faults;
mod folders;
mod impostor;
mod jobs;
mod keys;
mod lineage;
mod link;
mod ls;
mod matching;
mod mcp;
mod names;
mod publish;
mod pull;
mod pull_refused;
mod push;
mod push_refused;
mod python;
mod records;
mod resuming;
mod session;
mod sidecar;
mod sidecar_faults;
mod terminal;
mod tls;
mod tokens;
mod transfers;
mod url;
mod versions;
mod watch;
mod wrong_address;

/// A Cairn, and a shell with the key of its tenant.
async fn start() -> (Cairn, Shell) {
    started(Setup::on(Bytes::Files)).await
}

async fn started(setup: Setup) -> (Cairn, Shell) {
    let cairn = setup.start().await;
    let shell = Shell::at(&cairn.grpc_url, &cairn.key).await;
    (cairn, shell)
}

/// The artifact in the answer to a push, without the fields that only a push returns.
fn record(mut pushed: Value) -> Value {
    let fields = pushed.as_object_mut().unwrap();
    for of_push in ["deduplicated", "existing"] {
        fields.remove(of_push).unwrap();
    }
    pushed
}

/// How many artifacts exist or existed.
async fn artifacts(cairn: &Cairn) -> i64 {
    cairn.count("SELECT count(*) FROM artifacts").await
}
