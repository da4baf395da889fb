//! The JSON API.

use serde_json::Value;

mod artifacts;
mod bulk;
mod events;
mod frame;
mod sessions;

/// The names of what a list has.
fn names(list: &Value) -> Vec<&str> {
    let artifacts = list["artifacts"].as_array().unwrap();
    let names = artifacts.iter().map(|it| it["filename"].as_str().unwrap());
    names.collect()
}
