//! Messages for refusals that this command can describe better than the server.

use cairn_client::Refusal;

use crate::terminal::printable::shell_word;

/// The message for people.
pub(super) fn of(refusal: &Refusal) -> String {
    conflict(refusal)
        .or_else(|| expired(refusal))
        .unwrap_or_else(|| refusal.message().to_owned())
}

fn detail<'a>(refusal: &'a Refusal, name: &str) -> Option<&'a String> {
    refusal.details().get(name).filter(|text| !text.is_empty())
}

/// The present version of a file and who made it, where the server says so.
fn conflict(refusal: &Refusal) -> Option<String> {
    let detail = |name| detail(refusal, name);
    let made = |(what, name)| Some(format!("{what} {}", detail(name)?));
    let id = detail("artifact_id").filter(|_| refusal.reason() == "VERSION_CONFLICT")?;
    // An older server gives no name.
    let file = detail("filename").map_or("the file".to_owned(), |name| format!("'{name}'"));
    let made: String = [(" by", "agent_id"), (" at", "created_at")]
        .into_iter()
        .filter_map(made)
        .collect();
    Some(format!(
        "{file} is at version {}, made{made}, {id}; nothing was changed: read it, then try again",
        detail("current_version")?
    ))
}

/// How to go on with this command where events are no longer kept.
fn expired(refusal: &Refusal) -> Option<String> {
    let session = detail(refusal, "session_id");
    let session = session.filter(|_| refusal.reason() == "EVENTS_EXPIRED")?;
    Some(format!(
        "events of session '{session}' from there on are forgotten: see what it holds with `cairn ls --session {} \
         --all`, then watch on with --after {}",
        shell_word(session),
        detail(refusal, "after_position")?
    ))
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    use crate::error::CliError;

    fn refusal(reason: &str, metadata: &[(&str, &str)]) -> CliError {
        let metadata = metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let details = ErrorDetails::with_error_info(
            reason,
            "cairn.dev",
            metadata.collect::<std::collections::HashMap<_, _>>(),
        );
        Status::with_error_details(Code::Aborted, "words", details).into()
    }

    #[test]
    fn a_conflict_names_the_present_version_and_its_author() {
        let current = [
            ("current_version", "3"),
            ("artifact_id", "art_1"),
            ("agent_id", "writer"),
            ("created_at", "2026-01-31T12:00:00Z"),
        ];
        let words = refusal("VERSION_CONFLICT", &current).to_string();
        assert!(
            words.contains("at version 3, made by writer at 2026-01-31T12:00:00Z, art_1;"),
            "{words}"
        );
        let unnamed = [current[0], current[1], ("agent_id", ""), current[3]];
        let words = refusal("VERSION_CONFLICT", &unnamed).to_string();
        assert!(words.contains("version 3, made at 2026"), "{words}");
        let named = [&current[..], &[("filename", "plan.md")]].concat();
        let words = refusal("VERSION_CONFLICT", &named).to_string();
        assert!(words.starts_with("'plan.md' is at version 3"), "{words}");
        let none = refusal("VERSION_CONFLICT", &[("current_version", "0")]);
        assert_eq!(none.to_string(), "words");
    }

    #[test]
    fn expired_events_come_with_the_position_to_go_on_from() {
        let metadata = [("session_id", "run"), ("after_position", "7")];
        let words = refusal("EVENTS_EXPIRED", &metadata).to_string();
        assert!(words.contains("`cairn ls --session run --all`"), "{words}");
        assert!(words.ends_with("with --after 7"), "{words}");
        assert_eq!(refusal("EVENTS_EXPIRED", &[]).to_string(), "words");
    }
}
