//! Something that happened in a session, as a person reads it.

use cairn_proto::json::{Event, EventArtifact};

use crate::terminal::{
    output::table,
    render::{or_dash, shown, version},
};

/// One line, whose columns are aligned with those of other lines as far as possible; with the session if several are watched.
pub(super) fn row(event: &Event, several: bool) -> String {
    let mut row = vec![format!("{:>4}", event.position)];
    if several {
        row.push(event.session_id.clone());
    }
    row.push(or_dash(shown(event.occurred_at)));
    row.push(format!("{:8}", event.r#type));
    match &event.artifact {
        Some(EventArtifact::Record(artifact)) => row.extend([
            artifact.artifact_id.clone(),
            version(artifact),
            artifact.filename.clone(),
        ]),
        Some(EventArtifact::Gone { artifact_id, .. }) => row.push(artifact_id.clone()),
        None => {}
    }
    if let (Some(from), Some(to)) = (&event.from, &event.to) {
        row.push(format!("{from} to {to}"));
        row.extend(event.agent_id.as_ref().map(|agent| format!("by {agent}")));
    }
    table(&[row])
}

#[cfg(test)]
mod tests {
    use cairn_proto::{
        json::Event,
        v1::{ArtifactStage, SessionEvent, SessionEventType},
    };

    use super::row;

    #[test]
    fn a_change_of_stage_tells_from_where_to_where_and_by_whom() {
        let event = Event::known(SessionEvent {
            position: 7,
            r#type: SessionEventType::Staged.into(),
            from_stage: ArtifactStage::Draft.into(),
            to_stage: ArtifactStage::Final.into(),
            agent_id: "ann".to_owned(),
            ..SessionEvent::default()
        });
        let row = event.map(|event| row(&event, false)).unwrap_or_default();
        assert_eq!(row, "   7  -  staged    draft to final  by ann\n");
    }
}
