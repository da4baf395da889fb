//! Exploring an instance, and what comes of it.

use std::{
    fmt,
    time::{Duration, Instant},
};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::{instance::Instance, protocol::Protocol};

/// What exploring an instance to its end came to.
#[derive(Debug)]
pub struct Explored {
    /// How many states there are.
    pub states: usize,
    /// How many steps the longest of the shortest ways to a state has.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// The promises that do not hold, each with the steps that break it. The two uploaders and the two workers are kept in
    /// the order of what they are doing, so the number of one may change from step to step.
    pub broken: Vec<(&'static str, Vec<String>)>,
    /// What should have been seen and was not.
    pub unseen: Vec<&'static str>,
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
/// When the checker gave up before it had seen all.
#[must_use]
pub fn explore(instance: &Instance) -> Explored {
    run(instance, HasDiscoveries::All)
}

/// Looks for a way to break a promise, breadth first, and stops when it has found one.
///
/// # Panics
/// When the checker gave up before it had seen all.
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
    Explored {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        took: start.elapsed(),
        broken: promises
            .iter()
            .filter_map(|property| Some((property.name, steps(property.name)?)))
            .collect(),
        unseen: unseen.filter(|name| !found.contains_key(name)).collect(),
    }
}
