//! An upload whose parts strangers put shows nothing but what was declared, in every state; each simpler protocol breaks a promise.

use cairn_model::{
    BYTES_MATCH_THEIR_HASH, ENDED_LEAVES_NOTHING, ONLY_THE_DECLARED_IS_VISIBLE, PresignedVariant,
    SEALED_STAYS_AS_IT_IS, explore_presigned,
};

#[test]
fn a_presigned_upload_shows_only_what_was_declared() {
    let explored = explore_presigned(PresignedVariant::None);
    println!("{explored}");
    assert!(explored.broken.is_empty(), "{explored}");
    assert!(explored.unseen.is_empty(), "{explored}");
}

#[test]
fn every_simpler_presigning_breaks_a_promise() {
    for (variant, promise) in [
        (
            PresignedVariant::CheckedBeforeCombined,
            BYTES_MATCH_THEIR_HASH,
        ),
        (PresignedVariant::HashBelieved, BYTES_MATCH_THEIR_HASH),
        (PresignedVariant::NotCompared, ONLY_THE_DECLARED_IS_VISIBLE),
        (PresignedVariant::UrlOfTheKey, BYTES_MATCH_THEIR_HASH),
        (
            PresignedVariant::FinishWithoutStagingRow,
            BYTES_MATCH_THEIR_HASH,
        ),
        (PresignedVariant::SealSeenEarly, SEALED_STAYS_AS_IT_IS),
        (PresignedVariant::PartsAreLeft, ENDED_LEAVES_NOTHING),
    ] {
        let explored = explore_presigned(variant);
        println!("{variant:?}: {explored}");
        let broken: Vec<_> = explored.broken.iter().map(|(name, _)| *name).collect();
        assert!(
            broken.contains(&promise),
            "{variant:?} keeps it: {broken:?}"
        );
        let others = broken.contains(&ONLY_THE_DECLARED_IS_VISIBLE);
        assert!(
            !others || promise == ONLY_THE_DECLARED_IS_VISIBLE,
            "{variant:?}"
        );
    }
}
