//! An upload: a staging row, the bytes, and the commit in its two flights.
//!
//! An upload that gives its row up is one that dies and whose lease runs out at once. An upload whose session is
//! sealed, or whose row the collector has taken, ends without an effect.

use crate::{
    instance::Instance,
    invariants::ObjectState,
    state::{ArtifactRow, Commit, ObjectRow, Phase, Sealer, State, has, key_of},
    variants::Variant,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Commits the staging row; an upload that declares its hash sends nothing and has none.
    Begin,
    Put,
    /// The bytes are stored, and the answer is lost; the upload will repeat the request.
    PutUnheard,
    /// The request times out and may still be applied; the upload will repeat it.
    PutLate,
    /// Flight one: lock, and look.
    Look,
    /// Flight two: write, and commit.
    Write,
    /// The connection breaks while the commit is on its way; it will be tried again.
    CutOff,
    Crash,
}

pub(super) fn offer(
    instance: &Instance,
    state: &State,
    uploader: usize,
) -> impl Iterator<Item = Step> {
    let it = state.uploaders[uploader];
    let steps: &[Step] = match it.phase {
        Phase::Idle if state.begun < instance.uploads => &[Step::Begin],
        Phase::Idle => &[],
        Phase::Staged { .. } => &[Step::Put, Step::PutUnheard, Step::PutLate, Step::Crash],
        Phase::Stored { .. } => &[Step::Look, Step::Crash],
        Phase::Looked(_) => &[Step::Write, Step::CutOff, Step::Crash],
    };
    steps.iter().copied().filter(move |step| match step {
        Step::PutUnheard | Step::PutLate => instance.unclear,
        Step::CutOff => instance.unclear && it.doubt.is_none(),
        Step::Look => may_look(instance, state, uploader),
        Step::Begin => {
            let key = key_of(instance, state.begun);
            let locks = instance.is(Variant::LockedKeyFromContent);
            !locks || !state.is_being_deleted(instance, key)
        }
        Step::Put | Step::Write | Step::Crash => true,
    })
}

/// Whether flight one gets its locks: no party seals, no worker reviews the duplicate, and no earlier attempt is in
/// doubt, which would hold the own row.
fn may_look(instance: &Instance, state: &State, uploader: usize) -> bool {
    let Phase::Stored { upload, .. } = state.uploaders[uploader].phase else {
        return false;
    };
    let sealing = state.sealer != Sealer::Idle && enters_session(instance, upload);
    let duplicate = state
        .db
        .with_content(ObjectState::Live, content(instance, upload));
    let reviewed = duplicate.is_some_and(|duplicate| state.is_reviewed(duplicate));
    let unlocked =
        instance.is(Variant::DedupeWithoutLock) || instance.is(Variant::CondemnWithoutSecondLook);
    (!sealing || instance.is(Variant::CommitWithoutSessionLock))
        && (!reviewed || unlocked)
        && state.uploaders[uploader].doubt.is_none()
}

pub(super) fn take(instance: &Instance, state: &mut State, uploader: usize, step: Step) {
    let phase = state.uploaders[uploader].phase;
    let next = match (step, phase) {
        (Step::Begin, _) => begin(instance, state),
        (Step::Put, Phase::Staged { upload, object }) => {
            put(instance, state, upload, object);
            let object = Some(object);
            Phase::Stored { upload, object }
        }
        (Step::PutUnheard, Phase::Staged { upload, object }) => {
            put(instance, state, upload, object);
            phase
        }
        (Step::PutLate, Phase::Staged { upload, object }) => {
            let key = usize::from(key_of(instance, object));
            state.late_puts[key] = Some(content(instance, upload));
            phase
        }
        (Step::Look, Phase::Stored { upload, object }) => look(instance, state, upload, object),
        (Step::Write, Phase::Looked(commit)) => {
            if apply(instance, state, commit) {
                Phase::Idle
            } else {
                stored(commit)
            }
        }
        (Step::CutOff, Phase::Looked(commit)) => {
            state.uploaders[uploader].doubt = Some(commit);
            stored(commit)
        }
        _ => Phase::Idle,
    };
    state.uploaders[uploader].phase = next;
}

fn begin(instance: &Instance, state: &mut State) -> Phase {
    let upload = state.begun;
    state.begun += 1;
    if has(instance.declared, upload) {
        let object = None;
        return Phase::Stored { upload, object };
    }
    let object = if instance.is(Variant::IdsFromSequence) {
        state.db.sequence += 1;
        state.db.sequence - 1
    } else {
        upload
    };
    if !instance.is(Variant::NoStagingRow) {
        state.db.objects[usize::from(object)] = Some(ObjectRow {
            state: ObjectState::Staging,
            content: None,
            queued: false,
        });
    }
    Phase::Staged { upload, object }
}

