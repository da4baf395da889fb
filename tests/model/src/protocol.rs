//! The protocol as a model that Stateright can explore.

use stateright::{Model, Property};

use crate::{
    actions::{self, Action},
    describe::describe,
    instance::Instance,
    invariants::regressions,
    properties::promises,
    sights::sights,
    state::State,
};

pub(crate) struct Protocol {
    pub(crate) instance: Instance,
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions::offer(&self.instance, state, actions);
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = *before;
        actions::take(&self.instance, &mut state, action);
        if state.db != before.db && !actions::is_failover(action) {
            let [was, is] = [before, &state].map(|state| describe(&self.instance, state));
            state.came_back |= !regressions(&was, &is).is_empty();
        }
        // Uploaders are interchangeable, and so are workers: swapping them gives the same state.
        state.uploaders.sort_unstable();
        if self.instance.workers > 1 {
            state.collectors.sort_unstable();
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = promises();
        properties.extend(sights(&self.instance));
        properties
    }
}
