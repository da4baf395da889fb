//! What a credential allows, as a person reads it.

use cairn_proto::json::{ApiKey, Limit, Narrowing};

use super::{
    output,
    render::{header, or_dash, shown},
};

/// Every field of a key on its line.
pub(crate) fn key_fields(key: &ApiKey) -> String {
    output::fields(&[
        ("id", Some(key.key_id.clone())),
        ("name", key.name.clone()),
        ("ends with", Some(key.last_4.clone())),
        ("scopes", Some(key.scopes.join(","))),
        ("reaches", Some(reach(key.narrowing.as_ref()))),
        ("limits", limits(&key.limits)),
        ("created", shown(key.created_at)),
        ("expires", shown(key.expires_at)),
        ("last used", shown(key.last_used_at)),
        ("revoked", shown(key.revoked_at)),
    ])
}

/// Keys, one to a line.
pub(crate) fn key_table(keys: &[ApiKey]) -> String {
    let names = [
        "ID",
        "NAME",
        "KEY",
        "SCOPES",
        "REACHES",
        "LAST USED",
        "STATE",
    ];
    let mut rows = vec![header(names)];
    rows.extend(keys.iter().map(|key| {
        let state = match (key.revoked_at, key.expires_at) {
            (Some(at), _) => format!("revoked {at}"),
            (None, Some(at)) => format!("expires {at}"),
            (None, None) => "active".to_owned(),
        };
        vec![
            key.key_id.clone(),
            or_dash(key.name.clone()),
            format!("…{}", key.last_4),
            key.scopes.join(","),
            reach(key.narrowing.as_ref()),
            or_dash(shown(key.last_used_at)),
            state,
        ]
    }));
    output::table(&rows)
}

/// Which artifacts, in words.
pub(crate) fn reach(narrowing: Option<&Narrowing>) -> String {
    let Some(narrowing) = narrowing else {
        return "everything".to_owned();
    };
    let mut words: Vec<_> = narrowing
        .session_ids
        .iter()
        .map(|session| format!("session {session}"))
        .collect();
    for (what, value) in [
        (
            "sessions",
            narrowing.session_prefix.as_ref().map(|it| format!("{it}*")),
        ),
        ("namespace", narrowing.namespace.clone()),
        ("user", narrowing.user_id.clone()),
        ("agent", narrowing.agent_id.clone()),
        (
            "files",
            narrowing
                .filename_prefix
                .as_ref()
                .map(|it| format!("{it}*")),
        ),
    ] {
        words.extend(value.map(|value| format!("{what} {value}")));
    }
    words.join(", ")
}

/// Limits in words; `None` for none of them.
pub(crate) fn limits(limits: &[Limit]) -> Option<String> {
    let words = limits.iter().map(|limit| {
        let kind = limit.kind.as_deref().unwrap_or("?");
        let max = limit.max.map_or("none".to_owned(), |max| max.to_string());
        format!("{kind}={max}")
    });
    (!limits.is_empty()).then(|| words.collect::<Vec<_>>().join(", "))
}
