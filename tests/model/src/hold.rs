//! The legal hold of a large session, whose artifacts follow in batches.
//!
//! A model of its own, beside that of bytes: nothing of the hold depends on objects or keys. The session has a flag and a
//! lock; each artifact has its own mark, by which the collector goes. [`explore_holds`] visits every state in which a caller
//! sets and releases the hold while uploads enter the session, artifacts are deleted and restored, the collector purges, and
//! every party may die at any step.
//!
//! That a session is full is not in it, nor in the other model: a writer that is refused for it ends as one does that finds
//! the session sealed, without an effect, and nothing but writers looks at the mark.

use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::check::Explored;

/// How many artifacts there can be.
const ARTIFACTS: usize = 3;
/// How many follow the hold in one transaction.
const BATCH: usize = 2;

/// The promise of a hold.
pub const WHAT_IS_HELD_STAYS: &str =
    "once a hold has been answered, no artifact of the session is purged";

/// The protocol of the hold, or a simpler one, which must be seen to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldVariant {
    /// As it is built.
    None,
    /// The flag is set without the session's lock, beside writers who have looked at it.
    FlagWithoutLock,
    /// The artifacts follow first, and the flag is set when they have.
    FlagLast,
    /// The call answers when the flag is set.
    AnswerBeforeArtifacts,
    /// A batch that changes fewer artifacts than it may is taken for the last one, also when some of those that it found
    /// were purged before it had locked them.
    LastByWhatFollowed,
    /// The collector looks at the mark before it has the row's lock, and not again.
    PurgeWithoutSecondLook,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Artifact {
    #[default]
    Absent,
    Live {
        held: bool,
    },
    Deleted {
        held: bool,
    },
    Purged,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Holder {
    #[default]
    Idle,
    /// The flag is set and the artifacts are to follow, or the other way round.
    Following { hold: bool },
    /// A batch has found these artifacts and waits for their locks.
    Found {
        hold: bool,
        batch: [bool; ARTIFACTS],
    },
    /// All have followed.
    Followed { hold: bool },
}

/// One state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    flag: bool,
    artifacts: [Artifact; ARTIFACTS],
    /// Uploads that hold the session's lock beside each other, each with the flag as it saw it.
    entering: [Option<bool>; ARTIFACTS],
    /// Which artifact the collector is about to purge.
    purging: Option<u8>,
    holder: Holder,
    /// The hold was answered, and no release has begun since.
    promised: bool,
    /// What the promise is about was purged.
    lost: bool,
}

/// A step of one of the parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Enter(usize),
    Write(usize),
    Leave(usize),
    Delete(usize),
    Restore(usize),
    LookToPurge(usize),
    Purge,
    SetFlag(bool),
    Find,
    Follow,
    Answer,
    /// The caller's process dies. The collector completes the hold later.
    Die,
}

struct Hold {
    variant: HoldVariant,
}

impl Hold {
    fn is(&self, variant: HoldVariant) -> bool {
        self.variant == variant
    }

    /// Begins to change the hold. With the flag last, that is when the artifacts begin to follow.
    fn set_flag(&self, state: &mut State, hold: bool) {
        if !self.is(HoldVariant::FlagLast) {
            state.flag = hold;
        }
        state.promised = false;
        state.holder = if self.is(HoldVariant::AnswerBeforeArtifacts) {
            Holder::Followed { hold }
        } else {
            Holder::Following { hold }
        };
    }

    /// Finds a batch of those that have not followed yet.
    fn find(state: &mut State, hold: bool) {
        let mut batch = [false; ARTIFACTS];
        let unsettled = (0..ARTIFACTS).filter(|place| state.artifacts[*place].differs(hold));
        unsettled.take(BATCH).for_each(|place| batch[place] = true);
        state.holder = Holder::Found { hold, batch };
    }

    /// Locks what was found and lets it follow, as far as it is still there.
    fn follow(&self, state: &mut State, hold: bool, batch: [bool; ARTIFACTS]) {
        let mut followed = 0;
        for (artifact, found) in state.artifacts.iter_mut().zip(batch) {
            if found && artifact.differs(hold) {
                artifact.set(hold);
                followed += 1;
            }
        }
        let found = batch.iter().filter(|found| **found).count();
        let counted = if self.is(HoldVariant::LastByWhatFollowed) {
            followed
        } else {
            found
        };
        state.holder = if counted < BATCH {
            if self.is(HoldVariant::FlagLast) {
                state.flag = hold;
            }
            Holder::Followed { hold }
        } else {
            Holder::Following { hold }
        };
    }

