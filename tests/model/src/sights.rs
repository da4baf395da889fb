//! What must be seen at least once, where an instance allows it: a model in which nothing happens keeps every promise.

use stateright::Property;

use crate::{
    instance::Instance,
    invariants::ObjectState,
    protocol::Protocol,
    state::{ArtifactRow, Caller, Db, Phase, Scanner, Sealer, State, has, numbers},
};

type Condition = fn(&Protocol, &State) -> bool;

pub(crate) fn sights(instance: &Instance) -> Vec<Property<Protocol>> {
    let mut sights = Vec::new();
    let mut expect = |possible: bool, name: &'static str, condition: Condition| {
        if possible {
            sights.push(Property::sometimes(name, condition));
        }
    };
    let collects = instance.workers > 0;
    let deletes = collects && instance.deletions;
    let scans = instance.sightings > 0;

    expect(
        instance.contents[0] == instance.contents[1],
        "two artifacts share an object",
        |_, s| numbers().any(|object| pinned_by(&s.db, object) > 1),
    );
    expect(true, "an upload outlives its lease", |_, s| {
        s.uploaders.iter().any(|it| match it.phase {
            Phase::Stored {
                object: Some(object),
                ..
            } => s.db.is(object, ObjectState::Condemned),
            _ => false,
        })
    });
    expect(
        instance.unclear,
        "a commit is made and its answer lost",
        |_, s| {
            s.uploaders.iter().any(|it| match it.phase {
                Phase::Stored { upload, .. } => s.row(upload).is_some(),
                _ => false,
            })
        },
    );
    expect(
        instance.unclear,
        "a commit is in doubt after its upload has died",
        |_, s| {
            let mut uploaders = s.uploaders.iter();
            uploaders.any(|it| it.doubt.is_some() && it.phase == Phase::Idle)
        },
    );
    expect(
        deletes,
        "bytes are reclaimed that an artifact had",
        |_, s| {
            let purged = |row: &ArtifactRow| matches!(row, ArtifactRow::Purged { .. });
            let gone = |object| s.db.is(object, ObjectState::Gone);
            s.db.artifacts.iter().flatten().any(purged)
                && numbers().all(|o| gone(o) || s.db.objects[usize::from(o)].is_none())
        },
    );
    expect(
        deletes,
        "an object loses an artifact and keeps another",
        |_, s| numbers().any(|object| is_queued(&s.db, object) && pinned_by(&s.db, object) > 0),
    );
    expect(
        collects && instance.unclear,
        "a delete outlives the row it was for",
        |_, s| numbers().any(|key| has(s.late_deletes, key) && s.db.is(key, ObjectState::Gone)),
    );
    expect(
        collects && instance.unclear,
        "a late write leaves bytes behind",
        |_, s| numbers().any(|key| is_stored(s, key) && s.db.is(key, ObjectState::Gone)),
    );
    expect(scans, "the scanner finds what nothing knows", |_, s| {
        matches!(s.scanner, Scanner::Deleting(_))
    });
    expect(
        scans,
        "the scanner lists the bytes of an upload under way",
        |_, s| {
            let staging = |key| s.db.is(key, ObjectState::Staging);
            match s.scanner {
                Scanner::Listed(keys) => numbers().any(|key| has(keys, key) && staging(key)),
                _ => false,
            }
        },
    );
    expect(
        instance.unpublished != 0,
        "only what is unpublished pins an object under review",
        |_, s| {
            s.db.artifacts.iter().flatten().any(|row| match row {
                ArtifactRow::Unpublished { object } => {
                    is_queued(&s.db, *object) && pinned_by(&s.db, *object) == 1
                }
                _ => false,
            })
        },
    );
    expect(
        instance.unpublished != 0,
        "what was unpublished is live",
        |it, s| {
            let artifacts = numbers().filter(|artifact| has(it.instance.unpublished, *artifact));
            let mut rows = artifacts.filter_map(|artifact| s.row(artifact));
            rows.any(|row| matches!(row, ArtifactRow::Live { .. }))
        },
    );
    expect(
        instance.declared != 0,
        "bytes that were not sent are found",
        |it, s| {
            let mut commits = s.commits();
            commits.any(|commit| has(it.instance.declared, commit.upload))
        },
    );
    expect(
        instance.failovers > 0,
        "a standby takes over that knows of no condemnation",
        |_, s| {
            let lost = |o| s.db.is(o, ObjectState::Condemned) && s.standby.is(o, ObjectState::Live);
            numbers().any(lost)
        },
    );
    expect(
        instance.failovers > 0,
        "a failover takes an upload's row away",
        |_, s| {
            s.uploaders.iter().any(|it| match it.phase {
                Phase::Stored {
                    object: Some(object),
                    ..
                } => s.db.state_of(object).is_none(),
                _ => false,
            })
        },
    );
    expect(
        instance.session,
        "a session is sealed with an artifact in it",
        |_, s| s.db.manifest.is_some_and(|manifest| manifest != 0),
    );
    expect(
        instance.session,
        "an upload comes too late for its session",
        |_, s| {
            let mut uploaders = s.uploaders.iter();
            uploaders.any(|it| matches!(it.phase, Phase::Stored { .. }) && s.db.manifest.is_some())
        },
    );
    expect(
        instance.session && instance.deletions,
        "an artifact of a sealed session is restored",
        |_, s| matches!(s.caller, Caller::Restoring { .. }) && s.db.manifest.is_some(),
    );
    expect(
        instance.session && instance.deletions,
        "an artifact is purged while it is being restored",
        |_, s| match s.caller {
            Caller::Restoring { artifact } => {
                matches!(s.row(artifact), Some(ArtifactRow::Purged { .. }))
            }
            _ => false,
        },
    );
    expect(
        instance.session && instance.deletions,
        "an artifact expires while it is being prolonged",
        |_, s| match s.caller {
            Caller::Prolonging { artifact } => {
                matches!(
                    s.row(artifact),
                    Some(ArtifactRow::Live { expired: true, .. })
                )
            }
            _ => false,
        },
    );
    expect(
        instance.session && instance.deletions,
        "a deletion is under way as the session is sealed",
        |_, s| matches!(s.caller, Caller::Deleting { .. }) && matches!(s.sealer, Sealer::Ended(_)),
    );
    expect(
        instance.session && instance.deletions,
        "a seal ends what has expired",
        |_, s| matches!(s.sealer, Sealer::Ended(rows) if rows != 0),
    );
    expect(
        instance.session && instance.deletions,
        "a seal waits for what has expired and is being prolonged",
        |_, s| match s.caller {
            Caller::Prolonging { artifact } => {
                let row = s.row(artifact);
                let expired = matches!(row, Some(ArtifactRow::Live { expired: true, .. }));
                expired && s.sealer == Sealer::Stamped
            }
            _ => false,
        },
    );
    expect(
        instance.session && instance.deletions,
        "what a seal has ended cannot be restored",
        |_, s| {
            let listed = s.db.manifest;
            let deleted = s.db.those(|row| matches!(row, ArtifactRow::Deleted { .. }));
            listed.is_some_and(|listed| deleted & !listed != 0)
        },
    );
    sights
}

fn pinned_by(db: &Db, object: u8) -> usize {
    let rows = db.artifacts.iter().flatten();
    rows.filter(|row| row.pins() == Some(object)).count()
}

fn is_queued(db: &Db, object: u8) -> bool {
    db.objects[usize::from(object)].is_some_and(|row| row.queued)
}

fn is_stored(state: &State, key: u8) -> bool {
    state.store[usize::from(key)].is_some()
}
