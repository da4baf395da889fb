//! Grants between the wire and the store.

use cairn_proto::v1;
use cairn_store::{Grant, Narrowing, RawNarrowing, Result, Scope, Scopes, Violations};
use jiff::Timestamp;

/// The maximum scopes of a request, some of which a newer client may know alone.
const MAX_SCOPES: usize = 16;

/// The scopes and the narrowing of a request.
///
/// # Errors
/// `Invalid`, with every field at fault.
pub(crate) fn grant(scopes: &[i32], narrowing: Option<v1::Narrowing>) -> Result<Grant> {
    let mut faults = Violations::new();
    if scopes.len() > MAX_SCOPES {
        faults.add("scopes", "must be at most 16");
    }
    let mut known = Vec::new();
    for (i, number) in scopes.iter().take(MAX_SCOPES).enumerate() {
        let rule = "must be one of the scopes that this server knows";
        known.extend(faults.check(&format!("scopes[{i}]"), scope(*number).ok_or(rule)));
    }
    let scopes: Scopes = faults.finish(Some(known.into_iter().collect()))?;
    let narrowing = match narrowing {
        Some(wanted) => Narrowing::new(raw(wanted))?,
        None => Narrowing::none(),
    };
    Ok(Grant::new(scopes, narrowing, None))
}

/// What a token or one of its caveats leaves: without scopes, all of them.
///
/// # Errors
/// `Invalid`, with every field at fault.
pub(crate) fn at_most(
    scopes: &[i32],
    narrowing: Option<v1::Narrowing>,
    not_after: Option<Timestamp>,
) -> Result<Grant> {
    let given = grant(scopes, narrowing)?;
    let scopes = match scopes {
        [] => Scopes::all(),
        _ => given.scopes(),
    };
    Ok(Grant::new(scopes, given.narrowing().clone(), not_after))
}

fn scope(number: i32) -> Option<Scope> {
    Some(match v1::Scope::try_from(number).ok()? {
        v1::Scope::Unspecified => return None,
        v1::Scope::Read => Scope::Read,
        v1::Scope::Write => Scope::Write,
        v1::Scope::Delete => Scope::Delete,
        v1::Scope::Link => Scope::Link,
        v1::Scope::Seal => Scope::Seal,
        v1::Scope::Hold => Scope::Hold,
        v1::Scope::Admin => Scope::Admin,
        v1::Scope::Operator => Scope::Operator,
    })
}

fn raw(narrowing: v1::Narrowing) -> RawNarrowing {
    RawNarrowing {
        sessions: narrowing.session_ids,
        session_prefix: narrowing.session_prefix,
        namespace: narrowing.namespace,
        user_id: narrowing.user_id,
        agent_id: narrowing.agent_id,
        filename_prefix: narrowing.filename_prefix,
    }
}

/// The scopes on the wire.
pub(crate) fn scopes(of: &Grant) -> Vec<i32> {
    let number = |scope| match scope {
        Scope::Read => v1::Scope::Read,
        Scope::Write => v1::Scope::Write,
        Scope::Delete => v1::Scope::Delete,
        Scope::Link => v1::Scope::Link,
        Scope::Seal => v1::Scope::Seal,
        Scope::Hold => v1::Scope::Hold,
        Scope::Admin => v1::Scope::Admin,
        Scope::Operator => v1::Scope::Operator,
    };
    let scopes = of.scopes().iter();
    scopes.map(|scope| number(scope).into()).collect()
}

/// The narrowing on the wire; `None` where there is none.
pub(crate) fn narrowing(of: &Grant) -> Option<v1::Narrowing> {
    let narrowing = of.narrowing();
    (!narrowing.is_none()).then(|| {
        let raw = narrowing.to_raw();
        v1::Narrowing {
            session_ids: raw.sessions,
            session_prefix: raw.session_prefix,
            namespace: raw.namespace,
            user_id: raw.user_id,
            agent_id: raw.agent_id,
            filename_prefix: raw.filename_prefix,
        }
    })
}
