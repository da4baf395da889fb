//! Something that happened in a session, as JSON has it and as a person reads it.

use cairn_proto::v1::{SessionEvent, SessionEventType};
use serde::Serialize;

use crate::{
    output::table,
    record::{stage_name, state_name},
    shapes::{Artifact, or_dash, present},
    time::rfc3339,
};

#[derive(Debug, Serialize)]
pub(super) struct Event {
    position: i64,
    occurred_at: Option<String>,
    r#type: String,
    /// As it is now; null for what happened to the session itself.
    artifact: Option<Subject>,
    /// Where a stage was changed: that before, that after, and who did it.
    from: Option<String>,
    to: Option<String>,
    agent_id: Option<String>,
}

/// The artifact that it happened to.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Subject {
    Known(Box<Artifact>),
    /// Its record is gone.
    Forgotten {
        artifact_id: String,
        state: Option<String>,
    },
}

impl Event {
    /// `None` for what is newer than this command, which is let pass.
    pub(super) fn known(event: SessionEvent) -> Option<Self> {
        let kind = match SessionEventType::try_from(event.r#type).ok()? {
            SessionEventType::Unspecified => return None,
            kind => kind.as_str_name().strip_prefix("SESSION_EVENT_TYPE_")?,
        };
        let stage = |stage| (stage != 0).then(|| stage_name(stage)).flatten();
        let artifact = event.artifact.map(|artifact| {
            if artifact.filename.is_empty() {
                Subject::Forgotten {
                    state: state_name(artifact.state),
                    artifact_id: artifact.artifact_id,
                }
            } else {
                Subject::Known(Box::new(artifact.into()))
            }
        });
        Some(Self {
            position: event.position,
            occurred_at: rfc3339(event.occurred_at),
            r#type: kind.to_ascii_lowercase(),
            artifact,
            from: stage(event.from_stage),
            to: stage(event.to_stage),
            agent_id: present(event.agent_id),
        })
    }

    /// One line, whose columns stand below each other as far as that can be known beforehand.
    pub(super) fn row(&self) -> String {
        let mut row = vec![
            format!("{:>4}", self.position),
            or_dash(self.occurred_at.clone()),
            format!("{:8}", self.r#type),
        ];
        match &self.artifact {
            Some(Subject::Known(artifact)) => row.extend([
                artifact.artifact_id.clone(),
                artifact.version(),
                artifact.filename.clone(),
            ]),
            Some(Subject::Forgotten { artifact_id, .. }) => row.push(artifact_id.clone()),
            None => {}
        }
        if let (Some(from), Some(to)) = (&self.from, &self.to) {
            row.push(format!("{from} to {to}"));
            row.extend(self.agent_id.as_ref().map(|agent| format!("by {agent}")));
        }
        table(&[row])
    }
}

#[cfg(test)]
mod tests {
    use cairn_proto::v1::{Artifact, ArtifactStage, ArtifactState, SessionEvent, SessionEventType};
    use serde_json::json;

    use super::Event;

    fn event(kind: SessionEventType) -> SessionEvent {
        SessionEvent {
            position: 7,
            r#type: kind.into(),
            ..SessionEvent::default()
        }
    }

    #[test]
    fn an_artifact_whose_record_is_gone_has_an_id_and_a_state_and_nothing_made_up() {
        let event = Event::known(SessionEvent {
            artifact: Some(Artifact {
                artifact_id: "art_1".to_owned(),
                state: ArtifactState::Deleted.into(),
                ..Artifact::default()
            }),
            ..event(SessionEventType::Created)
        });
        assert_eq!(
            serde_json::to_value(event).ok(),
            Some(json!({
                "position": 7, "occurred_at": null, "type": "created",
                "artifact": {"artifact_id": "art_1", "state": "deleted"},
                "from": null, "to": null, "agent_id": null
            }))
        );
    }

    #[test]
    fn a_change_of_stage_tells_from_where_to_where_and_by_whom() {
        let event = Event::known(SessionEvent {
            from_stage: ArtifactStage::Draft.into(),
            to_stage: ArtifactStage::Final.into(),
            agent_id: "ann".to_owned(),
            ..event(SessionEventType::Staged)
        });
        let row = event.map(|event| event.row()).unwrap_or_default();
        assert_eq!(row, "   7  -  staged    draft to final  by ann\n");
    }

    #[test]
    fn what_is_newer_than_this_command_is_let_pass() {
        let newer = SessionEvent {
            r#type: 99,
            ..SessionEvent::default()
        };
        assert!(Event::known(newer).is_none());
    }
}
