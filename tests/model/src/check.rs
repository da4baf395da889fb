//! Explores an instance, and reports the result.

use std::{
    fmt,
    hash::Hash,
    time::{Duration, Instant},
};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::{instance::Instance, protocol::Protocol};

/// The result of exploring an instance completely.
#[derive(Debug)]
pub struct Explored {
    /// How many states there are.
    pub states: usize,
    /// The largest distance of a state from the start, in steps.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// The broken promises, each with the steps that break it. The two uploaders and the two workers are sorted by what
    /// they are doing, so their numbers may change from step to step.
    pub broken: Vec<(&'static str, Vec<String>)>,
    /// What should have been seen at least once and was not.
    pub unseen: Vec<&'static str>,
}

impl Explored {
    pub(crate) fn of<M>(checker: &impl Checker<M>, took: Duration) -> Self
    where
        M: Model,
        M::State: Clone + PartialEq + Hash,
        M::Action: Clone + PartialEq + fmt::Debug,
    {
        let found = checker.discoveries();
        let steps = |name| {
            let path = found.get(name).cloned()?;
            let actions = path.into_actions().into_iter();
            Some(actions.map(|action| format!("{action:?}")).collect())
        };
        let properties = checker.model().properties();
        let (examples, promises): (Vec<_>, Vec<_>) = properties
            .iter()
            .partition(|property| matches!(property.expectation, Expectation::Sometimes));
        let unseen = examples.iter().map(|property| property.name);
        Self {
            states: checker.unique_state_count(),
            depth: checker.max_depth(),
            took,
            broken: promises
                .iter()
                .filter_map(|property| Some((property.name, steps(property.name)?)))
                .collect(),
            unseen: unseen.filter(|name| !found.contains_key(name)).collect(),
        }
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (states, depth, took) = (self.states, self.depth, self.took.as_secs_f64());
        write!(f, "{states} states, {depth} steps deep, {took:.1} s")?;
        for (promise, steps) in &self.broken {
            write!(f, "\nbroken in {} steps: {promise}", steps.len())?;
            for step in steps {
                write!(f, "\n    {step}")?;
            }
        }
        for sight in &self.unseen {
            write!(f, "\nnever seen: {sight}")?;
        }
        Ok(())
    }
}

/// Visits every state of an instance.
///
/// # Panics
/// If the checker gave up before it had seen all states.
#[must_use]
pub fn explore(instance: &Instance) -> Explored {
    run(instance, HasDiscoveries::All)
}

/// Searches for a way to break a promise, breadth first, and stops at the first.
///
/// # Panics
/// If the checker gave up before it had seen all states.
#[must_use]
pub fn look_for_breach(instance: &Instance, promise: &'static str) -> Explored {
    run(instance, HasDiscoveries::AnyOf([promise].into()))
}

fn run(instance: &Instance, until: HasDiscoveries) -> Explored {
    let model = Protocol {
        instance: *instance,
    };
    let start = Instant::now();
    let checker = model.checker().finish_when(until).spawn_bfs().join();
    assert!(checker.is_done(), "the checker gave up");
    Explored::of(&checker, start.elapsed())
}
