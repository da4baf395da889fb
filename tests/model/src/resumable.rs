//! An upload that outlives the process that receives it.
//!
//! A model of its own: one upload of two parts, whose row has a fencing number, the parts that are acknowledged and the
//! hash so far. [`explore_resumable`] visits every state in which two writers with different bytes take over from each
//! other, two calls finish, a caller aborts, a sealer seals, the collector expires, reclaims and aborts, requests reach
//! the blob store after their sender died, and every party may die at any step.

use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::check::Explored;

/// The parts of the whole content.
const WHOLE: usize = 2;
/// How often a writer or a finish may take the upload.
const MOST_CLAIMS: u8 = 4;

/// The artifact's bytes are there, and are those of its hash.
pub const BYTES_MATCH_THEIR_HASH: &str = "an artifact has the bytes that its hash says";
/// Bytes that were acknowledged are neither lost nor left out.
pub const ACKNOWLEDGED_IS_KEPT: &str =
    "acknowledged bytes are kept and become part of the artifact";
/// A sealed session gets nothing more.
pub const SEALED_STAYS_AS_IT_IS: &str = "a sealed session gets no artifact";
/// What ended is cleaned up.
pub const ENDED_LEAVES_NOTHING: &str = "an upload that is gone leaves no bytes";

/// The protocol of a resumable upload, or a simpler one, which must be seen to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumableVariant {
    /// As it is built.
    None,
    /// A part is recorded without a look at the fencing number.
    NoFencing,
    /// A part has the number of its place, which a later writer uses again, in a blob store that pins no content.
    NumbersUsedAgain,
    /// A finish does not take the fencing number, so a writer goes on beside it.
    FinishWithoutFencing,
    /// A finish does not check that the object is still staging.
    FinishWithoutStagingRow,
    /// A finish sends its request while the outcome of an earlier one is unknown.
    CompleteBesideAnother,
    /// A finish that finds no parts, because another one has committed, writes what follows them.
    RestForTheWhole,
    /// A finish looks at the seal when it begins, and not in its commit.
    SealSeenEarly,
    /// The collector aborts parts of any age, without a look at the upload's row.
    CollectorIgnoresOpenUploads,
}

