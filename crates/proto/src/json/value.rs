//! Single values: from their form on the wire to their form in JSON.

use jiff::Timestamp;

use crate::v1::{ArtifactKind, ArtifactStage, ArtifactState, JobState, JobType, TodoState};

/// A text, which on the wire is empty where there is none.
#[must_use]
pub fn present(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// A time, which in JSON is RFC 3339 in UTC with a Z; `None` when it is absent or out of range.
#[must_use]
pub fn timestamp(time: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    let time = time?;
    Timestamp::new(time.seconds, time.nanos).ok()
}

/// The units of a duration in JSON; each divides the one before it.
const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];

/// A duration in whole seconds, in the largest unit that needs no fraction: `30d`, `24h` as `1d`, `90m`, `45s`. `None` when
/// it is negative.
#[must_use]
pub fn duration(duration: &prost_types::Duration) -> Option<String> {
    let seconds = duration.seconds;
    if seconds < 0 || duration.nanos < 0 {
        return None;
    }
    let fits = |(per, _): &&(i64, &str)| seconds % per == 0;
    let (per, unit) = UNITS.iter().find(fits)?;
    Some(format!("{}{unit}", seconds / per))
}

/// `code`, `document`, `config`, `plan`, `data`, `image` or `other`.
#[must_use]
pub fn kind(kind: i32) -> Option<String> {
    match ArtifactKind::try_from(kind).ok()? {
        ArtifactKind::Unspecified => Some("other".to_owned()),
        kind => word(kind.as_str_name(), "ARTIFACT_KIND_"),
    }
}

/// `draft`, `review` or `final`.
#[must_use]
pub fn stage(stage: i32) -> Option<String> {
    match ArtifactStage::try_from(stage).ok()? {
        ArtifactStage::Unspecified => Some("draft".to_owned()),
        stage => word(stage.as_str_name(), "ARTIFACT_STAGE_"),
    }
}

/// `visible`, `unpublished`, `expired` or `deleted`; `None` also when the server did not say it.
#[must_use]
pub fn artifact_state(state: i32) -> Option<String> {
    match ArtifactState::try_from(state).ok()? {
        ArtifactState::Unspecified => None,
        state => word(state.as_str_name(), "ARTIFACT_STATE_"),
    }
}

/// `delete_artifacts`, `set_stage`, `delete_session` or `set_legal_hold`.
#[must_use]
pub fn job_type(kind: i32) -> Option<String> {
    match JobType::try_from(kind).ok()? {
        JobType::Unspecified => None,
        kind => word(kind.as_str_name(), "JOB_TYPE_"),
    }
}

/// `running`, `succeeded`, `cancelled` or `failed`.
#[must_use]
pub fn job_state(state: i32) -> Option<String> {
    match JobState::try_from(state).ok()? {
        JobState::Unspecified => None,
        state => word(state.as_str_name(), "JOB_STATE_"),
    }
}

/// `open`, `doing`, `done` or `dropped`.
#[must_use]
pub fn todo_state(state: i32) -> Option<String> {
    match TodoState::try_from(state).ok()? {
        TodoState::Unspecified => None,
        state => word(state.as_str_name(), "TODO_STATE_"),
    }
}

pub(super) fn word(name: &str, prefix: &str) -> Option<String> {
    Some(name.strip_prefix(prefix)?.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unset_enumeration_has_the_default_of_the_contract() {
        assert_eq!(kind(0).as_deref(), Some("other"));
        assert_eq!(stage(0).as_deref(), Some("draft"));
        assert_eq!(artifact_state(0), None);
        assert_eq!(kind(99), None);
    }

    #[test]
    fn a_duration_has_the_largest_unit_without_a_fraction() {
        for (seconds, text) in [
            (30 * 86_400, "30d"),
            (86_400, "1d"),
            (25 * 3_600, "25h"),
            (5_400, "90m"),
            (86_401, "86401s"),
        ] {
            let wire = prost_types::Duration { seconds, nanos: 0 };
            assert_eq!(duration(&wire).as_deref(), Some(text));
        }
        let negative = prost_types::Duration {
            seconds: -1,
            nanos: 0,
        };
        assert_eq!(duration(&negative), None);
    }

    #[test]
    fn a_time_is_shown_in_utc_with_a_z() {
        let wire = prost_types::Timestamp {
            seconds: 1_772_539_200,
            nanos: 250_000_000,
        };
        let shown = serde_json::to_value(timestamp(Some(wire)));
        assert_eq!(shown.ok(), Some("2026-03-03T12:00:00.25Z".into()));
        assert_eq!(timestamp(None), None);
    }
}
