//! The next step, drawn at random. Artifacts are given by places in the list of all that exist at that step, so a
//! history without some of its steps is still a history.

use std::ops::RangeInclusive;

use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select},
};

use super::call::{Call, File, Follows, Matching, NO_SESSION, Sent, Spec, Ttl};

/// One step of a history.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// One of the tenants makes a call.
    Call(usize, Call<Index>, How),
    /// An earlier call that had an effect is retried under its key.
    Again(Index),
    /// A pass of the collector, which dies after so many steps if given, and is then run by another worker.
    Pass(&'static str, Option<usize>),
    /// The time of an artifact is over.
    Expire(Index),
    /// The delete window of an artifact is over.
    EndWindow(Index),
    /// An unpublished artifact waited too long.
    EndWait(Index),
    /// Every wait is over.
    LetTimePass,
    /// Everything is collected, and rows past their retention are deleted. If a number of steps is given, a worker that
    /// dies after so many steps begins.
    CollectAll(Option<usize>),
    /// Rows are past their retention.
    EndRetention,
    /// A new process takes over.
    Restart,
}

/// How a call is made.
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    WithoutKey,
    UnderKey,
    /// Under a key, on a replica that dies after so many steps; then again on one that lives.
    DyingAfter(usize),
}

pub(super) const TENANTS: usize = 2;
const SESSIONS: [&str; 3] = ["a", "b", "c"];
const NAMES: [&str; 2] = ["x", "y"];
/// The contents of the pool that are sent in parts, which takes time, come last.
const SMALL: usize = 5;
/// More steps than a call takes on any replica.
const LONGEST_LIFE: usize = 24;
/// More steps than it takes to collect everything.
const LONGEST_WORK: usize = 120;

/// Histories of so many steps.
pub(super) fn histories(steps: RangeInclusive<usize>) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), steps)
}

fn step() -> impl Strategy<Value = Step> {
    let tenant = prop_oneof![4 => Just(0), 1 => 1..TENANTS];
    let how = prop_oneof![
        3 => Just(How::WithoutKey),
        5 => Just(How::UnderKey),
        1 => (1..=LONGEST_LIFE).prop_map(How::DyingAfter),
    ];
    prop_oneof![
        35 => (tenant, call(), how).prop_map(|(tenant, call, how)| Step::Call(tenant, call, how)),
        5 => any::<Index>().prop_map(Step::Again),
        5 => (pass(), option::weighted(0.2, 1..=LONGEST_LIFE))
            .prop_map(|(name, life)| Step::Pass(name, life)),
        3 => any::<Index>().prop_map(Step::Expire),
        2 => any::<Index>().prop_map(Step::EndWindow),
        1 => any::<Index>().prop_map(Step::EndWait),
        1 => Just(Step::LetTimePass),
        1 => Just(Step::EndRetention),
        2 => option::of(1..=LONGEST_WORK).prop_map(Step::CollectAll),
        1 => Just(Step::Restart),
    ]
}

fn call() -> impl Strategy<Value = Call<Index>> {
    prop_oneof![
        20 => create(),
        4 => (any::<Index>(), spec()).prop_map(|(source, spec)| Call::Copy { source, spec }),
        4 => (session(), vec(any::<Index>(), 0..=3), prop::bool::weighted(0.2))
            .prop_map(|(session, ids, seal)| Call::Publish { session, ids, seal }),
        3 => session().prop_map(Call::Seal),
        1 => any::<Index>().prop_map(Call::Read),
        2 => (any::<Index>(), option::of(ttl()), select(&["draft", "review"][..]))
            .prop_map(|(id, ttl, stage)| Call::Update { id, ttl, stage }),
        6 => any::<Index>().prop_map(Call::Delete),
        1 => file().prop_map(Call::DeleteFile),
        1 => session().prop_map(Call::DeleteSession),
        1 => some().prop_map(Call::DeleteThese),
        1 => matching().prop_map(Call::DeleteMatching),
        6 => some().prop_map(Call::Restore),
        2 => (some(), any::<bool>()).prop_map(|(ids, hold)| Call::Hold { ids, hold }),
        2 => (session(), any::<bool>())
            .prop_map(|(session, hold)| Call::HoldSession { session, hold }),
    ]
}

fn create() -> impl Strategy<Value = Call<Index>> {
    let small = prop_oneof![
        6 => Just(Sent::Whole),
        2 => Just(Sent::AsStream),
        2 => Just(Sent::Not),
        2 => Just(Sent::IfMissing),
        1 => Just(Sent::Misdeclared),
        2 => Just(Sent::InPieces),
        1 => Just(Sent::ToUrls),
    ];
    let large = select(
        &[
            Sent::AsStream,
            Sent::IfMissing,
            Sent::Not,
            Sent::InPieces,
            Sent::ToUrls,
        ][..],
    );
    let content = prop_oneof![
        80 => (0..SMALL, small),
        1 => (Just(SMALL), large),
    ];
    (spec(), content).prop_map(|(spec, (content, sent))| Call::Create {
        spec,
        content,
        sent,
    })
}

fn spec() -> impl Strategy<Value = Spec> {
    let follows = prop_oneof![
        8 => Just(Follows::Any),
        2 => Just(Follows::Latest),
        1 => Just(Follows::Another),
    ];
    let existing = prop::bool::weighted(0.2);
    let unpublished = prop::bool::weighted(0.5);
    let persistent = prop::bool::weighted(0.3);
    (file(), follows, existing, unpublished, persistent, ttl()).prop_map(
        |(file, follows, return_existing, unpublished, persistent, ttl)| Spec {
            file,
            follows,
            return_existing,
            unpublished: unpublished && file.session != NO_SESSION,
            persistent,
            ttl,
        },
    )
}

fn file() -> impl Strategy<Value = File> {
    let session = prop_oneof![1 => Just(NO_SESSION), 3 => session()];
    (session, select(&NAMES[..])).prop_map(|(session, name)| File { session, name })
}

fn session() -> impl Strategy<Value = &'static str> {
    select(&SESSIONS[..])
}

fn some() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 1..=3)
}

fn ttl() -> impl Strategy<Value = Ttl> {
    select(&[Ttl::Short, Ttl::Long, Ttl::Never][..])
}

fn matching() -> impl Strategy<Value = Matching> {
    prop_oneof![
        session().prop_map(Matching::Session),
        select(&NAMES[..]).prop_map(Matching::Filename),
        Just(Matching::Stage("review")),
    ]
}

/// The passes through which garbage moves.
fn pass() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "expire",
            "purge",
            "stale_uploads",
            "unpublished",
            "condemn",
            "reclaim",
            "artifact_rows",
        ][..],
    )
}
