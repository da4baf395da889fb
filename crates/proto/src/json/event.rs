//! Something that happened in a session.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Artifact,
    value::{artifact_state, present, stage, timestamp, word},
};
use crate::v1::{SessionEvent, SessionEventType};

/// An event of a session; the fields are those of [`SessionEvent`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Event {
    /// 1, 2, 3 … within the session; a number that increases, where several sessions are watched.
    pub position: i64,
    /// The session.
    pub session_id: String,
    /// When.
    pub occurred_at: Option<Timestamp>,
    /// `created`, `staged`, `deleted`, `restored` or `sealed`.
    pub r#type: String,
    /// The artifact as it is now; `None` for events of the session itself.
    pub artifact: Option<EventArtifact>,
    /// Of a change of stage: the stage before.
    pub from: Option<String>,
    /// Of a change of stage: the stage after.
    pub to: Option<String>,
    /// Of a change of stage: the agent that the caller named.
    pub agent_id: Option<String>,
}

/// The artifact of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum EventArtifact {
    /// Its record.
    Record(Box<Artifact>),
    /// What is left when the record is gone.
    Gone {
        /// "art_" and 16 characters.
        artifact_id: String,
        /// As [`artifact_state`] has it.
        state: Option<String>,
    },
}

impl Event {
    /// `None` for a type of event that this build does not know; readers skip those.
    #[must_use]
    pub fn known(event: SessionEvent) -> Option<Self> {
        let kind = match SessionEventType::try_from(event.r#type).ok()? {
            SessionEventType::Unspecified => return None,
            kind => word(kind.as_str_name(), "SESSION_EVENT_TYPE_")?,
        };
        let stage = |number| (number != 0).then(|| stage(number)).flatten();
        let artifact = event.artifact.map(|artifact| {
            if artifact.filename.is_empty() {
                EventArtifact::Gone {
                    state: artifact_state(artifact.state),
                    artifact_id: artifact.artifact_id,
                }
            } else {
                EventArtifact::Record(Box::new(artifact.into()))
            }
        });
        Some(Self {
            position: event.position,
            session_id: event.session_id,
            occurred_at: timestamp(event.occurred_at),
            r#type: kind,
            artifact,
            from: stage(event.from_stage),
            to: stage(event.to_stage),
            agent_id: present(event.agent_id),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::v1::{self, ArtifactState};

    #[test]
    fn an_artifact_without_a_record_has_its_id_and_state() {
        let event = Event::known(SessionEvent {
            position: 7,
            session_id: "run".to_owned(),
            r#type: SessionEventType::Created.into(),
            artifact: Some(v1::Artifact {
                artifact_id: "art_1".to_owned(),
                state: ArtifactState::Deleted.into(),
                ..v1::Artifact::default()
            }),
            ..SessionEvent::default()
        });
        assert_eq!(
            serde_json::to_value(event).ok(),
            Some(json!({
                "position": 7, "session_id": "run", "occurred_at": null, "type": "created",
                "artifact": {"artifact_id": "art_1", "state": "deleted"},
                "from": null, "to": null, "agent_id": null
            }))
        );
    }

    #[test]
    fn an_unknown_type_of_event_is_skipped() {
        let newer = SessionEvent {
            r#type: 99,
            ..SessionEvent::default()
        };
        assert!(Event::known(newer).is_none());
    }
}
