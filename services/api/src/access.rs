//! The one policy point: what a caller may ask for, whatever face it asks through.
//!
//! Which artifacts a caller reaches is checked by the store, where they are found. Here is checked what needs no look at
//! any of them, before a byte of the request is read.

use cairn_store::{Caller, Result};

mod table;

pub(crate) use table::{Needs, Rule, Touches, rule, services};

/// Refuses a caller that a rule does not admit. A route of another face names the method whose work it does, and asks here
/// with the rule of that.
///
/// # Errors
/// `ScopeMissing`, `OutOfReach`.
pub(crate) fn check(caller: &Caller, rule: &Rule) -> Result<()> {
    match rule.needs {
        Needs::Nothing | Needs::Credential => {}
        Needs::All(scopes) => scopes.iter().try_for_each(|scope| caller.require(*scope))?,
        Needs::Any(scopes) => {
            let held = caller.grant().scopes();
            if !scopes.iter().any(|scope| held.has(*scope)) {
                scopes.iter().try_for_each(|scope| caller.require(*scope))?;
            }
        }
    }
    match rule.touches {
        Touches::Sessions => caller.require_whole_sessions(),
        Touches::Tenant => caller.require_everything(),
        Touches::Nothing
        | Touches::Artifacts
        | Touches::Content
        | Touches::Links
        | Touches::Jobs
        | Touches::Todos
        | Touches::Keys
        | Touches::Deployment => Ok(()),
    }
}
