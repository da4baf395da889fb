//! An upload whose parts strangers put straight into the blob store.
//!
//! A model of its own: one upload of two parts. The holders of its URLs put right or wrong bytes under either number at
//! any time, also while the upload is finished, and after it has ended. Two calls finish it and take over from each
//! other, the blob store may lose a part and may or may not compare the parts with the request to combine them, a caller
//! aborts, a sealer seals, the collector reclaims, and each call may die at any step. [`explore_presigned`] visits every
//! state.

use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::{
    check::Explored,
    resumable::{BYTES_MATCH_THEIR_HASH, ENDED_LEAVES_NOTHING, SEALED_STAYS_AS_IT_IS},
};

/// How often a finish may take the upload.
const MOST_CLAIMS: u8 = 3;
/// What was declared: the content of each part.
const DECLARED: [Content; 2] = [0, 0];

/// An artifact has the content that was declared for it.
pub const ONLY_THE_DECLARED_IS_VISIBLE: &str = "an artifact has the declared bytes";

/// The protocol of a presigned upload, or a simpler one, which must be seen to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresignedVariant {
    /// As it is built.
    None,
    /// The parts are checked before they are combined, and the combined content is not read.
    CheckedBeforeCombined,
    /// The declared hash is believed.
    HashBelieved,
    /// What was read is committed, and not compared with what was declared.
    NotCompared,
    /// A URL writes the key itself, as a presigned PUT does.
    UrlOfTheKey,
    /// A finish does not check that the object is still staging.
    FinishWithoutStagingRow,
    /// A finish looks at the seal when it begins, and not in its commit.
    SealSeenEarly,
    /// The collector deletes the key and leaves the upload's parts.
    PartsAreLeft,
}

