//! A hold that was answered keeps what the session holds, in every state; each simpler protocol breaks that.

use cairn_model::{HoldVariant, WHAT_IS_HELD_STAYS, explore_holds};

#[test]
fn an_answered_hold_keeps_every_artifact() {
    let explored = explore_holds(HoldVariant::None);
    println!("{explored}");
    assert!(explored.broken.is_empty(), "{explored}");
    assert!(explored.unseen.is_empty(), "{explored}");
}

#[test]
fn every_simpler_hold_loses_an_artifact() {
    for variant in [
        HoldVariant::FlagWithoutLock,
        HoldVariant::FlagLast,
        HoldVariant::AnswerBeforeArtifacts,
        HoldVariant::LastByWhatFollowed,
        HoldVariant::PurgeWithoutSecondLook,
    ] {
        let explored = explore_holds(variant);
        println!("{variant:?}: {explored}");
        let broken = explored
            .broken
            .iter()
            .any(|(name, _)| *name == WHAT_IS_HELD_STAYS);
        assert!(broken, "{variant:?} keeps it");
    }
}
