//! Simpler protocols, each of which loses bytes or breaks a seal. They show that every part of the protocol has a
//! reason, and that the model notices its absence.

use cairn_model::{
    Instance, NOTHING_COMES_BACK, NOTHING_IS_LOST, NOTHING_LEAKS, Variant, explore, look_for_breach,
};

/// Searches for a way to lose bytes, or to break a seal.
fn loses(variant: Variant, instance: Instance) {
    breaks(NOTHING_IS_LOST, variant, instance);
}

fn breaks(promise: &'static str, variant: Variant, instance: Instance) {
    let instance = Instance {
        variant,
        ..instance
    };
    let explored = look_for_breach(&instance, promise);
    println!("{variant:?}: {explored}");
    let broken = explored.broken.iter().any(|(broken, _)| *broken == promise);
    assert!(broken, "{variant:?} keeps it: {promise}");
}

const TWO: Instance = Instance::TWO_UPLOADS;
/// Only the code protects what is referenced.
const NO_FOREIGN_KEY: Instance = Instance {
    foreign_key: false,
    ..TWO
};
const SESSION: Instance = Instance {
    session: true,
    ..TWO
};

#[test]
fn a_grace_within_the_lag_loses_bytes() {
    loses(
        Variant::GraceWithinLag,
        Instance {
            failovers: 1,
            ..TWO
        },
    );
}

#[test]
fn ids_from_a_sequence_lose_bytes() {
    loses(
        Variant::IdsFromSequence,
        Instance {
            failovers: 1,
            sightings: 1,
            ..TWO
        },
    );
}

#[test]
fn a_duplicate_that_is_not_locked_loses_bytes() {
    loses(Variant::DedupeWithoutLock, NO_FOREIGN_KEY);
}

#[test]
fn a_worker_that_looks_only_once_loses_bytes() {
    loses(Variant::CondemnWithoutSecondLook, NO_FOREIGN_KEY);
}

#[test]
fn a_condemned_object_that_is_revived_loses_bytes() {
    loses(Variant::Revival, TWO);
    breaks(NOTHING_COMES_BACK, Variant::Revival, TWO);
}

#[test]
fn bytes_without_a_staging_row_are_lost() {
    loses(
        Variant::NoStagingRow,
        Instance {
            sightings: 2,
            ..TWO
        },
    );
}

#[test]
fn a_scanner_that_asks_before_it_lists_loses_bytes() {
    loses(
        Variant::AskThenList,
        Instance {
            sightings: 1,
            ..TWO
        },
    );
}

#[test]
fn a_scanner_that_asks_a_standby_loses_bytes() {
    loses(
        Variant::AskStandby,
        Instance {
            sightings: 2,
            failovers: 1,
            ..TWO
        },
    );
}

#[test]
fn a_commit_that_makes_the_row_it_misses_loses_bytes() {
    loses(Variant::CommitMakesRow, TWO);
}

#[test]
fn a_key_that_is_made_from_the_content_loses_bytes() {
    loses(Variant::KeyFromContent, TWO);
}

/// Without late requests locks are enough; with one late request, no lock of a database is.
#[test]
fn locked_content_key_loses_bytes_to_late_delete() {
    let nothing_is_late = Instance {
        variant: Variant::LockedKeyFromContent,
        unclear: false,
        ..TWO
    };
    let explored = explore(&nothing_is_late);
    let lost = explored
        .broken
        .iter()
        .any(|(broken, _)| *broken == NOTHING_IS_LOST);
    assert!(!lost, "{explored}");
    loses(Variant::LockedKeyFromContent, TWO);
}

#[test]
fn bytes_that_are_deleted_before_the_row_says_so_are_lost() {
    loses(Variant::BytesFirst, TWO);
}

#[test]
fn a_worker_that_forgets_the_unpublished_loses_bytes() {
    let unpublished = 0b11;
    loses(
        Variant::UnpublishedForgotten,
        Instance {
            unpublished,
            ..NO_FOREIGN_KEY
        },
    );
}

#[test]
fn what_is_given_up_and_not_queued_leaks() {
    let unpublished = 0b11;
    let instance = Instance { unpublished, ..TWO };
    breaks(NOTHING_LEAKS, Variant::DiscardWithoutQueue, instance);
}

#[test]
fn a_restoration_that_does_not_look_again_loses_bytes() {
    loses(Variant::RestoreWithoutSecondLook, NO_FOREIGN_KEY);
}

#[test]
fn publishing_in_two_transactions_loses_bytes() {
    let unpublished = 0b11;
    loses(
        Variant::PublishInTwo,
        Instance {
            unpublished,
            ..NO_FOREIGN_KEY
        },
    );
}

/// A commit that does not lock the session enters it after the seal.
#[test]
fn commit_without_session_lock_passes_the_seal() {
    loses(Variant::CommitWithoutSessionLock, SESSION);
}

/// A restoration that does not lock the session changes it after the seal.
#[test]
fn restore_without_session_lock_passes_the_seal() {
    loses(Variant::RestoreWithoutSessionLock, SESSION);
}

/// A restoration that does not ask the manifest changes a sealed session.
#[test]
fn restore_without_manifest_changes_a_sealed_one() {
    loses(Variant::RestoreWhatIsNotListed, SESSION);
}

/// An artifact that had expired and was not ended is prolonged into a sealed session.
#[test]
fn expired_but_not_ended_enters_a_sealed_session() {
    loses(Variant::SealWithoutEnding, SESSION);
}

#[test]
fn manifest_computed_from_times_changes() {
    loses(Variant::ManifestByTimes, SESSION);
}

#[test]
fn a_transaction_that_keeps_a_part_loses_bytes() {
    loses(
        Variant::TogetherInPart,
        Instance {
            together: true,
            ..NO_FOREIGN_KEY
        },
    );
}
