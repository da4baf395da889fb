//! What a Cairn server says when it says no.

use std::{collections::BTreeMap, fmt, time::Duration};

use cairn_proto::{
    json::Violation,
    reason::{Mapping, Retry},
};
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt};

use super::{Again, Fault};
use crate::terminal::printable::shell_word;

/// An error that a Cairn server sent.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What the reason means.
    mapping: Mapping,
    /// A name of `cairn.v1.ErrorReason` without its prefix.
    reason: String,
    message: String,
    violations: Vec<Violation>,
    details: BTreeMap<String, String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(status: &Status, info: ErrorInfo) -> Self {
        let violations = status
            .get_details_bad_request()
            .map(|bad| bad.field_violations)
            .unwrap_or_default();
        let retry = status.get_details_retry_info();
        Self {
            mapping: Mapping::of_wire(&info.reason, status.code()),
            reason: info.reason,
            message: status.message().to_owned(),
            violations: violations
                .into_iter()
                .map(|violation| Violation {
                    field: violation.field,
                    description: violation.description,
                })
                .collect(),
            details: info.metadata.into_iter().collect(),
            retry_after: retry.and_then(|retry| retry.retry_delay),
        }
    }

    pub(super) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(super) fn details(&self) -> &BTreeMap<String, String> {
        &self.details
    }

    pub(super) fn again(&self) -> Option<Again> {
        match self.mapping.retry {
            Retry::No => None,
            Retry::WhenFirstEnds => Some(Again::UnderWay(self.retry_after)),
            Retry::AfterPause | Retry::FromStart => Some(Again::Lost(self.retry_after)),
        }
    }

    pub(super) fn fault(&self) -> Fault {
        match self.mapping.grpc {
            // Others keep it busy.
            _ if self.mapping.retry.needs_pause() => Fault::Server,
            Code::InvalidArgument
            | Code::NotFound
            | Code::FailedPrecondition
            | Code::Unauthenticated
            | Code::PermissionDenied
            | Code::Aborted
            | Code::ResourceExhausted => Fault::Caller,
            _ => Fault::Server,
        }
    }

    pub(super) fn http_code(&self) -> String {
        self.mapping.http_code.clone().into_owned()
    }

    pub(super) fn http_status(&self) -> u16 {
        self.mapping.http.as_u16()
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Who was there first, where the server tells it: that is what its caller has to look at.
    fn conflict(&self) -> Option<String> {
        let detail = |name| self.detail(name);
        let made = |(what, name)| Some(format!("{what} {}", detail(name)?));
        let id = detail("artifact_id").filter(|_| self.reason == "VERSION_CONFLICT")?;
        // A server that is older tells no name.
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
}

impl Refusal {
    fn detail(&self, name: &str) -> Option<&String> {
        self.details.get(name).filter(|text| !text.is_empty())
    }

    /// How to go on after events that are forgotten, in the words of this command.
    fn expired(&self) -> Option<String> {
        let session = self.detail("session_id");
        let session = session.filter(|_| self.reason == "EVENTS_EXPIRED")?;
        Some(format!(
            "events of session '{session}' from there on are forgotten: see what it holds with `cairn ls --session \
             {} --all`, then watch on with --after {}",
            shell_word(session),
            self.detail("after_position")?
        ))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.conflict().or_else(|| self.expired()) {
            Some(words) => f.write_str(&words),
            None => f.write_str(&self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    use super::Again;
    use crate::error::CliError;

    fn refusal(reason: &str, metadata: &[(&str, &str)]) -> CliError {
        let metadata = metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let info = ErrorDetails::with_error_info(
            reason,
            "cairn.dev",
            metadata.collect::<std::collections::HashMap<_, _>>(),
        );
        let mut details = info;
        details.set_retry_info(Some(Duration::from_secs(1)));
        Status::with_error_details(Code::Aborted, "words", details).into()
    }

    #[test]
    fn a_conflict_tells_the_present_version_and_who_made_it_when() {
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
        let nobody = [current[0], current[1], ("agent_id", ""), current[3]];
        let words = refusal("VERSION_CONFLICT", &nobody).to_string();
        assert!(words.contains("version 3, made at 2026"), "{words}");
        let named = [&current[..], &[("filename", "plan.md")]].concat();
        let words = refusal("VERSION_CONFLICT", &named).to_string();
        assert!(words.starts_with("'plan.md' is at version 3"), "{words}");
        let none = refusal("VERSION_CONFLICT", &[("current_version", "0")]);
        assert_eq!(none.to_string(), "words");
    }

    #[test]
    fn whoever_comes_too_late_for_events_is_told_where_to_go_on() {
        let metadata = [("session_id", "run"), ("after_position", "7")];
        let words = refusal("EVENTS_EXPIRED", &metadata).to_string();
        assert!(words.contains("`cairn ls --session run --all`"), "{words}");
        assert!(words.ends_with("with --after 7"), "{words}");
        assert_eq!(refusal("EVENTS_EXPIRED", &[]).to_string(), "words");
    }

    #[test]
    fn what_was_lost_and_what_is_under_way_is_worth_another_call_and_nothing_else_is() {
        let second = Some(Duration::from_secs(1));
        for (reason, again) in [
            ("UNAVAILABLE", Some(Again::Lost(second))),
            ("UPLOAD_EXPIRED", Some(Again::Lost(second))),
            ("RATE_LIMITED", Some(Again::Lost(second))),
            ("IDEMPOTENCY_IN_PROGRESS", Some(Again::UnderWay(second))),
            ("VERSION_CONFLICT", None),
            ("SESSION_SEALED", None),
            ("QUOTA_EXCEEDED", None),
            ("IDEMPOTENCY_KEY_REUSED", None),
            ("INTERNAL", None),
        ] {
            assert_eq!(refusal(reason, &[]).again(), again, "{reason}");
        }
        let lost = CliError::from(Status::unavailable("gone")).again();
        assert_eq!(lost, Some(Again::Lost(None)));
        assert_eq!(CliError::BadAnswer(String::new()).again(), None);
    }
}
