//! Simpler protocols, each of which loses bytes or breaks a seal: what the protocol does, it does for a reason, and the
//! model would notice if it did not.

use cairn_model::{Instance, NOTHING_IS_LOST, Variant, look_for_loss};

/// Finds a way to lose bytes, or to break a seal.
fn loses(variant: Variant, instance: Instance) {
    let explored = look_for_loss(&Instance {
        variant,
        ..instance
    });
    println!("{variant:?}: {explored}");
    let loss = explored
        .broken
        .iter()
        .any(|(promise, _)| *promise == NOTHING_IS_LOST);
    assert!(loss, "{variant:?} loses nothing: {explored}");
}

const TWO: Instance = Instance::TWO_UPLOADS;
/// Where nothing but the code keeps what is referenced.
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

#[test]
fn a_commit_that_does_not_lock_the_session_enters_it_after_the_seal() {
    loses(Variant::CommitWithoutSessionLock, SESSION);
}

#[test]
fn a_restoration_that_does_not_lock_the_session_changes_it_after_the_seal() {
    loses(Variant::RestoreWithoutSessionLock, SESSION);
}

#[test]
fn a_prolongation_that_does_not_lock_the_session_changes_it_after_the_seal() {
    loses(Variant::ProlongWithoutSessionLock, SESSION);
}

#[test]
fn what_had_expired_at_the_seal_and_is_prolonged_changes_a_sealed_session() {
    loses(Variant::ProlongAfterSeal, SESSION);
}

#[test]
fn a_deletion_timed_before_it_has_its_lock_changes_a_sealed_session() {
    loses(Variant::TimeBeforeLock, SESSION);
}
