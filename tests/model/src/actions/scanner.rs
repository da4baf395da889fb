//! The scanner: lists the store, then asks the primary, and deletes unknown keys.
//!
//! A key is unknown when it has no row, or the row of bytes that are gone. The minimum age of a key and the time
//! between sightings are left out: without them the scanner does no less.

use crate::{
    instance::Instance,
    invariants::ObjectState,
    state::{Scanner, Set, State, bit, has, key_of, numbers},
    variants::Variant,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    List,
    Ask,
    Delete(u8),
    /// The request times out and may still be applied.
    DeleteLate(u8),
    Crash,
}

pub(super) fn offer(instance: &Instance, state: &State) -> impl Iterator<Item = Step> {
    let asks_first = instance.is(Variant::AskThenList);
    let step = match state.scanner {
        Scanner::Idle if instance.sightings == 0 => None,
        Scanner::Idle if asks_first => Some(Step::Ask),
        Scanner::Idle | Scanner::Asked(_) => Some(Step::List),
        Scanner::Listed(_) => Some(Step::Ask),
        Scanner::Deleting(_) => None,
    };
    let doomed = match state.scanner {
        Scanner::Deleting(keys) => keys,
        _ => 0,
    };
    let deletes = numbers()
        .filter(move |key| has(doomed, *key))
        .flat_map(|key| {
            let late = instance.unclear.then_some(Step::DeleteLate(key));
            [Some(Step::Delete(key)), late]
        });
    let crash = state.scanner != Scanner::Idle;
    step.into_iter()
        .chain(deletes.flatten())
        .chain(crash.then_some(Step::Crash))
}

pub(super) fn take(instance: &Instance, state: &mut State, step: Step) {
    let next = match (step, state.scanner) {
        (Step::List, Scanner::Asked(known)) => doom(instance, state, listed(state) & !known),
        (Step::List, _) => Scanner::Listed(listed(state)),
        (Step::Ask, Scanner::Listed(keys)) => doom(instance, state, keys & !known(instance, state)),
        (Step::Ask, _) => Scanner::Asked(known(instance, state)),
        (Step::Delete(key), Scanner::Deleting(keys)) => {
            state.store[usize::from(key)] = None;
            rest(keys & !bit(key))
        }
        (Step::DeleteLate(key), Scanner::Deleting(keys)) => {
            state.late_deletes |= bit(key);
            rest(keys & !bit(key))
        }
        _ => Scanner::Idle,
    };
    state.scanner = next;
}

fn listed(state: &State) -> Set {
    let keys = numbers().filter(|key| state.store[usize::from(*key)].is_some());
    keys.fold(0, |set, key| set | bit(key))
}

/// The keys of rows whose bytes are not gone.
pub(crate) fn known(instance: &Instance, state: &State) -> Set {
    let db = if instance.is(Variant::AskStandby) {
        &state.standby
    } else {
        &state.db
    };
    let kept = |object: &u8| {
        let state = db.state_of(*object);
        state.is_some_and(|state| state != ObjectState::Gone)
    };
    let keys = numbers()
        .filter(kept)
        .map(|object| key_of(instance, object));
    keys.fold(0, |set, key| set | bit(key))
}

/// Remembers unknown keys, and dooms those that were already remembered.
fn doom(instance: &Instance, state: &mut State, unknown: Set) -> Scanner {
    if instance.sightings < 2 {
        return rest(unknown);
    }
    let again = unknown & state.db.suspects;
    state.db.suspects = unknown;
    rest(again)
}

fn rest(keys: Set) -> Scanner {
    if keys == 0 {
        Scanner::Idle
    } else {
        Scanner::Deleting(keys)
    }
}