/// One of two writers, as the owner of bytes that differ from the other's.
type Owner = u8;
/// Parts by their numbers, with their content.
type Parts = Vec<(u8, Owner)>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Object {
    #[default]
    Staging,
    Live,
    Condemned,
    Gone,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Writer {
    #[default]
    Idle,
    /// It has taken the upload, and sends the part of this number.
    Sending {
        fence: u8,
        number: u8,
        hash: Vec<Owner>,
    },
    /// The part is stored and not recorded.
    Sent {
        fence: u8,
        number: u8,
        hash: Vec<Owner>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Finisher {
    #[default]
    Idle,
    /// It has the hash as it was, and reads the parts next.
    Taken {
        hash: Vec<Owner>,
    },
    Read {
        parts: Parts,
        hash: Vec<Owner>,
    },
    /// Its request is on its way.
    Waiting {
        hash: Vec<Owner>,
    },
    /// The key has the content.
    Combined {
        hash: Vec<Owner>,
    },
}

/// One state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    fence: u8,
    next: u8,
    recorded: Parts,
    /// The commit has deleted the rows of the parts.
    forgotten: bool,
    hash: Vec<Owner>,
    /// A finish has taken the upload: no writer may take it any more.
    finishing: bool,
    object: Object,
    stored: Parts,
    /// The blob store takes no more parts: the upload there was completed or aborted.
    closed: bool,
    key: Option<Vec<Owner>>,
    /// Requests that are on their way to the blob store, whose senders may be dead.
    late_part: Option<(u8, Owner)>,
    completing: Option<Parts>,
    writers: [Writer; 2],
    finishers: [Finisher; 2],
    sealed: bool,
    artifact: Option<Vec<Owner>>,
    entered_sealed: bool,
    /// For the examples.
    resumed: bool,
    fenced_off: bool,
}

/// A step of one of the parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Take(usize),
    Put(usize),
    Record(usize),
    /// The writer's process dies. The part that it sent may still arrive.
    KillWriter(usize),
    LatePart,
    Finish(usize),
    ReadParts(usize),
    Complete(usize),
    /// The blob store combines the parts.
    Combine,
    /// The request never reached the blob store.
    LoseComplete,
    /// The finish hears of the outcome, or asks for it.
    SeeKey(usize),
    Commit(usize),
    KillFinisher(usize),
    Seal,
    /// A caller aborts, or the lease ends.
    Condemn,
    Reclaim,
    AbortUnfinished,
}

struct Resumable {
    variant: ResumableVariant,
}

impl Resumable {
    fn is(&self, variant: ResumableVariant) -> bool {
        self.variant == variant
    }

    fn take(&self, state: &mut State, writer: usize) {
        state.resumed |= !state.recorded.is_empty();
        state.fence += 1;
        state.writers[writer] = Writer::Sending {
            fence: state.fence,
            number: self.next_number(state),
            hash: state.hash.clone(),
        };
    }

    fn next_number(&self, state: &mut State) -> u8 {
        if self.is(ResumableVariant::NumbersUsedAgain) {
            return state.recorded.len() as u8;
        }
        state.next += 1;
        state.next - 1
    }

    /// A part arrives at the blob store.
    fn store(state: &mut State, number: u8, owner: Owner) {
        if !state.closed {
            state.stored.retain(|(other, _)| *other != number);
            state.stored.push((number, owner));
            state.stored.sort_unstable();
        }
    }

    fn record(&self, state: &mut State, writer: usize) -> Option<()> {
        let Writer::Sent {
            fence,
            number,
            hash,
        } = state.writers[writer].clone()
        else {
            return None;
        };
        state.writers[writer] = Writer::Idle;
        let fenced = fence == state.fence || self.is(ResumableVariant::NoFencing);
        if !fenced || state.object != Object::Staging {
            state.fenced_off |= !fenced;
            return Some(());
        }
        let owner = writer as Owner;
        state.recorded.retain(|(other, _)| *other != number);
        state.recorded.push((number, owner));
        state.recorded.sort_unstable();
        let mut hash = hash;
        hash.push(owner);
        state.hash.clone_from(&hash);
        if hash.len() < WHOLE {
            let number = self.next_number(state);
            state.writers[writer] = Writer::Sending {
                fence,
                number,
                hash,
            };
        }
        Some(())
    }

    fn finish(&self, state: &mut State, finisher: usize) {
        if self.is(ResumableVariant::SealSeenEarly) && state.sealed {
            return;
        }
        if !self.is(ResumableVariant::FinishWithoutFencing) {
            state.fence += 1;
            state.finishing = true;
        }
        state.finishers[finisher] = Finisher::Taken {
            hash: state.hash.clone(),
        };
    }

    fn read_parts(&self, state: &mut State, finisher: usize) {
        let Finisher::Taken { hash } = std::mem::take(&mut state.finishers[finisher]) else {
            return;
        };
        if !state.forgotten {
            let parts = state.recorded.clone();
            state.finishers[finisher] = Finisher::Read { parts, hash };
        } else if self.is(ResumableVariant::RestForTheWhole) {
            state.key = Some(Vec::new());
            state.finishers[finisher] = Finisher::Combined { hash };
        }
    }

    fn complete(&self, state: &mut State, finisher: usize) {
        let Finisher::Read { parts, hash } = state.finishers[finisher].clone() else {
            return;
        };
        state.finishers[finisher] = Finisher::Waiting { hash };
        if state.completing.is_some() {
            // Servers have lost parts to two of these requests at once.
            state.completing = None;
            state.stored.clear();
            state.closed = true;
            return;
        }
        state.completing = Some(parts);
    }

    /// S3 compares each part's ETag, which files do not have.
    fn combine(&self, state: &mut State) {
        let Some(parts) = state.completing.take() else {
            return;
        };
        let files = self.is(ResumableVariant::NumbersUsedAgain);
        let content = parts.iter().map(|(number, owner)| {
            let found = state.stored.iter().find(|(other, _)| other == number);
            let content = found.map(|(_, content)| *content);
            content.filter(|content| files || content == owner)
        });
        if let Some(content) = content.collect::<Option<Vec<_>>>()
            && !state.closed
        {
            state.key = Some(content);
            state.closed = true;
            state.stored.clear();
        }
    }

    fn commit(&self, state: &mut State, finisher: usize) {
        let Finisher::Combined { hash } = std::mem::take(&mut state.finishers[finisher]) else {
            return;
        };
        if state.sealed {
            if !self.is(ResumableVariant::SealSeenEarly) {
                return;
            }
            state.entered_sealed = true;
        }
        let staging = state.object == Object::Staging;
        if staging {
            state.object = Object::Live;
        }
        if (staging || self.is(ResumableVariant::FinishWithoutStagingRow))
            && state.artifact.is_none()
        {
            state.artifact = Some(hash);
            state.forgotten = true;
        }
    }

    fn may_complete(&self, state: &State) -> bool {
        state.key.is_none()
            && (state.completing.is_none() || self.is(ResumableVariant::CompleteBesideAnother))
    }
}

impl Model for Resumable {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let open = state.object == Object::Staging;
        for place in 0..2 {
            match &state.writers[place] {
                Writer::Idle => {
                    let part = state.hash.len() < WHOLE;
                    if open && part && !state.finishing && state.fence < MOST_CLAIMS {
                        steps.push(Step::Take(place));
                    }
                }
                Writer::Sending { .. } => steps.extend([Step::Put(place), Step::KillWriter(place)]),
                Writer::Sent { .. } => steps.extend([Step::Record(place), Step::KillWriter(place)]),
            }
            match &state.finishers[place] {
                Finisher::Idle => {
                    // With the fence, what is taken is the whole content.
                    let whole = state.hash.len() == WHOLE
                        || (self.is(ResumableVariant::FinishWithoutFencing)
                            && !state.hash.is_empty());
                    if open && whole && state.fence < MOST_CLAIMS {
                        steps.push(Step::Finish(place));
                    }
                }
                Finisher::Taken { .. } => {
                    steps.extend([Step::ReadParts(place), Step::KillFinisher(place)]);
                }
                Finisher::Read { .. } => {
                    if self.may_complete(state) {
                        steps.push(Step::Complete(place));
                    }
                    if state.key.is_some() {
                        steps.push(Step::SeeKey(place));
                    }
                    steps.push(Step::KillFinisher(place));
                }
                Finisher::Waiting { .. } => {
                    if state.key.is_some() {
                        steps.push(Step::SeeKey(place));
                    }
                    steps.push(Step::KillFinisher(place));
                }
                Finisher::Combined { .. } => {
                    steps.extend([Step::Commit(place), Step::KillFinisher(place)]);
                }
            }
        }
        if state.late_part.is_some() {
            steps.push(Step::LatePart);
        }
        if state.completing.is_some() {
            steps.extend([Step::Combine, Step::LoseComplete]);
        }
        if !state.sealed {
            steps.push(Step::Seal);
        }
        match state.object {
            Object::Staging => steps.push(Step::Condemn),
            Object::Condemned => steps.push(Step::Reclaim),
            Object::Live | Object::Gone => {}
        }
        let nobodys =
            state.object == Object::Gone || self.is(ResumableVariant::CollectorIgnoresOpenUploads);
        if nobodys && !state.closed {
            steps.push(Step::AbortUnfinished);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Take(writer) => self.take(&mut state, writer),
            Step::Put(writer) => {
                if let Writer::Sending {
                    fence,
                    number,
                    hash,
                } = state.writers[writer].clone()
                {
                    Self::store(&mut state, number, writer as Owner);
                    state.writers[writer] = Writer::Sent {
                        fence,
                        number,
                        hash,
                    };
                }
            }
            Step::Record(writer) => self.record(&mut state, writer)?,
            Step::KillWriter(writer) => {
                if let Writer::Sending { number, .. } = state.writers[writer] {
                    state.late_part = Some((number, writer as Owner));
                }
                state.writers[writer] = Writer::Idle;
            }
            Step::LatePart => {
                let (number, owner) = state.late_part.take()?;
                Self::store(&mut state, number, owner);
            }
            Step::Finish(finisher) => self.finish(&mut state, finisher),
            Step::ReadParts(finisher) => self.read_parts(&mut state, finisher),
            Step::Complete(finisher) => self.complete(&mut state, finisher),
            Step::Combine => self.combine(&mut state),
            Step::LoseComplete => state.completing = None,
            Step::SeeKey(finisher) => {
                state.finishers[finisher] = match std::mem::take(&mut state.finishers[finisher]) {
                    Finisher::Read { hash, .. } | Finisher::Waiting { hash } => {
                        Finisher::Combined { hash }
                    }
                    other => other,
                };
            }
            Step::Commit(finisher) => self.commit(&mut state, finisher),
            Step::KillFinisher(finisher) => state.finishers[finisher] = Finisher::Idle,
            Step::Seal => state.sealed = true,
            Step::Condemn => state.object = Object::Condemned,
            Step::Reclaim => {
                state.object = Object::Gone;
                state.key = None;
                state.stored.clear();
                state.closed = true;
                state.completing = None;
            }
            Step::AbortUnfinished => {
                state.stored.clear();
                state.closed = true;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let bytes = |_: &Self, state: &State| match &state.artifact {
            None => true,
            artifact => state.key == *artifact,
        };
        let acknowledged = |_: &Self, state: &State| {
            if let Some(artifact) = &state.artifact {
                return *artifact == state.hash;
            }
            let kept = state.key.as_ref() == Some(&state.hash)
                || (state
                    .recorded
                    .iter()
                    .all(|part| state.stored.contains(part))
                    && state
                        .recorded
                        .iter()
                        .map(|(_, owner)| owner)
                        .eq(&state.hash));
            state.object != Object::Staging || kept
        };
        vec![
            Property::always(BYTES_MATCH_THEIR_HASH, bytes),
            Property::always(ACKNOWLEDGED_IS_KEPT, acknowledged),
            Property::always(SEALED_STAYS_AS_IT_IS, |_: &Self, state: &State| {
                !state.entered_sealed
            }),
            Property::always(ENDED_LEAVES_NOTHING, |_: &Self, state: &State| {
                state.object != Object::Gone || (state.stored.is_empty() && state.key.is_none())
            }),
            Property::sometimes(
                "a resumed upload becomes an artifact",
                |_: &Self, state: &State| state.resumed && state.artifact.is_some(),
            ),
            Property::sometimes(
                "an artifact has bytes of both writers",
                |_: &Self, state: &State| matches!(state.artifact.as_deref(), Some([first, last]) if first != last),
            ),
            Property::sometimes(
                "a writer hears of a later one",
                |_: &Self, state: &State| state.fenced_off,
            ),
            Property::sometimes("a part arrives after the end", |_: &Self, state: &State| {
                state.late_part.is_some() && state.artifact.is_some()
            }),
            Property::sometimes(
                "an expired upload is reclaimed",
                |_: &Self, state: &State| {
                    state.object == Object::Gone && !state.recorded.is_empty()
                },
            ),
        ]
    }
}

/// Visits every state of an upload that is resumed, or as many as it takes to break one of the promises.
///
/// # Panics
/// When the checker gave up before it had seen all.
#[must_use]
pub fn explore_resumable(variant: ResumableVariant) -> Explored {
    let promises = [
        BYTES_MATCH_THEIR_HASH,
        ACKNOWLEDGED_IS_KEPT,
        SEALED_STAYS_AS_IT_IS,
        ENDED_LEAVES_NOTHING,
    ];
    let until = match variant {
        ResumableVariant::None => HasDiscoveries::All,
        _ => HasDiscoveries::AnyOf(promises.into()),
    };
    let start = std::time::Instant::now();
    let checker = Resumable { variant }
        .checker()
        .finish_when(until)
        .spawn_bfs()
        .join();
    assert!(checker.is_done(), "the checker gave up");
    Explored::of(&checker, start.elapsed())
}
