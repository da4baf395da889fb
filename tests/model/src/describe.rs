//! States of the model in the words of the invariants.

use crate::{
    instance::Instance,
    invariants::{Artifact, ArtifactState, Object, Session, Snapshot, Stored},
    state::{ArtifactRow, Set, State, has, key_of, numbers},
    variants::Variant,
};

pub(crate) fn describe(instance: &Instance, state: &State) -> Snapshot<u8> {
    let artifact = |id: u8| {
        let row = state.row(id)?;
        let kind = match row {
            ArtifactRow::Unpublished { .. } => ArtifactState::Unpublished,
            ArtifactRow::Live { .. } => ArtifactState::Live,
            ArtifactRow::Deleted { .. } => ArtifactState::Deleted,
            ArtifactRow::Purged { .. } => ArtifactState::Purged,
            ArtifactRow::Discarded => return None,
        };
        Some(Artifact {
            id,
            state: kind,
            object: row.pins().unwrap_or(id),
            content: instance.contents[usize::from(id)],
        })
    };
    let object = |id: u8| {
        let row = state.db.objects[usize::from(id)]?;
        Some(Object {
            id,
            state: row.state,
            content: row.content,
            key: Some(key_of(instance, id)),
        })
    };
    let stored = |key: u8| {
        let content = state.store[usize::from(key)]?;
        Some(Stored { key, content })
    };
    let session = || Session {
        id: 0,
        manifest: state.db.manifest.map(members),
        members: members(if instance.is(Variant::ManifestByTimes) {
            state.db.members_by_times()
        } else {
            state.db.members()
        }),
    };
    Snapshot::new(
        numbers().filter_map(artifact).collect(),
        numbers().filter_map(object).collect(),
        numbers().filter_map(stored).collect(),
        if instance.session {
            vec![session()]
        } else {
            Vec::new()
        },
    )
}

fn members(set: Set) -> Vec<u8> {
    numbers().filter(|number| has(set, *number)).collect()
}
