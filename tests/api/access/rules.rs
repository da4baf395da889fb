//! What docs/access.md says of each method.

use std::collections::BTreeMap;

use cairn_store::Scope;

use crate::auth::every_method;

/// The row of a method.
pub(super) struct Rule {
    /// Every one of these sets has one scope that is needed.
    needs: Vec<Vec<Scope>>,
    /// What it is about.
    pub(super) about: String,
}

impl Rule {
    /// Whether a caller with these scopes may call it.
    pub(super) fn admits(&self, scopes: &[Scope]) -> bool {
        let mut needs = self.needs.iter();
        needs.all(|one_of| one_of.iter().any(|scope| scopes.contains(scope)))
    }
}

/// The rule of every method of the specification, by its path.
pub(super) fn rules() -> BTreeMap<String, Rule> {
    let page = include_str!("../../../docs/access.md");
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, method, needs, about, _] = cells[..] else {
            return None;
        };
        let path = format!("/cairn.v1.{method}");
        method.contains('/').then(|| (path, rule(needs, about)))
    });
    let rules: BTreeMap<_, _> = rows.collect();
    let documented: Vec<_> = rules.keys().cloned().collect();
    let mut methods = every_method();
    methods.sort();
    assert_eq!(documented, methods, "docs/access.md has a row for each");
    rules
}

fn rule(needs: &str, about: &str) -> Rule {
    let needs = match needs {
        "nothing" => Vec::new(),
        needs => needs
            .split(" and ")
            .map(|one_of| one_of.split(" or ").map(|it| it.parse().unwrap()).collect())
            .collect(),
    };
    Rule {
        needs,
        about: about.to_owned(),
    }
}
