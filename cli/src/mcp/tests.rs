//! What hosts pay for, and what a key is offered.

use serde_json::json;

use super::{Toolset, offered, table::TOOLS};

/// The most that all tools cost in a list, in bytes.
const MAX_LIST: usize = 12 << 10;

fn scopes(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_list_of_all_tools_is_small() {
    let tools: Vec<_> = TOOLS.iter().map(|tool| tool.listed(true)).collect();
    let list = json!({ "tools": tools }).to_string();
    assert!(list.len() <= MAX_LIST, "{} bytes", list.len());
}

#[test]
fn the_scopes_of_a_key_decide_which_tools_there_are() {
    let names = |sets: &[Toolset], given: &[&str], delete| -> Vec<_> {
        let tools = offered(sets, &scopes(given), delete);
        tools.iter().map(|tool| tool.name).collect()
    };
    assert_eq!(names(&[Toolset::All], &[], true), ["whoami"]);
    let reader = names(&[Toolset::All], &["read"], true);
    assert!(reader.contains(&"todo_list") && !reader.contains(&"store_artifact"));
    let every = ["read", "write", "delete", "link", "seal"];
    let all = names(&[Toolset::All], &every, true);
    assert_eq!(all.len(), TOOLS.len());
    let kept = names(&[Toolset::All], &every, false);
    assert!(!kept.contains(&"delete_artifact") && !kept.contains(&"artifact_delete"));
    let core = names(&[Toolset::Core], &every, false);
    assert!(core.contains(&"store_artifact") && !core.contains(&"todo_list"));
}