    fn purge(&self, state: &mut State, place: usize) {
        let unheld = matches!(state.artifacts[place], Artifact::Deleted { held: false });
        let deleted = matches!(state.artifacts[place], Artifact::Deleted { .. });
        if unheld || (deleted && self.is(HoldVariant::PurgeWithoutSecondLook)) {
            state.artifacts[place] = Artifact::Purged;
            state.lost |= state.promised;
        }
    }
}

impl Artifact {
    /// Whether it has still to follow.
    fn differs(self, hold: bool) -> bool {
        matches!(self, Self::Live { held } | Self::Deleted { held } if held != hold)
    }

    fn set(&mut self, hold: bool) {
        if let Self::Live { held } | Self::Deleted { held } = self {
            *held = hold;
        }
    }
}

impl Model for Hold {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for place in 0..ARTIFACTS {
            match (state.artifacts[place], state.entering[place]) {
                (Artifact::Absent, None) => steps.push(Step::Enter(place)),
                (Artifact::Absent, Some(_)) => {
                    steps.extend([Step::Write(place), Step::Leave(place)]);
                }
                // What is held is not deleted, nor does it expire.
                (Artifact::Live { held: false }, _) => steps.push(Step::Delete(place)),
                (Artifact::Deleted { held }, _) => {
                    steps.push(Step::Restore(place));
                    if !held && state.purging.is_none() {
                        steps.push(Step::LookToPurge(place));
                    }
                }
                _ => {}
            }
        }
        if state.purging.is_some() {
            steps.push(Step::Purge);
        }
        // The session's lock waits for those who entered, and they for it.
        let alone = state.entering.iter().all(Option::is_none);
        match state.holder {
            Holder::Idle => {
                if alone || self.is(HoldVariant::FlagWithoutLock) {
                    steps.extend([Step::SetFlag(true), Step::SetFlag(false)]);
                }
            }
            Holder::Following { .. } => steps.extend([Step::Find, Step::Die]),
            Holder::Found { .. } => steps.extend([Step::Follow, Step::Die]),
            Holder::Followed { .. } => steps.push(Step::Answer),
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = *last;
        match (step, state.holder) {
            (Step::Enter(place), _) => state.entering[place] = Some(state.flag),
            (Step::Write(place), _) => {
                let held = state.entering[place].take()?;
                state.artifacts[place] = Artifact::Live { held };
            }
            (Step::Leave(place), _) => state.entering[place] = None,
            (Step::Delete(place), _) => state.artifacts[place] = Artifact::Deleted { held: false },
            (Step::Restore(place), _) => {
                if let Artifact::Deleted { held } = state.artifacts[place] {
                    state.artifacts[place] = Artifact::Live { held };
                }
            }
            (Step::LookToPurge(place), _) => state.purging = Some(place as u8),
            (Step::Purge, _) => {
                let place = usize::from(state.purging.take()?);
                self.purge(&mut state, place);
            }
            (Step::SetFlag(hold), _) => self.set_flag(&mut state, hold),
            (Step::Find, Holder::Following { hold }) => Self::find(&mut state, hold),
            (Step::Follow, Holder::Found { hold, batch }) => {
                self.follow(&mut state, hold, batch);
            }
            (Step::Answer, Holder::Followed { hold }) => {
                state.promised = hold;
                state.holder = Holder::Idle;
            }
            (Step::Die, _) => state.holder = Holder::Idle,
            _ => return None,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(WHAT_IS_HELD_STAYS, |_: &Self, state: &State| !state.lost),
            Property::sometimes("an artifact is purged", |_: &Self, state: &State| {
                state.artifacts.contains(&Artifact::Purged)
            }),
            Property::sometimes("a deleted artifact is held", |_: &Self, state: &State| {
                state.promised && state.artifacts.contains(&Artifact::Deleted { held: true })
            }),
            Property::sometimes("an artifact enters held", |_: &Self, state: &State| {
                state.promised && state.entering.contains(&Some(true))
            }),
        ]
    }
}

/// Visits every state of a session that is held and released, or as many as it takes to break the promise.
///
/// # Panics
/// When the checker gave up before it had seen all.
#[must_use]
pub fn explore_holds(variant: HoldVariant) -> Explored {
    let until = match variant {
        HoldVariant::None => HasDiscoveries::All,
        _ => HasDiscoveries::AnyOf([WHAT_IS_HELD_STAYS].into()),
    };
    let start = std::time::Instant::now();
    let checker = Hold { variant }
        .checker()
        .finish_when(until)
        .spawn_bfs()
        .join();
    assert!(checker.is_done(), "the checker gave up");
    Explored::of(&checker, start.elapsed())
}
