//! What is checked of every state.

use stateright::Property;

use crate::{
    describe::describe,
    drain::drain,
    invariants::{leaks, violations},
    protocol::Protocol,
    state::State,
};

/// The promise that every simpler protocol breaks.
pub const NOTHING_IS_LOST: &str = "no artifact is without its bytes, and seals hold";
/// From every state, with nothing but the collector at work, garbage goes and the rest stays.
pub const NOTHING_LEAKS: &str = "in the end the store holds what is reachable, and nothing else";
/// Within one history.
pub const NOTHING_COMES_BACK: &str = "condemned, gone, purged and sealed are final";

pub(crate) fn promises() -> Vec<Property<Protocol>> {
    vec![
        Property::always(NOTHING_IS_LOST, |it: &Protocol, state| {
            violations(&describe(&it.instance, state)).is_empty()
        }),
        Property::always(NOTHING_LEAKS, |it: &Protocol, state| {
            let end = describe(&it.instance, &drain(&it.instance, state));
            violations(&end).is_empty() && leaks(&end).is_empty()
        }),
        Property::always(NOTHING_COMES_BACK, |_: &Protocol, state: &State| {
            !state.came_back
        }),
    ]
}
