//! An upload that outlives its process keeps its bytes and mixes none, in every state; each simpler protocol breaks that.

use cairn_model::{
    ACKNOWLEDGED_IS_KEPT, BYTES_MATCH_THEIR_HASH, ResumableVariant, SEALED_STAYS_AS_IT_IS,
    explore_resumable,
};

#[test]
fn a_resumed_upload_keeps_its_bytes_and_mixes_none() {
    let explored = explore_resumable(ResumableVariant::None);
    println!("{explored}");
    assert!(explored.broken.is_empty(), "{explored}");
    assert!(explored.unseen.is_empty(), "{explored}");
}

#[test]
fn every_simpler_resumption_loses_or_mixes_bytes() {
    for (variant, promises) in [
        (
            ResumableVariant::NoFencing,
            &[BYTES_MATCH_THEIR_HASH, ACKNOWLEDGED_IS_KEPT][..],
        ),
        (
            ResumableVariant::NumbersUsedAgain,
            &[BYTES_MATCH_THEIR_HASH, ACKNOWLEDGED_IS_KEPT],
        ),
        (
            ResumableVariant::FinishWithoutFencing,
            &[ACKNOWLEDGED_IS_KEPT],
        ),
        (
            ResumableVariant::FinishWithoutStagingRow,
            &[BYTES_MATCH_THEIR_HASH],
        ),
        (
            ResumableVariant::CompleteBesideAnother,
            &[ACKNOWLEDGED_IS_KEPT],
        ),
        (ResumableVariant::RestForTheWhole, &[BYTES_MATCH_THEIR_HASH]),
        (ResumableVariant::SealSeenEarly, &[SEALED_STAYS_AS_IT_IS]),
        (
            ResumableVariant::CollectorIgnoresOpenUploads,
            &[ACKNOWLEDGED_IS_KEPT],
        ),
    ] {
        let explored = explore_resumable(variant);
        println!("{variant:?}: {explored}");
        let broken = explored
            .broken
            .iter()
            .any(|(name, _)| promises.contains(name));
        assert!(broken, "{variant:?} keeps them");
    }
}
