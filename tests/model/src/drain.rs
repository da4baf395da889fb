//! What remains when nothing new happens: every upload has died, and the collector has done all of its work.

use crate::{
    actions::known,
    instance::Instance,
    invariants::ObjectState,
    state::{State, has, key_of, numbers},
};

/// The state in which this one ends. Late writes are applied, because they may leave bytes behind; late deletes are
/// lost, because nothing may depend on them.
pub(crate) fn drain(instance: &Instance, state: &State) -> State {
    let mut end = State {
        db: state.db,
        store: state.store,
        ..State::default()
    };
    for (stored, late) in end.store.iter_mut().zip(state.late_puts) {
        *stored = late.or(*stored);
    }
    for object in numbers() {
        let Some(row) = end.db.objects[usize::from(object)] else {
            continue;
        };
        let garbage = match row.state {
            ObjectState::Live => row.queued && !end.db.is_pinned(object),
            ObjectState::Staging | ObjectState::Condemned => true,
            ObjectState::Gone => false,
        };
        if garbage {
            end.store[usize::from(key_of(instance, object))] = None;
            end.db.bury(object);
        }
    }
    let known = known(instance, &end);
    for (key, stored) in numbers().zip(&mut end.store) {
        if !has(known, key) {
            *stored = None;
        }
    }
    end
}