type Content = u8;
/// Parts by their numbers, with their content.
type Parts = Vec<(u8, Content)>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Object {
    #[default]
    Staging,
    Live,
    Condemned,
    Gone,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Finisher {
    #[default]
    Idle,
    Taken {
        fence: u8,
    },
    /// It knows the parts, and the tags that the blob store has given them.
    Listed {
        fence: u8,
        parts: Parts,
    },
    /// Its request to combine them is on its way.
    Waiting {
        fence: u8,
        parts: Parts,
    },
    /// The key has a content, which it has not read.
    Combined {
        parts: Parts,
    },
    /// It knows what the key has.
    Read {
        hash: Vec<Content>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    fence: u8,
    /// A request to combine the parts may have been sent.
    finishing: bool,
    object: Object,
    stored: Parts,
    /// The blob store takes no more parts: the upload there was combined or aborted.
    closed: bool,
    key: Option<Vec<Content>>,
    completing: Option<Parts>,
    /// Whether the last request was refused: it has ended, and nothing was combined.
    refused: bool,
    finishers: [Finisher; 2],
    lost: bool,
    sealed: bool,
    artifact: Option<Vec<Content>>,
    entered_sealed: bool,
    /// For the examples.
    put_while_finishing: bool,
    burnt: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// Someone with a URL puts this content under this number.
    Put(u8, Content),
    /// Someone with a URL of the key writes it.
    PutKey(Content),
    LosePart(u8),
    Finish(usize),
    List(usize),
    Complete(usize),
    /// The blob store combines the parts if they still are those of the request.
    Combine,
    /// The blob store combines what it has under these numbers.
    CombineUnchecked,
    LoseComplete,
    /// The finish hears that its request was refused.
    SeeRefusal(usize),
    SeeKey(usize),
    Read(usize),
    Commit(usize),
    Kill(usize),
    Seal,
    Condemn,
    Reclaim,
}

struct Presigned {
    variant: PresignedVariant,
}

impl Presigned {
    fn is(&self, variant: PresignedVariant) -> bool {
        self.variant == variant
    }

    fn finish(&self, state: &mut State, finisher: usize) {
        if self.is(PresignedVariant::SealSeenEarly) && state.sealed {
            return;
        }
        state.fence += 1;
        state.finishers[finisher] = Finisher::Taken { fence: state.fence };
    }

    /// A finish that finds a part missing has changed nothing.
    fn list(state: &mut State, finisher: usize, fence: u8) {
        let whole = state.stored.len() == DECLARED.len();
        state.finishers[finisher] = match whole {
            true => Finisher::Listed {
                fence,
                parts: state.stored.clone(),
            },
            false => Finisher::Idle,
        };
    }

    fn complete(&self, state: &mut State, finisher: usize, fence: u8, parts: Parts) {
        let content = parts.iter().map(|(_, content)| *content);
        let wrong = self.is(PresignedVariant::CheckedBeforeCombined) && !content.eq(DECLARED);
        if wrong || fence != state.fence {
            state.finishers[finisher] = Finisher::Idle;
            return;
        }
        state.finishing = true;
        state.refused = false;
        state.completing = Some(parts.clone());
        state.finishers[finisher] = Finisher::Waiting { fence, parts };
    }

    fn combine(state: &mut State, checked: bool) {
        let Some(parts) = state.completing.take() else {
            return;
        };
        let same = state.stored == parts;
        let there = state.stored.len() == parts.len();
        if state.closed || !there || (checked && !same) {
            state.refused = true;
            return;
        }
        state.key = Some(state.stored.iter().map(|(_, content)| *content).collect());
        state.closed = true;
        state.stored.clear();
    }

    fn read(&self, state: &State, parts: &Parts) -> Vec<Content> {
        if self.is(PresignedVariant::HashBelieved) {
            return DECLARED.into();
        }
        if self.is(PresignedVariant::CheckedBeforeCombined) {
            return parts.iter().map(|(_, content)| *content).collect();
        }
        state.key.clone().unwrap_or_default()
    }

    fn commit(&self, state: &mut State, finisher: usize, hash: Vec<Content>) {
        state.finishers[finisher] = Finisher::Idle;
        if hash != DECLARED && !self.is(PresignedVariant::NotCompared) {
            // It can never become right.
            if state.object == Object::Staging {
                state.object = Object::Condemned;
                state.burnt = true;
            }
            return;
        }
        if state.sealed {
            if !self.is(PresignedVariant::SealSeenEarly) {
                return;
            }
            state.entered_sealed = true;
        }
        let staging = state.object == Object::Staging;
        if staging {
            state.object = Object::Live;
        }
        if (staging || self.is(PresignedVariant::FinishWithoutStagingRow))
            && state.artifact.is_none()
        {
            state.artifact = Some(hash);
        }
    }

    fn steps_of(&self, state: &State, place: usize, steps: &mut Vec<Step>) {
        match &state.finishers[place] {
            Finisher::Idle => {
                if state.object == Object::Staging && state.fence < MOST_CLAIMS {
                    steps.push(Step::Finish(place));
                }
                return;
            }
            Finisher::Taken { .. } if state.finishing => {
                if state.key.is_some() {
                    steps.push(Step::SeeKey(place));
                }
                // After the time in which an earlier request may still be running.
                if state.key.is_none() && state.completing.is_none() {
                    steps.push(Step::List(place));
                }
            }
            Finisher::Taken { .. } => steps.push(Step::List(place)),
            Finisher::Listed { .. } => steps.push(Step::Complete(place)),
            Finisher::Waiting { .. } => {
                if state.key.is_some() {
                    steps.push(Step::SeeKey(place));
                } else if state.refused {
                    steps.push(Step::SeeRefusal(place));
                }
            }
            Finisher::Combined { .. } => steps.push(Step::Read(place)),
            Finisher::Read { .. } => steps.push(Step::Commit(place)),
        }
        steps.push(Step::Kill(place));
    }
}

impl Model for Presigned {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        // The URLs never expire here, which is the worst that they can do.
        for number in 0..2 {
            for content in 0..2 {
                let same = state.stored.contains(&(number, content));
                if !state.closed && !same {
                    steps.push(Step::Put(number, content));
                }
            }
            if !state.lost && state.stored.iter().any(|(other, _)| *other == number) {
                steps.push(Step::LosePart(number));
            }
        }
        if self.is(PresignedVariant::UrlOfTheKey) && state.object != Object::Gone {
            steps.extend([Step::PutKey(0), Step::PutKey(1)]);
        }
        for place in 0..2 {
            self.steps_of(state, place, steps);
        }
        if state.completing.is_some() {
            steps.extend([Step::Combine, Step::CombineUnchecked, Step::LoseComplete]);
        }
        if !state.sealed {
            steps.push(Step::Seal);
        }
        match state.object {
            Object::Staging => steps.push(Step::Condemn),
            Object::Condemned => steps.push(Step::Reclaim),
            Object::Live | Object::Gone => {}
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Put(number, content) => {
                state.stored.retain(|(other, _)| *other != number);
                state.stored.push((number, content));
                state.stored.sort_unstable();
                state.put_while_finishing |= state.completing.is_some();
            }
            Step::PutKey(content) => state.key = Some(vec![content; 2]),
            Step::LosePart(number) => {
                state.stored.retain(|(other, _)| *other != number);
                state.lost = true;
            }
            Step::Finish(finisher) => self.finish(&mut state, finisher),
            Step::List(finisher) => {
                if let Finisher::Taken { fence } = state.finishers[finisher] {
                    Self::list(&mut state, finisher, fence);
                }
            }
            Step::Complete(finisher) => {
                if let Finisher::Listed { fence, parts } = state.finishers[finisher].clone() {
                    self.complete(&mut state, finisher, fence, parts);
                }
            }
            Step::Combine => Self::combine(&mut state, true),
            Step::CombineUnchecked => Self::combine(&mut state, false),
            Step::LoseComplete => state.completing = None,
            Step::SeeRefusal(finisher) => {
                if let Finisher::Waiting { fence, .. } = state.finishers[finisher] {
                    state.finishing &= fence != state.fence;
                }
                state.finishers[finisher] = Finisher::Idle;
            }
            Step::SeeKey(finisher) => {
                let parts = match &state.finishers[finisher] {
                    Finisher::Waiting { parts, .. } => parts.clone(),
                    _ => Parts::default(),
                };
                state.finishers[finisher] = Finisher::Combined { parts };
            }
            Step::Read(finisher) => {
                if let Finisher::Combined { parts } = &state.finishers[finisher] {
                    let hash = self.read(&state, parts);
                    state.finishers[finisher] = Finisher::Read { hash };
                }
            }
            Step::Commit(finisher) => {
                if let Finisher::Read { hash } = state.finishers[finisher].clone() {
                    self.commit(&mut state, finisher, hash);
                }
            }
            Step::Kill(finisher) => state.finishers[finisher] = Finisher::Idle,
            Step::Seal => state.sealed = true,
            Step::Condemn => state.object = Object::Condemned,
            Step::Reclaim => {
                state.object = Object::Gone;
                state.key = None;
                if !self.is(PresignedVariant::PartsAreLeft) {
                    state.completing = None;
                    state.stored.clear();
                    state.closed = true;
                }
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(BYTES_MATCH_THEIR_HASH, |_: &Self, state: &State| {
                state.artifact.is_none() || state.key == state.artifact
            }),
            Property::always(ONLY_THE_DECLARED_IS_VISIBLE, |_: &Self, state: &State| {
                state
                    .artifact
                    .as_deref()
                    .is_none_or(|hash| hash == DECLARED)
            }),
            Property::always(SEALED_STAYS_AS_IT_IS, |_: &Self, state: &State| {
                !state.entered_sealed
            }),
            Property::always(ENDED_LEAVES_NOTHING, |_: &Self, state: &State| {
                state.object != Object::Gone || (state.stored.is_empty() && state.key.is_none())
            }),
            Property::sometimes(
                "a presigned upload becomes an artifact",
                |_: &Self, state: &State| state.artifact.is_some(),
            ),
            Property::sometimes(
                "it does although a part was replaced while it was finished",
                |_: &Self, state: &State| state.put_while_finishing && state.artifact.is_some(),
            ),
            Property::sometimes(
                "it does although a part was lost",
                |_: &Self, state: &State| state.lost && state.artifact.is_some(),
            ),
            Property::sometimes("wrong bytes end it", |_: &Self, state: &State| state.burnt),
        ]
    }
}

/// Visits every state of a presigned upload, or as many as it takes to break one of the promises.
///
/// # Panics
/// When the checker gave up before it had seen all.
#[must_use]
pub fn explore_presigned(variant: PresignedVariant) -> Explored {
    let promises = [
        BYTES_MATCH_THEIR_HASH,
        ONLY_THE_DECLARED_IS_VISIBLE,
        SEALED_STAYS_AS_IT_IS,
        ENDED_LEAVES_NOTHING,
    ];
    let until = match variant {
        PresignedVariant::None => HasDiscoveries::All,
        _ => HasDiscoveries::AnyOf(promises.into()),
    };
    let start = std::time::Instant::now();
    let checker = Presigned { variant }
        .checker()
        .finish_when(until)
        .spawn_bfs()
        .join();
    assert!(checker.is_done(), "the checker gave up");
    Explored::of(&checker, start.elapsed())
}