fn put(instance: &Instance, state: &mut State, upload: u8, object: u8) {
    let key = usize::from(key_of(instance, object));
    state.store[key] = Some(content(instance, upload));
}

fn look(instance: &Instance, state: &State, upload: u8, object: Option<u8>) -> Phase {
    if state.row(upload).is_some() {
        return Phase::Idle; // an earlier attempt was committed and its answer lost
    }
    if enters_session(instance, upload) && state.db.manifest.is_some() {
        return Phase::Idle;
    }
    if let Some(object) = object {
        let mine = match state.db.state_of(object) {
            Some(ObjectState::Staging) => true,
            None => instance.is(Variant::NoStagingRow) || instance.is(Variant::CommitMakesRow),
            Some(_) => false,
        };
        if !mine {
            return Phase::Idle;
        }
    }
    let content = content(instance, upload);
    let mut duplicate = state.db.with_content(ObjectState::Live, content);
    if duplicate.is_none() && instance.is(Variant::Revival) {
        duplicate = state.db.with_content(ObjectState::Condemned, content);
    }
    let readable = |object| {
        let mut rows = state.db.artifacts.iter().flatten();
        rows.any(|row| *row == ArtifactRow::visible(object))
    };
    if object.is_none() && !duplicate.is_some_and(readable) {
        return Phase::Idle; // the bytes must be sent
    }
    Phase::Looked(Commit {
        upload,
        object,
        duplicate,
    })
}

/// The effect of the commit; false if Postgres refuses it, and it must run again.
pub(super) fn apply(instance: &Instance, state: &mut State, commit: Commit) -> bool {
    let content = content(instance, commit.upload);
    let db = &mut state.db;
    let object = match (commit.duplicate, commit.object) {
        (Some(duplicate), own) => {
            if instance.is(Variant::Revival) && db.is(duplicate, ObjectState::Condemned) {
                db.set(duplicate, ObjectState::Live);
            }
            if instance.foreign_key && !db.is(duplicate, ObjectState::Live) {
                return false;
            }
            if let Some(own) = own {
                db.settle(own, ObjectState::Condemned, content);
            }
            duplicate
        }
        (None, Some(own)) => {
            if db.with_content(ObjectState::Live, content).is_some() {
                return false;
            }
            db.settle(own, ObjectState::Live, content);
            own
        }
        (None, None) => return false,
    };
    let row = if has(instance.unpublished, commit.upload) {
        ArtifactRow::Unpublished { object }
    } else {
        ArtifactRow::visible(object)
    };
    state.set_row(commit.upload, row);
    true
}

/// Two commits in one transaction lock and read like two transactions: flight one of each is a step of its own here, in
/// any order, which allows more than the code does.
pub(super) fn may_write_together(instance: &Instance, state: &State) -> bool {
    let ready =
        |it: &crate::state::Uploader| matches!(it.phase, Phase::Looked(_)) && it.doubt.is_none();
    instance.together && state.uploaders.iter().all(ready)
}

/// Writes both or neither. The second of two uploads with the same bytes refers to the object of the first, which is
/// not yet committed.
pub(super) fn write_together(instance: &Instance, state: &mut State) {
    let [Phase::Looked(first), Phase::Looked(second)] = state.uploaders.map(|it| it.phase) else {
        return;
    };
    let before = *state;
    let in_part = instance.is(Variant::TogetherInPart);
    let first_written = !in_part && apply(instance, state, first);
    let shared = content(instance, first.upload) == content(instance, second.upload);
    let duplicate = second
        .duplicate
        .or(first.duplicate.or(first.object).filter(|_| shared));
    let second_written = apply(
        instance,
        state,
        Commit {
            duplicate,
            ..second
        },
    );
    let both = first_written && second_written;
    if !both && !in_part {
        *state = before;
    }
    let next = |written, commit| if written { Phase::Idle } else { stored(commit) };
    state.uploaders[0].phase = next(both, first);
    state.uploaders[1].phase = next(both || in_part, second);
}

/// Back to where the bytes are stored, to try the commit again.
pub(super) fn stored(commit: Commit) -> Phase {
    Phase::Stored {
        upload: commit.upload,
        object: commit.object,
    }
}

/// Whether the commit of this upload enters the session. An unpublished artifact enters it when it is published.
pub(super) fn enters_session(instance: &Instance, upload: u8) -> bool {
    instance.session && !has(instance.unpublished, upload)
}

fn content(instance: &Instance, upload: u8) -> u8 {
    instance.contents[usize::from(upload)]
}
